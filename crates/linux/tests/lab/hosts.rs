//! Two hosts on the two ends of a veth pair, speaking one version of IP and nothing unasked.

use std::net::{IpAddr, SocketAddr};

use rst_storm_linux::link::{LinkAddress, Links, OperState};
use rst_storm_linux::netns::NetNamespace;
use rst_storm_linux::tcp_socket::{Errno, IpVersion, TcpSocket};
use rst_storm_linux::{offload, sysctl};

use crate::bridge::await_condition;
use crate::loopback::{connect, listen_at};

pub const CLIENT_LINK: LinkAddress = [2, 0, 0, 0, 0, 1];
pub const SERVER_LINK: LinkAddress = [2, 0, 0, 0, 0, 2];

pub struct Hosts {
    pub client: NetNamespace,
    pub server: NetNamespace,
    pub client_address: IpAddr,
    pub server_address: IpAddr,
}

impl Hosts {
    pub fn build(version: IpVersion) -> Hosts {
        let (client_address, server_address) = match version {
            IpVersion::V4 => ("10.98.0.1", "10.98.0.2"),
            IpVersion::V6 => ("fd00:98::1", "fd00:98::2"),
        };
        let hosts = Hosts {
            client: NetNamespace::create().unwrap(),
            server: NetNamespace::create().unwrap(),
            client_address: client_address.parse().unwrap(),
            server_address: server_address.parse().unwrap(),
        };
        for host in [&hosts.client, &hosts.server] {
            host.run(quieten).unwrap();
        }
        Links::add_veth("eth0", &hosts.client, "eth0", &hosts.server).unwrap();
        let (own, peer) = (hosts.client_address, hosts.server_address);
        hosts.client.run(|| raise(own, CLIENT_LINK, peer, SERVER_LINK)).unwrap();
        hosts.server.run(|| raise(peer, SERVER_LINK, own, CLIENT_LINK)).unwrap();
        await_condition("both links operational", || {
            let is_up = || Links::open().unwrap().state("eth0").unwrap().operational == OperState::Up;
            hosts.client.run(is_up).unwrap() && hosts.server.run(is_up).unwrap()
        });
        hosts
    }

    /// A listener of the server's.
    pub fn listen(&self) -> TcpSocket {
        self.server.run(|| listen_at(self.server_address).0).unwrap()
    }

    /// How the client's connect comes out.
    pub fn connect(&self, address: SocketAddr) -> Result<TcpSocket, Errno> {
        self.client.run(|| connect(address)).unwrap()
    }
}

/// No link-local address, no duplicate address detection, no router solicitation.
fn quieten() {
    for (setting, value) in [("addr_gen_mode", "1"), ("accept_dad", "0"), ("router_solicitations", "0")] {
        sysctl::write(&format!("net/ipv6/conf/default/{setting}"), value).unwrap();
    }
}

fn raise(own: IpAddr, own_link: LinkAddress, peer: IpAddr, peer_link: LinkAddress) {
    let mut links = Links::open().unwrap();
    offload::turn_off("eth0").unwrap();
    links.set_link_address("eth0", own_link).unwrap();
    links.add_address("eth0", own, if own.is_ipv4() { 24 } else { 64 }).unwrap();
    links.set_up("eth0").unwrap();
    // A proxied handshake goes on by way of it.
    links.set_up("lo").unwrap();
    links.add_neighbour("eth0", peer, peer_link).unwrap();
}

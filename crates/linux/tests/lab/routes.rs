//! Hosts that reach each other by way of a third.

use std::net::IpAddr;

use rst_storm_linux::counters::Counters;
use rst_storm_linux::link::{Destination, Links};
use rst_storm_linux::netns::NetNamespace;
use rst_storm_linux::sysctl;
use rst_storm_linux::tcp_socket::PollFlags;

use crate::bridge::await_condition;
use crate::loopback::{await_events, connect, listen_at};
use crate::{Case, Outcome};

pub const ALL: [Case; 1] =
    [("a_routed_connection_goes_by_way_of_the_gateway", a_routed_connection_goes_by_way_of_the_gateway)];

struct Addresses {
    client: IpAddr,
    near: IpAddr,
    far: IpAddr,
    server: IpAddr,
    prefix: u8,
    forwarding: &'static str,
}

fn addresses(of: [&str; 4], prefix: u8, forwarding: &'static str) -> Addresses {
    let [client, near, far, server] = of.map(|address| address.parse().unwrap());
    Addresses { client, near, far, server, prefix, forwarding }
}

/// Gives a link its address; its neighbours are found by asking.
fn raise(link: &str, address: IpAddr, prefix: u8) {
    let mut links = Links::open().unwrap();
    links.set_up(link).unwrap();
    links.add_address(link, address, prefix).unwrap();
}

fn a_routed_connection_goes_by_way_of_the_gateway() -> Outcome {
    for net in [
        addresses(["10.1.0.1", "10.1.0.254", "10.2.0.254", "10.2.0.1"], 24, "net/ipv4/ip_forward"),
        addresses(["fd01::1", "fd01::f", "fd02::f", "fd02::1"], 64, "net/ipv6/conf/all/forwarding"),
    ] {
        let [client, gateway, server] = [(); 3].map(|()| NetNamespace::create().unwrap());
        Links::add_veth("eth0", &client, "near", &gateway).unwrap();
        Links::add_veth("eth0", &server, "far", &gateway).unwrap();
        gateway
            .run(|| {
                sysctl::write(net.forwarding, "1").unwrap();
                raise("near", net.near, net.prefix);
                raise("far", net.far, net.prefix);
            })
            .unwrap();
        client.run(|| raise("eth0", net.client, net.prefix)).unwrap();
        server.run(|| raise("eth0", net.server, net.prefix)).unwrap();
        await_condition("carriers", || {
            gateway
                .run(|| ["near", "far"].iter().all(|link| Links::open().unwrap().state(link).unwrap().carrier))
                .unwrap()
        });
        client.run(|| Links::open().unwrap().add_route(Destination::Default, net.near)).unwrap().unwrap();
        let mut servers = server.run(Links::open).unwrap().unwrap();
        let network = if net.client.is_ipv4() { "10.1.0.0" } else { "fd01::" }.parse().unwrap();
        servers.add_route(Destination::Prefix(network, net.prefix), net.far).unwrap();
        let twice = servers.add_route(Destination::Prefix(network, net.prefix), net.far).unwrap_err();
        assert_eq!(
            twice.to_string(),
            format!("add route {network}/{} via {}: File exists (EEXIST)", net.prefix, net.far)
        );

        let (listener, address) = server.run(|| listen_at(net.server)).unwrap();
        client.run(|| connect(address)).unwrap().unwrap();
        await_events(&listener, PollFlags::IN);
        assert_eq!(listener.accept().unwrap().1.ip(), net.client);
        let passed = gateway.run(Counters::read).unwrap().unwrap();
        assert_eq!(passed.value("Tcp", "InSegs"), Some(0), "it only forwards");
    }
    Outcome::Passed
}

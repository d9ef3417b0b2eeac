//! A fresh namespace with nothing but its loopback, and connections inside it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use rst_storm_linux::link::Links;
use rst_storm_linux::netns::NetNamespace;
use rst_storm_linux::tcp_socket::{Errno, IpVersion, PollFlags, TcpSocket};

use crate::bridge::PATIENCE;

pub const BOTH: [IpVersion; 2] = [IpVersion::V4, IpVersion::V6];

/// Acts on a thread inside a namespace of its own, whose loopback is up.
pub fn alone<T: Send>(act: impl FnOnce() -> T + Send) -> T {
    let namespace = NetNamespace::create().unwrap();
    namespace
        .run(|| {
            Links::open().unwrap().set_up("lo").unwrap();
            act()
        })
        .unwrap()
}

pub fn loopback(version: IpVersion) -> IpAddr {
    match version {
        IpVersion::V4 => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpVersion::V6 => IpAddr::V6(Ipv6Addr::LOCALHOST),
    }
}

/// Listens at a port of the kernel's choice.
pub fn listen(version: IpVersion) -> (TcpSocket, SocketAddr) {
    listen_at(loopback(version))
}

pub fn listen_at(own: IpAddr) -> (TcpSocket, SocketAddr) {
    let address = SocketAddr::new(own, 0);
    let listener = TcpSocket::open(IpVersion::of(address.ip())).unwrap();
    listener.set_reuse_address().unwrap();
    listener.bind(address).unwrap();
    listener.listen(16).unwrap();
    let address = listener.local_address().unwrap();
    (listener, address)
}

/// How a connect came out.
pub fn connect(address: SocketAddr) -> Result<TcpSocket, Errno> {
    let client = TcpSocket::open(IpVersion::of(address.ip())).unwrap();
    match client.connect(address) {
        Ok(()) => return Ok(client),
        Err(Errno::INPROGRESS) => {}
        Err(errno) => return Err(errno),
    }
    await_events(&client, PollFlags::OUT);
    client.take_error().unwrap().map_or(Ok(client), Err)
}

/// Waits until one of the events is there.
pub fn await_events(socket: &TcpSocket, events: PollFlags) -> PollFlags {
    let seen = socket.poll(events, PATIENCE).unwrap();
    assert!(!seen.is_empty(), "waited in vain for {events:?}");
    seen
}

/// Both ends of a connection, the client's first, and the listener.
pub struct Pair {
    pub client: TcpSocket,
    pub server: TcpSocket,
    pub listener: TcpSocket,
}

impl Pair {
    pub fn open(version: IpVersion) -> Pair {
        let (listener, address) = listen(version);
        let client = connect(address).unwrap();
        await_events(&listener, PollFlags::IN);
        let (server, peer) = listener.accept().unwrap();
        assert_eq!(peer, client.local_address().unwrap());
        Pair { client, server, listener }
    }
}

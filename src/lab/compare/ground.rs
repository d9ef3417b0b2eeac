//! The ground of a measurement: a fresh lab in which one thread opens both ends of a connection.

use std::net::{IpAddr, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

use rst_storm_linux::netns::NetNamespace;
use rst_storm_linux::sock_diag::{self, PortFilter, SocketFound};
use rst_storm_linux::tcp_socket::{Errno, IpVersion, PollFlags, TcpSocket};
use rst_storm_linux::tcp_state::TcpState;
use rst_storm_linux::{During, Error, Result, sysctl};
use serde::Serialize;

use super::pair::Close;
use crate::lab::network::Hosts;
use crate::lab::topology::{DESTINATION, SOURCE};

/// Where the server listens.
pub const PORT: u16 = 9999;

/// Only a fault lasts longer than this.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// How long between two looks at a condition that nobody tells of.
const LOOK: Duration = Duration::from_micros(20);

const ETIMEDOUT: i32 = 110;

/// What one end of the connection asks and the other answers before it is closed.
const TALK: &[u8] = b"RST against FIN: only the close differs\n";

/// The end that closes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closer {
    /// The end that accepted.
    Server,
    /// The end that connected.
    Client,
}

/// When the end that closes second does so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Second {
    /// As soon as it has read that the other end closed.
    AtOnce,
    /// When its kernel has acknowledged the FIN, which it does by itself only after a while.
    Acknowledged,
}

/// A count at each end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct AtEnds {
    /// In the client's namespace.
    pub client: u64,
    /// In the server's.
    pub server: u64,
}

/// A fresh lab. Nothing of an earlier measurement is in it: no port in use, no TIME_WAIT.
#[derive(Debug)]
pub struct Ground {
    /// Its namespaces.
    pub hosts: Hosts,
}

/// Both ends of a connection.
#[derive(Debug)]
pub struct Connection {
    /// The end that connected.
    pub client: TcpSocket,
    /// The end that accepted.
    pub server: TcpSocket,
    /// The client's address.
    pub source: SocketAddr,
    /// The server's.
    pub destination: SocketAddr,
}

impl Ground {
    /// Makes the lab.
    pub fn raise() -> Result<Ground> {
        let hosts = Hosts::create()?;
        hosts.join()?;
        Ok(Ground { hosts })
    }

    /// A socket in the client's namespace.
    pub fn client_socket(&self) -> Result<TcpSocket> {
        open_in(&self.hosts.source)
    }

    /// A socket in the server's namespace.
    pub fn server_socket(&self) -> Result<TcpSocket> {
        open_in(&self.hosts.destination)
    }

    /// A listener at [`PORT`]. It doesn't set SO_REUSEADDR: whether the port can be used again is one of the questions.
    pub fn listen(&self) -> Result<TcpSocket> {
        let listener = self.server_socket()?;
        listener.bind(server_address()).during("bind", "the server's port")?;
        listener.listen(128).during("listen on", "the server's port")?;
        Ok(listener)
    }

    /// Connects a fresh socket.
    pub fn connect(&self, listener: &TcpSocket) -> Result<Connection> {
        self.join(listener, self.client_socket()?)
    }

    /// Connects `client`, and takes the other end from `listener`.
    pub fn join(&self, listener: &TcpSocket, client: TcpSocket) -> Result<Connection> {
        const OPERATION: &str = "connect to";
        match client.connect(server_address()) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(errno) => return Err(errno).during(OPERATION, "the server"),
        }
        await_event(&client, PollFlags::OUT, "wait for the connection")?;
        if let Some(errno) = client.take_error().during(OPERATION, "the server")? {
            return Err(errno).during(OPERATION, "the server");
        }
        await_event(listener, PollFlags::IN, "wait for the connection at the listener")?;
        let (server, source) = listener.accept().during("accept", "a connection")?;
        Ok(Connection { client, server, source, destination: server_address() })
    }

    /// What is left of a connection at the client's end, by the kernel's table.
    pub fn found_at_client(&self, source: SocketAddr) -> Result<Option<SocketFound>> {
        self.hosts.source.enter()?;
        sock_diag::find(source, server_address())
    }

    /// The same at the server's end.
    pub fn found_at_server(&self, source: SocketAddr) -> Result<Option<SocketFound>> {
        self.hosts.destination.enter()?;
        sock_diag::find(server_address(), source)
    }

    /// Waits until a connection is closed at both ends: gone, or in TIME_WAIT.
    pub fn await_closed(&self, source: SocketAddr) -> Result<()> {
        let is_closed = |found: Option<SocketFound>| found.is_none_or(|found| found.state == TcpState::TimeWait);
        await_that("wait for the end of the connection", || {
            Ok(is_closed(self.found_at_client(source)?) && is_closed(self.found_at_server(source)?))
        })
    }

    /// The sockets in TIME_WAIT.
    pub fn time_waits(&self) -> Result<AtEnds> {
        let count = |namespace: &NetNamespace| -> Result<u64> {
            namespace.enter()?;
            Ok(sock_diag::count_in(TcpState::TimeWait, PortFilter::Any)? as u64)
        };
        Ok(AtEnds { client: count(&self.hosts.source)?, server: count(&self.hosts.destination)? })
    }

    /// A setting of the client's namespace.
    pub fn client_setting(&self, setting: &str) -> Result<String> {
        self.hosts.source.enter()?;
        sysctl::read(setting)
    }
}

impl Connection {
    /// A question and its answer, and both acknowledged: what follows on the wire is the close.
    pub fn talk(&self) -> Result<()> {
        for (from, to) in [(&self.client, &self.server), (&self.server, &self.client)] {
            from.send(TALK).during("send", "the talk")?;
            let (mut heard, mut buffer) = (0, [0; 256]);
            while heard < TALK.len() {
                await_event(to, PollFlags::IN, "wait for the talk")?;
                heard += to.receive(&mut buffer).during("receive", "the talk")?;
            }
        }
        await_that("wait for the acknowledgment", || {
            let unsent = |socket: &TcpSocket| socket.unsent().during("read", "the send queue");
            Ok(unsent(&self.client)? == 0 && unsent(&self.server)? == 0)
        })
    }

    /// The closer closes so; then the other end reads that, and closes too.
    pub fn close(self, closer: Closer, close: Close) -> Result<()> {
        let (first, second) = match closer {
            Closer::Server => (self.server, self.client),
            Closer::Client => (self.client, self.server),
        };
        close.end(first).during("close", "the first end")?;
        read_the_end(&second)?;
        second.close().during("close", "the second end")
    }

    /// The server closes so, and the client when it is time.
    pub fn close_when(self, ground: &Ground, close: Close, second: Second) -> Result<()> {
        let Connection { client, server, source, .. } = self;
        close.end(server).during("close", "the server's end")?;
        read_the_end(&client)?;
        if second == Second::Acknowledged {
            await_that("wait for the FIN's acknowledgment", || {
                let found = ground.found_at_server(source)?;
                Ok(found.is_none_or(|found| found.state == TcpState::FinWait2))
            })?;
        }
        client.close().during("close", "the client's end")
    }
}

/// Where the server is.
pub fn server_address() -> SocketAddr {
    SocketAddr::new(IpAddr::V4(DESTINATION), PORT)
}

/// The client with a port of its own choice.
pub fn client_address(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(SOURCE), port)
}

fn open_in(namespace: &NetNamespace) -> Result<TcpSocket> {
    namespace.enter()?;
    TcpSocket::open(IpVersion::V4).during("open", "a socket")
}

fn read_the_end(socket: &TcpSocket) -> Result<()> {
    await_event(socket, PollFlags::IN, "wait for the close")?;
    // End of file or ECONNRESET: which of them is asked elsewhere.
    let _ = socket.receive(&mut [0]);
    Ok(())
}

/// Waits for one of `events`, or an error or a hang-up.
pub fn await_event(socket: &TcpSocket, events: PollFlags, operation: &'static str) -> Result<PollFlags> {
    let until = Instant::now() + PATIENCE;
    loop {
        match socket.poll(events, until.saturating_duration_since(Instant::now())) {
            Ok(none) if none.is_empty() => return Err(Error::from_errno(operation, "", ETIMEDOUT)),
            Ok(seen) => return Ok(seen),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno).during(operation, ""),
        }
    }
}

/// Looks at a condition until it holds.
pub fn await_that(operation: &'static str, mut holds: impl FnMut() -> Result<bool>) -> Result<()> {
    let until = Instant::now() + PATIENCE;
    while !holds()? {
        if Instant::now() > until {
            return Err(Error::from_errno(operation, "", ETIMEDOUT));
        }
        thread::sleep(LOOK);
    }
    Ok(())
}

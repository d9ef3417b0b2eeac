//! What the two halves are to do, and what they say while they do it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::outcome::Tally;
use super::pacer::{Extent, Rate};
use super::target::PermittedTarget;

/// Time between two `Elapsed` lines.
pub const TICK: Duration = Duration::from_secs(2);

/// How long `--read-first` waits for a client to send.
pub const READ_WAIT: Duration = Duration::from_millis(500);

/// Whether the client sends before it waits for the reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Talk {
    /// It sends nothing.
    Silent,
    /// It sends [`PAYLOAD`] as soon as it is connected.
    SendData,
}

/// Whether each connection is listed for the ledger, which costs one getsockname() a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listing {
    /// Connections are only counted.
    Counts,
    /// Connections are listed in a [`Roll`] too.
    Roll,
}

/// What a client is to do.
#[derive(Clone, Debug)]
pub struct ClientPlan {
    /// Whom to storm.
    pub target: PermittedTarget,
    /// The source address; the kernel's choice if `None`.
    pub source: Option<IpAddr>,
    /// How fast.
    pub rate: Rate,
    /// How long.
    pub extent: Extent,
    /// How long each attempt may take before it counts as a timeout.
    pub timeout: Duration,
    /// Whether to send data.
    pub talk: Talk,
    /// Whether to list each connection.
    pub listing: Listing,
}

/// How the server ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CloseBy {
    /// With RST: SO_LINGER {1, 0} and close.
    Rst,
    /// With FIN: a plain close.
    Fin,
    /// Not at all: it accepts and never answers.
    Hold,
}

/// What a server is to do.
#[derive(Clone, Debug)]
pub struct ServerPlan {
    /// The address to listen at; port 0 lets the kernel choose.
    pub address: SocketAddr,
    /// The accept queue's length, which the kernel caps at net.core.somaxconn.
    pub backlog: i32,
    /// How to end connections.
    pub close: CloseBy,
    /// Whether to read what the client sends before closing.
    pub read_first: bool,
    /// How long to accept, from listening on; `None` is until told to stop.
    pub duration: Option<Duration>,
    /// Whether to list each connection.
    pub listing: Listing,
}

impl CloseBy {
    /// What a control experiment must be told of its checks.
    pub fn caution(self) -> Option<String> {
        match self {
            CloseBy::Rst => None,
            CloseBy::Fin => Some(
                "A server that closes with FIN is a control experiment: the checks that ask for resets must fail, and \
                 show here that they can"
                    .to_owned(),
            ),
            CloseBy::Hold => Some(
                "A server that never answers is a control experiment: the checks that ask for resets must fail, and \
                 show here that they can"
                    .to_owned(),
            ),
        }
    }
}

/// The figures of a running client, for its `Elapsed` lines.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// Since the first attempt.
    pub elapsed: Duration,
    /// What was counted so far.
    pub tally: &'a Tally,
}

/// The figures of a running server, for its `Elapsed` lines.
#[derive(Clone, Copy, Debug)]
pub struct ServerProgress {
    /// Since the first connection.
    pub elapsed: Duration,
    /// Accepted so far.
    pub connections: u64,
    /// Closed with RST so far.
    pub resets: u64,
}

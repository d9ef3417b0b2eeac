//! A trace as records: written and read back, cut, damaged, out of order; its schema; its text.

#[path = "../common/mod.rs"]
mod common;
mod filters;
mod records;
mod text;

use rst_storm_core::capture::Timestamp;
use rst_storm_core::kernel::{Context, Direction, KernelReset, Kind, Life, Name, Process};
use rst_storm_core::tcp::Endpoint;

/// A reset by SO_LINGER 0.
pub fn linger_zero() -> KernelReset {
    KernelReset {
        at: Timestamp(1_795_432_123_123_456_789),
        cpu: 1,
        direction: Direction::Sent,
        source: end("10.0.1.2", 9999),
        destination: end("10.0.1.1", 40000),
        reason: Some(Name::from("TCP_STATE")),
        state: Some(Name::from("TCP_CLOSE")),
        kind: Some(Kind::Active),
        has_socket: true,
        context: Context::Task,
        process: Some(Process { pid: 41, tid: 42, comm: Some(Name::from("server")) }),
        life: Life::Living,
        stack: vec![Name::from("tcp_disconnect"), Name::from("__tcp_close")],
    }
}

/// A refusal.
pub fn refusal() -> KernelReset {
    KernelReset {
        source: end("2001:db8::2", 7),
        destination: end("2001:db8::1", 40001),
        reason: Some(Name::from("NO_SOCKET")),
        state: None,
        kind: Some(Kind::Reply),
        has_socket: false,
        context: Context::SoftInterrupt,
        process: None,
        life: Life::NotWatched,
        stack: Vec::new(),
        ..linger_zero()
    }
}

/// The same, where it was taken in.
pub fn taken() -> KernelReset {
    KernelReset { direction: Direction::Taken, reason: None, kind: None, has_socket: true, ..refusal() }
}

/// An end of a connection.
pub fn end(addr: &str, port: u16) -> Endpoint {
    Endpoint::new(addr.parse().expect("an address"), port)
}

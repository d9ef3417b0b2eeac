//! The wire's verdict against the kernel's word: what is left, which event belongs to which reset, where silence counts.

mod hearing;
mod left;
mod orders;
mod witness;

use rst_storm_core::capture::Timestamp;
use rst_storm_core::explain::{Hearing, Watched};
use rst_storm_core::kernel::{Context, Direction, KernelReset, Kind, Life, Name};
use rst_storm_core::tcp::{Endpoint, Segment};
use rst_storm_core::testing::{BEGINNING, segments};

const HOUR: u64 = 3_600_000_000_000;
const SECOND: u64 = 1_000_000_000;

/// Accepted, and reset at once: linger-zero, or administrative-kill, disconnect, listener-closed.
const STORM: &str = "linux
    > S 100
    < SA 300 ack 101
    > A 101 ack 301
    < RA 301 ack 101";

/// The event of the storm's reset, sent so many nanoseconds after the conversation's beginning.
fn event(at: u64) -> KernelReset {
    KernelReset {
        at: Timestamp(BEGINNING + at),
        cpu: 0,
        direction: Direction::Sent,
        source: end("10.0.1.2", 9999),
        destination: end("10.0.0.1", 40000),
        reason: Some(Name::from("TCP_STATE")),
        state: Some(Name::from("TCP_CLOSE")),
        kind: Some(Kind::Active),
        has_socket: true,
        context: Context::Task,
        process: None,
        life: Life::NotWatched,
        stack: vec![Name::from("tcp_disconnect"), Name::from("__tcp_close")],
    }
}

fn end(addr: &str, port: u16) -> Endpoint {
    Endpoint::new(addr.parse().expect("an address"), port)
}

fn to(port: u16, at: u64) -> KernelReset {
    KernelReset { destination: end("10.0.0.1", port), ..event(at) }
}

fn hear(hearing: &mut Hearing, port: u16, at: u64) -> Option<u64> {
    let event = hearing.of(end("10.0.1.2", 9999), end("10.0.0.1", port), Timestamp(BEGINNING + at))?;
    Some(event.at.0 - BEGINNING)
}

type Seen = (Endpoint, Endpoint, Timestamp);

fn seen(port: u16, at: u64) -> Seen {
    (end("10.0.1.2", 9999), end("10.0.0.1", port), Timestamp(BEGINNING + at))
}

/// Watched from a second before the conversations begin to an hour after.
fn watched() -> Watched {
    Watched {
        since: Timestamp(BEGINNING - SECOND),
        until: Some(Timestamp(BEGINNING + HOUR)),
        lost: 0,
        filtered: false,
        partial: None,
        beyond: None,
    }
}

fn reset(at: u64) -> Segment {
    let storm = segments(STORM);
    Segment { at: Timestamp(BEGINNING + at), ..storm[3] }
}

fn shifted(at: Timestamp, by: i64) -> Timestamp {
    Timestamp(at.0.checked_add_signed(by).expect("a time"))
}

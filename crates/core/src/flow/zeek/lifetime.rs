//! How long a connection is followed: Zeek's timers, in packet time, and the table that they are kept in.
//!
//! As in Zeek, a timer that is due goes off when the next segment of the capture comes. Two are simplified. The session check,
//! which comes 5 s after a connection's first segment and then every 6 s, is taken to be on time, while Zeek counts each 6 s from
//! the segment that let the last check go off. And all timers that are due go off at once; Zeek stops after 300 a segment.

use super::Connection;
use super::roles;
use super::state::EndpointState;
use crate::capture::Timestamp;
use crate::flow::followed::Followed;
use crate::flow::slots::Queue;
use crate::flow::table::Table;
use crate::tcp::{Checksum, Endpoint, Segment};

const SECOND: u64 = 1_000_000_000;

/// From a complete close to the removal (`tcp_close_delay`), from a SYN to the end of an attempt that nothing answers
/// (`tcp_attempt_delay`), to the first session check (`tcp_SYN_timeout`), and the silence that it wants (`tcp_connection_linger`).
const SHORT: u64 = 5 * SECOND;

/// From one session check to the next (`tcp_session_timer`).
const SESSION_CHECK: u64 = 6 * SECOND;

/// Connections that are over, and wait for their removal.
const CLOSING: Queue = Queue::number(0);
/// Attempts that nothing has answered.
const ATTEMPTS: Queue = Queue::number(1);
/// Connections that end after a silence.
const GOING_ON: Queue = Queue::number(2);
/// Connections that end after a long one.
const PATIENT: Queue = Queue::number(3);

/// For how long a connection may be silent (`udp_inactivity_timeout`, `tcp_inactivity_timeout`, `port_inactivity_timeouts`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Patience {
    #[default]
    Handshake,
    Usual,
    Long,
}

impl Patience {
    fn nanos(self) -> u64 {
        match self {
            Patience::Handshake => 60 * SECOND,
            Patience::Usual => 300 * SECOND,
            Patience::Long => 3_600 * SECOND,
        }
    }
}

/// The timers of a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Timers {
    patience: Patience,
    /// When the originator's SYN or SYN-ACK came.
    attempted: Option<Timestamp>,
    /// When one side closed while the other was going on.
    half_closed: Option<Timestamp>,
    /// When the close was complete.
    closed: Option<Timestamp>,
    /// It was reset: attempts and sessions are not checked any more.
    inactive: bool,
}

impl Timers {
    pub(super) fn attempt(&mut self, at: Timestamp) {
        self.attempted = Some(at);
    }

    pub(super) fn leave_handshake(&mut self) {
        self.patience = Patience::Usual;
    }

    pub(super) fn establish(&mut self, port: u16) {
        if roles::is_patient_port(port) {
            self.patience = Patience::Long;
        }
    }

    pub(super) fn half_close(&mut self, at: Timestamp) {
        self.half_closed = Some(at);
    }

    pub(super) fn close(&mut self, at: Timestamp) {
        self.closed = Some(at);
    }

    pub(super) fn deactivate(&mut self) {
        self.inactive = true;
    }
}

impl Connection {
    /// When to let it go if no segment comes any more.
    fn ends_at(&self) -> Timestamp {
        if let Some(closed) = self.timers.closed {
            return after(closed, SHORT);
        }
        let silent = after(self.last_seen, self.timers.patience.nanos());
        let attempt = self.timers.attempted.filter(|_| self.is_attempt()).map(|at| after(at, SHORT));
        let session = self.is_over().then(|| self.session_check());
        attempt.into_iter().chain(session).fold(silent, Timestamp::min)
    }

    /// The originator asked, and nothing came back.
    fn is_attempt(&self) -> bool {
        let (orig, resp) = (self.halves.originator.state, self.halves.responder.state);
        let asked = matches!(orig, EndpointState::SynSent | EndpointState::SynAckSent);
        asked && resp == EndpointState::Inactive && !self.timers.inactive && self.timers.attempted.is_some()
    }

    /// What a session check removes after a silence: reset after a FIN, half of it never seen, or nothing of it valid.
    fn is_over(&self) -> bool {
        let (orig, resp) = (&self.halves.originator, &self.halves.responder);
        let any = |state| orig.state == state || resp.state == state;
        let closed = orig.closed || resp.closed;
        let nothing = orig.state == EndpointState::Inactive && resp.state == EndpointState::Inactive;
        let over = closed && (any(EndpointState::Reset) || any(EndpointState::Inactive));
        !self.timers.inactive && (over || nothing)
    }

    /// The first session check that finds it silent.
    fn session_check(&self) -> Timestamp {
        let silent = after(self.last_seen, SHORT);
        let first = after(self.started, SHORT);
        let of_connection = next_check(first, silent);
        let of_half_close = self.timers.half_closed.map(|at| next_check(after(at, SESSION_CHECK), silent));
        of_half_close.map_or(of_connection, |check| check.min(of_connection))
    }
}

/// The first of the checks, which begin with `first`, that comes at `from` or later.
fn next_check(first: Timestamp, from: Timestamp) -> Timestamp {
    let checks = from.nanos_since(first).div_ceil(SESSION_CHECK);
    after(first, checks.saturating_mul(SESSION_CHECK))
}

fn after(at: Timestamp, nanos: u64) -> Timestamp {
    Timestamp(at.0.saturating_add(nanos))
}

/// How many connections are followed at once. How long they are is Zeek's to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most connections that are held at once; at least one is. A connection takes about 600 octets.
    pub max_connections: usize,
}

impl Default for Limits {
    /// 262,144 connections.
    fn default() -> Limits {
        Limits { max_connections: 1 << 18 }
    }
}

/// Follows connections by Zeek's rules.
pub type ConnectionTable = Table<Connection>;

impl Default for ConnectionTable {
    fn default() -> ConnectionTable {
        ConnectionTable::new(Limits::default())
    }
}

impl ConnectionTable {
    /// Takes the next segment and gives its connection as it is now. Connections that end by it, or by the time that has passed,
    /// go to `ended`.
    pub fn push(&mut self, segment: &Segment, checksum: Checksum, ended: &mut impl FnMut(Connection)) -> &Connection {
        let (place, ()) = self.take(segment, checksum, ended);
        self.at(place)
    }
}

impl Followed for Connection {
    type Limits = Limits;
    type Aside = Checksum;
    type Event = ();

    const QUEUES: &'static [Queue] = &[CLOSING, ATTEMPTS, GOING_ON, PATIENT];

    fn most(limits: &Limits) -> usize {
        limits.max_connections
    }

    fn patience(_: &Limits, queue: Queue) -> u64 {
        match queue {
            CLOSING => SHORT + SESSION_CHECK,
            ATTEMPTS => Patience::Handshake.nanos(),
            GOING_ON => Patience::Usual.nanos(),
            _ => Patience::Long.nanos(),
        }
    }

    fn open(segment: &Segment, checksum: Checksum) -> (Connection, ()) {
        (Connection::begin(segment, checksum), ())
    }

    fn endpoints(&self) -> (Endpoint, Endpoint) {
        (self.originator, self.responder)
    }

    fn first_frame(&self) -> u64 {
        self.first_frame
    }

    fn is_replaced_by(&self, segment: &Segment) -> bool {
        self.is_reused_by(segment)
    }

    fn absorb(&mut self, segment: &Segment, checksum: Checksum) {
        self.count(segment, checksum);
    }

    fn queue(&self) -> Queue {
        if self.timers.closed.is_some() || self.is_over() {
            CLOSING
        } else if self.is_attempt() || self.timers.patience == Patience::Handshake {
            ATTEMPTS
        } else if self.timers.patience == Patience::Usual {
            GOING_ON
        } else {
            PATIENT
        }
    }

    fn due(&self, _: &Limits, _: Timestamp) -> Timestamp {
        self.ends_at()
    }

    fn is_spent(&self, _: &Limits, _: Timestamp, now: Timestamp) -> bool {
        now >= self.ends_at()
    }
}

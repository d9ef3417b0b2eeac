//! How long a connection is followed, and the table that it is followed in.

use super::Connection;
use super::state::EndpointState;
use super::timers::{Patience, SESSION_CHECK, SHORT};
use crate::capture::Timestamp;
use crate::flow::followed::Followed;
use crate::flow::queue::Queue;
use crate::flow::table::Table;
use crate::tcp::{Checksum, Segment};

/// Connections that are over, and wait for their removal.
const CLOSING: Queue = Queue::number(0);
/// Attempts that nothing has answered.
const ATTEMPTS: Queue = Queue::number(1);
/// Connections that end after a silence.
const GOING_ON: Queue = Queue::number(2);
/// Connections that end after a long one.
const PATIENT: Queue = Queue::number(3);

impl Connection {
    /// When to let it go if no segment comes any more.
    fn ends_at(&self) -> Timestamp {
        let over = self.is_over().then_some(self.started);
        self.timers.end(self.last_seen, self.is_attempt(), over)
    }

    /// The originator asked, and nothing came back.
    fn is_attempt(&self) -> bool {
        let (orig, resp) = (self.halves.originator.state, self.halves.responder.state);
        let asked = matches!(orig, EndpointState::SynSent | EndpointState::SynAckSent);
        asked && resp == EndpointState::Inactive && self.timers.is_attempt()
    }

    /// What a session check removes after a silence: reset after a FIN, half of it never seen, or nothing of it valid.
    fn is_over(&self) -> bool {
        let (orig, resp) = (&self.halves.originator, &self.halves.responder);
        let any = |state| orig.state == state || resp.state == state;
        let closed = orig.closed || resp.closed;
        let nothing = orig.state == EndpointState::Inactive && resp.state == EndpointState::Inactive;
        let over = closed && (any(EndpointState::Reset) || any(EndpointState::Inactive));
        self.timers.is_active() && (over || nothing)
    }
}

/// How many connections are followed at once. How long they are is Zeek's to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most connections that are held at once; at least one is. A connection takes about 540 octets with its place, and at most some 2,100
    /// more: for data beyond holes, and for the letters of a flood of resets.
    pub max_connections: usize,
}

impl Default for Limits {
    /// 262,144 connections: some 140 MB, if none of them is odd.
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
        let (place, ()) = self.take(segment, checksum, &mut |connection| ended(connection.clone()));
        self.at(place)
    }
}

impl Followed for Connection {
    type Limits = Limits;
    type Aside = Checksum;
    type Closing = ();
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
        if self.timers.is_closed() || self.is_over() {
            return CLOSING;
        }
        match self.timers.patience() {
            _ if self.is_attempt() => ATTEMPTS,
            Patience::Handshake => ATTEMPTS,
            Patience::Usual => GOING_ON,
            Patience::Long => PATIENT,
        }
    }

    fn due(&self, _: &Limits, _: Timestamp) -> Timestamp {
        self.ends_at()
    }

    fn is_spent(&self, _: &Limits, _: Timestamp, now: Timestamp) -> bool {
        now >= self.ends_at()
    }
}

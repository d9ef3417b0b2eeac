//! Zeek's timers, in packet time.
//!
//! As in Zeek, a timer that is due goes off when the next segment of the capture comes. Two are simplified. The session check,
//! which comes 5 s after a connection's first segment and then every 6 s, is taken to be on time, while Zeek counts each 6 s from
//! the segment that let the last check go off. And all timers that are due go off at once; Zeek stops after 300 a segment.

use super::roles;
use crate::capture::Timestamp;

const SECOND: u64 = 1_000_000_000;

/// From a complete close to the removal (`tcp_close_delay`), from a SYN to the end of an attempt that nothing answers
/// (`tcp_attempt_delay`), to the first session check (`tcp_SYN_timeout`), and the silence that it wants (`tcp_connection_linger`).
pub(super) const SHORT: u64 = 5 * SECOND;

/// From one session check to the next (`tcp_session_timer`).
pub(super) const SESSION_CHECK: u64 = 6 * SECOND;

/// For how long a connection may be silent (`udp_inactivity_timeout`, `tcp_inactivity_timeout`, `port_inactivity_timeouts`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Patience {
    #[default]
    Handshake,
    Usual,
    Long,
}

impl Patience {
    pub(super) fn nanos(self) -> u64 {
        match self {
            Patience::Handshake => 60 * SECOND,
            Patience::Usual => 300 * SECOND,
            Patience::Long => 3_600 * SECOND,
        }
    }
}

/// How far a connection's timers have got. A later stage makes the earlier ones' timers pointless.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    #[default]
    Begun,
    /// The originator sent its SYN or SYN-ACK.
    Attempted,
    /// One side closed while the other was going on.
    HalfClosed,
    /// The close was complete.
    Closed,
}

/// The timers of a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Timers {
    stage: Stage,
    /// When it was reached.
    reached: Timestamp,
    patience: Patience,
    /// It was reset: attempts and sessions are not checked any more.
    inactive: bool,
}

impl Timers {
    pub(super) fn attempt(&mut self, at: Timestamp) {
        self.reach(Stage::Attempted, at);
    }

    pub(super) fn half_close(&mut self, at: Timestamp) {
        self.reach(Stage::HalfClosed, at);
    }

    /// A further close, of the other side, puts the removal off.
    pub(super) fn close(&mut self, at: Timestamp) {
        self.reach(Stage::Closed, at);
    }

    pub(super) fn leave_handshake(&mut self) {
        self.patience = Patience::Usual;
    }

    pub(super) fn establish(&mut self, port: u16) {
        if roles::is_patient_port(port) {
            self.patience = Patience::Long;
        }
    }

    pub(super) fn deactivate(&mut self) {
        self.inactive = true;
    }

    fn reach(&mut self, stage: Stage, at: Timestamp) {
        if stage >= self.stage {
            self.stage = stage;
            self.reached = at;
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.stage == Stage::Closed
    }

    pub(super) fn is_active(&self) -> bool {
        !self.inactive
    }

    pub(super) fn is_attempt(&self) -> bool {
        self.stage == Stage::Attempted && !self.inactive
    }

    pub(super) fn patience(&self) -> Patience {
        self.patience
    }

    /// When the first timer ends a connection that has been silent since `last_seen`. `attempt`: it is one that nothing has
    /// answered. `over`: a session check may end it; they began when it did.
    pub(super) fn end(&self, last_seen: Timestamp, attempt: bool, over: Option<Timestamp>) -> Timestamp {
        if self.is_closed() {
            return after(self.reached, SHORT);
        }
        let silent = after(last_seen, self.patience.nanos());
        let unanswered = attempt.then(|| after(self.reached, SHORT));
        let session = over.map(|started| self.session_check(started, last_seen));
        unanswered.into_iter().chain(session).fold(silent, Timestamp::min)
    }

    /// The first session check that finds it silent.
    fn session_check(&self, started: Timestamp, last_seen: Timestamp) -> Timestamp {
        let silent = after(last_seen, SHORT);
        let check = next_check(after(started, SHORT), silent);
        match self.stage {
            // A half close begins checks of its own.
            Stage::HalfClosed => check.min(next_check(after(self.reached, SESSION_CHECK), silent)),
            _ => check,
        }
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

//! How one attempt ended, told from system calls' own errno.

use std::collections::BTreeMap;
use std::fmt;

use rst_storm_linux::socket::{Errno, errno_name};
use serde::Serialize;

/// How far an attempt had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The handshake was not done, as far as the socket told.
    Connecting,
    /// The handshake was done.
    Connected,
}

/// What this host ran out of. Never the peer's doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shortage {
    /// No free source port to this destination (EADDRNOTAVAIL).
    Ports,
    /// No free descriptor (EMFILE, ENFILE).
    Descriptors,
    /// No memory for a socket or a segment (ENOBUFS, ENOMEM).
    Memory,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Connected, then reset: ECONNRESET at whatever call it surfaced, connect() included.
    Reset,
    /// Connected, then closed by the peer's FIN.
    Fin,
    /// A RST answered the SYN: ECONNREFUSED, which the kernel gives in SYN-SENT and in no other state (`tcp_reset`).
    Refused,
    /// No answer in time.
    Timeout(Stage),
    /// Another error, by its errno.
    Other(Errno, Stage),
    /// This host lacked something; no SYN was sent.
    Short(Shortage),
    /// This host refused to send; no SYN was sent.
    Unsent(Errno),
}

impl Outcome {
    /// What a failed socket(), bind() or epoll_ctl() means: nothing was sent.
    pub fn of_open(errno: Errno) -> Outcome {
        match errno {
            Errno::MFILE | Errno::NFILE => Outcome::Short(Shortage::Descriptors),
            Errno::NOBUFS | Errno::NOMEM => Outcome::Short(Shortage::Memory),
            Errno::ADDRNOTAVAIL | Errno::ADDRINUSE => Outcome::Short(Shortage::Ports),
            other => Outcome::Unsent(other),
        }
    }

    /// What connect() itself says; `None` while the handshake goes on. A reset that arrives before connect() has
    /// returned surfaces here: ECONNRESET means that the handshake had been done.
    pub fn of_connect(result: Result<(), Errno>) -> Option<Outcome> {
        match result {
            Ok(()) | Err(Errno::INPROGRESS | Errno::INTR) => None,
            Err(Errno::CONNRESET) => Some(Outcome::Reset),
            Err(Errno::CONNREFUSED) => Some(Outcome::Refused),
            Err(Errno::TIMEDOUT) => Some(Outcome::Timeout(Stage::Connecting)),
            Err(Errno::AGAIN) => Some(Outcome::Short(Shortage::Ports)),
            Err(errno) => Some(Outcome::of_open(errno)),
        }
    }

    /// What recv() says; `None` when the connection goes on (data, or nothing yet).
    pub fn of_receive(result: Result<usize, Errno>, stage: Stage) -> Option<Outcome> {
        match result {
            Ok(0) => Some(Outcome::Fin),
            Ok(_) | Err(Errno::AGAIN | Errno::INTR) => None,
            Err(Errno::CONNRESET) => Some(Outcome::Reset),
            Err(Errno::CONNREFUSED) => Some(Outcome::Refused),
            Err(Errno::TIMEDOUT) => Some(Outcome::Timeout(stage)),
            Err(errno) => Some(Outcome::Other(errno, stage)),
        }
    }

    /// What send() says; `None` when reading must tell. EPIPE is such a case: it stands for a reset after the peer's
    /// FIN, and the reader sees the FIN (`tcp_reset` in CLOSE-WAIT).
    pub fn of_send(result: Result<usize, Errno>, stage: Stage) -> Option<Outcome> {
        match result {
            Ok(_) | Err(Errno::PIPE) => None,
            Err(errno) => Outcome::of_receive(Err(errno), stage),
        }
    }

    /// Whether the handshake had been done: the attempt is a successful connect, whatever came after.
    pub fn is_connected(self) -> bool {
        match self {
            Outcome::Reset | Outcome::Fin => true,
            Outcome::Timeout(stage) | Outcome::Other(_, stage) => stage == Stage::Connected,
            Outcome::Refused | Outcome::Short(_) | Outcome::Unsent(_) => false,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Reset => f.write_str("reset"),
            Outcome::Fin => f.write_str("closed by FIN"),
            Outcome::Refused => f.write_str("refused"),
            Outcome::Timeout(Stage::Connecting) => f.write_str("timeout before it was connected"),
            Outcome::Timeout(Stage::Connected) => f.write_str("timeout after it was connected"),
            Outcome::Other(errno, _) => f.write_str(&errno_name(*errno)),
            Outcome::Short(shortage) => f.write_str(shortage.name()),
            Outcome::Unsent(errno) => write!(f, "not sent ({})", errno_name(*errno)),
        }
    }
}

/// What the server did with one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerWord {
    /// Closed it with RST.
    Reset,
    /// Closed it with FIN.
    Fin,
    /// Found it reset by the peer.
    ResetByPeer,
    /// Held it open.
    Held,
}

impl fmt::Display for ServerWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ServerWord::Reset => "closed it by RST",
            ServerWord::Fin => "closed it by FIN",
            ServerWord::ResetByPeer => "found it reset by its peer",
            ServerWord::Held => "held it",
        })
    }
}

/// The count of attempts by outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Attempts made.
    pub attempts: u64,
    /// Attempts whose handshake was done.
    pub connected: u64,
    /// Connected, then reset.
    pub reset: u64,
    /// Connected, then closed by FIN.
    pub fin: u64,
    /// Refused.
    pub refused: u64,
    /// No answer in time.
    pub timeout: u64,
    /// Of these, those whose handshake was done.
    pub timeout_connected: u64,
    /// Other errors.
    pub other: u64,
    /// Other errors by the errno's symbol.
    pub other_by_errno: BTreeMap<String, u64>,
    /// Attempts for which this host lacked something.
    pub short: BTreeMap<Shortage, u64>,
    /// Attempts that failed on this host before a SYN was sent: the shortages, and other errors of that kind.
    pub local_failures: u64,
}

impl Tally {
    /// Counts one more attempt as made.
    pub fn begin(&mut self) {
        self.attempts += 1;
    }

    /// Counts the outcome of an attempt that was begun.
    pub fn end(&mut self, outcome: Outcome) {
        self.connected += u64::from(outcome.is_connected());
        match outcome {
            Outcome::Reset => self.reset += 1,
            Outcome::Fin => self.fin += 1,
            Outcome::Refused => self.refused += 1,
            Outcome::Timeout(stage) => {
                self.timeout += 1;
                self.timeout_connected += u64::from(stage == Stage::Connected);
            }
            Outcome::Other(errno, _) => self.count_other(errno),
            Outcome::Unsent(errno) => {
                self.local_failures += 1;
                self.count_other(errno);
            }
            Outcome::Short(shortage) => {
                self.local_failures += 1;
                *self.short.entry(shortage).or_default() += 1;
            }
        }
    }

    fn count_other(&mut self, errno: Errno) {
        self.other += 1;
        *self.other_by_errno.entry(errno_name(errno)).or_default() += 1;
    }

    /// The attempts that have ended.
    pub fn ended(&self) -> u64 {
        let short: u64 = self.short.values().sum();
        self.reset + self.fin + self.refused + self.timeout + self.other + short
    }

    /// The share of successful connects that were reset, in percent; `None` of none.
    pub fn reset_percent(&self) -> Option<f64> {
        (self.connected > 0).then(|| 100.0 * self.reset as f64 / self.connected as f64)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_reset_inside_connect_is_a_successful_connect_that_was_reset() {
        let outcome = Outcome::of_connect(Err(Errno::CONNRESET)).expect("an outcome");
        assert_eq!(outcome, Outcome::Reset);
        assert!(outcome.is_connected());
    }

    #[test]
    fn shortages_are_never_resets_or_other_errors() {
        for (errno, shortage) in [
            (Errno::MFILE, Shortage::Descriptors),
            (Errno::NFILE, Shortage::Descriptors),
            (Errno::NOBUFS, Shortage::Memory),
            (Errno::NOMEM, Shortage::Memory),
            (Errno::ADDRNOTAVAIL, Shortage::Ports),
        ] {
            assert_eq!(Outcome::of_open(errno), Outcome::Short(shortage));
            assert_eq!(Outcome::of_connect(Err(errno)), Some(Outcome::Short(shortage)));
        }
        assert_eq!(Outcome::of_connect(Err(Errno::AGAIN)), Some(Outcome::Short(Shortage::Ports)));
    }

    #[test]
    fn the_same_errno_means_the_same_at_every_call() {
        for (errno, expected) in [
            (Errno::CONNRESET, Outcome::Reset),
            (Errno::CONNREFUSED, Outcome::Refused),
            (Errno::TIMEDOUT, Outcome::Timeout(Stage::Connecting)),
        ] {
            assert_eq!(Outcome::of_connect(Err(errno)), Some(expected));
            assert_eq!(Outcome::of_receive(Err(errno), Stage::Connecting), Some(expected));
            assert_eq!(Outcome::of_send(Err(errno), Stage::Connecting), Some(expected));
        }
    }

    #[test]
    fn what_is_not_over_has_no_outcome() {
        assert_eq!(Outcome::of_connect(Ok(())), None);
        assert_eq!(Outcome::of_connect(Err(Errno::INPROGRESS)), None);
        assert_eq!(Outcome::of_receive(Ok(5), Stage::Connected), None);
        assert_eq!(Outcome::of_receive(Err(Errno::AGAIN), Stage::Connected), None);
        assert_eq!(Outcome::of_send(Ok(5), Stage::Connected), None);
        assert_eq!(Outcome::of_send(Err(Errno::PIPE), Stage::Connected), None);
    }

    #[test]
    fn eof_is_fin_and_unknown_errors_keep_their_errno_and_stage() {
        assert_eq!(Outcome::of_receive(Ok(0), Stage::Connecting), Some(Outcome::Fin));
        let outcome = Outcome::of_receive(Err(Errno::CONNABORTED), Stage::Connected);
        assert_eq!(outcome, Some(Outcome::Other(Errno::CONNABORTED, Stage::Connected)));
        assert_eq!(Outcome::of_connect(Err(Errno::NETUNREACH)), Some(Outcome::Unsent(Errno::NETUNREACH)));
    }

    proptest! {
        /// Whatever errno any call gives, in any order: the sums hold and no more is reset than was connected.
        #[test]
        fn no_errno_breaks_the_sums(calls in proptest::collection::vec((0usize..4, 1i32..134, any::<bool>()), 0..200)) {
            let mut tally = Tally::default();
            for (call, raw, connected) in calls {
                let errno = Errno::from_raw_os_error(raw);
                let stage = if connected { Stage::Connected } else { Stage::Connecting };
                let outcome = match call {
                    0 => Some(Outcome::of_open(errno)),
                    1 => Outcome::of_connect(Err(errno)),
                    2 => Outcome::of_receive(Err(errno), stage),
                    _ => Outcome::of_send(Err(errno), stage),
                };
                if let Some(outcome) = outcome {
                    tally.begin();
                    tally.end(outcome);
                }
            }
            prop_assert_eq!(tally.ended(), tally.attempts);
            prop_assert!(tally.reset + tally.fin <= tally.connected);
            prop_assert!(tally.connected + tally.refused <= tally.attempts);
            prop_assert_eq!(tally.other_by_errno.values().sum::<u64>(), tally.other);
            prop_assert!(tally.reset_percent().unwrap_or(0.0) <= 100.0);
        }
    }
}

//! A play: steps, and what every witness must show of them.

use super::cast::{Host, Tap, Topology};
use super::step::{Name, Step};
use crate::kernel::Mechanism;

/// One way to make a cause, or a control that comes near it.
#[derive(Debug)]
pub struct Play {
    /// Its name within its cause, with dashes.
    pub id: &'static str,
    /// It in a few words, without a full stop.
    pub title: &'static str,
    /// How the hosts are joined.
    pub topology: Topology,
    /// What is done.
    pub steps: &'static [Step],
    /// What must be seen.
    pub shows: Shows,
}

/// What every witness must show. What is left out is not looked at.
#[derive(Clone, Copy, Debug)]
pub struct Shows {
    /// How it ends on the wire, at every tap but those below.
    pub ending: Ending,
    /// How it ends at some taps.
    pub except: &'static [(Tap, Ending)],
    /// Taps at which the wire shows another cause, by its name, and can't show the truth.
    pub seen_as: &'static [(Tap, &'static str)],
    /// Whether only a capture of both links of the middle, as one, can show the cause.
    pub between: bool,
    /// Who sends the reset by what mechanism of its kernel; None where no host's TCP sends the reset that is judged.
    pub kernel: Option<(Host, Mechanism)>,
    /// What the client's calls said, errors and ends of file, in order.
    pub client: &'static [Told],
    /// What the server's calls said.
    pub server: &'static [Told],
    /// What the middle's calls said.
    pub middle: &'static [Told],
    /// Counters and rules.
    pub counts: &'static [Count],
    /// The occasion that the group of resets must name.
    pub occasion: Option<&'static str>,
}

impl Shows {
    /// A reset of this host, sent by this mechanism of its kernel.
    pub const fn reset(by: Host, mechanism: Mechanism) -> Shows {
        Shows { ending: Ending::Reset(by), kernel: Some((by, mechanism)), ..Shows::NOTHING }
    }

    /// A reset under this host's name that no host's TCP sent.
    pub const fn foreign_reset(named: Host) -> Shows {
        Shows { ending: Ending::Reset(named), ..Shows::NOTHING }
    }

    /// No reset on the wire and no FIN; the base of others.
    pub const NOTHING: Shows = Shows {
        ending: Ending::Silence,
        except: &[],
        seen_as: &[],
        between: false,
        kernel: None,
        client: &[],
        server: &[],
        middle: &[],
        counts: &[],
        occasion: None,
    };

    /// The host whose reset is judged; None for a control.
    pub fn reset_by(&self) -> Option<Host> {
        let endings = core::iter::once(&self.ending).chain(self.except.iter().map(|(_, ending)| ending));
        let mut resets = endings.filter_map(|ending| ending.resetting());
        resets.next()
    }

    /// The other cause that the wire shows at this tap.
    pub fn seen_as(&self, tap: Tap) -> Option<&'static str> {
        self.seen_as.iter().find(|(seen, _)| *seen == tap).map(|(_, cause)| *cause)
    }

    /// How it ends at this tap.
    pub fn at(&self, tap: Tap) -> Ending {
        self.except.iter().find(|(except, _)| *except == tap).map_or(self.ending, |(_, ending)| *ending)
    }
}

impl Ending {
    /// The host under whose address the reset is, that must be explained.
    pub const fn resetting(self) -> Option<Host> {
        match self {
            Ending::Reset(host) => Some(host),
            Ending::Challenged(Host::Client) | Ending::Ignored(Host::Client) => Some(Host::Server),
            Ending::Challenged(_) | Ending::Ignored(_) => Some(Host::Client),
            Ending::Fin | Ending::Silence => None,
        }
    }
}

/// How a play ends on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By a reset under this host's address, which must be explained.
    Reset(Host),
    /// A reset was seen, and this host answered it with an acknowledgment.
    Challenged(Host),
    /// A reset was seen, and this host, for which it was, didn't answer it.
    Ignored(Host),
    /// By FIN, without a reset.
    Fin,
    /// Without a reset and without a FIN.
    Silence,
}

/// What a system call told its program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// It failed with this errno, by its symbol.
    Error(&'static str),
    /// recv() gave 0: the end of file.
    Eof,
}

/// A count that must come out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// How much a counter of the host has grown, by its group and name: TcpExt.TCPAbortOnData.
    Counter(Host, &'static str, Quantity),
    /// How many packets a rule has met.
    Rule(Name, Quantity),
}

/// How many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// So many.
    Exactly(u64),
    /// So many or more.
    AtLeast(u64),
}

impl Quantity {
    /// Whether it is so many.
    pub const fn holds(self, count: u64) -> bool {
        match self {
            Quantity::Exactly(wanted) => count == wanted,
            Quantity::AtLeast(least) => count >= least,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reset_that_is_not_taken_bears_the_address_of_the_other_end() {
        for (ending, host) in [
            (Ending::Reset(Host::Client), Some(Host::Client)),
            (Ending::Challenged(Host::Client), Some(Host::Server)),
            (Ending::Ignored(Host::Server), Some(Host::Client)),
            (Ending::Fin, None),
            (Ending::Silence, None),
        ] {
            assert_eq!(ending.resetting(), host, "{ending}");
        }
    }

    #[test]
    fn what_a_tap_shows_is_what_all_show_but_for_the_exceptions() {
        let shows = Shows {
            except: &[(Tap::Server, Ending::Silence)],
            seen_as: &[(Tap::Client, "linger-zero")],
            ..Shows::foreign_reset(Host::Server)
        };
        assert_eq!((shows.at(Tap::Server), shows.at(Tap::Client)), (Ending::Silence, Ending::Reset(Host::Server)));
        assert_eq!((shows.seen_as(Tap::Server), shows.seen_as(Tap::Client)), (None, Some("linger-zero")));
    }
}

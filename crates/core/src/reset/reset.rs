//! One reset with what is concluded of it before its cause: which side it bears, who sent it, what it cost.

use core::ops::Deref;

use super::evidence::{Evidence, Finding, Value};
use super::harm::Harm;
use super::neighbours::EarlierEnd;
use super::observed::Observed;
use super::sender::{Sender, Who};
use super::shape::Shape;
use super::stack::{IdStep, LinuxFit};
use super::unread::Unread;
use crate::tcp::Side;

/// A reset as the cards get it.
#[derive(Clone, Debug)]
pub struct Reset {
    observed: Box<Observed>,
    /// The side whose addresses it bears.
    pub by: Side,
    /// Who sent it.
    pub sender: Sender,
    /// What it cost.
    pub harm: Harm,
}

/// So many keepalive probes in a row without an answer are no accident.
const LEAST_PROBES: u16 = 2;

impl Reset {
    /// Concludes who sent it and what it cost.
    pub fn of(observed: Box<Observed>, by: Side) -> Reset {
        let sender = Sender::of(&observed, by);
        let harm = Harm::of(&observed, by);
        Reset { observed, by, sender, harm }
    }

    /// Whether a live socket sent it of its own accord, asked by no segment. Linux's carry a window and timestamps; those of
    /// other stacks have the socket's numbers alone, and are taken for such where the end's segments are none of Linux's.
    pub fn is_active(&self) -> bool {
        let facts = &self.facts;
        match facts.shape {
            Shape::Active => true,
            Shape::Proxied | Shape::Other => {
                self.segment.flags.is_ack() && facts.ahead_of_sent == Some(0) && facts.sender.linux == LinuxFit::Differs
            }
            Shape::Reply | Shape::Refusal => false,
        }
    }

    /// Whether the end that was asked for the connection sent it.
    pub fn is_by_server(&self) -> bool {
        self.observed.is_by_server(self.by)
    }

    /// How long nothing had been sent, in nanoseconds: before it, or before the segment that it answers. A connection that was
    /// let go in its silence counts from where that began.
    pub fn idle(&self) -> Option<u64> {
        let until = self.facts.offending.map_or(self.segment.at, |asked| asked.at);
        let silent = self.neighbours.earlier.filter(|earlier| earlier.end == EarlierEnd::Silent);
        self.facts.idle().or(silent.map(|earlier| until.nanos_since(earlier.last_seen)))
    }

    /// What shows that no end sent it, where that is at least likely.
    pub fn foreign(&self) -> Option<Evidence> {
        if self.sender.who != Who::ThirdParty || self.sender.finding < Finding::Likely {
            return None;
        }
        let shown = self.sender.grounds.iter().next().copied();
        Some(shown.unwrap_or(Evidence::opposes("neither end sent it").on(self.segment.frame)).opposing())
    }

    /// How sure a decision of the sender's program can be at most, or what shows that there was none. It asks for a connection
    /// that was seen from its beginning, in both directions, and for an end that isn't in doubt.
    pub fn by_a_program(&self) -> Result<Finding, Evidence> {
        let facts = &self.facts;
        if let Some(evidence) = self.foreign() {
            return Err(evidence);
        }
        if let Some(evidence) = self.gave_up_probing() {
            return Err(evidence.opposing());
        }
        // A reset without window and timestamps is easily made by others: only a number that goes on speaks for a socket.
        let own = facts.shape == Shape::Active || facts.id_step == IdStep::Next;
        let whole = facts.handshake.is_some() && self.sender.who != Who::Unknown && own;
        Ok(if whole { Finding::Certain } else { Finding::Possible })
    }

    /// What shows that the sender's keepalive timer ran out: several probes without an answer, and the reset when the next one
    /// was due.
    pub fn gave_up_probing(&self) -> Option<Evidence> {
        let probes = &self.facts.sender.probes;
        if probes.count < LEAST_PROBES || !self.answers_seen() {
            return None;
        }
        let waited = self.segment.at.nanos_since(probes.last);
        let on_time = waited.abs_diff(probes.interval) <= probes.interval / 10;
        let evidence =
            Evidence::supports("{} keepalive probes had gone unanswered, and it came when the next one was due");
        let evidence = evidence.with(Value::Count(u64::from(probes.count)));
        on_time.then_some(evidence.on(probes.first_frame).on(self.segment.frame))
    }

    /// Whether the capture shows what the victim sends, now or before a silence that ended the connection.
    pub fn answers_seen(&self) -> bool {
        self.facts.both_ways() || self.neighbours.earlier.is_some_and(|earlier| earlier.both_ways)
    }

    /// What its sender may have left unread.
    pub fn unread(&self) -> Unread {
        Unread::of(&self.observed, self.by)
    }
}

impl From<Reset> for Box<Observed> {
    /// What was observed, to be used again.
    fn from(reset: Reset) -> Box<Observed> {
        reset.observed
    }
}

impl Deref for Reset {
    type Target = Observed;

    fn deref(&self) -> &Observed {
        &self.observed
    }
}

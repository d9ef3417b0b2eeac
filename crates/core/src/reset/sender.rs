//! WHO sent a reset: the end whose addresses it bears, or somebody between. Decided before the cause, and without it.
//!
//! An endpoint that has reset a connection falls silent in it, answers only what was sent to it, and uses its own numbers. What
//! a third party sends bears witness against itself by breaking one of these. Rules about IP ids, timestamps and windows are
//! facts about Linux: they count only where the end's other segments fit Linux, and otherwise make a third party possible at most.

use super::evidence::{Evidence, Finding, Grounds, Value};
use super::facts::Timestamps;
use super::observed::Observed;
use super::shape::Shape;
use super::stack::IdStep;
use super::suspicion::Suspicion;
use crate::tcp::Side;

/// Who sent a reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Who {
    /// The side that opened the connection.
    Originator,
    /// The side that was asked.
    Responder,
    /// Neither: somebody between them, under the address of one.
    ThirdParty,
    /// It can't be told.
    Unknown,
}

impl Who {
    /// The word for it in records.
    pub const fn word(self) -> &'static str {
        match self {
            Who::Originator => "orig",
            Who::Responder => "resp",
            Who::ThirdParty => "third-party",
            Who::Unknown => "unknown",
        }
    }
}

/// Who sent a reset, how sure that is, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sender {
    /// Who.
    pub who: Who,
    /// How sure it is.
    pub finding: Finding,
    /// Why: what speaks for it, then what speaks against it.
    pub grounds: Grounds,
}

impl Sender {
    /// Who sent this reset; `by` is the side that its addresses name.
    pub fn of(reset: &Observed, by: Side) -> Sender {
        let suspicion = Suspicion::of(reset);
        let end = match by {
            Side::Originator => Who::Originator,
            Side::Responder => Who::Responder,
        };
        let (who, finding) = match (suspicion.strong, suspicion.medium, suspicion.weak) {
            (2.., ..) | (1, 1.., _) => (Who::ThirdParty, Finding::Certain),
            (1, ..) | (0, 2.., _) => (Who::ThirdParty, Finding::Likely),
            (0, 1, _) | (0, 0, 2..) => (Who::Unknown, Finding::Possible),
            (0, 0, weak) => {
                let mut sender = Sender { who: end, finding: Finding::Possible, grounds: Grounds::NONE };
                if speak_for_the_end(reset, &mut sender.grounds) && weak == 0 {
                    sender.finding = Finding::Likely;
                }
                suspicion.grounds.iter().for_each(|evidence| sender.grounds.add(*evidence));
                return sender;
            }
        };
        Sender { who, finding, grounds: suspicion.grounds }
    }
}

/// What a reset has in common with the end's other segments. True where that would be hard to come by from elsewhere.
fn speak_for_the_end(reset: &Observed, grounds: &mut Grounds) -> bool {
    let (facts, frame) = (&reset.facts, reset.segment.frame);
    let mut kept = false;
    match facts.shape {
        Shape::Active => {
            if facts.id_step == IdStep::Next {
                grounds.add(Evidence::supports("its IP id is the next of that end's").on(frame));
                kept = true;
            }
            if facts.timestamps == Timestamps::Kept {
                grounds.add(Evidence::supports("its timestamp goes on from that end's others").on(frame));
                kept = true;
            }
            if facts.ahead_of_sent == Some(0) {
                grounds.add(Evidence::supports("its number is that end's next").on(frame));
            }
        }
        Shape::Reply | Shape::Refusal => {
            if let Some(offending) = facts.offending {
                let sentence = if facts.shape == Shape::Reply {
                    Evidence::supports("its number repeats what the victim had acknowledged {} before")
                } else {
                    Evidence::supports("it acknowledges what the victim had sent {} before")
                };
                let took = reset.segment.at.nanos_since(offending.at);
                grounds.add(sentence.with(Value::Nanos(took)).on(offending.frame()).on(frame));
                // A firewall can send the same: what makes it the end's is that nothing else of it was ever different.
                kept = facts.sender.ttl == Some(reset.segment.ip.ttl);
            }
        }
        Shape::Proxied | Shape::Other => {}
    }
    if facts.sender.ttl == Some(reset.segment.ip.ttl) {
        let ttl = Value::Count(u64::from(reset.segment.ip.ttl));
        grounds
            .add(Evidence::supports("its time to live, {}, is that of the end's other segments").with(ttl).on(frame));
    }
    kept
}

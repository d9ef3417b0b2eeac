//! WHO sent a reset: the end whose addresses it bears, or somebody between. Decided before the cause, and without it.
//!
//! An endpoint that has reset a connection falls silent in it, answers only what was sent to it, and uses its own numbers. What
//! a third party sends bears witness against itself by breaking one of these. Rules about IP ids, timestamps and windows are
//! facts about Linux: they count only where the end's other segments fit Linux, and otherwise make a third party possible at most.

use super::evidence::{Evidence, Finding, Grounds, Value};
use super::facts::{Progress, Timestamps};
use super::observed::Observed;
use super::shape::Shape;
use super::stack::{IdStep, LinuxFit};
use super::trace::Trace;
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

/// Two segments so close may have changed places on their way through the capturing machine.
pub const REORDERING_NANOS: u64 = 200_000;

/// Below this, a round trip says more about the machine than about the way.
const LEAST_ROUND_TRIP: u64 = 2_000_000;

/// What was found against the end that the addresses name.
#[derive(Clone, Copy, Debug, Default)]
struct Suspicion {
    strong: u8,
    medium: u8,
    weak: u8,
    grounds: Grounds,
}

impl Suspicion {
    fn strong(&mut self, evidence: Evidence) {
        self.strong += 1;
        self.grounds.add(evidence);
    }

    fn medium(&mut self, evidence: Evidence) {
        self.medium += 1;
        self.grounds.add(evidence);
    }

    fn weak(&mut self, evidence: Evidence) {
        self.weak += 1;
        self.grounds.add(evidence);
    }

    /// A rule of Linux was broken.
    fn by_linux(&mut self, fit: LinuxFit, evidence: Evidence) {
        match fit {
            LinuxFit::Fits => self.medium(evidence),
            LinuxFit::Unknown => self.weak(evidence),
            LinuxFit::Differs => {}
        }
    }
}

impl Sender {
    /// Who sent this reset; `by` is the side that its addresses name.
    pub fn of(reset: &Observed, by: Side) -> Sender {
        let mut suspicion = Suspicion::default();
        suspect_by_what_followed(reset, &mut suspicion);
        suspect_by_numbers(reset, &mut suspicion);
        suspect_by_header(reset, &mut suspicion);
        let end = match by {
            Side::Originator => Who::Originator,
            Side::Responder => Who::Responder,
        };
        let grounds = suspicion.grounds;
        match (suspicion.strong, suspicion.medium, suspicion.weak) {
            (2.., ..) => Sender { who: Who::ThirdParty, finding: Finding::Certain, grounds },
            (1, 1.., _) => Sender { who: Who::ThirdParty, finding: Finding::Certain, grounds },
            (1, ..) | (0, 2.., _) => Sender { who: Who::ThirdParty, finding: Finding::Likely, grounds },
            (0, 1, _) | (0, 0, 2..) => Sender { who: Who::Unknown, finding: Finding::Possible, grounds },
            (0, 0, weak) => {
                let (kept, own) = speak_for_the_end(reset);
                let finding = if kept && weak == 0 { Finding::Likely } else { Finding::Possible };
                let grounds = grounds.iter().fold(own, |all, evidence| all.and(*evidence));
                Sender { who: end, finding, grounds }
            }
        }
    }
}

/// The end goes on, or the victim disputes the number.
fn suspect_by_what_followed(reset: &Observed, suspicion: &mut Suspicion) {
    let (facts, after, at) = (&reset.facts, &reset.after, reset.segment.at);
    // A host in SYN-SENT answers a wrong acknowledgment with a reset and goes on (RFC 9293 section 3.10.7.3).
    let in_syn_sent = facts.progress <= Progress::Answered && facts.shape == Shape::Reply;
    if let Some(later) = after.sender_sent_new.filter(|_| !in_syn_sent) {
        let evidence = Evidence::supports(
            "the end that it names goes on sending {} later, beyond the reset's number (RST_SEQ_DATA)",
        );
        suspicion.strong(evidence.with(Value::Nanos(later.at.nanos_since(at))).on(later.frame()));
    } else if let Some(later) = after.sender_spoke.filter(|_| !in_syn_sent) {
        let gap = later.at.nanos_since(at);
        let evidence =
            Evidence::supports("the end that it names still speaks {} later").with(Value::Nanos(gap)).on(later.frame());
        if gap > REORDERING_NANOS { suspicion.medium(evidence) } else { suspicion.weak(evidence) }
    }
    let inexact = facts.ahead_of_acked.is_some_and(|ahead| ahead > 0);
    if let Some(challenge) = after.challenge().filter(|_| inexact && after.victim_segments > 0) {
        let evidence =
            Evidence::supports("the victim answers with a challenge ACK: the number is in its window and not exact");
        suspicion.weak(evidence.on(challenge.frame()));
    }
    if let Some(next) = after.next_reset.filter(|_| after.other_numbers > 0) {
        let ahead = next.seq.distance_from(reset.segment.seq);
        let beyond = facts.ahead_of_sent.is_some_and(|sent| sent.saturating_add(ahead) > 0);
        if ahead > 0 && beyond && facts.shape != Shape::Reply {
            let evidence =
                Evidence::supports("a further reset {} octets ahead of it, beyond all that was sent (RST_SEQ_CHANGE)");
            suspicion.medium(evidence.with(Value::Signed(i64::from(ahead))).on(next.frame()));
        }
    }
    let acks_differ =
        |next: &Trace| next.flags.is_ack() && reset.segment.flags.is_ack() && next.ack != reset.segment.ack;
    if let Some(next) = after.next_reset.filter(|next| acks_differ(next) && after.victim_segments == 0) {
        let evidence = Evidence::supports(
            "its resets acknowledge different numbers, with nothing received between (RST_ACK_CHANGE)",
        );
        suspicion.medium(evidence.on(next.frame()));
    }
}

/// The numbers are not the end's own.
fn suspect_by_numbers(reset: &Observed, suspicion: &mut Suspicion) {
    let facts = &reset.facts;
    match facts.shape {
        Shape::Reply => {
            // A segment that comes just after may have been overtaken by its answer.
            let victim =
                reset.after.victim_spoke.filter(|later| later.at.nanos_since(reset.segment.at) <= REORDERING_NANOS);
            let explained = facts.offending.is_some() || victim.is_some_and(|later| later.ack == reset.segment.seq);
            let sent = facts.ahead_of_sent == Some(0) || facts.ahead_of_acked == Some(0);
            if !explained && facts.victim.last.is_some_and(|last| last.flags.is_ack()) {
                let evidence =
                    Evidence::supports("no segment of the victim acknowledges its number: a reply must answer one");
                let evidence = evidence.on(reset.segment.frame);
                if sent { suspicion.weak(evidence) } else { suspicion.medium(evidence) }
            }
        }
        Shape::Active | Shape::Other | Shape::Proxied => {
            let fits = facts.shape == Shape::Proxied || reset.overtook().is_some();
            if let Some(ahead) = facts.ahead_of_sent.filter(|ahead| *ahead != 0 && !fits) {
                // Segments that the capture missed look the same as a number that is too high.
                let evidence = if ahead < 0 {
                    Evidence::supports("its number lies {} octets behind what that end had sent (DATA_SEQ_RST)")
                } else {
                    Evidence::supports("its number lies {} octets ahead of what that end had sent")
                };
                let evidence = evidence.with(Value::Signed(i64::from(ahead))).on(reset.segment.frame);
                if ahead < 0 { suspicion.medium(evidence) } else { suspicion.weak(evidence) }
            }
            if let Some(ahead) = facts.ack_ahead.filter(|ahead| *ahead > 0) {
                let evidence = Evidence::supports("it acknowledges {} octets that the victim never sent");
                suspicion.medium(evidence.with(Value::Signed(i64::from(ahead))).on(reset.segment.frame));
            }
        }
        Shape::Refusal => {
            if facts.offending.is_none() && facts.victim.segments > 0 {
                let evidence = Evidence::supports("it refuses a segment that isn't in the capture");
                suspicion.weak(evidence.on(reset.segment.frame));
            }
        }
    }
    let answer = facts.answered_in(reset.segment.at).zip(facts.round_trip);
    if let Some((answer, trip)) = answer.filter(|(answer, trip)| *trip >= LEAST_ROUND_TRIP && *answer < trip / 2) {
        let evidence =
            Evidence::supports("it came {} after what it answers, and the way to that end and back takes {}");
        let frame = facts.offending.map_or(reset.segment.frame, |offending| offending.frame());
        suspicion.medium(evidence.with(Value::Nanos(answer)).with(Value::Nanos(trip)).on(frame));
    }
}

/// The header is not the end's own.
fn suspect_by_header(reset: &Observed, suspicion: &mut Suspicion) {
    let (facts, segment) = (&reset.facts, &reset.segment);
    let (fit, frame) = (facts.sender.linux, segment.frame);
    match facts.shape {
        Shape::Active | Shape::Other => {
            if let IdStep::Leap { expected } = facts.id_step
                && reset.overtook().is_none()
            {
                let evidence = Evidence::supports("its IP id is {} where the socket's next is {}");
                let id = u64::from(segment.ip.id.unwrap_or_default());
                let evidence = evidence.with(Value::Count(id)).with(Value::Count(u64::from(expected)));
                suspicion.by_linux(fit, evidence.on(frame));
            }
            if facts.id_step == IdStep::Zero {
                let evidence = Evidence::supports("its IP id is 0 where a socket counts");
                suspicion.by_linux(fit, evidence.on(frame));
            }
            if facts.timestamps == Timestamps::Missing {
                let evidence =
                    Evidence::supports("it has no timestamps, and that end's other segments do (RFC 7323 section 3.2)");
                suspicion.by_linux(fit, evidence.on(frame));
            }
            if facts.timestamps == Timestamps::Older {
                suspicion.medium(Evidence::supports("its timestamp is older than that end's last").on(frame));
            }
            if segment.window == 0 && facts.sender.last.is_some_and(|last| last.window != 0) {
                let evidence = Evidence::supports("its window is 0, and that end's last wasn't");
                suspicion.by_linux(fit, evidence.on(frame));
            }
        }
        Shape::Reply | Shape::Refusal => {
            if let Some(id) = segment.ip.id.filter(|id| *id != 0) {
                let evidence = Evidence::supports("its IP id is {} where Linux replies with 0");
                suspicion.by_linux(fit, evidence.with(Value::Count(u64::from(id))).on(frame));
            }
        }
        Shape::Proxied => {}
    }
    let other_ttl = facts.sender.ttl.filter(|ttl| *ttl != segment.ip.ttl);
    if let Some(ttl) = other_ttl {
        let evidence = Evidence::supports("its time to live is {}, that of the end's other segments {}");
        let evidence =
            evidence.with(Value::Count(u64::from(segment.ip.ttl))).with(Value::Count(u64::from(ttl))).on(frame);
        // A socket's own setting (IP_TTL) holds for its segments and not for the kernel's replies.
        if facts.shape == Shape::Active { suspicion.medium(evidence) } else { suspicion.weak(evidence) }
    }
}

/// What a reset has in common with the end's other segments. True where that would be hard to come by from elsewhere.
fn speak_for_the_end(reset: &Observed) -> (bool, Grounds) {
    let (facts, frame) = (&reset.facts, reset.segment.frame);
    let mut grounds = Grounds::NONE;
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
    (kept, grounds)
}

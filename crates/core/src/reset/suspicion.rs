//! What speaks against the end that a reset's addresses name: what followed it (here), its numbers and header (`marks.rs`).
//!
//! Strong is what no standard-compliant end does, medium what an end does only in rare circumstances or where the capture misled,
//! weak what is merely unusual. What is known of Linux alone counts only against ends whose other segments fit Linux.

use super::evidence::{Evidence, Grounds, Value};
use super::observed::Observed;
use super::shape::Shape;
use super::stack::LinuxFit;
use super::trace::REORDERING_NANOS;

/// The kernel's reply can overtake data that its queues still pace; they hold it no longer than this.
const PACING_NANOS: u64 = 10_000_000;

/// What was found against the end that the addresses name.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Suspicion {
    pub(super) strong: u8,
    pub(super) medium: u8,
    pub(super) weak: u8,
    pub(super) grounds: Grounds,
}

impl Suspicion {
    /// All that is found.
    pub(super) fn of(reset: &Observed) -> Suspicion {
        let mut found = Suspicion::default();
        found.by_going_on(reset);
        found.by_dispute(reset);
        found.by_further_resets(reset);
        match reset.facts.shape {
            Shape::Reply => found.by_reply(reset),
            Shape::Refusal => found.by_refusal(reset),
            Shape::Active | Shape::Other => found.by_own_numbers(reset),
            Shape::Proxied => {}
        }
        found.by_haste(reset);
        match reset.facts.shape {
            Shape::Active | Shape::Other => found.by_socket_header(reset),
            Shape::Reply | Shape::Refusal => found.by_reply_header(reset),
            Shape::Proxied => {}
        }
        found.by_time_to_live(reset);
        found
    }

    fn strong(&mut self, evidence: Evidence) {
        self.strong += 1;
        self.grounds.add(evidence);
    }

    pub(super) fn medium(&mut self, evidence: Evidence) {
        self.medium += 1;
        self.grounds.add(evidence);
    }

    pub(super) fn weak(&mut self, evidence: Evidence) {
        self.weak += 1;
        self.grounds.add(evidence);
    }

    /// A rule of Linux was broken.
    pub(super) fn by_linux(&mut self, fit: LinuxFit, evidence: Evidence) {
        match fit {
            LinuxFit::Fits => self.medium(evidence),
            LinuxFit::Unknown => self.weak(evidence),
            LinuxFit::Differs => {}
        }
    }

    /// The end goes on after "its" reset.
    fn by_going_on(&mut self, reset: &Observed) {
        let (facts, after) = (&reset.facts, &reset.after);
        let Some(later) = after.sender_sent_new.or(after.sender_spoke).filter(|_| !stays_open(reset)) else {
            return;
        };
        let gap = later.at.nanos_since(reset.segment.at);
        let said = |sentence| Evidence::supports(sentence).with(Value::Nanos(gap)).on(later.frame());
        if facts.shape == Shape::Refusal && later.flags.is_syn() && later.flags.is_ack() {
            let evidence = said("the end that it names answers the SYN that it refuses with a SYN-ACK {} later");
            return if facts.victim.syns == 1 { self.strong(evidence) } else { self.medium(evidence) };
        }
        let near = gap <= REORDERING_NANOS;
        if later.len == 0 && later.flags.is_fin() && facts.sender.fin.is_some() {
            return self.weak(said("the end that it names sends its FIN again {} later"));
        }
        // What the reset overtook was sent before it.
        let overtaken = near && later.end().distance_from(reset.segment.seq) <= 0;
        if after.sender_sent_new.is_none() || overtaken {
            let evidence = said("the end that it names still speaks {} later");
            return if near { self.weak(evidence) } else { self.medium(evidence) };
        }
        let evidence = said("the end that it names goes on sending {} later, beyond the reset's number (RST_SEQ_DATA)");
        let active = matches!(facts.shape, Shape::Active | Shape::Other);
        let was_sending = facts.sender.unacknowledged != Some(0) && gap <= PACING_NANOS;
        // A program with a TCP of its own goes on beside its kernel, which resets the SYN-ACK that it knows nothing of.
        let own_tcp = facts.offending.is_some_and(|asked| asked.flags.is_syn());
        match (active, near) {
            (false, true) => self.weak(evidence),
            (true, true) => self.medium(evidence),
            (false, false) if was_sending || own_tcp || may_be_untranslated(reset) => self.medium(evidence),
            _ => self.strong(evidence),
        }
    }

    /// The victim disputes the number. An end behind whose lost segments the reset came settles it: asked by the challenge ACK,
    /// its host resets again, with the number that was asked for (RFC 5961 section 3.2).
    fn by_dispute(&mut self, reset: &Observed) {
        let inexact = reset.facts.ahead_of_acked.is_some_and(|ahead| ahead > 0);
        let Some(challenge) = reset.challenge().filter(|_| inexact) else {
            return;
        };
        if reset.after.next_reset.is_none_or(|next| next.seq != challenge.ack) {
            let evidence = Evidence::supports(
                "the victim answers with a challenge ACK: the number is in its window and not exact",
            );
            self.weak(evidence.on(challenge.frame()));
        }
    }

    /// What further resets, under the same address or the other end's, say of this one.
    fn by_further_resets(&mut self, reset: &Observed) {
        let (facts, after, segment) = (&reset.facts, &reset.after, &reset.segment);
        if let Some(next) = after.next_reset {
            let ahead = next.seq.distance_from(segment.seq);
            let beyond = |of: Option<i32>| of.is_none_or(|of| of.saturating_add(ahead) > 0);
            let unseen = beyond(facts.ahead_of_sent) && beyond(facts.ahead_of_acked) && facts.victim.segments > 0;
            let asked = after.victim_spoke.is_some_and(|spoke| spoke.ack == next.seq);
            if ahead > 0 && unseen && !asked && facts.shape != Shape::Refusal {
                let evidence = Evidence::supports(
                    "a further reset {} octets ahead of it, beyond all that was sent (RST_SEQ_CHANGE)",
                );
                let evidence = evidence.with(Value::Signed(i64::from(ahead))).on(next.frame());
                if facts.both_ways() { self.strong(evidence) } else { self.medium(evidence) }
            }
            let comparable = next.flags.is_ack() == segment.flags.is_ack() && after.victim_segments == 0;
            if comparable && next.ack != segment.ack && facts.shape != Shape::Refusal {
                let evidence = Evidence::supports(
                    "its resets acknowledge different numbers, with nothing received between (RST_ACK_CHANGE)",
                );
                let evidence = evidence.on(segment.frame).on(next.frame());
                if segment.flags.is_ack() { self.medium(evidence) } else { self.by_linux(facts.sender.linux, evidence) }
            }
        }
        if let Some(other) = reset.crossing() {
            let evidence =
                Evidence::supports("both ends are reset in the same instant, each under the other's address");
            let evidence = evidence.on(segment.frame).on(other.frame());
            // Two programs may give up at once; two kernels that both know nothing of the connection can't have been in it.
            let other_stack = facts.shape == Shape::Other && facts.sender.linux == LinuxFit::Differs;
            let live = other_stack || facts.shape == Shape::Active || (other.flags.is_ack() && other.window > 0);
            if live { self.weak(evidence) } else { self.medium(evidence) }
        }
    }
}

/// A client that resets data which passed an address translation untranslated goes on in the connection that it has under
/// another address, and the box translates that to the same.
fn may_be_untranslated(reset: &Observed) -> bool {
    let (facts, ip) = (&reset.facts, &reset.segment.ip);
    let client = facts.sender.syn.is_none_or(|syn| !syn.flags.is_ack());
    let data = match facts.offending {
        Some(asked) => asked.len > 0 && reset.is_asked(),
        None => facts.victim.segments == 0,
    };
    let kernels = facts.sender.ttl.is_none_or(|ttl| ttl == ip.ttl) && ip.id.is_none_or(|id| id == 0);
    facts.shape == Shape::Reply && client && data && kernels
}

/// A host that isn't synchronized answers an acknowledgment of what it never sent with a reset, and stays as it is (RFC 9293
/// section 3.5.2, second group).
fn stays_open(reset: &Observed) -> bool {
    let facts = &reset.facts;
    if facts.shape != Shape::Reply || facts.sender.data_segments > 0 {
        return false;
    }
    let opening = facts.victim.segments == 0 && facts.sender.segments == u32::from(facts.sender.syns);
    facts.sender.syn.is_some_and(|syn| match facts.offending {
        Some(asked) => syn.end() != asked.ack,
        // What it answers isn't in the capture.
        None => opening && !syn.flags.is_ack() && syn.end() != reset.segment.seq,
    })
}

//! What a reset bears itself that its end wouldn't have given it: numbers that aren't its own, another header.

use super::evidence::{Evidence, Value};
use super::facts::Timestamps;
use super::observed::Observed;
use super::shape::Shape;
use super::stack::{IdStep, LinuxFit};
use super::suspicion::Suspicion;
use super::trace::{REORDERING_NANOS, Trace};
use crate::tcp::SeqNumber;

/// No window is larger (RFC 7323 section 2.3).
const LARGEST_WINDOW: i32 = 1 << 30;

/// An IP id that is ahead by at most so many may only be that of an end whose segments the capture missed.
const MISSED_IDS: u16 = 64;

impl Suspicion {
    /// A reply repeats the number of a segment that asked for it, at once.
    pub(super) fn by_reply(&mut self, reset: &Observed) {
        let (facts, segment) = (&reset.facts, &reset.segment);
        // A segment that comes just after may have been overtaken by its answer.
        let overtaken = near_after(reset, reset.after.victim_spoke).is_some_and(|later| later.ack == segment.seq);
        if overtaken || !facts.victim.last.is_some_and(|last| last.flags.is_ack()) {
            return;
        }
        if facts.offending.is_none() {
            let first = facts.sender.syn.map(|syn| syn.seq);
            let own = first.is_none_or(|first| segment.seq.distance_from(first) > 0);
            let acked = facts.ahead_of_acked.is_some_and(|ahead| (-LARGEST_WINDOW..=0).contains(&ahead)) && own;
            let evidence =
                Evidence::supports("no segment of the victim acknowledges its number: a reply must answer one");
            let evidence = evidence.on(segment.frame);
            return if acked || facts.ahead_of_sent == Some(0) { self.weak(evidence) } else { self.medium(evidence) };
        }
        if !reset.is_asked() {
            let waited = facts.answered_in(segment.at).unwrap_or_default();
            let evidence =
                Evidence::supports("the last segment that it could answer came {} before: nothing asked for it");
            let evidence = evidence.with(Value::Nanos(waited));
            let asked = facts.offending.map_or(segment.frame, |asked| asked.frame());
            self.by_linux(facts.sender.linux, evidence.on(asked).on(segment.frame));
        }
    }

    pub(super) fn by_refusal(&mut self, reset: &Observed) {
        let facts = &reset.facts;
        if facts.offending.is_some() || facts.victim.segments == 0 {
            return;
        }
        let evidence = Evidence::supports("it refuses a segment that isn't in the capture").on(reset.segment.frame);
        // A host drops what comes without ACK for a connection that it knows.
        if facts.sender.segments > 0 { self.medium(evidence) } else { self.weak(evidence) }
    }

    /// A live socket uses its own numbers.
    pub(super) fn by_own_numbers(&mut self, reset: &Observed) {
        let (facts, frame) = (&reset.facts, reset.segment.frame);
        // What the victim has acknowledged was sent, whatever the capture missed.
        let acked = facts.ahead_of_acked.is_some_and(|ahead| ahead <= 0);
        // Linux's SYN proxy gives every reset of its server the number after the SYN-ACK's (ipv4_synproxy_hook, TCP_CONNTRACK_CLOSE).
        let by_syn_proxy = |syn: Trace| syn.flags.is_ack() && syn.window == 0 && syn.end() == reset.segment.seq;
        match facts.ahead_of_sent {
            Some(_) if facts.sender.syn.is_some_and(by_syn_proxy) => {}
            Some(ahead) if ahead < 0 => {
                let evidence =
                    Evidence::supports("its number lies {} octets from what that end had sent (DATA_SEQ_RST)");
                self.medium(evidence.with(Value::Signed(i64::from(ahead))).on(frame));
            }
            // Segments that the capture missed look the same as a number that is too high.
            Some(ahead) if ahead > 0 && !acked && reset.overtook().is_none() => {
                let evidence = Evidence::supports("its number lies {} octets ahead of what that end had sent");
                self.weak(evidence.with(Value::Signed(i64::from(ahead))).on(frame));
            }
            _ => {}
        }
        let reaches = |later: Trace| later.end().distance_from(reset.segment.ack) >= 0;
        let overtaken = near_after(reset, reset.after.victim_spoke).is_some_and(reaches);
        if let Some(ahead) = facts.ack_ahead.filter(|ahead| *ahead > 0 && !overtaken) {
            let evidence = Evidence::supports("it acknowledges {} octets that the victim never sent");
            self.medium(evidence.with(Value::Signed(i64::from(ahead))).on(frame));
        }
    }

    /// It came sooner than that end can have answered.
    pub(super) fn by_haste(&mut self, reset: &Observed) {
        let Some((took, trip)) = reset.haste() else {
            return;
        };
        let evidence =
            Evidence::supports("it came {} after what it answers, and the way to that end and back takes {}");
        let asked = reset.facts.offending.map_or(reset.segment.frame, |asked| asked.frame());
        self.medium(evidence.with(Value::Nanos(took)).with(Value::Nanos(trip)).on(asked));
    }

    /// A socket's reset is like its other segments.
    pub(super) fn by_socket_header(&mut self, reset: &Observed) {
        let (facts, segment) = (&reset.facts, &reset.segment);
        let (fit, frame) = (facts.sender.linux, segment.frame);
        let id = segment.ip.id.unwrap_or_default();
        match facts.id_step {
            IdStep::Leap { expected } if reset.overtook().is_none() => self.by_leap(reset, id, expected),
            IdStep::Zero => {
                let evidence = Evidence::supports("its IP id is 0 where a socket counts");
                self.by_linux(fit, evidence.on(frame));
            }
            _ => {}
        }
        match facts.timestamps {
            Timestamps::Missing => {
                let evidence =
                    Evidence::supports("it has no timestamps, and that end's other segments do (RFC 7323 section 3.2)");
                self.by_linux(fit, evidence.on(frame));
            }
            Timestamps::Older if reset.overtook().is_none() => {
                self.by_linux(fit, Evidence::supports("its timestamp is older than that end's last").on(frame));
            }
            _ => {}
        }
        // A live socket's window can be 0, but then the reset has the socket's timestamps if it uses any.
        let closed = segment.window == 0 && facts.timestamps != Timestamps::Kept;
        if closed && facts.sender.last.is_some_and(|last| last.window != 0) {
            self.by_linux(fit, Evidence::supports("its window is 0, and that end's last wasn't").on(frame));
        }
    }

    /// The socket's next IP id would have been another.
    fn by_leap(&mut self, reset: &Observed, id: u16, expected: u16) {
        let (facts, fit) = (&reset.facts, reset.facts.sender.linux);
        let evidence = Evidence::supports("its IP id is {} where the socket's next is {}");
        let evidence = evidence.with(Value::Count(u64::from(id))).with(Value::Count(u64::from(expected)));
        let evidence = evidence.on(reset.segment.frame);
        // Segments that the capture missed put id and number ahead together.
        match (id.wrapping_sub(expected) <= MISSED_IDS, facts.ahead_of_sent) {
            (true, Some(0)) if fit != LinuxFit::Differs => self.weak(evidence),
            (true, _) => {}
            (false, _) => self.by_linux(fit, evidence),
        }
    }

    /// The kernel's replies are made from nothing but the segment that they answer.
    pub(super) fn by_reply_header(&mut self, reset: &Observed) {
        let (segment, fit) = (&reset.segment, reset.facts.sender.linux);
        if let Some(id) = segment.ip.id.filter(|id| *id != 0) {
            let evidence = Evidence::supports("its IP id is {} where Linux replies with 0");
            self.by_linux(fit, evidence.with(Value::Count(u64::from(id))).on(segment.frame));
        }
        if !segment.flags.is_ack() && segment.ack != SeqNumber(0) {
            let evidence = Evidence::supports("it bears an acknowledgment number without ACK, where Linux puts 0");
            self.by_linux(fit, evidence.on(segment.frame));
        }
    }

    pub(super) fn by_time_to_live(&mut self, reset: &Observed) {
        let (facts, segment) = (&reset.facts, &reset.segment);
        let Some(ttl) = facts.sender.ttl.filter(|ttl| *ttl != segment.ip.ttl) else {
            return;
        };
        let evidence = Evidence::supports("its time to live is {}, that of the end's other segments {}");
        let own = Value::Count(u64::from(segment.ip.ttl));
        let evidence = evidence.with(own).with(Value::Count(u64::from(ttl))).on(segment.frame);
        // A socket's own setting (IP_TTL) holds for its segments and not for the kernel's replies.
        match facts.shape {
            Shape::Active | Shape::Other => self.medium(evidence),
            Shape::Reply | Shape::Refusal | Shape::Proxied => self.weak(evidence),
        }
    }
}

/// What came so soon after the reset that the two may have changed places.
fn near_after(reset: &Observed, later: Option<Trace>) -> Option<Trace> {
    later.filter(|later| later.at.nanos_since(reset.segment.at) <= REORDERING_NANOS)
}

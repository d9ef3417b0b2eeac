//! firewall-reject: a packet filter answered in the host's name.

mod plays;

use super::card::{CauseId, KernelWord, Opinion, Recogniser, ResetCause};
use crate::reset::{Evidence, Finding, Grounds, Progress, Reset, Shape, Trace, Value};

/// The card.
pub static CARD: ResetCause = ResetCause {
    id: CauseId("firewall-reject"),
    title: "a firewall rejected it in the host's name",
    story: "A rule with reject (nft: reject with tcp reset; iptables: REJECT --reject-with tcp-reset; the reset action \
            of hardware firewalls) drops a segment and answers it with a RST under the address of the host it was \
            meant for. To a SYN that looks like a closed port. In the middle of a connection only the sender of the \
            segment is reset: the other end never sees the segment, goes on sending, and is answered with resets by \
            the host that has given up.",
    on_the_wire: "Byte for byte what a Linux host without a socket answers: to a SYN, RST and ACK with the number 0; \
                  to anything with ACK, RST with the number that it acknowledged. The time to live can differ from the \
                  host's, and the answer can come sooner than the host could give it.",
    remedy: "Look for the rule on the way: nft monitor trace or the rules' counters name it. If it was meant to be \
             silent use drop; if it wasn't meant at all, allow established connections before it.",
    decided_by: "on the host: the counter OutRsts and the tracepoint tcp:tcp_send_reset stay still while the resets \
                 leave; on the firewall: the rule's counter, nft monitor trace",
    twin_of: &[
        CauseId("no-listener"),
        CauseId("stray-segment"),
        CauseId("half-open"),
        CauseId("data-after-close"),
        CauseId("connection-limit"),
        CauseId("forged-exact"),
        CauseId("nat-without-mapping"),
    ],
    refines: None,
    references: &["Linux net/ipv4/netfilter/nf_reject_ipv4.c nf_send_reset", "nft(8) REJECT STATEMENT"],
    recognise: Recogniser::Reset(recognise),
    kernel: KernelWord::Silent,
    plays: &plays::PLAYS,
};

fn recognise(reset: &Reset) -> Opinion {
    match reset.facts.shape {
        Shape::Refusal => judge_refusal(reset),
        Shape::Reply if in_connection(reset) => judge_reply(reset),
        _ => Opinion::Silent,
    }
}

/// Between the handshake and the end, as far as the capture shows.
fn in_connection(reset: &Reset) -> bool {
    let facts = &reset.facts;
    match facts.progress {
        Progress::Opening | Progress::Answered => facts.sender.data_segments + facts.victim.data_segments > 0,
        Progress::Closed => false,
        _ => true,
    }
}

/// The answer to a SYN.
fn judge_refusal(reset: &Reset) -> Opinion {
    let (facts, segment, service) = (&reset.facts, &reset.segment, &reset.neighbours.service);
    if facts.sender.segments > 0 || (facts.offending.is_none() && facts.victim.segments > 0) {
        return Opinion::Silent;
    }
    if let Some(later) = reset.after.sender_spoke {
        let through = Evidence::opposes("the segment got through: the end that the reset names answers it later");
        return Opinion::Against(through.on(later.frame()));
    }
    let mut grounds = Grounds::NONE;
    if let Some((answered, ttl)) = service.answered.filter(|(_, ttl)| *ttl != segment.ip.ttl) {
        let evidence = Evidence::supports("its time to live is {}, that of the port's SYN-ACKs {}");
        let evidence = evidence.with(Value::Count(u64::from(segment.ip.ttl))).with(Value::Count(u64::from(ttl)));
        grounds.add(evidence.on(segment.frame).on(answered));
    }
    if let Some(evidence) = hasty(reset) {
        grounds.add(evidence);
    }
    if let Some((answered, _)) = service.answered.filter(|_| service.open > 0) {
        let evidence = Evidence::supports("the port answers others: {} connections to it are open");
        grounds.add(evidence.with(Value::Count(u64::from(service.open))).on(answered));
    }
    if !grounds.is_empty() {
        return Opinion::suggests(Finding::Likely, grounds);
    }
    let same =
        Evidence::supports("a reject rule answers a SYN with the same octets as a closed port").on(segment.frame);
    Opinion::suggests(Finding::Possible, same)
}

/// The answer to a segment of a connection.
fn judge_reply(reset: &Reset) -> Opinion {
    let (facts, frame) = (&reset.facts, reset.segment.frame);
    let same = Evidence::supports("a reject rule answers with the same octets as a host without a socket").on(frame);
    let asked = match facts.offending {
        Some(asked) if !asked.flags.is_syn() && reset.is_asked_just_now() => asked,
        // Of this connection only one direction is in the capture.
        None if facts.victim.segments == 0 && facts.sender.segments > 0 => {
            return Opinion::suggests(Finding::Possible, same);
        }
        _ => return Opinion::Silent,
    };
    let Some(foreign) = reset.foreign() else {
        // A host that an earlier reset had told answers for itself.
        let told = |earlier: Trace| earlier.frame() < asked.frame();
        if reset.others_reset().is_some_and(told) || reset.previous().is_some_and(told) {
            return Opinion::Silent;
        }
        return match hasty(reset) {
            Some(evidence) => Opinion::suggests(Finding::Likely, evidence),
            None => Opinion::suggests(Finding::Possible, same),
        };
    };
    let zombie = reset.after.sender_sent_new.or(reset.after.sender_spoke);
    match zombie.map(|later| got_through(asked, later)) {
        Some(Some(through)) => Opinion::Against(through),
        Some(None) => Opinion::suggests(Finding::Likely, swallowed(reset, asked)),
        None if reset.haste().is_some() => {
            Opinion::suggests(Finding::Likely, hasty(reset).map_or(Grounds::NONE, Grounds::from))
        }
        None => Opinion::suggests(Finding::Possible, same.on(foreign.frames().next().unwrap_or(frame))),
    }
}

/// A filter drops what it rejects; what is acknowledged later wasn't dropped.
fn got_through(asked: Trace, later: Trace) -> Option<Evidence> {
    let counts = asked.len > 0 || asked.flags.is_fin();
    let through =
        Evidence::opposes("the segment that it answers got through: the end that it names acknowledges it later");
    let acked = later.flags.is_ack() && later.ack.distance_from(asked.end()) >= 0;
    (counts && acked).then(|| through.on(asked.frame()).on(later.frame()))
}

fn swallowed(reset: &Reset, asked: Trace) -> Grounds {
    let mut grounds = Grounds::NONE;
    if let Some(first) = reset.sender.grounds.iter().next() {
        grounds.add(*first);
    }
    if asked.len > 0 {
        let lost = Evidence::supports(
            "the segment that it answers never arrived: what that end sends later doesn't acknowledge it",
        );
        grounds.add(lost.on(asked.frame()));
    }
    if let Some(own) = reset.after.victim_reset {
        let evidence = Evidence::supports("the victim answers what still comes with resets of its own");
        grounds.add(evidence.on(own.frame()));
    }
    grounds
}

fn hasty(reset: &Reset) -> Option<Evidence> {
    let (took, trip) = reset.haste()?;
    let evidence = Evidence::supports("it came after {}, and the way to that host and back takes {}");
    Some(evidence.with(Value::Nanos(took)).with(Value::Nanos(trip)).on(reset.segment.frame))
}

#[cfg(test)]
mod tests {
    use super::CARD;
    use crate::testing::says;

    #[test]
    fn a_refused_syn_may_be_a_closed_port_too() {
        let refused = "linux
            > S 100
            < RA 0 ack 101";
        assert_eq!(
            says(&CARD, refused),
            "possible: a reject rule answers a SYN with the same octets as a closed port [2]"
        );
    }

    #[test]
    fn yes_the_port_is_open_for_others_further_away() {
        let limited = "linux
            > S 100
            < SA 300 ack 101 ttl 63
            > A 101 ack 301
            +5s
            client 10.0.0.2:40000
            > S 500
            < RA 0 ack 501 ttl 64";
        assert_eq!(
            says(&CARD, limited),
            "likely: its time to live is 64, that of the port's SYN-ACKs 63 [5, 2]; \
             the port answers others: 1 connections to it are open [2]"
        );
    }

    #[test]
    fn yes_the_refusal_is_faster_than_the_way() {
        let near = "linux
            > S 100
            +50ms
            < SA 300 ack 101
            > FA 101 ack 301
            < FA 301 ack 102
            > A 102 ack 302          # nothing is open any more
            +5s
            client 10.0.0.2:40000
            > S 500
            < RA 0 ack 501";
        assert_eq!(
            says(&CARD, near),
            "likely: it came after 1.00 ms, and the way to that host and back takes 51.0 ms [7]"
        );
    }

    #[test]
    fn near_miss_the_refused_syn_got_through() {
        let forged = "linux
            > S 100
            < RA 0 ack 101
            < SA 300 ack 101";
        assert_eq!(
            says(&CARD, forged),
            "against: the segment got through: the end that the reset names answers it later [3]"
        );
    }

    #[test]
    fn yes_a_request_is_rejected_and_the_server_waits_on() {
        let rejected = "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            > PA 101 ack 301 len 20
            < PA 301 ack 121 len 50
            > A 121 ack 351
            +1s
            > PA 121 ack 351 len 20
            < R 351                  # the rule's
            +3s
            < FA 351 ack 121         # the server never saw the second request, and closes";
        assert_eq!(
            says(&CARD, rejected),
            "likely: the end that it names goes on sending 3.00 s later, beyond the reset's number (RST_SEQ_DATA) [9]; \
             the segment that it answers never arrived: what that end sends later doesn't acknowledge it [7]"
        );
    }

    #[test]
    fn near_miss_the_answer_to_the_request_comes_after_the_reset() {
        let injected = "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            +1s
            > PA 101 ack 301 len 20
            < R 301
            +20ms
            < PA 301 ack 121 len 50  # it has read the request";
        assert_eq!(
            says(&CARD, injected),
            "against: the segment that it answers got through: the end that it names acknowledges it later [4, 6]"
        );
    }

    #[test]
    fn one_sided_only_the_server_was_captured() {
        let server = "linux
            < SA 300 ack 101
            < PA 301 ack 121 len 50
            < R 351";
        assert_eq!(
            says(&CARD, server),
            "possible: a reject rule answers with the same octets as a host without a socket [3]"
        );
    }
}

//! forged-exact: somebody else's reset, with exactly the number that kills.

mod plays;

use super::card::{CauseId, KernelWord, Opinion, Recogniser, ResetCause};
use crate::reset::{Evidence, Finding, Grounds, Progress, Reset, Shape, Trace, Who};

/// The card.
pub static CARD: ResetCause = ResetCause {
    id: CauseId("forged-exact"),
    title: "somebody on the path forged it, with the exact number",
    story: "Whoever sees the connection can end it: a RST under the address of one end with the number that the other \
            expects is taken without question. Censors, intrusion prevention systems, connection killers and load \
            balancers work so. The end whose address was used knows nothing: it goes on sending and is answered with \
            resets, or waits for ever. During the handshake a RST with ACK that acknowledges the SYN does the same: \
            connect() fails with ECONNREFUSED, and then comes the real SYN-ACK.",
    on_the_wire: "A RST whose number is exactly the victim's next, and which in other things isn't its end's: time to \
                  live, IP id, timestamps or window; asked by nothing; soon after, new data of the end that is said to \
                  have reset.",
    remedy: "Capture at both ends: a reset that one end received and the other never sent was made between them. \
             Compare times to live to see how far away. Encryption doesn't help; only IPsec, TCP-AO or another path \
             do.",
    decided_by: "a capture at the end that it names: it never left there; on that host the counter OutRsts and the \
                 tracepoint tcp:tcp_send_reset stay still",
    twin_of: &[
        CauseId("firewall-reject"),
        CauseId("forged-stepped"),
        CauseId("forged-both-ends"),
        // A careful forgery whose named end stays silent is a live socket's reset to the last octet.
        CauseId("linger-zero"),
    ],
    refines: None,
    references: &[
        "RFC 5961 section 3 (Blind Reset Attack Using the RST Bit)",
        "Weaver, Sommer, Paxson: Detecting Forged TCP Reset Packets (NDSS 2009)",
        "RFC 9293 section 3.10.7.3 (RST in SYN-SENT)",
    ],
    recognise: Recogniser::Reset(recognise),
    kernel: KernelWord::Silent,
    plays: &plays::PLAYS,
};

fn recognise(reset: &Reset) -> Opinion {
    let facts = &reset.facts;
    let sender = &reset.sender;
    // A reply that nothing asked for is nobody's, even where its header gives nothing away.
    let unasked = facts.shape == Shape::Reply && facts.offending.is_some() && !reset.is_asked();
    let doubted = unasked || matches!(sender.who, Who::ThirdParty | Who::Unknown);
    if !doubted || facts.shape == Shape::Proxied {
        return Opinion::Silent;
    }
    let frame = reset.segment.frame;
    let refused = facts.shape == Shape::Refusal && facts.progress <= Progress::Answered && facts.offending.is_some();
    let exact = if refused {
        Evidence::supports("it acknowledges the SYN exactly, which is all that a client in SYN-SENT looks at")
    } else if facts.ahead_of_acked == Some(0) {
        Evidence::supports("its number is exactly the one that its victim expects next")
    } else if facts.victim.segments == 0 && facts.ahead_of_sent == Some(0) && reset.foreign().is_some() {
        Evidence::supports("its number is that end's next; what its victim expects isn't in the capture")
    } else {
        return Opinion::Silent;
    };
    let mut grounds = Grounds::from(exact.on(frame));
    sender.grounds.iter().for_each(|evidence| grounds.add(*evidence));
    let series = reset.after.further_resets > 0 || reset.previous().is_some() || reset.crossing().is_some();
    let sure = match sender.who {
        Who::ThirdParty if facts.victim.segments > 0 && !series && !may_be_rejected(reset) => sender.finding,
        _ => Finding::Possible,
    };
    Opinion::suggests(sure, grounds)
}

/// Whether it may be a firewall's answer to a segment that it dropped: the end that it names never acknowledges that one.
fn may_be_rejected(reset: &Reset) -> bool {
    let Some(asked) = reset.facts.offending.filter(|asked| reset.facts.shape == Shape::Reply && !asked.flags.is_syn())
    else {
        return false;
    };
    let later = reset.after.sender_sent_new.or(reset.after.sender_spoke);
    let acked = |later: Trace| later.flags.is_ack() && later.ack.distance_from(asked.end()) >= 0;
    reset.is_asked_just_now() && (asked.is_bare_ack() || !later.is_some_and(acked))
}

#[cfg(test)]
mod tests {
    use super::CARD;
    use crate::testing::says;

    const OPEN: &str = "linux
        > S 100
        < SA 300 ack 101
        > A 101 ack 301
        > PA 101 ack 301 len 20
        < PA 301 ack 121 len 50
        > A 121 ack 351
        ";

    #[test]
    fn yes_the_answer_comes_after_the_reset() {
        let injected = format!(
            "{OPEN}
            > PA 121 ack 351 len 20
            < R 351 ttl 200 id 48879
            +20ms
            < PA 351 ack 141 len 50  # the server has read the request
            > R 141"
        );
        let said = says_of_frame(&injected, 8);
        assert_eq!(said, "frame 8: third-party likely, forged-exact likely, harm lost");
    }

    #[test]
    fn yes_a_reset_that_nothing_asked_for() {
        let injected = format!(
            "{OPEN}
            +20s
            < RA 351 ack 121 win 0 tsval 0 id 48879 ttl 200
            +1s
            < PA 351 ack 121 len 50"
        );
        assert_eq!(
            says(&CARD, &injected),
            "certain: its number is exactly the one that its victim expects next [7]; \
             the end that it names goes on sending 1.00 s later, beyond the reset's number (RST_SEQ_DATA) [8]; \
             its IP id is 48879 where the socket's next is 5002 [7]; its timestamp is older than that end's last [7]"
        );
    }

    #[test]
    fn yes_a_forged_refusal_overtakes_the_syn_ack() {
        let refused = "linux
            > S 100
            < RA 0 ack 101 ttl 200
            < SA 300 ack 101";
        assert_eq!(
            says(&CARD, refused),
            "likely: it acknowledges the SYN exactly, which is all that a client in SYN-SENT looks at [2]; \
             the end that it names answers the SYN that it refuses with a SYN-ACK 1.00 ms later [3]"
        );
    }

    #[test]
    fn near_miss_the_end_falls_silent_and_the_header_is_its_own() {
        let own = format!(
            "{OPEN}
            +20s
            < RA 351 ack 121"
        );
        assert_eq!(says(&CARD, &own), "silent");
    }

    #[test]
    fn near_miss_what_it_answers_never_arrived() {
        let rejected = format!(
            "{OPEN}
            > PA 121 ack 351 len 20
            < R 351
            +3s
            < FA 351 ack 121"
        );
        assert_eq!(
            says(&CARD, &rejected),
            "possible: its number is exactly the one that its victim expects next [8]; \
             the end that it names goes on sending 3.00 s later, beyond the reset's number (RST_SEQ_DATA) [9]"
        );
    }

    #[test]
    fn one_sided_without_the_victim_the_number_cannot_be_judged() {
        let server = "linux
            < SA 300 ack 101
            < PA 301 ack 121 len 50
            < R 351
            +1s
            < PA 351 ack 121 len 50";
        assert_eq!(
            says(&CARD, server),
            "possible: its number is that end's next; what its victim expects isn't in the capture [3]; \
             the end that it names goes on sending 1.00 s later, beyond the reset's number (RST_SEQ_DATA) [4]"
        );
    }

    fn says_of_frame(conversation: &str, frame: u64) -> String {
        let told = crate::testing::told(conversation);
        let wanted = format!("frame {frame}:");
        told.into_iter().find(|line| line.starts_with(&wanted)).expect("a reset in that frame")
    }
}

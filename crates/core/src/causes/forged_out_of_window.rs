//! forged-out-of-window: somebody guessed a number, and nobody cared.

mod plays;

use super::card::{CauseId, KernelWord, Opinion, Recogniser, ResetCause};
use crate::reset::{Evidence, Finding, Grounds, Progress, Reset, Shape, Value, Who};

/// The card.
pub static CARD: ResetCause = ResetCause {
    id: CauseId("forged-out-of-window"),
    title: "somebody forged it, with a number outside the window",
    story: "A RST whose number lies outside the receive window is dropped without an answer, and the connection goes \
            on as if nothing had come. Blind attackers, who must guess, send many of these; so do injectors whose view \
            of the connection is late, and censors who cover several guesses. In SYN-SENT any RST without ACK, or with \
            a wrong acknowledgment, is dropped the same way.",
    on_the_wire: "A RST behind what its end has sent, or far ahead of it; no answer at all; both ends go on.",
    remedy: "None needed: the connection survived. If there are many, somebody tries: look for their origin by their \
             time to live.",
    decided_by: "on the victim: neither TCPChallengeACK nor the tracepoint tcp:tcp_receive_reset moves; on the end \
                 that it names: OutRsts stays still",
    twin_of: &[],
    refines: None,
    references: &[
        "RFC 5961 section 3.2, RFC 9293 section 3.10.7.4 (RST bit)",
        "Linux net/ipv4/tcp_input.c tcp_validate_incoming",
    ],
    recognise: Recogniser::Reset(recognise),
    kernel: KernelWord::Silent,
    plays: &plays::PLAYS,
};

/// No window is larger (RFC 7323 section 2.3).
const LARGEST_WINDOW: i32 = 1 << 30;

fn recognise(reset: &Reset) -> Opinion {
    let (facts, after) = (&reset.facts, &reset.after);
    let frame = reset.segment.frame;
    let lives = after.victim_spoke.zip(after.sender_spoke);
    let lives = lives.map(|(victim, own)| Evidence::supports("both ends go on").on(victim.frame()).on(own.frame()));
    let sure = if reset.foreign().is_some() { reset.sender.finding } else { Finding::Possible };
    if facts.progress == Progress::Opening && facts.offending.is_none() && facts.victim.syn.is_some() {
        let wrong = Evidence::supports("it doesn't acknowledge the SYN, and a client in SYN-SENT drops it").on(frame);
        // The SYN sent again after it may count as another connection.
        return match lives {
            Some(lives) => Opinion::suggests(sure, Grounds::from(wrong).and(lives)),
            None => Opinion::suggests(Finding::Possible, wrong),
        };
    }
    let inexact = facts.ahead_of_acked.filter(|ahead| *ahead != 0 && facts.shape != Shape::Refusal);
    let doubted = matches!(reset.sender.who, Who::ThirdParty | Who::Unknown);
    let Some((ahead, lives)) = inexact.zip(lives).filter(|_| doubted) else {
        return Opinion::Silent;
    };
    if ahead > 0 && reset.challenge().is_some() {
        return Opinion::Silent;
    }
    let away = Evidence::supports("its number is {} octets away from what the victim expects, which doesn't answer it");
    let grounds = Grounds::from(away.with(Value::Signed(i64::from(ahead))).on(frame)).and(lives);
    // Within the window it was to be challenged: the challenge may have come by another way, or been one too many
    // (RFC 5961 section 7).
    let may_be_in_window = (1..LARGEST_WINDOW).contains(&ahead);
    Opinion::suggests(if may_be_in_window { sure.min(Finding::Likely) } else { sure }, grounds)
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
        +1s
        ";

    #[test]
    fn yes_a_blind_guess_far_ahead() {
        let guessed = format!(
            "{OPEN}
            < R 1500000000
            +1s
            > PA 121 ack 351 len 20
            < PA 351 ack 141 len 50
            > A 141 ack 401"
        );
        assert_eq!(
            says(&CARD, &guessed),
            "certain: its number is +1499999649 octets away from what the victim expects, which doesn't answer it [7]; \
             both ends go on [8, 9]"
        );
    }

    #[test]
    fn yes_a_number_behind() {
        let late = format!(
            "{OPEN}
            < R 200
            +1s
            > PA 121 ack 351 len 20
            < PA 351 ack 141 len 50"
        );
        assert_eq!(
            says(&CARD, &late),
            "certain: its number is -151 octets away from what the victim expects, which doesn't answer it [7]; \
             both ends go on [8, 9]"
        );
    }

    #[test]
    fn yes_a_client_drops_what_does_not_acknowledge_its_syn() {
        let zeroes = "linux
            > S 100
            < RA 0 ack 0 ttl 200
            +10ms
            < SA 300 ack 101
            > A 101 ack 301
            < PA 301 ack 101 len 50";
        assert_eq!(
            says(&CARD, zeroes),
            "likely: it doesn't acknowledge the SYN, and a client in SYN-SENT drops it [2]; both ends go on [4, 3]"
        );
    }

    #[test]
    fn likely_where_the_window_may_reach_and_no_challenge_was_seen() {
        let reordered = format!(
            "{OPEN}
            > A 121 ack 351
            < R 5351
            > PA 121 ack 351 len 20
            < PA 351 ack 141 len 50"
        );
        assert_eq!(
            says(&CARD, &reordered),
            "likely: its number is +5000 octets away from what the victim expects, which doesn't answer it [8]; \
             both ends go on [9, 10]"
        );
    }

    #[test]
    fn near_miss_the_victim_challenges() {
        let challenged = format!(
            "{OPEN}
            < R 5351
            > A 121 ack 351
            < PA 351 ack 121 len 50"
        );
        assert_eq!(says(&CARD, &challenged), "silent");
    }

    #[test]
    fn near_miss_the_victim_falls_silent() {
        let taken = format!(
            "{OPEN}
            < R 351
            +1s
            < PA 351 ack 121 len 50"
        );
        assert_eq!(says(&CARD, &taken), "silent");
    }

    #[test]
    fn one_sided_without_the_victim_nothing_shows_that_it_went_on() {
        let server = "linux
            < SA 300 ack 101
            < PA 301 ack 121 len 50
            < R 9999
            +1s
            < PA 351 ack 141 len 50";
        assert_eq!(says(&CARD, server), "silent");
    }
}

//! forged-in-window: somebody guessed a number, near enough to be questioned.

mod plays;

use super::card::{CauseId, KernelWord, Opinion, Recogniser, ResetCause};
use crate::reset::{Evidence, Finding, Grounds, Reset, Shape};

/// The card.
pub static CARD: ResetCause = ResetCause {
    id: CauseId("forged-in-window"),
    title: "somebody forged it, with a number in the window that isn't exact",
    story: "A RST whose number lies in the receive window but isn't exactly the next is not believed: the host asks \
            with an acknowledgment (a challenge ACK) whether its peer means it. The real peer still has the connection \
            and takes that for a duplicate; the connection lives. Before RFC 5961 any number in the window killed, and \
            blind attackers had only to try one in each window.",
    on_the_wire: "A RST ahead of the victim's last acknowledgment, the victim's empty acknowledgment within the same \
                  round trip, and both ends go on. An end that had really reset, behind data that was lost, would \
                  answer the challenge with a second, exact RST.",
    remedy: "None needed: the connection survived. Who sends these can be looked for by their time to live; many of \
             them are a blind attack.",
    decided_by: "on the victim: the counter TCPChallengeACK moves and the tracepoint tcp:tcp_receive_reset stays \
                 still; on the end that it names: OutRsts stays still",
    twin_of: &[CauseId("forged-out-of-window")],
    refines: None,
    references: &[
        "RFC 5961 section 3.2, RFC 9293 section 3.10.7.4 (RST bit)",
        "Watson: Slipping in the Window (2004)",
        "Linux net/ipv4/tcp_input.c tcp_validate_incoming, tcp_send_challenge_ack",
    ],
    recognise: Recogniser::Reset(recognise),
    kernel: KernelWord::Silent,
    plays: &plays::PLAYS,
};

/// No window is larger (RFC 7323 section 2.3).
const LARGEST_WINDOW: i32 = 1 << 30;

fn recognise(reset: &Reset) -> Opinion {
    let (facts, after) = (&reset.facts, &reset.after);
    let in_window = |ahead: i32| (1..LARGEST_WINDOW).contains(&ahead);
    let Some(ahead) = facts.ahead_of_acked.filter(|ahead| in_window(*ahead)) else {
        return Opinion::Silent;
    };
    let Some(challenge) = reset.challenge().filter(|_| facts.shape != Shape::Refusal) else {
        return Opinion::Silent;
    };
    if let Some(next) = after.next_reset.filter(|next| next.seq == challenge.ack) {
        let settled =
            Evidence::opposes("asked by the victim's challenge ACK, the same end resets again with the exact number");
        return Opinion::Against(settled.on(challenge.frame()).on(next.frame()));
    }
    let challenged = Evidence::supports(
        "its number is {} octets ahead of what the victim expects, which answers with a challenge ACK",
    )
    .with(crate::reset::Value::Signed(i64::from(ahead)));
    let mut grounds = Grounds::from(challenged.on(reset.segment.frame).on(challenge.frame()));
    let Some(later) = after.sender_sent_new.or(after.sender_spoke) else {
        return Opinion::suggests(Finding::Possible, grounds);
    };
    let lives = Evidence::supports("the end that it names goes on: the connection lives").on(later.frame());
    grounds.add(lives);
    let sure = if reset.foreign().is_some() { reset.sender.finding } else { Finding::Possible };
    Opinion::suggests(sure, grounds)
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
    fn yes_the_challenge_is_taken_for_a_duplicate_and_both_go_on() {
        let guessed = format!(
            "{OPEN}
            < R 5351
            > A 121 ack 351          # the challenge
            +100ms
            > PA 121 ack 351 len 20
            < PA 351 ack 141 len 50
            > A 141 ack 401"
        );
        assert_eq!(
            says(&CARD, &guessed),
            "certain: its number is +5000 octets ahead of what the victim expects, which answers with a challenge ACK [7, 8]; \
             the end that it names goes on: the connection lives [10]"
        );
    }

    #[test]
    fn less_sure_when_nothing_more_is_seen() {
        let guessed = format!(
            "{OPEN}
            < R 5351
            > A 121 ack 351"
        );
        assert_eq!(
            says(&CARD, &guessed),
            "possible: its number is +5000 octets ahead of what the victim expects, which answers with a challenge ACK [7, 8]"
        );
    }

    #[test]
    fn near_miss_a_reset_behind_lost_data_that_was_meant() {
        let lost = format!(
            "{OPEN}
            < PA 351 ack 121 len 50  # lost behind the capture
            < RA 401 ack 121
            > A 121 ack 351          # the challenge
            < R 351"
        );
        let first = crate::testing::judged(&lost).into_iter().find(|judged| judged.reset.segment.frame == 8);
        let crate::causes::Recogniser::Reset(recognise) = CARD.recognise else { panic!("a card for resets") };
        let crate::causes::Opinion::Against(why) = recognise(&first.expect("a reset").reset) else {
            panic!("not against")
        };
        assert_eq!(
            why.to_string(),
            "asked by the victim's challenge ACK, the same end resets again with the exact number"
        );
        assert_eq!(why.frames().collect::<Vec<_>>(), [9, 10]);
    }

    #[test]
    fn near_miss_the_number_is_exact() {
        let exact = format!(
            "{OPEN}
            < R 351
            > A 121 ack 351"
        );
        assert_eq!(says(&CARD, &exact), "silent");
    }

    #[test]
    fn one_sided_without_the_victim_no_challenge_is_seen() {
        let server = "linux
            < SA 300 ack 101
            < PA 301 ack 121 len 50
            < R 5351
            +1s
            < PA 351 ack 141 len 50";
        assert_eq!(says(&CARD, server), "silent");
    }
}

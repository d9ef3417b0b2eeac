//! linger-zero: the application closed with SO_LINGER on and a time of 0.

use super::card::{CauseId, Opinion, Recogniser, ResetCause};
use crate::reset::{Evidence, Finding, Grounds, Progress, Reset, Shape};

/// The card.
pub static CARD: ResetCause = ResetCause {
    id: CauseId("linger-zero"),
    title: "the application closed with SO_LINGER 0",
    story: "A socket with SO_LINGER {on, 0} is not closed by FIN. close() sends a RST at once and forgets the connection: what \
            was not yet sent is dropped, there is no TIME-WAIT, and the peer's next read or write fails with ECONNRESET. \
            Servers do it to free ports under load, proxies to get rid of a client, test tools to make resets.",
    on_the_wire: "A RST with ACK, numbers, window and timestamps of the live connection, at a moment of the application's \
                  choice. Nothing on the wire asks for it.",
    remedy: "Find the setsockopt(SO_LINGER) of the program that closes; let it shut down for writing and read to the end before \
             it closes.",
    decided_by: "on the sender: the counter TCPAbortOnData, the tracepoint tcp:tcp_send_reset (TCP_STATE, state TCP_CLOSE, in \
                 the closing process), or strace of setsockopt and close",
    twin_of: &[
        CauseId("abort-on-close"),
        CauseId("administrative-kill"),
        CauseId("connection-limit"),
        CauseId("crash-with-unread-data"),
        CauseId("idle-timeout"),
    ],
    refines: None,
    references: &[
        "socket(7) SO_LINGER",
        "RFC 9293 section 3.10.5 (ABORT)",
        "Linux net/ipv4/tcp.c __tcp_close, tcp_disconnect",
    ],
    recognise: Recogniser::Reset(recognise),
};

fn recognise(reset: &Reset) -> Opinion {
    let facts = &reset.facts;
    if facts.shape != Shape::Active {
        return Opinion::Silent;
    }
    let frame = reset.segment.frame;
    let decision = Evidence::supports("a live socket's reset that no segment asked for").on(frame);
    match facts.progress {
        Progress::Established => {
            let grounds =
                Grounds::from(decision).and(Evidence::supports("no data had come: nothing was left unread").on(frame));
            Opinion::suggests(Finding::Likely, grounds)
        }
        Progress::Data if !facts.victim.waits_for_answer_of(&facts.sender) => {
            let answered = Evidence::supports("the victim's last data was answered, so it had been read");
            let last = facts.sender.last_data.map_or(frame, |data| data.frame());
            Opinion::suggests(Finding::Likely, Grounds::from(decision).and(answered.on(last)))
        }
        _ => Opinion::suggests(Finding::Possible, decision),
    }
}

#[cfg(test)]
mod tests {
    use super::CARD;
    use crate::testing::says;

    #[test]
    fn yes_a_server_resets_as_soon_as_it_has_accepted() {
        let storm = "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            < RA 301 ack 101";
        assert_eq!(
            says(&CARD, storm),
            "likely: a live socket's reset that no segment asked for [4]; no data had come: nothing was left unread [4]"
        );
    }

    #[test]
    fn yes_a_server_resets_after_its_answer() {
        let answered = "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            > PA 101 ack 301 len 20
            < PA 301 ack 121 len 50
            > A 121 ack 351
            < RA 351 ack 121";
        assert_eq!(
            says(&CARD, answered),
            "likely: a live socket's reset that no segment asked for [7]; \
             the victim's last data was answered, so it had been read [5]"
        );
    }

    #[test]
    fn near_miss_the_request_was_never_answered() {
        let unanswered = "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            > PA 101 ack 301 len 20
            < A 301 ack 121
            < RA 301 ack 121";
        assert_eq!(says(&CARD, unanswered), "possible: a live socket's reset that no segment asked for [6]");
    }

    #[test]
    fn one_sided_only_the_server_was_captured() {
        let one_sided = "linux
            < SA 300 ack 101
            < RA 301 ack 101";
        assert_eq!(says(&CARD, one_sided), "possible: a live socket's reset that no segment asked for [2]");
    }
}

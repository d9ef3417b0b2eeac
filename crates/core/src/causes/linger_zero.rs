//! linger-zero: the application closed with SO_LINGER on and a time of 0.

mod plays;

use super::card::{CauseId, KernelWord, Opinion, Recogniser, ResetCause};
use crate::kernel::Mechanism;
use crate::reset::{Evidence, Finding, Grounds, Progress, Reset, Unread};

/// The card.
pub static CARD: ResetCause = ResetCause {
    id: CauseId("linger-zero"),
    title: "the application closed with SO_LINGER 0",
    story: "A socket with SO_LINGER {on, 0} is not closed by FIN. close() sends a RST at once and forgets the connection: what \
            was not yet sent is dropped, there is no TIME-WAIT, and the peer's next read or write fails with ECONNRESET. \
            Servers do it to free ports under load, proxies to get rid of a client, health checks and scanners to leave \
            nothing behind once the handshake has told them enough, test tools to make resets.",
    on_the_wire: "A RST with ACK, numbers, window and timestamps of the live connection, at a moment of the application's \
                  choice. Nothing on the wire asks for it.",
    remedy: "Find the setsockopt(SO_LINGER) of the program that closes; let it shut down for writing and read to the end before \
             it closes. A health check's resets are harmless: let the server ignore them.",
    decided_by: "on the sender: the counter TCPAbortOnData, the tracepoint tcp:tcp_send_reset (TCP_STATE, state TCP_CLOSE, in \
                 the closing process), or strace of setsockopt and close",
    twin_of: &[
        CauseId("abort-on-close"),
        CauseId("administrative-kill"),
        CauseId("connection-limit"),
        CauseId("crash-with-unread-data"),
        CauseId("disconnect"),
        CauseId("idle-timeout"),
        CauseId("listener-closed"),
    ],
    refines: None,
    references: &[
        "socket(7) SO_LINGER",
        "RFC 9293 section 3.10.5 (ABORT)",
        "Linux net/ipv4/tcp.c __tcp_close, tcp_disconnect",
    ],
    recognise: Recogniser::Reset(recognise),
    kernel: KernelWord::Says(&[Mechanism::CloseLingerZero]),
    plays: &plays::PLAYS,
};

fn recognise(reset: &Reset) -> Opinion {
    // A socket whose both FINs were sent has nothing left to abort (tcp_need_reset).
    if !reset.is_active() || reset.facts.progress == Progress::Closed {
        return Opinion::Silent;
    }
    let most = match reset.by_a_program() {
        Ok(most) => most.min(Finding::Likely),
        Err(evidence) => return Opinion::Against(evidence),
    };
    let frame = reset.segment.frame;
    let decision = Grounds::from(Evidence::supports("a live socket's reset that no segment asked for").on(frame));
    let unread = match reset.unread() {
        Unread::Nothing => Evidence::supports("it acknowledges no data: nothing was left unread").on(frame),
        Unread::Answered(answer) => {
            Evidence::supports("that end had sent data after the last it got: nothing shows data left unread")
                .on(answer.frame())
        }
        Unread::Full(_) | Unread::Unanswered(_) | Unread::Unknown => {
            return Opinion::suggests(Finding::Possible, decision);
        }
    };
    let grounds = decision.and(unread);
    match reset.facts.progress {
        Progress::Established if !reset.is_by_server() => {
            let check = Evidence::supports("the end that opened it sent nothing, as health checks and scanners do");
            Opinion::suggests(most, grounds.and(check.on(frame)))
        }
        Progress::Established | Progress::Data => Opinion::suggests(most, grounds),
        _ => Opinion::suggests(Finding::Possible, grounds),
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
            "likely: a live socket's reset that no segment asked for [4]; \
             it acknowledges no data: nothing was left unread [4]"
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
             that end had sent data after the last it got: nothing shows data left unread [5]"
        );
    }

    #[test]
    fn yes_a_health_check_connects_and_leaves() {
        let check = "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            > RA 101 ack 301";
        assert_eq!(
            says(&CARD, check),
            "likely: a live socket's reset that no segment asked for [4]; \
             it acknowledges no data: nothing was left unread [4]; \
             the end that opened it sent nothing, as health checks and scanners do [4]"
        );
    }

    #[test]
    fn near_miss_the_request_was_never_answered() {
        // A close would have reset without SO_LINGER too, had the program not read the request.
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
    fn near_miss_somebody_between_has_reset_it() {
        // The server goes on with data that it can't have sent after a reset of its own.
        let forged = "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            < RA 301 ack 101 ttl 57
            < PA 301 ack 101 len 50";
        assert_eq!(
            says(&CARD, forged),
            "against: the end that it names goes on sending 1.00 ms later, beyond the reset's number (RST_SEQ_DATA) [5]"
        );
    }

    #[test]
    fn one_sided_only_the_server_was_captured() {
        let one_sided = "linux
            < SA 300 ack 101
            < RA 301 ack 101";
        assert_eq!(
            says(&CARD, one_sided),
            "possible: a live socket's reset that no segment asked for [2]; \
             it acknowledges no data: nothing was left unread [2]"
        );
    }

    #[test]
    fn one_sided_the_beginning_is_missing() {
        let midstream = "linux
            > PA 101 ack 301 len 20
            < PA 301 ack 121 len 50
            > A 121 ack 351
            < RA 351 ack 121";
        assert_eq!(
            says(&CARD, midstream),
            "possible: a live socket's reset that no segment asked for [4]; \
             that end had sent data after the last it got: nothing shows data left unread [2]"
        );
    }
}

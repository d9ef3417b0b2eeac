//! abort-on-linger: a socket that had sent its FIN didn't wait for the peer's (TCP_LINGER2 below 0).

use super::card::{CauseId, KernelWord, Opinion, Recogniser, ResetCause};
use crate::kernel::Mechanism;
use crate::reset::{Evidence, Finding, Reset, Shape, Trace, Unread, Value};
use crate::scenario::fragment::{CLIENT_LEARNS_LATE, ESTABLISH, EXCHANGE};
use crate::scenario::{Condition, Count, Direction, Host, Play, Quantity, Shows, SocketOption, Step, Told, Topology};

/// The card.
pub static CARD: ResetCause = ResetCause {
    id: CauseId("abort-on-linger"),
    title: "it had closed and didn't wait for the peer's FIN (TCP_LINGER2 below 0)",
    story: "A closed socket whose FIN is acknowledged waits in FIN-WAIT-2 for the peer's FIN, for tcp_fin_timeout seconds. With \
            TCP_LINGER2 below 0 it doesn't wait: as soon as the FIN is acknowledged, Linux resets the connection and forgets it. \
            The peer has all the data, and gets an error only if it goes on sending.",
    on_the_wire: "FIN, the peer's bare ACK of it, and at once a RST: without ACK, as the answer to that ACK, if the program had \
                  closed before; with ACK, if it closed after shutdown(SHUT_WR).",
    remedy: "Harmless where the peer has nothing more to send. Else drop the setsockopt(TCP_LINGER2) of the sender's program.",
    decided_by: "on the sender: the counter TCPAbortOnLinger, or the tracepoint tcp:tcp_send_reset (TCP_ABORT_ON_LINGER, or \
                 TCP_ABORT_ON_DATA for the one without ACK)",
    twin_of: &[CauseId("data-after-close"), CauseId("linger-zero"), CauseId("reset-after-fin")],
    refines: None,
    references: &[
        "tcp(7) TCP_LINGER2",
        "RFC 9293 section 3.10.4",
        "Linux net/ipv4/tcp.c __tcp_close, net/ipv4/tcp_input.c tcp_rcv_state_process (TCP_FIN_WAIT1)",
    ],
    recognise: Recogniser::Reset(recognise),
    kernel: KernelWord::Says(&[Mechanism::AbortOnLinger]),
    plays: &PLAYS,
};

static PLAYS: [Play; 2] = [
    Play {
        id: "after-shutdown",
        title: "a server with TCP_LINGER2 -1 shuts down for writing, and closes when its FIN is acknowledged",
        topology: Topology::Bridged,
        steps: &[
            ESTABLISH,
            EXCHANGE,
            Step::Option("server", SocketOption::Linger2(-1)),
            Step::Shutdown("server", Direction::Write),
            Step::Await(Condition::State("server", "FIN_WAIT2")),
            Step::Close("server"),
            CLIENT_LEARNS_LATE,
        ],
        shows: Shows {
            client: &[Told::Eof, Told::Error("EPIPE")],
            counts: &[Count::Counter(Host::Server, "TcpExt.TCPAbortOnLinger", Quantity::Exactly(1))],
            ..Shows::reset(Host::Server, Mechanism::AbortOnLinger)
        },
    },
    Play {
        id: "close",
        title: "a server with TCP_LINGER2 -1 closes, and the acknowledgment of its FIN is answered with a reset",
        topology: Topology::Bridged,
        steps: &[
            ESTABLISH,
            EXCHANGE,
            Step::Option("server", SocketOption::Linger2(-1)),
            Step::Close("server"),
            CLIENT_LEARNS_LATE,
        ],
        shows: Shows {
            client: &[Told::Eof, Told::Error("EPIPE")],
            // It is counted as data after close is.
            counts: &[
                Count::Counter(Host::Server, "TcpExt.TCPAbortOnData", Quantity::Exactly(1)),
                Count::Counter(Host::Server, "TcpExt.TCPAbortOnLinger", Quantity::Exactly(0)),
            ],
            ..Shows::reset(Host::Server, Mechanism::AbortOnLinger)
        },
    },
];

/// An acknowledgment that comes later than this isn't the first of the FIN, or the network is broken.
const SOON: u64 = 1_000_000_000;

fn recognise(reset: &Reset) -> Opinion {
    let facts = &reset.facts;
    let Some(fin) = facts.sender.fin.filter(|_| facts.victim.fin.is_none()) else {
        return Opinion::Silent;
    };
    if facts.shape == Shape::Reply {
        return facts.offending.map_or(Opinion::Silent, |ack| answer(reset, fin, ack));
    }
    if !reset.is_active() {
        return Opinion::Silent;
    }
    if let Err(evidence) = reset.by_a_program() {
        return Opinion::Against(evidence);
    }
    let frame = reset.segment.frame;
    if facts.sender.unacknowledged.is_some_and(|octets| octets > 0) {
        let waiting = Evidence::opposes("its FIN was not yet acknowledged: only FIN-WAIT-2 is cut short");
        return Opinion::Against(waiting.on(fin.frame()).on(frame));
    }
    if let Unread::Unanswered(data) = reset.unread()
        && data.frame() > fin.frame()
    {
        let unread = Evidence::opposes("data came after its FIN: a close with that unread resets by itself");
        return Opinion::Against(unread.on(data.frame()));
    }
    let given_up = Evidence::supports("its FIN was acknowledged and the peer's had not come").on(fin.frame()).on(frame);
    Opinion::suggests(Finding::Possible, given_up)
}

/// A reset that answers the acknowledgment of the FIN.
fn answer(reset: &Reset, fin: Trace, ack: Trace) -> Opinion {
    if !ack.is_bare_ack() || ack.ack != fin.end() {
        return Opinion::Silent;
    }
    if let Some(evidence) = reset.foreign() {
        return Opinion::Against(evidence);
    }
    let took = ack.at.nanos_since(fin.at);
    let evidence = Evidence::supports("it answers the bare ACK of its FIN, {} after that");
    let evidence = evidence.with(Value::Nanos(took)).on(fin.frame()).on(ack.frame());
    Opinion::suggests(if took <= SOON { Finding::Likely } else { Finding::Possible }, evidence)
}

#[cfg(test)]
mod tests {
    use super::CARD;
    use crate::testing::says;

    #[test]
    fn yes_the_acknowledgment_of_the_fin_is_answered_with_a_reset() {
        let reply = "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            < FA 301 ack 101
            > A 101 ack 302
            < R 302";
        assert_eq!(says(&CARD, reply), "likely: it answers the bare ACK of its FIN, 1.00 ms after that [4, 5]");
    }

    #[test]
    fn possible_for_a_close_after_shutdown() {
        let closed = "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            < FA 301 ack 101
            > A 101 ack 302
            +20ms
            < RA 302 ack 101";
        assert_eq!(says(&CARD, closed), "possible: its FIN was acknowledged and the peer's had not come [4, 6]");
    }

    #[test]
    fn near_miss_data_came_after_the_fin() {
        let data = "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            < FA 301 ack 101
            > PA 101 ack 302 len 20
            < RA 302 ack 121";
        assert_eq!(
            says(&CARD, data),
            "against: data came after its FIN: a close with that unread resets by itself [5]"
        );
    }

    #[test]
    fn near_miss_data_is_answered_not_an_acknowledgment() {
        let late = "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            < FA 301 ack 101
            > PA 101 ack 302 len 20
            < R 302";
        assert_eq!(says(&CARD, late), "silent");
    }

    #[test]
    fn one_sided_only_the_end_that_closed_was_captured() {
        let one_sided = "linux
            < FA 301 ack 101
            < RA 302 ack 101";
        assert_eq!(says(&CARD, one_sided), "possible: its FIN was acknowledged and the peer's had not come [1, 2]");
    }
}

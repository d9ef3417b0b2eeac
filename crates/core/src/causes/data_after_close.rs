//! data-after-close: the sender had closed, and more came.

use super::card::{CauseId, KernelWord, Opinion, Recogniser, ResetCause};
use crate::kernel::Mechanism;
use crate::reset::{Evidence, Finding, Grounds, Reset, Shape, Trace, Value};
use crate::scenario::fragment::{CLIENT_LEARNS, CLIENT_LEARNS_LATE, DROP_DATA, ESTABLISH, EXCHANGE, SERVER_LEARNS};
use crate::scenario::{
    Condition, Count, Direction, Hook, Host, Match, Play, Quantity, Rule, SERVICE, Shows, Step, Then, Told, Topology,
};
use crate::tcp::Flags;

/// The card.
pub static CARD: ResetCause = ResetCause {
    id: CauseId("data-after-close"),
    title: "data came for a socket that was already closed",
    story: "close() ends both directions at once: a FIN is sent, and from then on nobody can read what still comes. \
            TCP says so with a RST. The peer had taken the FIN for an end of the answers and not of its own sending, \
            or its data was already under way. Its first write after the FIN succeeds, the next fails with EPIPE; \
            reads give the end of file. When the closed socket has waited long enough for the peer's FIN (FIN-WAIT-2, \
            net.ipv4.tcp_fin_timeout, 60 s) it is forgotten, and then any segment gets the same RST.",
    on_the_wire: "FIN from one side; data from the other; a RST without ACK of the side that had closed, with the \
                  number that the data acknowledged.",
    remedy: "The side that closes: shutdown(SHUT_WR), read to the end of file, then close(). The side that sends: stop \
             at the end of file. With HTTP keep-alive: let the client's idle timeout be shorter than the server's.",
    decided_by: "on the sender: the tracepoint tcp:tcp_send_reset (TCP_ABORT_ON_DATA, TCP_TIMEWAIT_SOCKET), the \
                 counter TCPAbortOnData; nothing tells close() from shutdown(SHUT_RDWR)",
    twin_of: &[
        CauseId("stray-segment"),
        CauseId("firewall-reject"),
        CauseId("abort-on-linger"),
        CauseId("reset-after-fin"),
    ],
    refines: None,
    references: &[
        "RFC 9293 section 3.6.1 (Half-Closed Connections), RFC 1122 section 4.2.2.13",
        "Linux net/ipv4/tcp_input.c tcp_rcv_state_process; net/ipv4/tcp_minisocks.c tcp_timewait_state_process",
        "tcp(7) TCP_LINGER2, ip-sysctl tcp_fin_timeout",
    ],
    recognise: Recogniser::Reset(recognise),
    kernel: KernelWord::Says(&[Mechanism::DataAfterClose, Mechanism::NoSocket, Mechanism::UnknownOnListener]),
    plays: &PLAYS,
};

static PLAYS: [Play; 7] = [
    Play {
        id: "time-wait",
        title: "a server has closed, its FIN is acknowledged, and the client sends another request",
        topology: Topology::Bridged,
        steps: &[
            ESTABLISH,
            EXCHANGE,
            Step::Close("server"),
            Step::Await(Condition::State("client", "CLOSE_WAIT")),
            Step::Write("client", 20),
            CLIENT_LEARNS_LATE,
        ],
        shows: Shows { client: LATE, ..Shows::reset(Host::Server, Mechanism::DataAfterClose) },
    },
    Play {
        id: "fin-unacknowledged",
        title: "a server has closed, and the client sends another request before the FIN has reached it",
        topology: Topology::Bridged,
        steps: &[
            ESTABLISH,
            EXCHANGE,
            Step::Filter(&Rule {
                name: "no-fin",
                host: Host::Client,
                hook: Hook::Input,
                when: &[Match::SourcePort(SERVICE), Match::Flags(Flags::FIN, Flags::FIN)],
                then: Then::Drop,
            }),
            Step::Close("server"),
            Step::Await(Condition::Met("no-fin", 1)),
            Step::Write("client", 20),
            CLIENT_LEARNS,
        ],
        shows: Shows {
            client: &[Told::Error("ECONNRESET"), Told::Error("EPIPE")],
            counts: &[Count::Counter(Host::Server, "TcpExt.TCPAbortOnData", Quantity::Exactly(1))],
            ..Shows::reset(Host::Server, Mechanism::DataAfterClose)
        },
    },
    Play {
        id: "request-crosses-the-fin",
        title: "a request on an idle connection of a pool is on its way when the server closes",
        topology: Topology::Bridged,
        steps: &[
            ESTABLISH,
            EXCHANGE,
            DROP_DATA,
            Step::Write("client", 20),
            Step::Await(Condition::Met("no-data", 1)),
            Step::Close("server"),
            Step::Await(Condition::State("client", "CLOSE_WAIT")),
            Step::Unfilter("no-data"),
            CLIENT_LEARNS_LATE,
        ],
        shows: Shows { client: LATE, ..Shows::reset(Host::Server, Mechanism::DataAfterClose) },
    },
    Play {
        id: "shutdown-both",
        title: "a server has shut down both directions and keeps its socket, and the client sends another request",
        topology: Topology::Bridged,
        steps: &[
            ESTABLISH,
            EXCHANGE,
            Step::Shutdown("server", Direction::Both),
            Step::Await(Condition::State("server", "FIN_WAIT2")),
            Step::Write("client", 20),
            CLIENT_LEARNS_LATE,
            SERVER_LEARNS,
        ],
        shows: Shows {
            client: LATE,
            server: &[Told::Error("ECONNRESET"), Told::Error("EPIPE")],
            counts: &[Count::Counter(Host::Server, "TcpExt.TCPAbortOnData", Quantity::Exactly(1))],
            ..Shows::reset(Host::Server, Mechanism::DataAfterClose)
        },
    },
    Play {
        id: "fin-wait-2-expired",
        title: "a server has closed and forgotten the connection after tcp_fin_timeout",
        topology: Topology::Bridged,
        steps: &[
            Step::Set(Host::Server, "net/ipv4/tcp_fin_timeout", "1"),
            ESTABLISH,
            EXCHANGE,
            Step::Close("listener"),
            Step::Close("server"),
            Step::Await(Condition::Forgotten("server")),
            Step::Write("client", 20),
            CLIENT_LEARNS_LATE,
        ],
        shows: Shows { client: LATE, ..Shows::reset(Host::Server, Mechanism::NoSocket) },
    },
    Play {
        id: "fin-wait-2-expired-with-a-listener",
        title: "a server has closed and forgotten the connection after tcp_fin_timeout, and still listens",
        topology: Topology::Bridged,
        steps: &[
            Step::Set(Host::Server, "net/ipv4/tcp_fin_timeout", "1"),
            ESTABLISH,
            EXCHANGE,
            Step::Close("server"),
            Step::Await(Condition::Forgotten("server")),
            Step::Write("client", 20),
            CLIENT_LEARNS_LATE,
        ],
        shows: Shows { client: LATE, ..Shows::reset(Host::Server, Mechanism::UnknownOnListener) },
    },
    Play {
        id: "shutdown-read",
        title: "control: a server has shut down for reading only, and what comes is acknowledged",
        topology: Topology::Bridged,
        steps: &[
            ESTABLISH,
            EXCHANGE,
            Step::Shutdown("server", Direction::Read),
            Step::Write("client", 20),
            Step::Await(Condition::Acknowledged("client")),
            Step::Await(Condition::Arrived("server", 20)),
        ],
        shows: Shows {
            counts: &[
                Count::Counter(Host::Server, "Tcp.OutRsts", Quantity::Exactly(0)),
                Count::Counter(Host::Client, "Tcp.RetransSegs", Quantity::Exactly(0)),
            ],
            ..Shows::NOTHING
        },
    },
];

/// The kernel takes a reset after a FIN for less than an error: the end of file, and EPIPE for whoever still writes.
const LATE: &[Told] = &[Told::Eof, Told::Error("EPIPE")];

/// Linux forgets a closed socket that still waits for the peer's FIN after this (tcp_fin_timeout, as it comes).
const FIN_TIMEOUT: u64 = 60_000_000_000;

/// tcp_fin_timeout counts in seconds.
const LEAST_TIMEOUT: u64 = 1_000_000_000;

fn recognise(reset: &Reset) -> Opinion {
    let facts = &reset.facts;
    let Some(fin) = facts.sender.fin.filter(|_| facts.shape == Shape::Reply) else {
        return Opinion::Silent;
    };
    let frame = reset.segment.frame;
    let closed = Evidence::supports("the end that resets had sent its FIN").on(fin.frame());
    let Some(asked) = facts.offending.filter(|_| reset.is_asked()) else {
        let unheard = facts.victim.segments == 0;
        return if unheard { Opinion::suggests(Finding::Possible, closed.on(frame)) } else { Opinion::Silent };
    };
    if let Some(evidence) = reset.foreign() {
        return Opinion::Against(evidence);
    }
    let waited = asked.at.nanos_since(fin.at);
    if asked.len == 0 {
        return judge_empty(reset, asked, waited);
    }
    let grounds = Grounds::from(closed);
    if waited >= FIN_TIMEOUT {
        let late = Evidence::supports("data came {} later, when the closed socket had been forgotten (FIN-WAIT-2)");
        return Opinion::suggests(
            Finding::Likely,
            grounds.and(late.with(Value::Nanos(waited)).on(asked.frame()).on(frame)),
        );
    }
    let data = Evidence::supports("data came {} later, that nobody could read any more, and is answered with a reset");
    Opinion::suggests(Finding::Likely, grounds.and(data.with(Value::Nanos(waited)).on(asked.frame()).on(frame)))
}

/// Not data is answered: only a socket that was forgotten does that.
fn judge_empty(reset: &Reset, asked: Trace, waited: u64) -> Opinion {
    if waited < if asked.flags.is_fin() { LEAST_TIMEOUT } else { FIN_TIMEOUT } {
        return Opinion::Silent;
    }
    let late = Evidence::supports(
        "a segment without data came {} after the FIN, when the closed socket may have been forgotten \
                                   (FIN-WAIT-2)",
    );
    let late = late.with(Value::Nanos(waited)).on(asked.frame()).on(reset.segment.frame);
    Opinion::suggests(Finding::Possible, late)
}

#[cfg(test)]
mod tests {
    use super::CARD;
    use crate::testing::says;

    const CLOSED: &str = "linux
        > S 100
        < SA 300 ack 101
        > A 101 ack 301
        > PA 101 ack 301 len 20
        < PA 301 ack 121 len 50
        < FA 351 ack 121
        > A 121 ack 352
        ";

    #[test]
    fn yes_a_second_request_after_the_fin() {
        let second = format!(
            "{CLOSED}
            +10ms
            > PA 121 ack 352 len 20
            < R 352"
        );
        assert_eq!(
            says(&CARD, &second),
            "likely: the end that resets had sent its FIN [6]; \
             data came 12.0 ms later, that nobody could read any more, and is answered with a reset [8, 9]"
        );
    }

    #[test]
    fn yes_the_closed_socket_had_been_forgotten() {
        let late = format!(
            "{CLOSED}
            +90s
            > PA 121 ack 352 len 20
            < R 352"
        );
        assert_eq!(
            says(&CARD, &late),
            "likely: the end that resets had sent its FIN [6]; \
             data came 90.0 s later, when the closed socket had been forgotten (FIN-WAIT-2) [8, 9]"
        );
    }

    #[test]
    fn less_sure_when_only_the_fin_of_the_other_comes_late() {
        let fin = format!(
            "{CLOSED}
            +90s
            > FA 121 ack 352
            < R 352"
        );
        assert_eq!(
            says(&CARD, &fin),
            "possible: a segment without data came 90.0 s after the FIN, when the closed socket may have been forgotten \
             (FIN-WAIT-2) [8, 9]"
        );
    }

    #[test]
    fn near_miss_the_sender_had_not_closed() {
        let open = "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            > PA 101 ack 301 len 20
            < R 301";
        assert_eq!(says(&CARD, open), "silent");
    }

    #[test]
    fn near_miss_the_empty_ack_of_the_fin_is_reset() {
        let linger = "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            < FA 301 ack 101
            > A 101 ack 302
            < R 302";
        assert_eq!(says(&CARD, linger), "silent");
    }

    #[test]
    fn one_sided_only_the_side_that_closed_was_captured() {
        let server = "linux
            < SA 300 ack 101
            < PA 301 ack 121 len 50
            < FA 351 ack 121
            < R 352";
        assert_eq!(says(&CARD, server), "possible: the end that resets had sent its FIN [3, 4]");
    }
}

//! reset-after-fin: a reset after a FIN, at the end of a connection that had done its work.

use super::card::{CauseId, KernelWord, Opinion, Recogniser, ResetCause};
use crate::kernel::Mechanism;
use crate::reset::{Evidence, Finding, Grounds, Harm, Reset, Shape, Unread, Value, Why};
use crate::scenario::fragment::{
    ACCEPT, BOUND_CLIENT, CLIENT_LEARNS_LATE, CONNECT, DROP_DATA, ESTABLISH, EXCHANGE, LISTEN, out_of_the_blue,
};
use crate::scenario::{
    Ack, Condition, Count, Direction, Fate, Forgery, Host, Number, Play, Quantity, SERVICE, Shows, SocketOption, Step,
    Told, Topology, Until,
};
use crate::tcp::Flags;

/// The card.
pub static CARD: ResetCause = ResetCause {
    id: CauseId("reset-after-fin"),
    title: "the connection was already being closed",
    story: "About half of the resets in public captures come after a FIN, and most of them harm nobody. A client closes after \
            the server's FIN without reading what came last, mostly TLS's close_notify: its kernel resets. A program that has \
            shut down for writing closes with data unread or with SO_LINGER. Or both have closed, one has forgotten the \
            connection already, and answers what comes late.",
    on_the_wire: "FIN of one side or of both, then a RST: with ACK, a socket's own; without, the answer to a late segment.",
    remedy: "Nothing, where all data was acknowledged. Where the end that resets lost data that it wanted, let it read to the end \
             before it closes.",
    decided_by: "on the sender: tcp:tcp_send_reset (TCP_ABORT_ON_CLOSE: data was unread; TCP_STATE: SO_LINGER or a timer; \
                 TCP_TIMEWAIT_SOCKET, TCP_ABORT_ON_DATA or NO_SOCKET: a late segment); in the application's log: nothing",
    twin_of: &[
        CauseId("abort-on-close"),
        CauseId("abort-on-linger"),
        CauseId("data-after-close"),
        CauseId("linger-zero"),
    ],
    refines: None,
    references: &[
        "RFC 9293 section 3.6",
        "RFC 2525 section 2.17",
        "RFC 8446 section 6.1 (close_notify)",
        "Arlitt and Williamson, An Analysis of TCP Reset Behaviour on the Internet (2005)",
    ],
    recognise: Recogniser::Reset(recognise),
    kernel: KernelWord::Says(&[
        Mechanism::CloseUnsent,
        Mechanism::CloseLingerZero,
        Mechanism::CloseUnread,
        Mechanism::DeathUnread,
        Mechanism::FinWait2Timer,
        Mechanism::DataAfterClose,
        Mechanism::NoSocket,
        Mechanism::UnknownOnListener,
    ]),
    plays: &PLAYS,
};

static PLAYS: [Play; 8] = [
    Play {
        id: "close-notify",
        title: "a server says goodbye and closes, and the client closes without having read that",
        topology: Topology::Bridged,
        steps: &[GOODBYE, Step::Close("client")],
        shows: Shows { counts: UNREAD, ..Shows::reset(Host::Client, Mechanism::CloseUnread) },
    },
    Play {
        id: "death-after-fin",
        title: "a server says goodbye and closes, and the client is killed before it has read that",
        topology: Topology::Bridged,
        steps: &[GOODBYE, Step::Hand("client", "user"), Step::End("user", Fate::Kill)],
        shows: Shows { counts: UNREAD, ..Shows::reset(Host::Client, Mechanism::DeathUnread) },
    },
    Play {
        id: "linger-zero-after-fin",
        title: "a server closes, and the client that has read to the end closes with SO_LINGER 0",
        topology: Topology::Bridged,
        steps: &[
            ESTABLISH,
            EXCHANGE,
            Step::Close("server"),
            Step::Read("client", Until::End),
            Step::Option("client", SocketOption::LingerZero),
            Step::Close("client"),
        ],
        shows: Shows {
            client: &[Told::Eof],
            counts: &[Count::Counter(Host::Client, "TcpExt.TCPAbortOnData", Quantity::Exactly(1))],
            ..Shows::reset(Host::Client, Mechanism::CloseLingerZero)
        },
    },
    Play {
        id: "unsent-data",
        title: "both have closed, and a server whose last data doesn't fit the client's window disconnects",
        topology: Topology::Bridged,
        steps: &[
            ESTABLISH,
            Step::Shutdown("client", Direction::Write),
            Step::Read("server", Until::End),
            // More than both buffers hold.
            Step::Write("server", 16 << 20),
            Step::Shutdown("server", Direction::Write),
            Step::Await(Condition::State("server", "LAST_ACK")),
            Step::Disconnect("server"),
            Step::Read("client", Until::End),
        ],
        shows: Shows {
            client: &[Told::Error("ECONNRESET")],
            server: &[Told::Eof],
            counts: &[Count::Counter(Host::Server, "Tcp.OutRsts", Quantity::Exactly(1))],
            ..Shows::reset(Host::Server, Mechanism::CloseUnsent)
        },
    },
    Play {
        id: "fin-wait-2-timer",
        title: "a server has closed, and its time in FIN-WAIT-2 is shortened while it waits",
        topology: Topology::Bridged,
        steps: &[
            // What is over 60 s is waited for in FIN-WAIT-2 itself, the rest as if in TIME-WAIT.
            Step::Set(Host::Server, "net/ipv4/tcp_fin_timeout", "61"),
            ESTABLISH,
            EXCHANGE,
            Step::Shutdown("server", Direction::Write),
            Step::Await(Condition::State("server", "FIN_WAIT2")),
            Step::Close("server"),
            Step::Set(Host::Server, "net/ipv4/tcp_fin_timeout", "60"),
            CLIENT_LEARNS_LATE,
        ],
        shows: Shows {
            client: &[Told::Eof, Told::Error("EPIPE")],
            counts: &[Count::Counter(Host::Server, "Tcp.OutRsts", Quantity::Exactly(1))],
            ..Shows::reset(Host::Server, Mechanism::FinWait2Timer)
        },
    },
    Play {
        id: "fin-overtakes-data",
        title: "a server has closed, and the client's last data is lost while its FIN arrives",
        topology: Topology::Bridged,
        steps: &[
            ESTABLISH,
            EXCHANGE,
            Step::Close("server"),
            Step::Read("client", Until::End),
            DROP_DATA,
            Step::Write("client", 20),
            Step::Close("client"),
            Step::Await(Condition::Seen(Host::Server, Flags::RST, Flags::RST, 1)),
        ],
        shows: Shows {
            client: &[Told::Eof],
            counts: &[Count::Rule("no-data", Quantity::AtLeast(1))],
            ..Shows::reset(Host::Server, Mechanism::DataAfterClose)
        },
    },
    Play {
        id: "late-ack",
        title: "a late acknowledgment comes to a host that has closed, been closed, and forgotten the connection",
        topology: Topology::Bridged,
        steps: &[BOTH_CLOSE, LATE_ACK],
        shows: Shows { server: &[Told::Eof], ..Shows::reset(Host::Server, Mechanism::UnknownOnListener) },
    },
    Play {
        id: "late-ack-without-a-listener",
        title: "the same, and nobody listens at the port any more",
        topology: Topology::Bridged,
        steps: &[BOTH_CLOSE, Step::Close("listener"), LATE_ACK],
        shows: Shows { server: &[Told::Eof], ..Shows::reset(Host::Server, Mechanism::NoSocket) },
    },
];

/// The server's last octets, such as TLS's close_notify, and its FIN are at the client, whose program has read neither.
const GOODBYE: Step = Step::Do(&[
    ESTABLISH,
    EXCHANGE,
    Step::Write("server", 24),
    Step::Close("server"),
    Step::Await(Condition::State("client", "CLOSE_WAIT")),
]);

const UNREAD: &[Count] = &[Count::Counter(Host::Client, "TcpExt.TCPAbortOnClose", Quantity::Exactly(1))];

/// The client closes first, so that the server's host has nothing left of the connection when both have.
const BOTH_CLOSE: Step = Step::Do(&[
    LISTEN,
    BOUND_CLIENT,
    CONNECT,
    ACCEPT,
    EXCHANGE,
    Step::Close("client"),
    Step::Read("server", Until::End),
    Step::Shutdown("server", Direction::Write),
    Step::Await(Condition::State("server", "CLOSE")),
    Step::Close("server"),
]);

/// An acknowledgment of the client's that comes only now.
const LATE_ACK: Step = Step::Do(&[
    Step::Forge(Forgery { seq: Number::Next(0), ack: Ack::Sent(0), ..out_of_the_blue(Flags::ACK, 0, SERVICE) }),
    Step::Await(Condition::Seen(Host::Server, Flags::RST, Flags::RST, 1)),
]);

fn recognise(reset: &Reset) -> Opinion {
    let facts = &reset.facts;
    let (own, others) = (facts.sender.fin, facts.victim.fin);
    if own.is_none() && others.is_none() {
        return Opinion::Silent;
    }
    let frame = reset.segment.frame;
    let after = match (own, others, facts.offending) {
        (Some(own), Some(others), _) if reset.is_active() => {
            Evidence::supports("both had sent their FIN").on(own.frame()).on(others.frame())
        }
        (Some(_), Some(_), Some(late)) if facts.shape == Shape::Reply => {
            Evidence::supports("it answers a segment that came when both had sent their FIN").on(late.frame()).on(frame)
        }
        (None, Some(others), _) if reset.is_active() => {
            Evidence::supports("the victim had sent its FIN").on(others.frame()).on(frame)
        }
        (Some(own), None, _) if reset.is_active() => {
            Evidence::supports("its own FIN was sent before").on(own.frame()).on(frame)
        }
        _ => return Opinion::Silent,
    };
    if let Some(evidence) = reset.foreign() {
        return Opinion::Against(evidence);
    }
    if let Unread::Unanswered(data) = reset.unread()
        && own.is_none()
    {
        let request = Evidence::opposes("what came with the FIN was never answered").on(data.frame());
        return Opinion::suggests(Finding::Possible, Grounds::from(after).and(request));
    }
    // Data that finds nobody to read it is data after close, whenever the FINs came.
    let bare = facts.offending.is_none_or(|late| late.len == 0);
    let finding = if facts.both_ways() && bare { Finding::Likely } else { Finding::Possible };
    Opinion::suggests(finding, with_cost(reset, after))
}

fn with_cost(reset: &Reset, after: Evidence) -> Grounds {
    let grounds = Grounds::from(after);
    match reset.harm {
        Harm::None(Why::BothClosed | Why::VictimClosed) => {
            grounds.and(Evidence::supports("all that was sent had been acknowledged: it did no harm"))
        }
        Harm::Lost { of_sender, of_victim } => {
            let lost = Evidence::opposes("{} were not yet acknowledged");
            grounds.and(lost.with(Value::Octets(u64::from(of_sender) + u64::from(of_victim))))
        }
        _ => grounds,
    }
}

#[cfg(test)]
mod tests {
    use super::CARD;
    use crate::testing::says;

    #[test]
    fn yes_a_client_leaves_close_notify_unread() {
        let tls = "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            > PA 101 ack 301 len 200
            < PA 301 ack 301 len 500
            > A 301 ack 801
            < PA 801 ack 301 len 24      # close_notify
            < FA 825 ack 301
            > A 301 ack 826
            > RA 301 ack 826";
        assert_eq!(
            says(&CARD, tls),
            "likely: the victim had sent its FIN [8, 10]; all that was sent had been acknowledged: it did no harm []"
        );
    }

    #[test]
    fn yes_a_late_segment_after_both_had_closed() {
        let late = "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            > FA 101 ack 301
            < FA 301 ack 102
            > A 102 ack 302
            < A 302 ack 102
            > R 102";
        assert_eq!(
            says(&CARD, late),
            "likely: it answers a segment that came when both had sent their FIN [7, 8]; \
             all that was sent had been acknowledged: it did no harm []"
        );
    }

    #[test]
    fn yes_it_shut_down_and_closed() {
        let shut = "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            > FA 101 ack 301
            < PA 301 ack 102 len 500
            > RA 102 ack 801";
        assert_eq!(says(&CARD, shut), "likely: its own FIN was sent before [4, 6]");
    }

    #[test]
    fn near_miss_a_request_with_a_fin_was_never_answered() {
        // The client shut down for writing after its request, and waits for the answer.
        let unanswered = "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            > FPA 101 ack 301 len 20
            < A 301 ack 122
            < RA 301 ack 122";
        assert_eq!(
            says(&CARD, unanswered),
            "possible: the victim had sent its FIN [4, 6]; what came with the FIN was never answered [4]"
        );
    }

    #[test]
    fn near_miss_data_is_answered_by_one_that_closed_alone() {
        let after_close = "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            < FA 301 ack 101
            > PA 101 ack 302 len 20
            < R 302";
        assert_eq!(says(&CARD, after_close), "silent");
    }

    #[test]
    fn one_sided_only_the_end_that_resets_was_captured() {
        let one_sided = "linux
            > FA 101 ack 301
            > RA 102 ack 302";
        assert_eq!(says(&CARD, one_sided), "possible: its own FIN was sent before [1, 2]");
    }
}

//! accept-queue-overflow: the server's accept queue was full.

use super::card::{CauseId, KernelWord, Opinion, Recogniser, ResetCause};
use crate::kernel::Mechanism;
use crate::reset::{Before, Evidence, Facts, Finding, Grounds, Reset, Shape, Trace, Value};
use crate::scenario::fragment::{ACCEPT, BOUND_CLIENT, CLIENT_LEARNS, CONNECT, DROP_ACKS, EXCHANGE, flood};
use crate::scenario::{
    Condition, Connecting, Count, Ending, Host, Peer, Play, Quantity, SERVICE, Shows, Step, Told, Topology, Until,
};

/// The card.
pub static CARD: ResetCause = ResetCause {
    id: CauseId("accept-queue-overflow"),
    title: "the server's accept queue was full",
    story: "A connection that has completed its handshake waits in the listener's accept queue until the program \
            accepts it. When the queue is full, Linux drops the handshake's last ACK and sends its SYN-ACK again; the \
            client takes the connection for open, and what it sends after the request has expired is answered with a \
            RST. With net.ipv4.tcp_abort_on_overflow = 1 the RST answers that last ACK at once.",
    on_the_wire: "SYN, SYN-ACK (often more than one), the client's empty ACK, and within the same round trip a RST \
                  without ACK whose number repeats that ACK's; the client's first data may bring that ACK. Without tcp_abort_on_overflow: SYN-ACKs again and again \
                  though they were acknowledged, data that is never acknowledged, and the same RST many seconds later.",
    remedy: "Accept faster, or raise both the listen backlog and net.core.somaxconn; ss -ltn shows the queue (Recv-Q \
             against Send-Q).",
    decided_by: "on the server: the counters ListenOverflows and EmbryonicRsts, or the tracepoint tcp:tcp_send_reset \
                 (INVALID_SYN in TCP_LISTEN)",
    twin_of: &[CauseId("bad-handshake-ack"), CauseId("stray-segment"), CauseId("firewall-reject")],
    refines: None,
    references: &["Linux net/ipv4/tcp_minisocks.c tcp_check_req", "ip-sysctl tcp_abort_on_overflow", "listen(2)"],
    recognise: Recogniser::Reset(recognise),
    kernel: KernelWord::Says(&[Mechanism::AcceptQueueOverflow]),
    plays: &PLAYS,
};

static PLAYS: [Play; 5] = [
    Play {
        id: "last-ack",
        title: "the accept queue is full when the handshake's last ACK comes, and tcp_abort_on_overflow is on",
        topology: Topology::Bridged,
        steps: &[
            Step::Set(Host::Server, "net/ipv4/tcp_abort_on_overflow", "1"),
            FILL_WHILE_ONE_IS_LATE,
            Step::Unfilter("no-ack"),
            CLIENT_LEARNS,
        ],
        shows: OVERFLOW,
    },
    Play {
        id: "first-data",
        title: "the accept queue is full when the handshake's last ACK comes with data, and tcp_abort_on_overflow is on",
        topology: Topology::Bridged,
        steps: &[
            Step::Set(Host::Server, "net/ipv4/tcp_abort_on_overflow", "1"),
            FILL_WHILE_ONE_IS_LATE,
            Step::Unfilter("no-ack"),
            Step::Write("client", 20),
            CLIENT_LEARNS,
        ],
        shows: OVERFLOW,
    },
    Play {
        id: "stays-silent",
        title: "control: the accept queue is full, tcp_abort_on_overflow is off, and the last ACK is dropped",
        topology: Topology::Bridged,
        steps: &[
            FILL_WHILE_ONE_IS_LATE,
            Step::Unfilter("no-ack"),
            Step::Write("client", 20),
            Step::Await(Condition::Counted(Host::Server, "TcpExt.ListenOverflows", 1)),
        ],
        shows: Shows {
            counts: &[
                Count::Counter(Host::Server, "TcpExt.ListenOverflows", Quantity::AtLeast(1)),
                Count::Counter(Host::Server, "TcpExt.EmbryonicRsts", Quantity::Exactly(0)),
                Count::Counter(Host::Server, "Tcp.OutRsts", Quantity::Exactly(0)),
            ],
            ..Shows::NOTHING
        },
    },
    Play {
        id: "syn-backlog-full",
        title: "control: the SYN backlog is full, there are no SYN cookies, and the client's SYN is dropped",
        topology: Topology::Bridged,
        steps: &[
            Step::Set(Host::Server, "net/ipv4/tcp_syncookies", "0"),
            Step::Listen(Host::Server, "listener", SERVICE, 2),
            flood(10),
            Step::Await(Condition::Counted(Host::Server, "TcpExt.TCPReqQFullDrop", 7)),
            Step::Connect(Host::Client, "client", Peer::At(Host::Server, SERVICE), Connecting::UnderWay),
            Step::Await(Condition::Counted(Host::Server, "TcpExt.TCPReqQFullDrop", 8)),
        ],
        shows: Shows {
            counts: &[
                // Three of ten are kept, and the client's is one more that isn't.
                Count::Counter(Host::Server, "TcpExt.TCPReqQFullDrop", Quantity::Exactly(8)),
                Count::Counter(Host::Server, "TcpExt.ListenDrops", Quantity::Exactly(8)),
                Count::Counter(Host::Server, "Tcp.OutRsts", Quantity::Exactly(0)),
            ],
            ..Shows::NOTHING
        },
    },
    Play {
        id: "syn-cookies",
        title: "control: the SYN backlog is full, and a SYN cookie lets the client in",
        topology: Topology::Bridged,
        steps: &[
            Step::Set(Host::Server, "net/ipv4/tcp_syncookies", "1"),
            Step::Listen(Host::Server, "listener", SERVICE, 2),
            flood(10),
            Step::Await(Condition::Counted(Host::Server, "TcpExt.TCPReqQFullDoCookies", 7)),
            CONNECT,
            ACCEPT,
            EXCHANGE,
            Step::Close("client"),
            Step::Read("server", Until::End),
            Step::Close("server"),
        ],
        shows: Shows {
            ending: Ending::Fin,
            server: &[Told::Eof],
            counts: &[
                Count::Counter(Host::Server, "TcpExt.SyncookiesSent", Quantity::Exactly(8)),
                Count::Counter(Host::Server, "TcpExt.SyncookiesRecv", Quantity::Exactly(1)),
                Count::Counter(Host::Server, "Tcp.OutRsts", Quantity::Exactly(0)),
            ],
            ..Shows::NOTHING
        },
    },
];

/// A queue of 2 takes 3. The queue is tested when a SYN comes: only a late ACK finds it full.
const FILL_WHILE_ONE_IS_LATE: Step = Step::Do(&[
    Step::Listen(Host::Server, "listener", SERVICE, 2),
    Step::Rounds(2, &[Step::Connect(Host::Client, "other", Peer::At(Host::Server, SERVICE), Connecting::Done)]),
    Step::Await(Condition::Counted(Host::Server, "Tcp.PassiveOpens", 2)),
    DROP_ACKS,
    BOUND_CLIENT,
    CONNECT,
    Step::Await(Condition::Met("no-ack", 1)),
    Step::Connect(Host::Client, "last", Peer::At(Host::Server, SERVICE), Connecting::Done),
    Step::Await(Condition::Counted(Host::Server, "Tcp.PassiveOpens", 3)),
]);

const OVERFLOW: Shows = Shows {
    client: &[Told::Error("ECONNRESET"), Told::Error("EPIPE")],
    counts: &[
        Count::Counter(Host::Server, "TcpExt.ListenOverflows", Quantity::Exactly(1)),
        Count::Counter(Host::Server, "TcpExt.EmbryonicRsts", Quantity::Exactly(1)),
    ],
    ..Shows::reset(Host::Server, Mechanism::AcceptQueueOverflow)
};

fn recognise(reset: &Reset) -> Opinion {
    let facts = &reset.facts;
    if facts.shape != Shape::Reply || !reset.is_by_server() || !only_answered_syns(&facts.sender) {
        return Opinion::Silent;
    }
    let Some(asked) = facts.offending else {
        return unheard(reset);
    };
    let Some(first) = facts.sender.syn.map(|syn| syn.end()).or(facts.victim.syn.map(|_| asked.ack)) else {
        return Opinion::Silent;
    };
    if asked.ack != first || asked.flags.is_syn() || asked.flags.is_fin() {
        return Opinion::Silent;
    }
    if let Some(evidence) = reset.foreign() {
        return Opinion::Against(evidence);
    }
    if asked.is_bare_ack() && facts.victim.data_segments == 0 {
        return overflowed(reset, asked);
    }
    match dropped(facts) {
        Some(again) => {
            let late = Evidence::supports("the server never acknowledged what came then, and answers it with a reset");
            Opinion::suggests(Finding::Likely, Grounds::from(again).and(late.on(asked.frame()).on(reset.segment.frame)))
        }
        None => ignored(reset, asked),
    }
}

/// The server had sent nothing but its SYN-ACK, and never acknowledged what the client sent. Data may bring the last ACK too,
/// and a queue that is full isn't the only reason for a reset then.
fn ignored(reset: &Reset, asked: Trace) -> Opinion {
    let facts = &reset.facts;
    if facts.handshake.is_none() || asked.len == 0 {
        return Opinion::Silent;
    }
    let unacknowledged =
        Evidence::supports("the server had sent its SYN-ACK and no more, and answers the client's data with a reset");
    Opinion::suggests(Finding::Possible, unacknowledged.on(asked.frame()).on(reset.segment.frame))
}

/// The reset answers the last ACK itself.
fn overflowed(reset: &Reset, ack: Trace) -> Opinion {
    let facts = &reset.facts;
    let answers = Evidence::supports("the reset answers the handshake's last ACK");
    let grounds = Grounds::from(answers.on(ack.frame()).on(reset.segment.frame));
    if facts.sender.syns < 2 {
        let silent = Evidence::supports("the server had sent nothing else").on(reset.segment.frame);
        return Opinion::suggests(Finding::Possible, grounds.and(silent));
    }
    let again = Evidence::supports("the SYN-ACK had been sent {} times, as when the queue is full")
        .with(Value::Count(u64::from(facts.sender.syns)))
        .on(facts.sender.syn.map_or(0, |syn| syn.frame()));
    Opinion::suggests(Finding::Likely, grounds.and(again))
}

/// The server sends its SYN-ACK again though it was acknowledged: it had dropped that ACK.
fn dropped(facts: &Facts) -> Option<Evidence> {
    let (ack, last) = (facts.handshake?, facts.sender.last?);
    let again = Evidence::supports(
        "the SYN-ACK was acknowledged and sent again: the server had dropped the handshake's last ACK",
    );
    (last.flags.is_syn() && last.frame() > ack.frame()).then(|| again.on(ack.frame()).on(last.frame()))
}

/// The client's segments are not in the capture.
fn unheard(reset: &Reset) -> Opinion {
    let (facts, frame) = (&reset.facts, reset.segment.frame);
    if let Some(evidence) = reset.foreign() {
        return Opinion::Against(evidence);
    }
    let first = facts.sender.syn.is_some_and(|syn| syn.end() == reset.segment.seq);
    if !first || facts.victim.segments > 0 {
        return Opinion::Silent;
    }
    let answers = Evidence::supports("the reset answers an acknowledgment of the SYN-ACK that isn't in the capture");
    Opinion::suggests(Finding::Possible, answers.on(frame))
}

fn only_answered_syns(sender: &Before) -> bool {
    sender.segments == u32::from(sender.syns) && sender.syn.is_none_or(|syn| syn.flags.is_ack())
}

#[cfg(test)]
mod tests {
    use super::CARD;
    use crate::testing::says;

    #[test]
    fn yes_the_last_ack_is_reset_after_a_second_syn_ack() {
        let overflow = "linux
            > S 100
            < SA 300 ack 101
            +1s
            < SA 300 ack 101
            > A 101 ack 301
            < R 301";
        assert_eq!(
            says(&CARD, overflow),
            "likely: the reset answers the handshake's last ACK [4, 5]; \
             the SYN-ACK had been sent 2 times, as when the queue is full [2]"
        );
    }

    #[test]
    fn yes_the_last_ack_was_dropped_and_data_comes_when_the_request_has_expired() {
        let dropped = "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            +1s
            < SA 300 ack 101         # it hasn't taken the ACK
            > A 101 ack 301
            +10s
            > PA 101 ack 301 len 20
            < R 301";
        assert_eq!(
            says(&CARD, dropped),
            "likely: the SYN-ACK was acknowledged and sent again: the server had dropped the handshake's last ACK [3, 4]; \
             the server never acknowledged what came then, and answers it with a reset [6, 7]"
        );
    }

    #[test]
    fn less_sure_with_one_syn_ack() {
        let once = "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            < R 301";
        assert_eq!(
            says(&CARD, once),
            "possible: the reset answers the handshake's last ACK [3, 4]; the server had sent nothing else [4]"
        );
    }

    #[test]
    fn less_sure_when_data_brings_the_last_ack() {
        let data = "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 301          # lost
            > PA 101 ack 301 len 20
            < R 301";
        assert_eq!(
            says(&CARD, data),
            "possible: the server had sent its SYN-ACK and no more, and answers the client's data with a reset [4, 5]"
        );
    }

    #[test]
    fn near_miss_the_last_ack_has_a_wrong_number() {
        let wrong = "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 777
            < R 777";
        assert_eq!(says(&CARD, wrong), "silent");
    }

    #[test]
    fn near_miss_the_server_had_already_spoken() {
        let accepted = "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            > PA 101 ack 301 len 20
            < A 301 ack 121          # so the connection was in the queue, or accepted
            > PA 121 ack 301 len 20
            < R 301";
        assert_eq!(says(&CARD, accepted), "silent");
    }

    #[test]
    fn one_sided_only_the_server_was_captured() {
        let server = "linux
            < SA 300 ack 101
            < R 301";
        assert_eq!(
            says(&CARD, server),
            "possible: the reset answers an acknowledgment of the SYN-ACK that isn't in the capture [2]"
        );
    }

    #[test]
    fn one_sided_only_the_client_and_the_reset_were_captured() {
        let client = "linux
            > S 100
            > A 101 ack 301
            < R 301";
        assert_eq!(
            says(&CARD, client),
            "possible: the reset answers the handshake's last ACK [2, 3]; the server had sent nothing else [3]"
        );
    }
}

//! stray-segment: a segment came for a connection that the host doesn't know.

use super::card::{CauseId, KernelWord, Opinion, Recogniser, ResetCause};
use crate::kernel::Mechanism;
use crate::reset::{EarlierEnd, Evidence, Finding, Grounds, Progress, Reset, Shape, Trace, Value};
use crate::scenario::fragment::{
    BOUND_CLIENT, CLIENT_LEARNS, CONNECT, DEAFEN_SERVER, DROP_ACKS, ESTABLISH, EXCHANGE, LISTEN, flood, out_of_the_blue,
};
use crate::scenario::{
    CLOSED, Condition, Count, Host, Play, Quantity, Replies, SERVICE, Shows, SocketOption, Step, Told, Topology, Until,
};
use crate::tcp::Flags;

/// The card.
pub static CARD: ResetCause = ResetCause {
    id: CauseId("stray-segment"),
    title: "the host knows nothing of that connection",
    story: "A segment that belongs to no connection of the host is answered with a RST that repeats its acknowledgment \
            number. The host may have rebooted, failed over or given up the connection long ago; the segment may be a \
            late one of an earlier connection of the same ports, or an answer to a SYN that somebody else sent: a \
            scanner beside the kernel's own TCP, or a forger of addresses.",
    on_the_wire: "A segment with ACK, and within a round trip a RST without ACK, without window and options, whose \
                  number is the one that the segment acknowledged.",
    remedy: "Ask why the host has forgotten: uptime and restarts, a failover or load balancer that moved the \
             connection, idle timeouts on the way. Keepalives shorter than the shortest timeout prevent it. Scans are \
             answered so by design.",
    decided_by: "on the sender: the tracepoint tcp:tcp_send_reset (NO_SOCKET, or TCP_FLAGS in TCP_LISTEN where \
                 something listens on the port) and the counter OutRsts; a firewall's reject moves neither",
    twin_of: &[
        CauseId("half-open"),
        CauseId("firewall-reject"),
        CauseId("data-after-close"),
        CauseId("bad-handshake-ack"),
        CauseId("accept-queue-overflow"),
        CauseId("nat-without-mapping"),
    ],
    refines: None,
    references: &[
        "RFC 9293 section 3.5.2 (Reset Generation, first group)",
        "RFC 9293 section 3.10.7.1",
        "Linux net/ipv4/tcp_ipv4.c tcp_v4_rcv, tcp_v4_send_reset",
    ],
    recognise: Recogniser::Reset(recognise),
    kernel: KernelWord::Says(&[Mechanism::NoSocket, Mechanism::UnknownOnListener]),
    plays: &PLAYS,
};

static PLAYS: [Play; 12] = [
    Play {
        id: "forgotten-with-a-listener",
        title: "a server's host has lost a connection, the port is still listened on, and the client goes on",
        topology: Topology::Bridged,
        steps: &[ESTABLISH, EXCHANGE, Step::Vanish("server"), Step::Write("client", 20), CLIENT_LEARNS],
        shows: Shows { client: RESET, ..Shows::reset(Host::Server, Mechanism::UnknownOnListener) },
    },
    Play {
        id: "forgotten",
        title: "a server's host has lost a connection and its listener, and the client goes on",
        topology: Topology::Bridged,
        steps: &[
            ESTABLISH,
            EXCHANGE,
            Step::Vanish("server"),
            Step::Close("listener"),
            Step::Write("client", 20),
            CLIENT_LEARNS,
        ],
        shows: Shows { client: RESET, ..Shows::reset(Host::Server, Mechanism::NoSocket) },
    },
    Play {
        id: "an-ack",
        title: "an acknowledgment out of the blue comes to a closed port",
        topology: Topology::Bridged,
        steps: &[Step::Probe(out_of_the_blue(Flags::ACK, 0, CLOSED), Replies::Reset)],
        shows: Shows::reset(Host::Server, Mechanism::NoSocket),
    },
    Play {
        id: "an-ack-to-a-listener",
        title: "an acknowledgment out of the blue comes to a port that is listened on",
        topology: Topology::Bridged,
        steps: &[LISTEN, Step::Probe(out_of_the_blue(Flags::ACK, 0, SERVICE), Replies::Reset)],
        shows: Shows::reset(Host::Server, Mechanism::UnknownOnListener),
    },
    Play {
        id: "data",
        title: "data out of the blue comes to a closed port",
        topology: Topology::Bridged,
        steps: &[Step::Probe(out_of_the_blue(PUSH, 20, CLOSED), Replies::Reset)],
        shows: Shows::reset(Host::Server, Mechanism::NoSocket),
    },
    Play {
        id: "a-fin",
        title: "a FIN out of the blue comes to a port that is listened on",
        topology: Topology::Bridged,
        steps: &[LISTEN, Step::Probe(out_of_the_blue(Flags::FIN.with(Flags::ACK), 0, SERVICE), Replies::Reset)],
        shows: Shows::reset(Host::Server, Mechanism::UnknownOnListener),
    },
    Play {
        id: "a-syn-ack",
        title: "a SYN-ACK that nobody asked for comes to a closed port",
        topology: Topology::Bridged,
        steps: &[Step::Probe(out_of_the_blue(Flags::SYN.with(Flags::ACK), 0, CLOSED), Replies::Reset)],
        shows: Shows::reset(Host::Server, Mechanism::NoSocket),
    },
    Play {
        id: "invalid-cookie",
        title: "an acknowledgment with an invalid SYN cookie comes to a port that was just flooded",
        topology: Topology::Bridged,
        steps: &[
            Step::Set(Host::Server, "net/ipv4/tcp_syncookies", "1"),
            Step::Listen(Host::Server, "listener", SERVICE, 2),
            flood(10),
            Step::Await(Condition::Counted(Host::Server, "TcpExt.SyncookiesSent", 7)),
            Step::Probe(out_of_the_blue(Flags::ACK, 0, SERVICE), Replies::Reset),
        ],
        shows: Shows {
            counts: &[Count::Counter(Host::Server, "TcpExt.SyncookiesFailed", Quantity::Exactly(1))],
            ..Shows::reset(Host::Server, Mechanism::UnknownOnListener)
        },
    },
    Play {
        id: "expired-request",
        title: "a server never got the handshake's last ACK and has given the request up, and the client sends data",
        topology: Topology::Bridged,
        steps: &[
            Step::Set(Host::Server, "net/ipv4/tcp_synack_retries", "0"),
            LISTEN,
            BOUND_CLIENT,
            DROP_ACKS,
            CONNECT,
            Step::Await(Condition::Counted(Host::Server, "TcpExt.TCPTimeouts", 1)),
            Step::Unfilter("no-ack"),
            Step::Write("client", 20),
            CLIENT_LEARNS,
        ],
        shows: Shows { client: RESET, ..Shows::reset(Host::Server, Mechanism::UnknownOnListener) },
    },
    Play {
        id: "request-of-a-closed-listener",
        title: "a listener is closed before the handshake's last ACK comes, and the client sends data",
        topology: Topology::Bridged,
        steps: &[
            LISTEN,
            BOUND_CLIENT,
            DROP_ACKS,
            CONNECT,
            Step::Await(Condition::Met("no-ack", 1)),
            Step::Close("listener"),
            Step::Write("client", 20),
            CLIENT_LEARNS,
        ],
        shows: Shows { client: RESET, ..Shows::reset(Host::Server, Mechanism::NoSocket) },
    },
    Play {
        id: "gave-up-by-user-timeout",
        title: "a server hears no acknowledgments, gives up by TCP_USER_TIMEOUT without a word, and the client speaks",
        topology: Topology::Bridged,
        steps: &[
            ESTABLISH,
            EXCHANGE,
            Step::Close("listener"),
            Step::Option("server", SocketOption::UserTimeout(300)),
            GIVES_UP,
        ],
        shows: GAVE_UP,
    },
    Play {
        id: "gave-up-by-retries",
        title: "a server hears no acknowledgments, gives up by tcp_retries2 without a word, and the client speaks",
        topology: Topology::Bridged,
        steps: &[
            Step::Set(Host::Server, "net/ipv4/tcp_retries2", "1"),
            ESTABLISH,
            EXCHANGE,
            Step::Close("listener"),
            GIVES_UP,
        ],
        shows: GAVE_UP,
    },
];

const RESET: &[Told] = &[Told::Error("ECONNRESET"), Told::Error("EPIPE")];

const PUSH: Flags = Flags(Flags::PSH.0 | Flags::ACK.0);

/// The server hears no acknowledgment of its data and gives up; the client has the data, and goes on.
const GIVES_UP: Step = Step::Do(&[
    DEAFEN_SERVER,
    Step::Write("server", 50),
    Step::Read("server", Until::End),
    Step::Unfilter("unheard"),
    Step::Read("client", Until::Bytes(50)),
    Step::Write("client", 20),
    CLIENT_LEARNS,
]);

const GAVE_UP: Shows = Shows {
    client: RESET,
    server: &[Told::Error("ETIMEDOUT")],
    counts: &[Count::Counter(Host::Server, "TcpExt.TCPAbortOnTimeout", Quantity::Exactly(1))],
    ..Shows::reset(Host::Server, Mechanism::NoSocket)
};

/// After so long a silence a host may well have forgotten.
const LONG: u64 = 30_000_000_000;

fn recognise(reset: &Reset) -> Opinion {
    let (facts, frame) = (&reset.facts, reset.segment.frame);
    if facts.shape != Shape::Reply || facts.progress == Progress::Closed {
        return Opinion::Silent;
    }
    let Some(asked) = facts.offending.filter(|_| reset.is_asked()) else {
        let alone = facts.victim.segments == 0 && reset.foreign().is_none();
        let answers = Evidence::supports("a reply to a segment that isn't in the capture").on(frame);
        return if alone { Opinion::suggests(Finding::Possible, answers) } else { Opinion::Silent };
    };
    if let Some(evidence) = reset.foreign() {
        return Opinion::Against(evidence);
    }
    if let Some(over) = ended_before(reset, asked) {
        return Opinion::suggests(Finding::Likely, over);
    }
    if asked.flags.is_syn() {
        return judge_answer_to_syn(reset, asked);
    }
    // Where the victim had sent more, it is rather that the capture missed what the host sends.
    if facts.sender.segments == 0 && facts.victim.segments == 1 {
        return judge_unknown(reset, asked);
    }
    let forgot = Evidence::supports("it answers as a host does that knows nothing of the connection");
    let forgot = forgot.on(asked.frame()).on(frame);
    let silence = facts.sender.last.map_or(0, |last| asked.at.nanos_since(last.at));
    if silence < LONG || facts.sender.fin.is_some() {
        let repeats = Evidence::supports("its number is what that segment acknowledges").on(asked.frame());
        return Opinion::suggests(Finding::Possible, Grounds::from(forgot).and(repeats));
    }
    let long =
        Evidence::supports("the host had been silent for {}, and answers as if it knew nothing of the connection");
    Opinion::suggests(Finding::Likely, long.with(Value::Nanos(silence)).on(asked.frame()).on(frame))
}

/// An earlier reset had ended the connection for this host, and the segment came after it.
fn ended_before(reset: &Reset, asked: Trace) -> Option<Evidence> {
    let before = |earlier: &Trace| earlier.frame() < asked.frame();
    let (received, sent) = (reset.others_reset().filter(before), reset.previous().filter(before));
    let evidence = if received.is_some() {
        Evidence::supports("a reset had ended the connection for this host, and more came")
    } else {
        Evidence::supports("the host had reset the connection itself, and more came")
    };
    let earlier = received.or(sent)?;
    Some(evidence.on(earlier.frame()).on(asked.frame()))
}

/// A SYN-ACK is reset by the host whose SYN it answers.
fn judge_answer_to_syn(reset: &Reset, syn_ack: Trace) -> Opinion {
    let evidence = match reset.facts.sender.syn {
        Some(syn) if syn.end() == syn_ack.ack => Evidence::supports(
            "the host resets the SYN-ACK that answers a SYN under its address: its kernel has no socket that sent it, \
             or none any more",
        ),
        Some(_) => {
            let other = Evidence::supports("the SYN-ACK answers no SYN of the host that is in the capture");
            return Opinion::suggests(Finding::Possible, other.on(syn_ack.frame()).on(reset.segment.frame));
        }
        None => Evidence::supports("a SYN-ACK that nobody asked for in this capture is reset"),
    };
    Opinion::suggests(Finding::Likely, evidence.on(syn_ack.frame()).on(reset.segment.frame))
}

/// The host has sent nothing in this connection.
fn judge_unknown(reset: &Reset, asked: Trace) -> Opinion {
    let frame = reset.segment.frame;
    let Some(earlier) = reset.neighbours.earlier else {
        let blue =
            Evidence::supports("a segment out of the blue is reset by a host that had sent nothing in its connection");
        // The same numbers under another address are a better reason.
        let sure = if reset.neighbours.translated.is_some() { Finding::Possible } else { Finding::Likely };
        return Opinion::suggests(sure, blue.on(asked.frame()).on(frame));
    };
    let evidence = match earlier.end {
        EarlierEnd::Closed => Evidence::supports("an earlier connection of the same ports had been closed {} before"),
        EarlierEnd::Reset => {
            Evidence::supports("an earlier connection of the same ports had been reset, the last of it {} before")
        }
        EarlierEnd::Silent => Evidence::supports("the connection of the same ports had been silent for {}"),
    };
    let ago = asked.at.nanos_since(earlier.last_seen);
    Opinion::suggests(Finding::Likely, evidence.with(Value::Nanos(ago)).on(earlier.first_frame).on(asked.frame()))
}

#[cfg(test)]
mod tests {
    use super::CARD;
    use crate::testing::says;

    #[test]
    fn yes_an_acknowledgment_out_of_the_blue() {
        let blue = "linux
            > A 100 ack 300
            < R 300";
        assert_eq!(
            says(&CARD, blue),
            "likely: a segment out of the blue is reset by a host that had sent nothing in its connection [1, 2]"
        );
    }

    #[test]
    fn yes_a_half_open_scan() {
        // The scanner sends its SYN past the kernel, and the kernel resets the answer.
        let scan = "linux
            > S 100
            < SA 300 ack 101
            > R 101";
        assert_eq!(
            says(&CARD, scan),
            "likely: the host resets the SYN-ACK that answers a SYN under its address: \
             its kernel has no socket that sent it, or none any more [2, 3]"
        );
    }

    #[test]
    fn yes_the_host_was_silent_for_a_long_time() {
        let rebooted = "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            > PA 101 ack 301 len 20
            < PA 301 ack 121 len 50
            > A 121 ack 351
            +40s
            > PA 121 ack 351 len 20
            < R 351";
        assert_eq!(
            says(&CARD, rebooted),
            "likely: the host had been silent for 40.0 s, and answers as if it knew nothing of the connection [7, 8]"
        );
    }

    #[test]
    fn less_sure_when_the_host_had_just_spoken() {
        let busy = "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            > PA 101 ack 301 len 20
            < PA 301 ack 121 len 50
            > PA 121 ack 351 len 20
            < R 351";
        assert_eq!(
            says(&CARD, busy),
            "possible: it answers as a host does that knows nothing of the connection [6, 7]; \
             its number is what that segment acknowledges [6]"
        );
    }

    #[test]
    fn yes_a_late_segment_of_a_connection_that_was_reset() {
        let late = "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            < RA 301 ack 101
            +10s                     # what comes now is another connection by Zeek's rules
            > PA 101 ack 301 len 20
            < R 301";
        assert_eq!(
            says(&CARD, late),
            "likely: an earlier connection of the same ports had been reset, the last of it 10.0 s before [1, 5]"
        );
    }

    #[test]
    fn yes_the_other_end_goes_on_after_a_forged_reset() {
        let zombie = "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            > PA 101 ack 301 len 20
            < R 301                  # somebody between
            +30ms
            < PA 301 ack 121 len 50
            > R 121                  # the client has no connection any more";
        assert_eq!(says(&CARD, zombie), "likely: a reset had ended the connection for this host, and more came [5, 6]");
    }

    #[test]
    fn less_sure_when_only_the_victim_was_captured() {
        let client = "linux
            > S 100
            > A 101 ack 301
            > PA 101 ack 301 len 20
            < R 301";
        assert_eq!(
            says(&CARD, client),
            "possible: it answers as a host does that knows nothing of the connection [3, 4]; \
             its number is what that segment acknowledges [3]"
        );
    }

    #[test]
    fn near_miss_nothing_asked_for_the_reset() {
        let unasked = "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            > PA 101 ack 301 len 20
            < PA 301 ack 121 len 50
            > A 121 ack 351
            +20s
            < R 351";
        assert_eq!(says(&CARD, unasked), "silent");
    }

    #[test]
    fn one_sided_only_the_reset_was_captured() {
        assert_eq!(says(&CARD, "< R 301 win 0"), "possible: a reply to a segment that isn't in the capture [1]");
    }
}

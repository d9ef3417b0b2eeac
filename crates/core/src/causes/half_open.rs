//! half-open: one end still had the connection, the other had lost it, and a probe, a FIN or a new SYN brought it to light.

use super::card::{CauseId, KernelWord, Opinion, Recogniser, ResetCause};
use crate::kernel::Mechanism;
use crate::reset::{Earlier, EarlierEnd, Evidence, Finding, Grounds, Reset, Shape, Trace, Value};
use crate::scenario::fragment::{
    ACCEPT, BOUND_CLIENT, CLIENT_LEARNS, CLIENT_PORT, CONNECT, ESTABLISH, EXCHANGE, LISTEN, SERVER_LEARNS,
};
use crate::scenario::{
    Connecting, Count, Direction, Host, Peer, Play, Quantity, SERVICE, Shows, SocketOption, Step, Told, Topology,
};
use crate::tcp::Side;

/// The card.
pub static CARD: ResetCause = ResetCause {
    id: CauseId("half-open"),
    title: "one end had lost the connection and the other found out",
    story: "When a host loses a connection without a word (a crash, a reboot, a failover, a timeout on the way) the \
            other end still holds it: it is half-open. The next thing that this end sends is answered with a RST: a \
            keepalive probe, a FIN when it closes, data. Or the host that lost it opens a connection from the same \
            port: the peer answers the SYN with an ACK of the old numbers (a challenge ACK), the host resets that, and \
            its next SYN gets through.",
    on_the_wire: "A long silence, then an empty segment one octet behind (the probe) or a FIN, and a RST without ACK \
                  that repeats its acknowledgment number, from an end that never closed. Or SYN, an ACK with far other \
                  numbers, and a RST of the opener with that ACK's number; the SYN comes again after about a second.",
    remedy: "Find out what made the host forget: restarts, failover, NAT or load balancer timeouts. Shorter keepalives \
             find it sooner; they don't prevent it.",
    decided_by: "on the resetting host: the tracepoint tcp:tcp_send_reset (NO_SOCKET or TCP_FLAGS; after a SYN: \
                 TCP_INVALID_ACK_SEQUENCE in TCP_SYN_SENT), and its uptime; on the peer: the counter TCPSYNChallenge",
    twin_of: &[CauseId("stray-segment"), CauseId("firewall-reject"), CauseId("bad-handshake-ack")],
    refines: None,
    references: &[
        "RFC 9293 section 3.5.1 (Half-Open Connections and Other Anomalies)",
        "RFC 5961 section 4 (SYN in a synchronized state)",
        "RFC 9293 section 3.8.4 (keepalives)",
        "Linux net/ipv4/tcp_input.c tcp_send_challenge_ack, tcp_rcv_synsent_state_process",
    ],
    recognise: Recogniser::Reset(recognise),
    kernel: KernelWord::Says(&[Mechanism::NoSocket, Mechanism::UnknownOnListener, Mechanism::BadHandshakeAck]),
    plays: &PLAYS,
};

static PLAYS: [Play; 3] = [
    Play {
        id: "keepalive-probe",
        title: "a server's host has lost an idle connection, and the client's keepalive probe finds out",
        topology: Topology::Bridged,
        steps: &[
            ESTABLISH,
            Step::Option("client", SocketOption::Keepalive(1, 1, 3)),
            EXCHANGE,
            Step::Vanish("server"),
            CLIENT_LEARNS,
        ],
        shows: Shows {
            client: &[Told::Error("ECONNRESET"), Told::Error("EPIPE")],
            counts: &[Count::Counter(Host::Client, "TcpExt.TCPKeepAlive", Quantity::Exactly(1))],
            ..Shows::reset(Host::Server, Mechanism::UnknownOnListener)
        },
    },
    Play {
        id: "fin",
        title: "a server's host has lost a connection and its listener, and the client closes",
        topology: Topology::Bridged,
        steps: &[
            ESTABLISH,
            EXCHANGE,
            Step::Vanish("server"),
            Step::Close("listener"),
            Step::Shutdown("client", Direction::Write),
            CLIENT_LEARNS,
        ],
        shows: Shows {
            client: &[Told::Error("ECONNRESET"), Told::Error("EPIPE")],
            ..Shows::reset(Host::Server, Mechanism::NoSocket)
        },
    },
    Play {
        id: "same-port-again",
        title: "a client's host has lost a connection, and connects again from the same port",
        topology: Topology::Bridged,
        steps: &[
            LISTEN,
            BOUND_CLIENT,
            CONNECT,
            ACCEPT,
            EXCHANGE,
            Step::Vanish("client"),
            Step::Open(Host::Client, "again"),
            Step::Option("again", SocketOption::Port(CLIENT_PORT)),
            Step::Connect(Host::Client, "again", Peer::At(Host::Server, SERVICE), Connecting::Done),
            SERVER_LEARNS,
        ],
        shows: Shows {
            server: &[Told::Error("ECONNRESET"), Told::Error("EPIPE")],
            counts: &[Count::Counter(Host::Server, "TcpExt.TCPSYNChallenge", Quantity::Exactly(1))],
            ..Shows::reset(Host::Client, Mechanism::BadHandshakeAck)
        },
    },
];

/// An end that spoke less long ago than this had hardly lost the connection.
const AWAY: u64 = 1_000_000_000;

/// After so long a silence a host may well have lost it.
const LONG: u64 = 30_000_000_000;

fn recognise(reset: &Reset) -> Opinion {
    let facts = &reset.facts;
    let Some(asked) = facts.offending.filter(|_| facts.shape == Shape::Reply) else {
        return Opinion::Silent;
    };
    if asked.flags.is_syn() || facts.sender.fin.is_some() || !reset.is_asked() {
        return Opinion::Silent;
    }
    if let Some(evidence) = reset.foreign() {
        return Opinion::Against(evidence);
    }
    if facts.sender.segments == 0 {
        return judge_forgotten(reset, asked);
    }
    if reset.by == Side::Originator && facts.sender.segments == u32::from(facts.sender.syns) {
        return judge_reopening(reset, asked);
    }
    if facts.sender.segments == u32::from(facts.sender.syns) {
        // The responder has answered the SYN and no more: that isn't yet a connection to lose.
        return Opinion::Silent;
    }
    let frame = reset.segment.frame;
    let silence = facts.sender.last.map_or(0, |last| asked.at.nanos_since(last.at));
    let said = |sentence| Evidence::supports(sentence).with(Value::Nanos(silence)).on(asked.frame()).on(frame);
    let away = if silence >= AWAY { Finding::Likely } else { Finding::Possible };
    if facts.victim.probes.count > 0 && facts.victim.probes.last == asked.at {
        return Opinion::suggests(
            away,
            said("a keepalive probe is reset, after {} of silence, by an end that never closed"),
        );
    }
    if asked.flags.is_fin() {
        return Opinion::suggests(away, said("a FIN is reset, after {} of silence, by an end that never closed"));
    }
    if silence >= LONG {
        return Opinion::suggests(
            Finding::Possible,
            said("a segment is reset, after {} of silence, by an end that never closed"),
        );
    }
    Opinion::Silent
}

/// The connection had been silent for so long that it is counted as an earlier one.
fn judge_forgotten(reset: &Reset, asked: Trace) -> Opinion {
    let silent = |earlier: &Earlier| earlier.end == EarlierEnd::Silent && earlier.sender_next == Some(asked.ack);
    let Some(earlier) = reset.neighbours.earlier.filter(silent) else {
        return Opinion::Silent;
    };
    let silence = Value::Nanos(asked.at.nanos_since(earlier.last_seen));
    let said = |sentence| Evidence::supports(sentence).with(silence).on(earlier.first_frame).on(asked.frame());
    if asked.flags.is_fin() {
        return Opinion::suggests(
            Finding::Likely,
            said("a FIN is reset, after {} of silence, by an end that never closed"),
        );
    }
    if asked.is_bare_ack() || asked.len == 1 {
        let probe = said("a keepalive probe is reset, after {} of silence, by an end that never closed");
        return Opinion::suggests(Finding::Likely, probe);
    }
    Opinion::suggests(Finding::Possible, said("a segment is reset, after {} of silence, by an end that never closed"))
}

/// The opener resets what answered its SYN and is no SYN-ACK.
fn judge_reopening(reset: &Reset, challenge: Trace) -> Opinion {
    let own = reset.facts.sender.syn.is_some_and(|syn| !syn.flags.is_ack() && syn.end() != challenge.ack);
    if !own || !challenge.is_bare_ack() {
        return Opinion::Silent;
    }
    let grounds = Grounds::from(
        Evidence::supports(
            "the SYN is answered with an acknowledgment of other numbers: the peer still has an earlier connection",
        )
        .on(challenge.frame())
        .on(reset.segment.frame),
    );
    match reset.neighbours.earlier {
        Some(earlier) if earlier.end == EarlierEnd::Silent => {
            let open =
                Evidence::supports("an earlier connection of the same ports was never closed").on(earlier.first_frame);
            Opinion::suggests(Finding::Likely, grounds.and(open))
        }
        Some(earlier) if earlier.end == EarlierEnd::Closed => {
            // The peer may be in TIME-WAIT, and then nothing was lost (RFC 9293 section 3.10.7.4).
            let closed =
                Evidence::opposes("an earlier connection of the same ports was closed").on(earlier.first_frame);
            Opinion::suggests(Finding::Possible, grounds.and(closed))
        }
        _ => Opinion::suggests(Finding::Likely, grounds),
    }
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
    fn yes_a_keepalive_probe_is_reset() {
        let probed = format!(
            "{OPEN}
            +2h
            > A 120 ack 351
            < R 351"
        );
        assert_eq!(
            says(&CARD, &probed),
            "likely: a keepalive probe is reset, after 7200 s of silence, by an end that never closed [1, 7]"
        );
    }

    #[test]
    fn yes_a_probe_is_reset_before_the_connection_counts_as_another() {
        let probed = format!(
            "{OPEN}
            +75s
            > A 120 ack 351
            < R 351"
        );
        assert_eq!(
            says(&CARD, &probed),
            "likely: a keepalive probe is reset, after 75.0 s of silence, by an end that never closed [7, 8]"
        );
    }

    #[test]
    fn yes_a_fin_is_reset() {
        let closed = format!(
            "{OPEN}
            +20m
            > FA 121 ack 351
            < R 351"
        );
        assert_eq!(
            says(&CARD, &closed),
            "likely: a FIN is reset, after 1200 s of silence, by an end that never closed [1, 7]"
        );
    }

    #[test]
    fn less_sure_when_the_fin_comes_at_once() {
        let closed = format!(
            "{OPEN}
            > FA 121 ack 351
            < R 351"
        );
        assert_eq!(
            says(&CARD, &closed),
            "possible: a FIN is reset, after 2.00 ms of silence, by an end that never closed [7, 8]"
        );
    }

    #[test]
    fn yes_a_rebooted_client_takes_the_same_port() {
        let reopened = format!(
            "{OPEN}
            +1m
            > S 9000000
            < A 351 ack 121          # the server's challenge: it is at 351
            > R 121"
        );
        assert_eq!(
            says(&CARD, &reopened),
            "likely: the SYN is answered with an acknowledgment of other numbers: the peer still has an earlier connection \
             [8, 9]; an earlier connection of the same ports was never closed [1]"
        );
    }

    #[test]
    fn near_miss_the_earlier_connection_was_closed() {
        let time_wait = format!(
            "{OPEN}
            > FA 121 ack 351
            < FA 351 ack 122
            > A 122 ack 352
            +1s
            > S 9000000
            < A 352 ack 122
            > R 122"
        );
        assert_eq!(
            says(&CARD, &time_wait),
            "possible: the SYN is answered with an acknowledgment of other numbers: the peer still has an earlier connection \
             [11, 12]; an earlier connection of the same ports was closed [1]"
        );
    }

    #[test]
    fn near_miss_the_resetting_end_had_closed() {
        let closed = format!(
            "{OPEN}
            < FA 351 ack 121
            +5s
            > FA 121 ack 352
            < R 352"
        );
        assert_eq!(says(&CARD, &closed), "silent");
    }

    #[test]
    fn one_sided_without_the_challenge_nothing_is_known() {
        let blind = "linux
            > S 9000000
            > R 121";
        assert_eq!(says(&CARD, blind), "silent");
    }
}

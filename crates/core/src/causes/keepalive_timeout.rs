//! keepalive-timeout: the peer answered none of the keepalive probes.

use super::card::{CauseId, KernelWord, Opinion, Recogniser, ResetCause};
use crate::kernel::Mechanism;
use crate::reset::{Evidence, Finding, Grounds, Reset, Value};
use crate::scenario::fragment::{CLIENT_LEARNS, DEAFEN_SERVER, ESTABLISH, EXCHANGE, SERVER_LEARNS};
use crate::scenario::{Count, Host, Play, Quantity, Shows, SocketOption, Step, Told, Topology};

/// The card.
pub static CARD: ResetCause = ResetCause {
    id: CauseId("keepalive-timeout"),
    title: "the peer answered no keepalive probe",
    story: "SO_KEEPALIVE probes a connection that has been silent for a time (2 hours by default). When TCP_KEEPCNT probes, \
            TCP_KEEPINTVL apart, go unanswered, or TCP_USER_TIMEOUT runs out in between, the socket gives up: it resets the \
            connection and its program gets ETIMEDOUT. The peer, its network or a firewall's memory of the connection was gone \
            before; the reset mostly reaches nobody.",
    on_the_wire: "Empty segments (or of one octet) with the number before the next, evenly spaced, no answer, and a RST with ACK \
                  when another was due.",
    remedy: "See why the peer was silent: host down, route gone, NAT or firewall with a shorter memory than TCP_KEEPIDLE. Fewer \
             probes than TCP_KEEPCNT mean that TCP_USER_TIMEOUT ended it.",
    decided_by: "on the sender: the counter TCPAbortOnTimeout, or the tracepoint tcp:tcp_send_reset (TCP_KEEPALIVE_TIMEOUT)",
    twin_of: &[],
    refines: None,
    references: &[
        "RFC 9293 section 3.8.4",
        "RFC 5482 (user timeout)",
        "Linux net/ipv4/tcp_timer.c tcp_keepalive_timer",
    ],
    recognise: Recogniser::Reset(recognise),
    kernel: KernelWord::Says(&[Mechanism::KeepaliveTimeout]),
    plays: &PLAYS,
};

static PLAYS: [Play; 3] = [
    Play {
        id: "probes-unanswered",
        title: "a client's keepalive probes stay without an answer",
        topology: Topology::Bridged,
        steps: &[
            ESTABLISH,
            Step::Option("client", SocketOption::Keepalive(1, 1, 2)),
            EXCHANGE,
            DEAFEN_SERVER,
            CLIENT_LEARNS,
            SERVER_LEARNS,
        ],
        shows: Shows {
            counts: &[Count::Counter(Host::Client, "TcpExt.TCPAbortOnTimeout", Quantity::Exactly(1)), probes(2)],
            ..TIMED_OUT
        },
    },
    Play {
        id: "user-timeout",
        title: "a client's keepalive probe stays without an answer until TCP_USER_TIMEOUT has passed",
        topology: Topology::Bridged,
        steps: &[
            ESTABLISH,
            Step::Option("client", SocketOption::Keepalive(1, 1, 9)),
            Step::Option("client", SocketOption::UserTimeout(1500)),
            EXCHANGE,
            DEAFEN_SERVER,
            CLIENT_LEARNS,
            SERVER_LEARNS,
        ],
        shows: TIMED_OUT,
    },
    Play {
        id: "user-timeout-with-data",
        title: "control: data stays without an acknowledgment until TCP_USER_TIMEOUT has passed, and no reset is sent",
        topology: Topology::Bridged,
        steps: &[
            ESTABLISH,
            EXCHANGE,
            Step::Option("client", SocketOption::UserTimeout(300)),
            DEAFEN_SERVER,
            Step::Write("client", 20),
            CLIENT_LEARNS,
        ],
        shows: Shows {
            client: &[Told::Error("ETIMEDOUT"), Told::Error("EPIPE")],
            counts: &[
                Count::Counter(Host::Client, "TcpExt.TCPAbortOnTimeout", Quantity::Exactly(1)),
                Count::Counter(Host::Client, "Tcp.OutRsts", Quantity::Exactly(0)),
            ],
            ..Shows::NOTHING
        },
    },
];

const fn probes(count: u64) -> Count {
    Count::Counter(Host::Client, "TcpExt.TCPKeepAlive", Quantity::Exactly(count))
}

const TIMED_OUT: Shows = Shows {
    client: &[Told::Error("ETIMEDOUT"), Told::Error("EPIPE")],
    server: &[Told::Error("ECONNRESET"), Told::Error("EPIPE")],
    counts: &[Count::Counter(Host::Client, "TcpExt.TCPAbortOnTimeout", Quantity::Exactly(1)), probes(1)],
    ..Shows::reset(Host::Client, Mechanism::KeepaliveTimeout)
};

fn recognise(reset: &Reset) -> Opinion {
    let probes = &reset.facts.sender.probes;
    if probes.count == 0 || !reset.is_active() {
        return Opinion::Silent;
    }
    if let Some(evidence) = reset.foreign() {
        return Opinion::Against(evidence);
    }
    let frame = reset.segment.frame;
    if let Some(evidence) = reset.gave_up_probing() {
        let spaced = Evidence::supports("they came {} apart").with(Value::Nanos(probes.interval));
        return Opinion::suggests(Finding::Likely, Grounds::from(evidence).and(spaced.on(probes.first_frame)));
    }
    if !reset.answers_seen() {
        let unseen = Evidence::supports("{} probes, and the side that would answer isn't in the capture");
        let unseen = unseen.with(Value::Count(u64::from(probes.count))).on(probes.first_frame);
        return Opinion::suggests(Finding::Possible, unseen.on(frame));
    }
    let early = Evidence::supports("{} probes had gone unanswered when it came, {} after the last");
    let early =
        early.with(Value::Count(u64::from(probes.count))).with(Value::Nanos(reset.segment.at.nanos_since(probes.last)));
    Opinion::suggests(Finding::Possible, early.on(probes.first_frame).on(frame))
}

#[cfg(test)]
mod tests {
    use super::CARD;
    use crate::testing::says;

    #[test]
    fn yes_three_probes_and_the_reset_in_the_fourths_place() {
        let gave_up = "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            +60s
            > A 100 ack 301             # a probe: the number before its next
            +1.019s
            > A 100 ack 301
            +1.019s
            > A 100 ack 301
            +1.019s
            > RA 101 ack 301";
        assert_eq!(
            says(&CARD, gave_up),
            "likely: 3 keepalive probes had gone unanswered, and it came when the next one was due [4, 7]; \
             they came 1.02 s apart [4]"
        );
    }

    #[test]
    fn near_miss_the_program_was_quicker() {
        let quicker = "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            +60s
            > A 100 ack 301
            +1s
            > A 100 ack 301
            +100ms
            > RA 101 ack 301";
        assert_eq!(
            says(&CARD, quicker),
            "possible: 2 probes had gone unanswered when it came, 101 ms after the last [4, 6]"
        );
    }

    #[test]
    fn near_miss_the_probes_were_answered() {
        let answered = "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            +60s
            > A 100 ack 301
            < A 301 ack 101
            +60s
            > A 100 ack 301
            < A 301 ack 101
            +60s
            > RA 101 ack 301";
        assert_eq!(says(&CARD, answered), "silent");
    }

    #[test]
    fn near_miss_one_octet_was_sent_again() {
        // It looks like a probe of one octet, but the peer had never acknowledged it.
        let again = "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            > PA 101 ack 301 len 1
            +200ms
            > PA 101 ack 301 len 1
            +200ms
            > PA 101 ack 301 len 1
            +200ms
            > RA 102 ack 301";
        assert_eq!(says(&CARD, again), "silent");
    }

    #[test]
    fn one_sided_answers_would_not_have_been_seen() {
        let one_sided = "linux
            > PA 101 ack 301 len 20
            +60s
            > A 120 ack 301
            +1s
            > A 120 ack 301
            +1s
            > RA 121 ack 301";
        assert_eq!(
            says(&CARD, one_sided),
            "possible: 2 probes, and the side that would answer isn't in the capture [2, 4]"
        );
    }
}

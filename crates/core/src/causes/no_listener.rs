//! no-listener: nothing listens at that address and port.

mod probes;

use super::card::{CauseId, KernelWord, Opinion, Recogniser, ResetCause};
use crate::kernel::Mechanism;
use crate::reset::{Evidence, Finding, Grounds, Reset, Shape, Value};
use crate::scenario::fragment::NOBODY_LISTENS;
use crate::scenario::{CLOSED, Connecting, Count, Host, Play, Quantity, Shows, Step, Told, Topology};

/// The card.
pub static CARD: ResetCause = ResetCause {
    id: CauseId("no-listener"),
    title: "nothing listens on that port",
    story: "A SYN for a port on which no socket listens is answered with RST and ACK. connect() fails with \
            ECONNREFUSED. The server isn't running, listens on another address, or the port is mistyped.",
    on_the_wire: "SYN, then at once a RST with ACK, sequence number 0, window 0, no options, acknowledging the SYN.",
    remedy: "See on the server whether anything listens there (ss -ltn), at which address, in which network namespace.",
    decided_by: "on the server: ss -ltn, the counter OutRsts, or the tracepoint tcp:tcp_send_reset (NO_SOCKET); a \
                 firewall's reject moves none of them",
    twin_of: &[CauseId("firewall-reject"), CauseId("connection-limit"), CauseId("listener-closed")],
    refines: None,
    references: &["RFC 9293 section 3.10.7.1", "Linux net/ipv4/tcp_ipv4.c tcp_v4_send_reset"],
    recognise: Recogniser::Reset(recognise),
    kernel: KernelWord::Says(&[Mechanism::NoSocket]),
    plays: &PLAYS,
};

static PLAYS: [Play; 3] = [
    Play {
        id: "closed-port",
        title: "a client connects to a port that no socket has",
        topology: Topology::Bridged,
        steps: &[Step::Connect(Host::Client, "client", NOBODY_LISTENS, Connecting::Fails)],
        shows: REFUSED,
    },
    Play {
        id: "bound-only",
        title: "a client connects to a port that a socket is bound to and doesn't listen on",
        topology: Topology::Bridged,
        steps: &[
            Step::Bind(Host::Server, "idler", CLOSED),
            Step::Connect(Host::Client, "client", NOBODY_LISTENS, Connecting::Fails),
        ],
        shows: REFUSED,
    },
    probes::PLAY,
];

const REFUSED: Shows = Shows {
    client: &[Told::Error("ECONNREFUSED")],
    counts: &[
        Count::Counter(Host::Server, "Tcp.OutRsts", Quantity::Exactly(1)),
        Count::Counter(Host::Client, "Tcp.AttemptFails", Quantity::Exactly(1)),
    ],
    ..Shows::reset(Host::Server, Mechanism::NoSocket)
};

/// A service that answered so recently is still there.
const RECENT: u64 = 1_000_000_000;

fn recognise(reset: &Reset) -> Opinion {
    let facts = &reset.facts;
    if facts.shape != Shape::Refusal {
        return Opinion::Silent;
    }
    let frame = reset.segment.frame;
    let Some(asked) = facts.offending else {
        let alone = facts.victim.segments == 0 && facts.sender.segments == 0;
        let refused = Evidence::supports("it refuses a segment without ACK, a SYN mostly, that isn't in the capture");
        let nothing = Evidence::supports("nothing else of that host is seen in the connection");
        let grounds = Grounds::from(refused.on(frame)).and(nothing.on(frame));
        return if alone { Opinion::suggests(Finding::Possible, grounds) } else { Opinion::Silent };
    };
    if let Some(evidence) = reset.foreign() {
        return Opinion::Against(evidence);
    }
    let service = &reset.neighbours.service;
    if let Some((answered, _)) = service.answered
        && reset.segment.at.nanos_since(service.answered_at) < RECENT
        && service.open > 0
    {
        return Opinion::Against(
            Evidence::opposes("the same port answered another SYN just before, and {} connections are open")
                .with(Value::Count(u64::from(service.open)))
                .on(answered),
        );
    }
    let refused = if asked.flags.is_syn() {
        Evidence::supports("the SYN was refused at once, with the number 0 and no window")
    } else {
        Evidence::supports("a segment with neither SYN nor ACK was refused: where a socket listens it would be dropped")
    };
    Opinion::suggests(Finding::Likely, refused.on(asked.frame()).on(frame))
}

#[cfg(test)]
mod tests {
    use super::CARD;
    use crate::testing::says;

    #[test]
    fn yes_a_syn_is_refused() {
        let refused = "linux
            > S 100
            < RA 0 ack 101";
        assert_eq!(says(&CARD, refused), "likely: the SYN was refused at once, with the number 0 and no window [1, 2]");
    }

    #[test]
    fn yes_a_scan_without_syn_finds_a_closed_port() {
        let fin_scan = "linux
            > F 100
            < RA 0 ack 101";
        assert_eq!(
            says(&CARD, fin_scan),
            "likely: a segment with neither SYN nor ACK was refused: where a socket listens it would be dropped [1, 2]"
        );
    }

    #[test]
    fn near_miss_others_get_through_to_the_port() {
        let limited = "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 301          # this one stays open
            client 10.0.0.1:40001
            > S 500
            < RA 0 ack 501";
        assert_eq!(
            says(&CARD, limited),
            "against: the same port answered another SYN just before, and 1 connections are open [2]"
        );
    }

    #[test]
    fn near_miss_the_server_answers_the_refused_syn() {
        let forged = "linux
            > S 100
            < RA 0 ack 101 id 48879
            < SA 300 ack 101         # so something listens";
        assert_eq!(
            says(&CARD, forged),
            "against: the end that it names answers the SYN that it refuses with a SYN-ACK 1.00 ms later [3]"
        );
    }

    #[test]
    fn one_sided_the_syn_was_not_captured() {
        assert_eq!(
            says(&CARD, "< RA 0 ack 101 win 0"),
            "possible: it refuses a segment without ACK, a SYN mostly, that isn't in the capture [1]; \
             nothing else of that host is seen in the connection [1]"
        );
    }
}

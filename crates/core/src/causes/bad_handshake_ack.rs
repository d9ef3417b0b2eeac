//! bad-handshake-ack: in the handshake, an acknowledgment of a number that was never sent.

use super::card::{CauseId, KernelWord, Opinion, Recogniser, ResetCause};
use crate::kernel::Mechanism;
use crate::reset::{Evidence, Finding, Grounds, Reset, Shape, Trace, Value};
use crate::scenario::fragment::{ACCEPT, BOUND_CLIENT, CONNECT, LISTEN, out_of_the_blue};
use crate::scenario::{
    Ack, Condition, Connecting, Disguise, Forgery, Hook, Host, Match, Number, Peer, Play, Rule, SERVICE, Shows, Step,
    Then, Topology,
};
use crate::tcp::Flags;

/// The card.
pub static CARD: ResetCause = ResetCause {
    id: CauseId("bad-handshake-ack"),
    title: "the handshake's acknowledgment fits no SYN",
    story: "While the handshake goes on, an acknowledgment of a number that was never sent is answered with a RST, and \
            the host waits on for the right one. A client resets a SYN-ACK that acknowledges another number than its \
            SYN's: an old one that comes late, a forged one, or one from a middlebox that translates numbers in one \
            direction only. A listener resets an ACK that completes no request it knows of: a SYN cookie that fails or \
            has expired, a handshake that another host of a load balancer had begun, or an ACK scan.",
    on_the_wire: "A SYN-ACK, or the ACK after it, with an acknowledgment number that is not the SYN's plus one, and a \
                  RST without ACK whose number repeats it. The connection can still come to be.",
    remedy: "Compare the numbers at both ends: a middlebox that changes them in one direction (sequence number \
             randomization, asymmetric routing) is the usual finding. For listeners look at the counter \
             SyncookiesFailed.",
    decided_by: "on the sender: the tracepoint tcp:tcp_send_reset (TCP_INVALID_ACK_SEQUENCE in TCP_SYN_SENT for a \
                 client, TCP_FLAGS in TCP_LISTEN for a listener); the counter SyncookiesFailed",
    twin_of: &[CauseId("stray-segment"), CauseId("accept-queue-overflow"), CauseId("half-open")],
    refines: None,
    references: &[
        "RFC 9293 section 3.10.7.3 (SYN-SENT) and 3.5.2 (Reset Generation, second group)",
        "RFC 4987 section 3.6 (SYN cookies)",
        "Linux net/ipv4/tcp_input.c tcp_rcv_synsent_state_process; net/ipv4/syncookies.c cookie_v4_check",
    ],
    recognise: Recogniser::Reset(recognise),
    kernel: KernelWord::Says(&[
        Mechanism::BadHandshakeAck,
        Mechanism::BadAckInSynReceived,
        Mechanism::UnknownOnListener,
    ]),
    plays: &PLAYS,
};

const UNHEARD: Step = Step::Filter(&Rule {
    name: "unheard",
    host: Host::Server,
    hook: Hook::Input,
    when: &[Match::DestinationPort(SERVICE)],
    then: Then::Drop,
});

/// The client's SYN is not heard, and a SYN comes under the server's name: both open at once (RFC 9293 figure 8).
const SYNS_CROSS: Step = Step::Do(&[
    UNHEARD,
    Step::Connect(Host::Client, "client", Peer::At(Host::Server, SERVICE), Connecting::UnderWay),
    Step::Await(Condition::Met("unheard", 1)),
    Step::Forge(Forgery {
        by: Host::Server,
        to: Host::Client,
        disguise: Disguise::PeerOf("client"),
        ack: Ack::Plain(0),
        ..out_of_the_blue(Flags::SYN, 0, SERVICE)
    }),
    Step::Await(Condition::State("client", "SYN_RECV")),
]);

/// An ACK under the server's name, so far from what the client's SYN has.
const fn crossing_ack(offset: i64) -> Step {
    Step::Forge(Forgery {
        by: Host::Server,
        to: Host::Client,
        disguise: Disguise::PeerOf("client"),
        seq: Number::Next(0),
        ack: Ack::Sent(offset),
        ..out_of_the_blue(Flags::ACK, 0, SERVICE)
    })
}

static PLAYS: [Play; 4] = [
    Play {
        id: "crossing-syns-unsent",
        title: "two SYNs cross, and the ACK that follows acknowledges what was never sent",
        topology: Topology::Bridged,
        steps: &[SYNS_CROSS, crossing_ack(1000), Step::Await(Condition::Seen(Host::Client, Flags::RST, Flags::RST, 1))],
        shows: Shows::reset(Host::Client, Mechanism::BadAckInSynReceived),
    },
    Play {
        id: "crossing-syns-too-old",
        title: "two SYNs cross, and the ACK that follows acknowledges what lies a window and more before the SYN",
        topology: Topology::Bridged,
        steps: &[
            SYNS_CROSS,
            crossing_ack(-200_000),
            Step::Await(Condition::Seen(Host::Client, Flags::RST, Flags::RST, 1)),
        ],
        shows: Shows::reset(Host::Client, Mechanism::BadAckInSynReceived),
    },
    Play {
        id: "wrong-syn-ack",
        title: "a SYN-ACK acknowledges a number that the client's SYN hasn't, and the client stays in SYN-SENT",
        topology: Topology::Bridged,
        steps: &[
            LISTEN,
            Step::Filter(&Rule {
                name: "no-syn",
                host: Host::Server,
                hook: Hook::Input,
                when: &[Match::DestinationPort(SERVICE), Match::Flags(Flags::SYN, Flags::SYN)],
                then: Then::Drop,
            }),
            Step::Connect(Host::Client, "client", Peer::At(Host::Server, SERVICE), Connecting::UnderWay),
            Step::Await(Condition::Met("no-syn", 1)),
            Step::Forge(Forgery {
                by: Host::Server,
                to: Host::Client,
                disguise: Disguise::PeerOf("client"),
                ack: Ack::Sent(1000),
                ..out_of_the_blue(Flags::SYN.with(Flags::ACK), 0, SERVICE)
            }),
            Step::Await(Condition::Seen(Host::Client, Flags::RST, Flags::RST, 1)),
            Step::Await(Condition::State("client", "SYN_SENT")),
            Step::Unfilter("no-syn"),
            // The SYN comes again.
            ACCEPT,
            Step::Await(Condition::State("client", "ESTABLISHED")),
        ],
        shows: Shows::reset(Host::Client, Mechanism::BadHandshakeAck),
    },
    Play {
        id: "wrong-last-ack",
        title: "the handshake's last ACK acknowledges a number that the server's SYN-ACK hasn't",
        topology: Topology::Bridged,
        steps: &[
            LISTEN,
            BOUND_CLIENT,
            // A forged one passes a packet filter of its sender's.
            Step::Filter(&Rule {
                name: "no-ack",
                host: Host::Client,
                hook: Hook::Output,
                when: &[Match::DestinationPort(SERVICE), Match::Flags(Flags::SYN.with(Flags::ACK), Flags::ACK)],
                then: Then::Drop,
            }),
            CONNECT,
            Step::Forge(Forgery {
                seq: Number::Next(0),
                ack: Ack::Sent(-100_000),
                ..out_of_the_blue(Flags::ACK, 0, SERVICE)
            }),
            Step::Await(Condition::Seen(Host::Server, Flags::RST, Flags::RST, 1)),
        ],
        shows: Shows::reset(Host::Server, Mechanism::UnknownOnListener),
    },
];

/// A SYN cookie is good for one or two minutes (MAX_SYNCOOKIE_AGE).
const COOKIE: u64 = 60_000_000_000;

fn recognise(reset: &Reset) -> Opinion {
    let facts = &reset.facts;
    let sender = &facts.sender;
    let early = sender.segments == u32::from(sender.syns) && facts.shape == Shape::Reply;
    let Some(asked) = facts.offending.filter(|_| early && reset.is_asked()) else {
        return Opinion::Silent;
    };
    if let Some(evidence) = reset.foreign() {
        return Opinion::Against(evidence);
    }
    let Some(syn) = sender.syn else {
        return judge_unknown(reset, asked);
    };
    let on = |evidence: Evidence| evidence.on(asked.frame()).on(reset.segment.frame);
    if asked.ack == syn.end() {
        return judge_right(reset, syn, asked);
    }
    let ahead = Value::Signed(i64::from(asked.ack.distance_from(syn.end())));
    if asked.flags.is_syn() {
        let wrong = Evidence::supports("the SYN-ACK acknowledges a number {} away from that of the SYN").with(ahead);
        let grounds = Grounds::from(on(wrong));
        let lives = reset
            .after
            .sender_spoke
            .map(|later| Evidence::supports("the opener goes on: it stayed in SYN-SENT").on(later.frame()));
        return Opinion::suggests(Finding::Likely, lives.map_or(grounds, |lives| grounds.and(lives)));
    }
    if syn.flags.is_ack() {
        let wrong =
            Evidence::supports("the handshake's last ACK acknowledges a number {} away from that of the SYN-ACK");
        return Opinion::suggests(Finding::Likely, on(wrong.with(ahead)));
    }
    let wrong = Evidence::supports("the SYN is answered with an acknowledgment of a number that it hasn't");
    Opinion::suggests(Finding::Possible, on(wrong))
}

/// The acknowledgment is right. A cookie may still have expired.
fn judge_right(reset: &Reset, syn: Trace, asked: Trace) -> Opinion {
    if !asked.is_bare_ack() || !syn.flags.is_ack() {
        return Opinion::Silent;
    }
    let waited = asked.at.nanos_since(syn.at);
    let evidence = |evidence: Evidence| evidence.on(syn.frame()).on(asked.frame());
    if waited < COOKIE {
        return Opinion::Against(evidence(Evidence::opposes(
            "the last ACK acknowledges the SYN-ACK exactly, and in time",
        )));
    }
    let late = Evidence::supports("the last ACK comes {} after the SYN-ACK: a SYN cookie would have expired");
    Opinion::suggests(Finding::Possible, evidence(late.with(Value::Nanos(waited))).on(reset.segment.frame))
}

/// No SYN of the resetting host was seen.
fn judge_unknown(reset: &Reset, asked: Trace) -> Opinion {
    if !reset.is_by_server()
        || reset.neighbours.earlier.is_some()
        || !asked.is_bare_ack()
        || reset.facts.victim.data_segments > 0
    {
        return Opinion::Silent;
    }
    let blue =
        Evidence::supports("an empty ACK that completes no handshake in the capture is reset, as in an ACK scan");
    Opinion::suggests(Finding::Possible, blue.on(asked.frame()).on(reset.segment.frame))
}

#[cfg(test)]
mod tests {
    use super::CARD;
    use crate::testing::says;

    #[test]
    fn yes_a_client_resets_a_wrong_syn_ack_and_goes_on() {
        let wrong = "linux
            > S 100
            < SA 300 ack 5000101
            > R 5000101
            < SA 700 ack 101
            > A 101 ack 701";
        assert_eq!(
            says(&CARD, wrong),
            "likely: the SYN-ACK acknowledges a number +5000000 away from that of the SYN [2, 3]; \
             the opener goes on: it stayed in SYN-SENT [5]"
        );
    }

    #[test]
    fn yes_a_listener_resets_a_wrong_last_ack() {
        let wrong = "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 777
            < R 777";
        assert_eq!(
            says(&CARD, wrong),
            "likely: the handshake's last ACK acknowledges a number +476 away from that of the SYN-ACK [3, 4]"
        );
    }

    #[test]
    fn less_sure_an_ack_scan() {
        let scan = "linux
            > A 100 ack 300
            < R 300";
        assert_eq!(
            says(&CARD, scan),
            "possible: an empty ACK that completes no handshake in the capture is reset, as in an ACK scan [1, 2]"
        );
    }

    #[test]
    fn near_miss_the_last_ack_is_right() {
        let right = "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            < R 301";
        assert_eq!(says(&CARD, right), "against: the last ACK acknowledges the SYN-ACK exactly, and in time [2, 3]");
    }

    #[test]
    fn near_miss_the_syn_ack_is_right() {
        let scan = "linux
            > S 100
            < SA 300 ack 101
            > R 101";
        assert_eq!(says(&CARD, scan), "silent");
    }

    #[test]
    fn one_sided_without_the_syn_ack_the_ack_may_be_right() {
        let blind = "linux
            > S 100
            > A 101 ack 301
            < R 301";
        assert_eq!(
            says(&CARD, blind),
            "possible: an empty ACK that completes no handshake in the capture is reset, as in an ACK scan [2, 3]"
        );
    }
}

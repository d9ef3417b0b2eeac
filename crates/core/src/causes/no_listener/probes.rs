//! What answers a probe: judged by what answers, never by when.

use crate::kernel::Mechanism;
use crate::scenario::fragment::{ESTABLISH, EXCHANGE};
use crate::scenario::{
    Ack, CLOSED, Connecting, Count, Disguise, Forgery, Hook, Host, Match, Number, Peer, Play, Quantity, Replies, Rule,
    SERVICE, Shows, Step, Then, Topology,
};
use crate::tcp::Flags;

/// A port that a packet filter hides.
const FILTERED: u16 = 8082;

const NULL: Flags = Flags(0);
const XMAS: Flags = Flags::FIN.with(Flags::PSH).with(Flags::URG);

/// A segment of nobody's, whose host doesn't interfere with what comes back.
const fn probe(port: u16, flags: Flags, replies: Replies) -> Step {
    let probe = Forgery {
        by: Host::Middle,
        to: Host::Server,
        disguise: Disguise::Nobody(port),
        flags,
        seq: Number::Plain(1_000_000),
        ack: Ack::Plain(if flags.is_ack() { 2_000_000 } else { 0 }),
        payload: 0,
        ttl: Some(64),
        window: 1024,
        count: 1,
        stride: 0,
    };
    Step::Probe(probe, replies)
}

/// A segment under the name of a connection's client.
const fn blind(connection: &'static str, flags: Flags) -> Step {
    let probe = Forgery {
        by: Host::Middle,
        to: Host::Server,
        disguise: Disguise::PeerOf(connection),
        flags,
        seq: Number::Next(1000),
        ack: Ack::Plain(0),
        payload: 0,
        ttl: Some(64),
        window: 1024,
        count: 1,
        stride: 0,
    };
    Step::Probe(probe, Replies::ChallengeAck)
}

/// The play.
pub(super) const PLAY: Play = Play {
    id: "probes",
    title: "what answers a probe of an open, a closed and a filtered port, and of a connection",
    topology: Topology::Bridged,
    steps: &[
        ESTABLISH,
        // A connection's challenges are limited: each is asked once.
        Step::Connect(Host::Client, "second", Peer::At(Host::Server, SERVICE), Connecting::Done),
        Step::Accept("listener", "the second's"),
        Step::Filter(&Rule {
            name: "hide",
            host: Host::Server,
            hook: Hook::Input,
            when: &[Match::DestinationPort(FILTERED)],
            then: Then::Drop,
        }),
        probe(CLOSED, Flags::SYN, Replies::Reset),
        probe(SERVICE, Flags::SYN, Replies::SynAck),
        probe(FILTERED, Flags::SYN, Replies::Silence),
        probe(CLOSED, Flags::ACK, Replies::Reset),
        probe(SERVICE, Flags::ACK, Replies::Reset),
        probe(CLOSED, NULL, Replies::Reset),
        probe(CLOSED, Flags::FIN, Replies::Reset),
        probe(CLOSED, XMAS, Replies::Reset),
        probe(SERVICE, NULL, Replies::Silence),
        probe(SERVICE, Flags::FIN, Replies::Silence),
        probe(SERVICE, XMAS, Replies::Silence),
        blind("server", Flags::RST),
        blind("the second's", Flags::SYN),
        EXCHANGE,
    ],
    shows: Shows {
        counts: &[
            Count::Rule("hide", Quantity::Exactly(1)),
            Count::Counter(Host::Server, "Tcp.OutRsts", Quantity::Exactly(6)),
            Count::Counter(Host::Server, "TcpExt.TCPChallengeACK", Quantity::Exactly(2)),
            Count::Counter(Host::Server, "Tcp.EstabResets", Quantity::Exactly(0)),
        ],
        ..Shows::reset(Host::Server, Mechanism::NoSocket)
    },
};

//! How address translation is made to let a segment through untranslated, and what keeps it from that.

use crate::kernel::Mechanism;
use crate::scenario::fragment::{ACCEPT, EXCHANGE, LISTEN, SERVER_LEARNS};
use crate::scenario::{
    Ack, Condition, Connecting, Conntrack, Count, Disguise, Forgery, Hook, Host, Match, Number, Peer, Play, Quantity,
    Rule, SERVICE, Shows, SocketOption, Step, Then, Told, Topology, Until,
};
use crate::tcp::Flags;

/// The port of the address that nobody has.
const PUBLIC: u16 = 80;

static DNAT: Rule = Rule {
    name: "dnat",
    host: Host::Middle,
    hook: Hook::Prerouting,
    when: &[Match::ToVirtual, Match::DestinationPort(PUBLIC)],
    then: Then::Translate(Host::Server, SERVICE),
};

static INVALID: Rule = Rule {
    name: "invalid",
    host: Host::Middle,
    hook: Hook::Forward,
    when: &[Match::State(&[Conntrack::Invalid])],
    then: Then::Count,
};

static DROP_INVALID: Rule = Rule { name: "drop-invalid", then: Then::Drop, ..INVALID };

static DROP_MIDSTREAM: Rule = Rule {
    name: "drop-midstream",
    host: Host::Middle,
    hook: Hook::Forward,
    when: &[Match::From(Host::Server), Match::Flags(Flags::SYN, Flags(0)), Match::State(&[Conntrack::New])],
    then: Then::Drop,
};

const CONNECT_THROUGH: Step = Step::Do(&[
    Step::Filter(&DNAT),
    LISTEN,
    Step::Connect(Host::Client, "client", Peer::Virtual(PUBLIC), Connecting::Done),
    ACCEPT,
]);

const THROUGH: Step = Step::Do(&[CONNECT_THROUGH, EXCHANGE]);

/// A segment of the server's connection, far beyond the window that the tracking believes in.
const FAR_AHEAD: Step = Step::Forge(Forgery {
    by: Host::Server,
    to: Host::Client,
    disguise: Disguise::As("server"),
    flags: Flags::PSH.with(Flags::ACK),
    seq: Number::Next(200_000),
    ack: Ack::Sent(0),
    payload: 20,
    ttl: None,
    window: 64,
    count: 1,
    stride: 0,
});

const LIVES: Shows = Shows {
    counts: &[
        Count::Rule("dnat", Quantity::Exactly(1)),
        Count::Counter(Host::Client, "Tcp.OutRsts", Quantity::Exactly(0)),
        Count::Counter(Host::Server, "Tcp.EstabResets", Quantity::Exactly(0)),
    ],
    ..Shows::NOTHING
};

const LOST: Shows = Shows {
    server: &[Told::Error("ECONNRESET"), Told::Error("EPIPE")],
    counts: &[
        // Half a connection that nobody knows is taken for a new one.
        Count::Rule("invalid", Quantity::Exactly(0)),
        Count::Counter(Host::Client, "Tcp.OutRsts", Quantity::Exactly(1)),
    ],
    ..Shows::reset(Host::Client, Mechanism::NoSocket)
};

pub(super) static PLAYS: [Play; 8] = [
    Play {
        id: "invalid-segment",
        title: "a segment outside the tracked window passes untranslated",
        topology: Topology::Routed,
        steps: &[
            Step::Filter(&INVALID),
            THROUGH,
            FAR_AHEAD,
            SERVER_LEARNS,
            // The client notices only now.
            Step::Write("client", 20),
            Step::Read("client", Until::End),
        ],
        shows: Shows {
            client: &[Told::Error("ECONNRESET")],
            server: &[Told::Error("ECONNRESET"), Told::Error("EPIPE")],
            counts: &[
                // The segment, and the reset that answers it.
                Count::Rule("invalid", Quantity::Exactly(2)),
                Count::Counter(Host::Client, "Tcp.OutRsts", Quantity::Exactly(1)),
            ],
            ..Shows::reset(Host::Client, Mechanism::NoSocket)
        },
    },
    Play {
        id: "liberal-tracking",
        title: "control: a tracking that is liberal translates the same segment",
        topology: Topology::Routed,
        steps: &[
            Step::Set(Host::Middle, "net/netfilter/nf_conntrack_tcp_be_liberal", "1"),
            Step::Filter(&INVALID),
            THROUGH,
            FAR_AHEAD,
            EXCHANGE,
        ],
        shows: Shows {
            counts: &[
                Count::Rule("invalid", Quantity::Exactly(0)),
                Count::Counter(Host::Client, "Tcp.OutRsts", Quantity::Exactly(0)),
            ],
            ..LIVES
        },
    },
    Play {
        id: "invalid-dropped",
        title: "control: a rule drops the same segment before it leaves untranslated",
        topology: Topology::Routed,
        steps: &[
            Step::Filter(&DROP_INVALID),
            THROUGH,
            FAR_AHEAD,
            Step::Await(Condition::Met("drop-invalid", 1)),
            EXCHANGE,
        ],
        shows: Shows {
            counts: &[
                Count::Rule("drop-invalid", Quantity::Exactly(1)),
                Count::Counter(Host::Client, "Tcp.OutRsts", Quantity::Exactly(0)),
            ],
            ..LIVES
        },
    },
    Play {
        id: "state-flushed",
        title: "the tracked connections are flushed, and the server's next data passes untranslated",
        topology: Topology::Routed,
        steps: &[
            Step::Filter(&INVALID),
            THROUGH,
            Step::FlushConntrack(Host::Middle),
            Step::Write("server", 50),
            SERVER_LEARNS,
        ],
        shows: LOST,
    },
    Play {
        id: "state-expired",
        title: "the tracking forgets an idle connection, and the server's next data passes untranslated",
        topology: Topology::Routed,
        steps: &[
            Step::Set(Host::Middle, "net/netfilter/nf_conntrack_tcp_timeout_established", "1"),
            Step::Filter(&INVALID),
            THROUGH,
            Step::Pause(1500),
            Step::Write("server", 50),
            SERVER_LEARNS,
        ],
        shows: LOST,
    },
    Play {
        id: "kept-alive",
        title: "control: keepalive probes come more often than the tracking forgets",
        topology: Topology::Routed,
        steps: &[
            Step::Set(Host::Middle, "net/netfilter/nf_conntrack_tcp_timeout_established", "2"),
            CONNECT_THROUGH,
            Step::Option("server", SocketOption::Keepalive(1, 1, 9)),
            EXCHANGE,
            // Two seconds at least.
            Step::Await(Condition::Counted(Host::Server, "TcpExt.TCPKeepAlive", 2)),
            Step::Pause(300),
            EXCHANGE,
        ],
        shows: LIVES,
    },
    Play {
        id: "flushed-and-strict",
        title: "control: the tracking takes up no half connection, and a rule drops what is invalid",
        topology: Topology::Routed,
        steps: &[
            Step::Set(Host::Middle, "net/netfilter/nf_conntrack_tcp_loose", "0"),
            Step::Filter(&DROP_INVALID),
            THROUGH,
            Step::FlushConntrack(Host::Middle),
            Step::Write("server", 50),
            Step::Await(Condition::Met("drop-invalid", 2)),
            Step::Await(Condition::State("server", "ESTABLISHED")),
            Step::Await(Condition::State("client", "ESTABLISHED")),
        ],
        shows: Shows {
            counts: &[
                Count::Rule("drop-invalid", Quantity::AtLeast(2)),
                Count::Counter(Host::Client, "Tcp.OutRsts", Quantity::Exactly(0)),
                Count::Counter(Host::Server, "Tcp.EstabResets", Quantity::Exactly(0)),
            ],
            ..LIVES
        },
    },
    Play {
        id: "flushed-and-taken-up",
        title: "control: a rule drops the server's half connections, until the client's next data is translated again",
        topology: Topology::Routed,
        steps: &[
            Step::Filter(&DROP_MIDSTREAM),
            THROUGH,
            Step::FlushConntrack(Host::Middle),
            Step::Write("server", 50),
            Step::Await(Condition::Met("drop-midstream", 1)),
            Step::Write("client", 20),
            Step::Read("server", Until::Bytes(20)),
            Step::Read("client", Until::Bytes(50)),
        ],
        shows: Shows {
            counts: &[
                Count::Rule("drop-midstream", Quantity::AtLeast(1)),
                Count::Rule("dnat", Quantity::Exactly(2)),
                Count::Counter(Host::Client, "Tcp.OutRsts", Quantity::Exactly(0)),
                Count::Counter(Host::Server, "Tcp.EstabResets", Quantity::Exactly(0)),
            ],
            ..LIVES
        },
    },
];

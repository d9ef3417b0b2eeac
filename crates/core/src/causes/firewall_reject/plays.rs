//! How a firewall is made to reject: in each place where it can stand.

use crate::causes::idle_timeout::{APART, IDLE};
use crate::scenario::fragment::{ACCEPT, CLIENT_LEARNS, CONNECT, ESTABLISH, EXCHANGE, LISTEN, SERVER_LEARNS};
use crate::scenario::{
    Condition, Connecting, Conntrack, Count, Ending, Hook, Host, Match, Peer, Play, Quantity, Rule, SERVICE, Shows,
    Step, Tap, Then, Told, Topology, Until,
};
use crate::tcp::Flags;

const AS_THE_SERVER: Shows = Shows::foreign_reset(Host::Server);

/// Where only the client's side of the middle hears of it.
const NOT_AT_THE_SERVER: &[(Tap, Ending)] = &[(Tap::ServerPort, Ending::Silence), (Tap::Server, Ending::Silence)];

/// A rule that rejects what goes to the service.
const fn reject(host: Host, hook: Hook) -> Rule {
    Rule { name: "reject", host, hook, when: &[Match::DestinationPort(SERVICE)], then: Then::Reject }
}

static INPUT: Rule = reject(Host::Server, Hook::Input);
static CLIENTS_OUTPUT: Rule = reject(Host::Client, Hook::Output);
static FORWARD: Rule = reject(Host::Middle, Hook::Forward);
static PORT: Rule = reject(Host::Middle, Hook::Ingress(Host::Client));
static SERVERS_OUTPUT: Rule = Rule { when: &[Match::SourcePort(SERVICE)], ..reject(Host::Server, Hook::Output) };
static FORWARD_BACK: Rule = Rule { when: &[Match::SourcePort(SERVICE)], ..reject(Host::Middle, Hook::Forward) };
static NEW_ONES: Rule = Rule {
    when: &[Match::DestinationPort(SERVICE), Match::Flags(Flags::SYN.with(Flags::ACK), Flags::SYN)],
    ..reject(Host::Middle, Hook::Forward)
};
static THE_THIRD: Rule = Rule {
    name: "limit",
    when: &[Match::DestinationPort(SERVICE), Match::State(&[Conntrack::New]), Match::Over(2)],
    ..reject(Host::Server, Hook::Input)
};

static UNKNOWN: Rule = Rule {
    name: "unknown",
    when: &[Match::DestinationPort(SERVICE), Match::State(&[Conntrack::Invalid])],
    ..reject(Host::Middle, Hook::Forward)
};

const CONNECT_IN_VAIN: Step = Step::Connect(Host::Client, "late", Peer::At(Host::Server, SERVICE), Connecting::Fails);

/// Bridged frames go through netfilter's IP hooks.
const BRIDGED_AS_IP: Step = Step::Do(&[
    Step::Set(Host::Middle, "net/bridge/bridge-nf-call-iptables", "1"),
    Step::Set(Host::Middle, "net/bridge/bridge-nf-call-ip6tables", "1"),
]);

/// What a refused connect() shows, where a rule refused it.
const REFUSED: Shows = Shows {
    client: &[Told::Error("ECONNREFUSED")],
    counts: &[
        Count::Rule("reject", Quantity::Exactly(1)),
        // The rule's resets are not the host's.
        Count::Counter(Host::Server, "Tcp.OutRsts", Quantity::Exactly(0)),
        Count::Counter(Host::Client, "Tcp.AttemptFails", Quantity::Exactly(1)),
    ],
    ..AS_THE_SERVER
};

/// The client's next request meets the rule. The server talks on, and its client's answer to that meets the rule too.
const REJECTED_ON_THE_WAY: Step = Step::Do(&[
    Step::Write("client", 20),
    CLIENT_LEARNS,
    Step::Write("server", 50),
    Step::Await(Condition::Seen(Host::Client, Flags::RST, Flags::RST, 1)),
]);

/// What that shows.
const KILLED_ON_THE_WAY: Shows = Shows {
    except: NOT_AT_THE_SERVER,
    client: &[Told::Error("ECONNRESET"), Told::Error("EPIPE")],
    counts: &[
        Count::Rule("reject", Quantity::AtLeast(2)),
        Count::Counter(Host::Server, "Tcp.OutRsts", Quantity::Exactly(0)),
    ],
    ..AS_THE_SERVER
};

pub(super) static PLAYS: [Play; 13] = [
    Play {
        id: "syn-in-input",
        title: "the server's own firewall rejects a SYN to a port that is listened on",
        topology: Topology::Bridged,
        steps: &[LISTEN, Step::Filter(&INPUT), CONNECT_IN_VAIN],
        shows: REFUSED,
    },
    Play {
        id: "established-in-input",
        title: "the server's own firewall rejects the second request of a connection, and the server talks on",
        topology: Topology::Bridged,
        steps: &[
            ESTABLISH,
            EXCHANGE,
            Step::Filter(&INPUT),
            Step::Write("client", 20),
            CLIENT_LEARNS,
            // The rule swallows the client's own resets too, until it goes.
            Step::Write("server", 50),
            Step::Await(Condition::Seen(Host::Client, Flags::RST, Flags::RST, 2)),
            Step::Unfilter("reject"),
            SERVER_LEARNS,
        ],
        shows: Shows {
            client: &[Told::Error("ECONNRESET"), Told::Error("EPIPE")],
            server: &[Told::Error("ECONNRESET"), Told::Error("EPIPE")],
            counts: &[
                Count::Rule("reject", Quantity::AtLeast(3)),
                Count::Counter(Host::Server, "Tcp.OutRsts", Quantity::Exactly(0)),
                Count::Counter(Host::Client, "Tcp.OutRsts", Quantity::AtLeast(3)),
            ],
            ..AS_THE_SERVER
        },
    },
    Play {
        id: "in-the-servers-output",
        title: "control: a rule in the server's output resets the server's own program, and nothing leaves",
        topology: Topology::Bridged,
        steps: &[
            ESTABLISH,
            EXCHANGE,
            Step::Filter(&SERVERS_OUTPUT),
            Step::Write("server", 50),
            SERVER_LEARNS,
            // What the server's kernel answers is counted, and never leaves.
            Step::Write("client", 20),
            Step::Await(Condition::Met("reject", 2)),
        ],
        shows: Shows {
            server: &[Told::Error("ECONNRESET"), Told::Error("EPIPE")],
            counts: &[
                Count::Rule("reject", Quantity::AtLeast(2)),
                Count::Counter(Host::Server, "Tcp.EstabResets", Quantity::Exactly(1)),
                Count::Counter(Host::Server, "Tcp.OutRsts", Quantity::AtLeast(1)),
            ],
            ..Shows::NOTHING
        },
    },
    Play {
        id: "in-the-clients-output",
        title: "control: a rule in the client's output resets the client's own program, and nothing leaves",
        topology: Topology::Bridged,
        steps: &[ESTABLISH, EXCHANGE, Step::Filter(&CLIENTS_OUTPUT), Step::Write("client", 20), CLIENT_LEARNS],
        shows: Shows {
            client: &[Told::Error("ECONNRESET"), Told::Error("EPIPE")],
            counts: &[
                Count::Rule("reject", Quantity::Exactly(1)),
                Count::Counter(Host::Client, "Tcp.EstabResets", Quantity::Exactly(1)),
                Count::Counter(Host::Client, "Tcp.OutRsts", Quantity::Exactly(0)),
                Count::Counter(Host::Server, "Tcp.OutRsts", Quantity::Exactly(0)),
            ],
            ..Shows::NOTHING
        },
    },
    Play {
        id: "routed-to-the-server",
        title: "a router rejects what goes to the server: the client is reset, the server talks on",
        topology: Topology::Routed,
        steps: &[ESTABLISH, EXCHANGE, Step::Filter(&FORWARD), REJECTED_ON_THE_WAY],
        shows: KILLED_ON_THE_WAY,
    },
    Play {
        id: "routed-to-the-client",
        title: "a router rejects what comes from the server: the server is reset, the client hears nothing",
        topology: Topology::Routed,
        steps: &[ESTABLISH, EXCHANGE, Step::Filter(&FORWARD_BACK), Step::Write("server", 50), SERVER_LEARNS],
        shows: Shows {
            except: &[(Tap::Client, Ending::Silence), (Tap::ClientPort, Ending::Silence)],
            server: &[Told::Error("ECONNRESET"), Told::Error("EPIPE")],
            counts: &[
                Count::Rule("reject", Quantity::Exactly(1)),
                Count::Counter(Host::Client, "Tcp.OutRsts", Quantity::Exactly(0)),
            ],
            ..Shows::foreign_reset(Host::Client)
        },
    },
    Play {
        id: "routed-syn",
        title: "a router rejects new connections, while one that is open goes on",
        topology: Topology::Routed,
        steps: &[ESTABLISH, Step::Filter(&NEW_ONES), CONNECT_IN_VAIN, EXCHANGE],
        shows: Shows { except: NOT_AT_THE_SERVER, ..REFUSED },
    },
    Play {
        id: "bridge-port-syn",
        title: "a bridge's port rejects a SYN as it comes in",
        topology: Topology::Bridged,
        steps: &[LISTEN, Step::Filter(&PORT), CONNECT_IN_VAIN],
        shows: Shows { except: NOT_AT_THE_SERVER, ..REFUSED },
    },
    Play {
        id: "bridge-port-established",
        title: "a bridge's port rejects the second request of a connection, and the server talks on",
        topology: Topology::Bridged,
        steps: &[ESTABLISH, EXCHANGE, Step::Filter(&PORT), REJECTED_ON_THE_WAY],
        shows: KILLED_ON_THE_WAY,
    },
    Play {
        id: "bridged-as-ip",
        title: "a bridge whose frames go through netfilter's IP hooks rejects a SYN, having a route to its sender",
        topology: Topology::Bridged,
        steps: &[BRIDGED_AS_IP, Step::BridgeAddress, LISTEN, Step::Filter(&FORWARD), CONNECT_IN_VAIN],
        shows: Shows { except: NOT_AT_THE_SERVER, ..REFUSED },
    },
    Play {
        id: "bridged-as-ip-without-route",
        title: "control: without a route to its sender, such a bridge drops the SYN, and can't reset",
        topology: Topology::Bridged,
        steps: &[
            BRIDGED_AS_IP,
            LISTEN,
            Step::Filter(&FORWARD),
            Step::Connect(Host::Client, "late", Peer::At(Host::Server, SERVICE), Connecting::UnderWay),
            Step::Await(Condition::Met("reject", 1)),
            Step::Await(Condition::State("late", "SYN_SENT")),
        ],
        shows: Shows {
            counts: &[
                Count::Rule("reject", Quantity::AtLeast(1)),
                Count::Counter(Host::Client, "Tcp.AttemptFails", Quantity::Exactly(0)),
            ],
            ..Shows::NOTHING
        },
    },
    Play {
        id: "forgotten-when-idle",
        title: "a firewall forgets each of five connections after a second of silence, and rejects what it says next",
        topology: Topology::Routed,
        steps: &[
            Step::Set(Host::Middle, "net/netfilter/nf_conntrack_tcp_timeout_established", "1"),
            Step::Set(Host::Middle, "net/netfilter/nf_conntrack_tcp_loose", "0"),
            Step::Filter(&UNKNOWN),
            LISTEN,
            Step::Rounds(5, &[CONNECT, ACCEPT, EXCHANGE, Step::Pause(APART)]),
            Step::Rounds(
                5,
                &[
                    Step::Await(Condition::Idle("client", IDLE)),
                    Step::Write("client", 20),
                    Step::Read("client", Until::End),
                ],
            ),
        ],
        shows: Shows {
            except: NOT_AT_THE_SERVER,
            client: &[Told::Error("ECONNRESET"); 5],
            counts: &[
                Count::Rule("unknown", Quantity::Exactly(5)),
                Count::Counter(Host::Server, "Tcp.OutRsts", Quantity::Exactly(0)),
            ],
            occasion: Some("idle-timeout"),
            ..AS_THE_SERVER
        },
    },
    Play {
        id: "over-a-limit",
        title: "the server's own firewall rejects the third connection, and two that are open go on",
        topology: Topology::Bridged,
        steps: &[
            LISTEN,
            Step::Filter(&THE_THIRD),
            Step::Connect(Host::Client, "first", Peer::At(Host::Server, SERVICE), Connecting::Done),
            Step::Accept("listener", "the first's"),
            CONNECT,
            ACCEPT,
            CONNECT_IN_VAIN,
            EXCHANGE,
            Step::Write("first", 20),
            Step::Read("the first's", Until::Bytes(20)),
        ],
        shows: Shows {
            client: &[Told::Error("ECONNREFUSED")],
            counts: &[
                Count::Rule("limit", Quantity::Exactly(1)),
                Count::Counter(Host::Server, "Tcp.OutRsts", Quantity::Exactly(0)),
            ],
            ..AS_THE_SERVER
        },
    },
];

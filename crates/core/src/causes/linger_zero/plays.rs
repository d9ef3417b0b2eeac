//! How linger-zero is made, with its controls.

use crate::kernel::Mechanism;
use crate::scenario::fragment::{
    ACCEPT, CLIENT_LEARNS, CONNECT, DEAFEN_SERVER, ESTABLISH, EXCHANGE, LISTEN, SERVER_LEARNS,
};
use crate::scenario::{
    Condition, Connecting, Count, Direction, Ending, Hook, Host, Match, Peer, Play, Quantity, Rule, SERVICE, Shows,
    SocketOption, Step, Tap, Then, Told, Topology, Until,
};
use crate::tcp::Flags;

/// All of them.
pub static PLAYS: [Play; 9] = [
    Play {
        id: "after-accept",
        title: "a server closes with SO_LINGER 0 as soon as it has accepted",
        topology: Topology::Bridged,
        steps: &[ESTABLISH, Step::Option("server", SocketOption::LingerZero), Step::Close("server"), CLIENT_LEARNS],
        shows: Shows {
            client: &[Told::Error("ECONNRESET"), Told::Error("EPIPE")],
            counts: &[
                Count::Counter(Host::Server, "TcpExt.TCPAbortOnData", Quantity::Exactly(1)),
                Count::Counter(Host::Server, "Tcp.OutRsts", Quantity::Exactly(1)),
            ],
            ..Shows::reset(Host::Server, Mechanism::CloseLingerZero)
        },
    },
    Play {
        id: "after-data",
        title: "a server closes with SO_LINGER 0 after request and answer",
        topology: Topology::Bridged,
        steps: &[
            ESTABLISH,
            EXCHANGE,
            Step::Option("server", SocketOption::LingerZero),
            Step::Close("server"),
            CLIENT_LEARNS,
        ],
        shows: Shows {
            client: &[Told::Error("ECONNRESET"), Told::Error("EPIPE")],
            counts: &[Count::Counter(Host::Server, "TcpExt.TCPAbortOnData", Quantity::Exactly(1))],
            ..Shows::reset(Host::Server, Mechanism::CloseLingerZero)
        },
    },
    Play {
        id: "by-the-client",
        title: "a client closes with SO_LINGER 0 after request and answer",
        topology: Topology::Bridged,
        steps: &[
            ESTABLISH,
            EXCHANGE,
            Step::Option("client", SocketOption::LingerZero),
            Step::Close("client"),
            SERVER_LEARNS,
        ],
        shows: Shows {
            server: &[Told::Error("ECONNRESET"), Told::Error("EPIPE")],
            counts: &[Count::Counter(Host::Client, "TcpExt.TCPAbortOnData", Quantity::Exactly(1))],
            ..Shows::reset(Host::Client, Mechanism::CloseLingerZero)
        },
    },
    Play {
        id: "before-accept",
        title: "a client closes with SO_LINGER 0 before the server has accepted",
        topology: Topology::Bridged,
        steps: &[
            LISTEN,
            CONNECT,
            Step::Option("client", SocketOption::LingerZero),
            Step::Close("client"),
            Step::Await(Condition::Seen(Host::Client, Flags::RST, Flags::RST, 1)),
            ACCEPT,
            Step::TakeError("server"),
            Step::Read("server", Until::End),
        ],
        shows: Shows {
            // The reset waits in SO_ERROR; read there, it is gone, and recv() gives the end of file.
            server: &[Told::Error("ECONNRESET"), Told::Eof],
            counts: &[Count::Counter(Host::Client, "TcpExt.TCPAbortOnData", Quantity::Exactly(1))],
            ..Shows::reset(Host::Client, Mechanism::CloseLingerZero)
        },
    },
    Play {
        id: "before-the-syn-ack",
        title: "control: a client closes with SO_LINGER 0 before its SYN is answered, and sends no reset",
        topology: Topology::Bridged,
        steps: &[
            Step::Filter(&Rule {
                name: "no-syn",
                host: Host::Server,
                hook: Hook::Input,
                when: &[Match::DestinationPort(SERVICE)],
                then: Then::Drop,
            }),
            Step::Connect(Host::Client, "client", Peer::At(Host::Server, SERVICE), Connecting::UnderWay),
            // On a busy machine the neighbour's address may still be asked for, and the SYN not have left.
            Step::Await(Condition::Met("no-syn", 1)),
            Step::Option("client", SocketOption::LingerZero),
            Step::Close("client"),
        ],
        shows: Shows {
            counts: &[
                // The kernel counts an abort though it sends nothing.
                Count::Counter(Host::Client, "TcpExt.TCPAbortOnData", Quantity::Exactly(1)),
                Count::Counter(Host::Client, "Tcp.OutRsts", Quantity::Exactly(0)),
                Count::Rule("no-syn", Quantity::Exactly(1)),
            ],
            ..Shows::NOTHING
        },
    },
    Play {
        id: "through-a-proxy",
        title: "a server closes with SO_LINGER 0, and the proxy before it passes that on to its client",
        topology: Topology::Routed,
        steps: &[
            LISTEN,
            Step::Listen(Host::Middle, "front", SERVICE, 8),
            Step::Connect(Host::Client, "client", Peer::At(Host::Middle, SERVICE), Connecting::Done),
            Step::Accept("front", "inside"),
            Step::Write("client", 20),
            Step::Read("inside", Until::Bytes(20)),
            Step::Connect(Host::Middle, "outside", Peer::At(Host::Server, SERVICE), Connecting::Done),
            ACCEPT,
            Step::Write("outside", 20),
            Step::Read("server", Until::Bytes(20)),
            Step::Write("server", 50),
            Step::Read("outside", Until::Bytes(50)),
            Step::Write("inside", 50),
            Step::Read("client", Until::Bytes(50)),
            Step::Option("server", SocketOption::LingerZero),
            Step::Close("server"),
            Step::Read("outside", Until::End),
            Step::Option("inside", SocketOption::LingerZero),
            Step::Close("inside"),
            CLIENT_LEARNS,
        ],
        shows: Shows {
            except: &[(Tap::ServerPort, Ending::Reset(Host::Server)), (Tap::Server, Ending::Reset(Host::Server))],
            client: &[Told::Error("ECONNRESET"), Told::Error("EPIPE")],
            middle: &[Told::Error("ECONNRESET")],
            counts: &[
                Count::Counter(Host::Server, "TcpExt.TCPAbortOnData", Quantity::Exactly(1)),
                Count::Counter(Host::Middle, "TcpExt.TCPAbortOnData", Quantity::Exactly(1)),
            ],
            ..Shows::reset(Host::Middle, Mechanism::CloseLingerZero)
        },
    },
    Play {
        id: "fin-by-the-client",
        title: "control: a client closes first, without SO_LINGER",
        topology: Topology::Bridged,
        steps: &[
            ESTABLISH,
            EXCHANGE,
            Step::Close("client"),
            Step::Read("server", Until::End),
            Step::Shutdown("server", Direction::Write),
            Step::Await(Condition::State("server", "CLOSE")),
        ],
        shows: Shows { server: &[Told::Eof], ..CLOSED_BY_FIN },
    },
    Play {
        id: "fin-by-the-server",
        title: "control: a server closes first, without SO_LINGER",
        topology: Topology::Bridged,
        steps: &[
            ESTABLISH,
            EXCHANGE,
            Step::Close("server"),
            Step::Read("client", Until::End),
            Step::Shutdown("client", Direction::Write),
            Step::Await(Condition::State("client", "CLOSE")),
        ],
        shows: Shows { client: &[Told::Eof], ..CLOSED_BY_FIN },
    },
    Play {
        id: "retries-exhausted",
        title: "control: a server hears no acknowledgments and gives up by tcp_retries2, and sends no reset",
        topology: Topology::Bridged,
        steps: &[
            Step::Set(Host::Server, "net/ipv4/tcp_retries2", "1"),
            ESTABLISH,
            EXCHANGE,
            DEAFEN_SERVER,
            Step::Write("server", 50),
            SERVER_LEARNS,
        ],
        shows: Shows {
            server: &[Told::Error("ETIMEDOUT"), Told::Error("EPIPE")],
            counts: &[
                Count::Counter(Host::Server, "TcpExt.TCPAbortOnTimeout", Quantity::Exactly(1)),
                Count::Counter(Host::Server, "Tcp.OutRsts", Quantity::Exactly(0)),
            ],
            ..Shows::NOTHING
        },
    },
];

const CLOSED_BY_FIN: Shows = Shows {
    ending: Ending::Fin,
    counts: &[
        Count::Counter(Host::Client, "Tcp.OutRsts", Quantity::Exactly(0)),
        Count::Counter(Host::Server, "Tcp.OutRsts", Quantity::Exactly(0)),
    ],
    ..Shows::NOTHING
};

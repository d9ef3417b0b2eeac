//! How somebody on the path forges a reset with the exact number: careful, careless, and guessing.

use crate::scenario::fragment::{
    CARELESS, CLIENT_LEARNS, ESTABLISH, EXCHANGE, HOLD_SYN_ACK, INJECTED, LISTEN, RELEASE_SYN_ACK, SERVER_LEARNS,
};
use crate::scenario::{
    Ack, Condition, Connecting, Count, Ending, Forgery, Host, Number, Peer, Play, Quantity, SERVICE, Shows, Step, Tap,
    Told, Topology, Until,
};
use crate::tcp::Flags;

/// The end that was impersonated talks on, and the victim resets it.
const ZOMBIE: Step = Step::Do(&[CLIENT_LEARNS, Step::Write("server", 50), SERVER_LEARNS]);

/// Toward the server only the victim's own reset passes.
const VICTIMS_OWN: &[(Tap, Ending)] =
    &[(Tap::ServerPort, Ending::Reset(Host::Client)), (Tap::Server, Ending::Reset(Host::Client))];

const KILLED: Shows = Shows {
    except: VICTIMS_OWN,
    client: &[Told::Error("ECONNRESET"), Told::Error("EPIPE")],
    server: &[Told::Error("ECONNRESET"), Told::Error("EPIPE")],
    counts: &[
        Count::Counter(Host::Client, "Tcp.EstabResets", Quantity::Exactly(1)),
        Count::Counter(Host::Server, "Tcp.OutRsts", Quantity::Exactly(0)),
    ],
    ..Shows::foreign_reset(Host::Server)
};

pub(super) static PLAYS: [Play; 6] = [
    Play {
        id: "copied",
        title: "the middle forges the server's reset to the last octet of its header, and the server talks on",
        topology: Topology::Bridged,
        steps: &[ESTABLISH, EXCHANGE, Step::Forge(INJECTED), ZOMBIE],
        shows: KILLED,
    },
    Play {
        id: "copied-and-silent",
        title: "the middle forges the server's reset to the last octet of its header, and the server never learns",
        topology: Topology::Bridged,
        steps: &[
            ESTABLISH,
            EXCHANGE,
            Step::Forge(INJECTED),
            CLIENT_LEARNS,
            Step::Await(Condition::State("server", "ESTABLISHED")),
        ],
        shows: Shows {
            // Nothing on the wire can show it.
            seen_as: &[(Tap::Client, "linger-zero"), (Tap::ClientPort, "linger-zero")],
            except: &[(Tap::ServerPort, Ending::Silence), (Tap::Server, Ending::Silence)],
            server: &[],
            ..KILLED
        },
    },
    Play {
        id: "wrong-ttl",
        title: "the middle forges a bare reset from further away, and the server talks on",
        topology: Topology::Bridged,
        steps: &[ESTABLISH, EXCHANGE, Step::Forge(CARELESS), ZOMBIE],
        shows: KILLED,
    },
    Play {
        id: "bogus-ack",
        title: "the middle forges a reset that acknowledges what was never sent, and it is taken all the same",
        topology: Topology::Bridged,
        steps: &[ESTABLISH, EXCHANGE, Step::Forge(Forgery { ack: Ack::Plain(0x5eed_5eed), ..INJECTED }), ZOMBIE],
        shows: KILLED,
    },
    Play {
        id: "into-syn-sent",
        title: "the middle forges a refusal before the server's SYN-ACK arrives",
        topology: Topology::Bridged,
        steps: &[
            LISTEN,
            HOLD_SYN_ACK,
            Step::Connect(Host::Client, "client", Peer::At(Host::Server, SERVICE), Connecting::UnderWay),
            Step::Await(Condition::Met("hold", 1)),
            Step::Forge(Forgery { seq: Number::Plain(0), ttl: Some(200), window: 0, ..INJECTED }),
            Step::Read("client", Until::End),
            RELEASE_SYN_ACK,
            Step::Await(Condition::Seen(Host::Client, Flags::RST, Flags::RST, 1)),
        ],
        shows: Shows {
            client: &[Told::Error("ECONNREFUSED")],
            server: &[],
            counts: &[
                Count::Counter(Host::Client, "Tcp.AttemptFails", Quantity::Exactly(1)),
                Count::Counter(Host::Server, "Tcp.OutRsts", Quantity::Exactly(0)),
            ],
            ..KILLED
        },
    },
    Play {
        id: "flood",
        title: "of one reset in every window of all numbers, one is exact",
        topology: Topology::Bridged,
        steps: &[ESTABLISH, EXCHANGE, Step::Forge(Forgery { count: 71_583, stride: 60_000, ..CARELESS }), ZOMBIE],
        shows: KILLED,
    },
];

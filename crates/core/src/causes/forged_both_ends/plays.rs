//! How both ends are reset at once.

use crate::scenario::fragment::{CARELESS, CLIENT_LEARNS, ESTABLISH, EXCHANGE, INJECTED, SERVER_LEARNS};
use crate::scenario::{Count, Disguise, Ending, Forgery, Host, Play, Quantity, Shows, Step, Tap, Told, Topology};

const KILLED: Shows = Shows {
    // At each port of the middle passes one of the two.
    between: true,
    except: &[(Tap::ServerPort, Ending::Reset(Host::Client)), (Tap::Server, Ending::Reset(Host::Client))],
    client: &[Told::Error("ECONNRESET"), Told::Error("EPIPE")],
    server: &[Told::Error("ECONNRESET"), Told::Error("EPIPE")],
    counts: &[
        Count::Counter(Host::Client, "Tcp.EstabResets", Quantity::Exactly(1)),
        Count::Counter(Host::Client, "Tcp.OutRsts", Quantity::Exactly(0)),
        Count::Counter(Host::Server, "Tcp.EstabResets", Quantity::Exactly(1)),
        Count::Counter(Host::Server, "Tcp.OutRsts", Quantity::Exactly(0)),
    ],
    ..Shows::foreign_reset(Host::Server)
};

pub(super) static PLAYS: [Play; 2] = [
    Play {
        id: "copied",
        title: "the middle resets both ends, each to the last octet as the other would",
        topology: Topology::Bridged,
        steps: &[
            ESTABLISH,
            EXCHANGE,
            Step::Volley(&[INJECTED, Forgery { to: Host::Server, disguise: Disguise::PeerOf("server"), ..INJECTED }]),
            CLIENT_LEARNS,
            SERVER_LEARNS,
        ],
        shows: KILLED,
    },
    Play {
        id: "wrong-ttl",
        title: "the middle resets both ends with bare resets from further away",
        topology: Topology::Bridged,
        steps: &[
            ESTABLISH,
            EXCHANGE,
            Step::Volley(&[CARELESS, Forgery { to: Host::Server, disguise: Disguise::PeerOf("server"), ..CARELESS }]),
            CLIENT_LEARNS,
            SERVER_LEARNS,
        ],
        shows: KILLED,
    },
];

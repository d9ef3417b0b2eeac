//! How several resets are forged at once.

use crate::scenario::fragment::{CARELESS, CLIENT_LEARNS, ESTABLISH, EXCHANGE, INJECTED, SERVER_LEARNS};
use crate::scenario::{Count, Ending, Forgery, Host, Number, Play, Quantity, Shows, Step, Tap, Told, Topology};

/// The end that was impersonated talks on, and the victim resets it.
const ZOMBIE: Step = Step::Do(&[CLIENT_LEARNS, Step::Write("server", 50), SERVER_LEARNS]);

const KILLED: Shows = Shows {
    except: &[(Tap::ServerPort, Ending::Reset(Host::Client)), (Tap::Server, Ending::Reset(Host::Client))],
    client: &[Told::Error("ECONNRESET"), Told::Error("EPIPE")],
    server: &[Told::Error("ECONNRESET"), Told::Error("EPIPE")],
    counts: &[
        Count::Counter(Host::Client, "Tcp.EstabResets", Quantity::Exactly(1)),
        Count::Counter(Host::Server, "Tcp.OutRsts", Quantity::Exactly(0)),
    ],
    ..Shows::foreign_reset(Host::Server)
};

pub(super) static PLAYS: [Play; 3] = [
    Play {
        id: "by-segments",
        title: "three bare resets at +0, +1460 and +4380, and the server talks on",
        topology: Topology::Bridged,
        steps: &[
            ESTABLISH,
            EXCHANGE,
            Step::Volley(&[
                CARELESS,
                Forgery { seq: Number::Next(1460), ..CARELESS },
                Forgery { seq: Number::Next(4380), ..CARELESS },
            ]),
            ZOMBIE,
        ],
        shows: KILLED,
    },
    Play {
        id: "copied",
        title: "three resets at +0, +1460 and +4380, else like the server's own, and the server talks on",
        topology: Topology::Bridged,
        steps: &[
            ESTABLISH,
            EXCHANGE,
            Step::Volley(&[
                INJECTED,
                Forgery { seq: Number::Next(1460), ..INJECTED },
                Forgery { seq: Number::Next(4380), ..INJECTED },
            ]),
            ZOMBIE,
        ],
        shows: KILLED,
    },
    Play {
        id: "three-alike",
        title: "three copies of one reset, and the server talks on",
        topology: Topology::Bridged,
        steps: &[ESTABLISH, EXCHANGE, Step::Forge(Forgery { count: 3, ttl: Some(200), ..INJECTED }), ZOMBIE],
        shows: KILLED,
    },
];

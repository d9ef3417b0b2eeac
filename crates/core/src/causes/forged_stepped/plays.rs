//! How several resets are forged at once.

use crate::scenario::fragment::{CARELESS, ESTABLISH, EXCHANGE, INJECTED, KILLED_BY_FORGERY, ZOMBIE};
use crate::scenario::{Forgery, Number, Play, Step, Topology};

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
        shows: KILLED_BY_FORGERY,
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
        shows: KILLED_BY_FORGERY,
    },
    Play {
        id: "three-alike",
        title: "three copies of one reset, and the server talks on",
        topology: Topology::Bridged,
        steps: &[ESTABLISH, EXCHANGE, Step::Forge(Forgery { count: 3, ttl: Some(200), ..INJECTED }), ZOMBIE],
        shows: KILLED_BY_FORGERY,
    },
];

//! How a reset is forged with a number in the window that isn't exact.

use crate::scenario::fragment::{CARELESS, ESTABLISH, EXCHANGE, INJECTED};
use crate::scenario::{Condition, Count, Ending, Forgery, Host, Number, Play, Quantity, Shows, Step, Tap, Topology};

const CHALLENGED: Step = Step::Await(Condition::Counted(Host::Client, "TcpExt.TCPChallengeACK", 1));

const LIVES: Shows = Shows {
    ending: Ending::Challenged(Host::Client),
    // There the challenge is only an acknowledgment.
    except: &[(Tap::ServerPort, Ending::Silence), (Tap::Server, Ending::Silence)],
    counts: &[
        Count::Counter(Host::Client, "TcpExt.TCPChallengeACK", Quantity::Exactly(1)),
        Count::Counter(Host::Client, "Tcp.EstabResets", Quantity::Exactly(0)),
        Count::Counter(Host::Server, "Tcp.OutRsts", Quantity::Exactly(0)),
    ],
    ..Shows::NOTHING
};

pub(super) static PLAYS: [Play; 3] = [
    Play {
        id: "copied",
        title: "a reset a thousand octets ahead, else like the server's own, is challenged",
        topology: Topology::Bridged,
        steps: &[
            ESTABLISH,
            EXCHANGE,
            Step::Forge(Forgery { seq: Number::Next(1000), ..INJECTED }),
            CHALLENGED,
            EXCHANGE,
        ],
        shows: LIVES,
    },
    Play {
        id: "wrong-ttl",
        title: "a bare reset a thousand octets ahead, from further away, is challenged",
        topology: Topology::Bridged,
        steps: &[
            ESTABLISH,
            EXCHANGE,
            Step::Forge(Forgery { seq: Number::Next(1000), ..CARELESS }),
            CHALLENGED,
            EXCHANGE,
        ],
        shows: LIVES,
    },
    Play {
        id: "flood",
        title: "of one reset in every window of all numbers, none is exact, and one is challenged",
        topology: Topology::Bridged,
        steps: &[
            ESTABLISH,
            EXCHANGE,
            Step::Forge(Forgery { seq: Number::Next(30_000), count: 71_583, stride: 60_000, ..CARELESS }),
            CHALLENGED,
            EXCHANGE,
        ],
        shows: LIVES,
    },
];

//! How a reset is forged with a number that nobody looks at.

use crate::scenario::fragment::{ACCEPT, CARELESS, ESTABLISH, EXCHANGE, IN_SYN_SENT, INJECTED, RELEASE_SYN_ACK};
use crate::scenario::{
    Ack, Condition, Count, Ending, Forgery, Host, Number, Play, Quantity, Shows, Step, Tap, Topology,
};

const LIVES: Shows = Shows {
    ending: Ending::Ignored(Host::Client),
    except: &[(Tap::ServerPort, Ending::Silence), (Tap::Server, Ending::Silence)],
    counts: &[
        Count::Counter(Host::Client, "TcpExt.TCPChallengeACK", Quantity::Exactly(0)),
        Count::Counter(Host::Client, "Tcp.EstabResets", Quantity::Exactly(0)),
        Count::Counter(Host::Client, "Tcp.AttemptFails", Quantity::Exactly(0)),
        Count::Counter(Host::Server, "Tcp.OutRsts", Quantity::Exactly(0)),
    ],
    ..Shows::NOTHING
};

pub(super) static PLAYS: [Play; 3] = [
    Play {
        id: "behind",
        title: "a reset with a number that lies behind is dropped, and both ends go on",
        topology: Topology::Bridged,
        steps: &[ESTABLISH, EXCHANGE, Step::Forge(Forgery { seq: Number::Next(-100_000), ..INJECTED }), EXCHANGE],
        shows: LIVES,
    },
    Play {
        id: "far-ahead",
        title: "a reset with a number far ahead of the window is dropped, and both ends go on",
        topology: Topology::Bridged,
        steps: &[ESTABLISH, EXCHANGE, Step::Forge(Forgery { seq: Number::Next(1 << 30), ..CARELESS }), EXCHANGE],
        shows: LIVES,
    },
    Play {
        id: "into-syn-sent",
        title: "a client in SYN-SENT drops resets that don't acknowledge its SYN, and connects",
        topology: Topology::Bridged,
        steps: &[
            IN_SYN_SENT,
            Step::Volley(&[
                Forgery { seq: Number::Plain(0), ..CARELESS },
                Forgery { seq: Number::Plain(0), ack: Ack::Sent(1), ttl: Some(200), window: 0, ..INJECTED },
            ]),
            RELEASE_SYN_ACK,
            Step::Await(Condition::State("client", "ESTABLISHED")),
            ACCEPT,
            EXCHANGE,
        ],
        shows: Shows {
            counts: &[
                Count::Counter(Host::Client, "Tcp.EstabResets", Quantity::Exactly(0)),
                Count::Counter(Host::Client, "Tcp.AttemptFails", Quantity::Exactly(0)),
                Count::Counter(Host::Server, "Tcp.OutRsts", Quantity::Exactly(0)),
            ],
            ..LIVES
        },
    },
];

//! How somebody on the path forges a reset with the exact number: careful, careless, and guessing.

use crate::scenario::fragment::{
    CARELESS, CLIENT_LEARNS, ESTABLISH, EXCHANGE, IN_SYN_SENT, INJECTED, KILLED_BY_FORGERY, RELEASE_SYN_ACK, ZOMBIE,
};
use crate::scenario::{
    Ack, Condition, Count, Ending, Forgery, Host, Number, Play, Quantity, Shows, Step, Tap, Told, Topology, Until,
};
use crate::tcp::Flags;

pub(super) static PLAYS: [Play; 6] = [
    Play {
        id: "copied",
        title: "the middle forges the server's reset to the last octet of its header, and the server talks on",
        topology: Topology::Bridged,
        steps: &[ESTABLISH, EXCHANGE, Step::Forge(INJECTED), ZOMBIE],
        shows: KILLED_BY_FORGERY,
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
            ..KILLED_BY_FORGERY
        },
    },
    Play {
        id: "wrong-ttl",
        title: "the middle forges a bare reset from further away, and the server talks on",
        topology: Topology::Bridged,
        steps: &[ESTABLISH, EXCHANGE, Step::Forge(CARELESS), ZOMBIE],
        shows: KILLED_BY_FORGERY,
    },
    Play {
        id: "bogus-ack",
        title: "the middle forges a reset that acknowledges what was never sent, and it is taken all the same",
        topology: Topology::Bridged,
        steps: &[ESTABLISH, EXCHANGE, Step::Forge(Forgery { ack: Ack::Plain(0x5eed_5eed), ..INJECTED }), ZOMBIE],
        shows: KILLED_BY_FORGERY,
    },
    Play {
        id: "into-syn-sent",
        title: "the middle forges a refusal before the server's SYN-ACK arrives",
        topology: Topology::Bridged,
        steps: &[
            IN_SYN_SENT,
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
            ..KILLED_BY_FORGERY
        },
    },
    Play {
        id: "flood",
        title: "of one reset in every window of all numbers, one is exact",
        topology: Topology::Bridged,
        steps: &[ESTABLISH, EXCHANGE, Step::Forge(Forgery { count: 71_583, stride: 60_000, ..CARELESS }), ZOMBIE],
        shows: KILLED_BY_FORGERY,
    },
];

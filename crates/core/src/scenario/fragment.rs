//! Beginnings and ends that plays share.

use super::cast::{Host, Tap};
use super::filter::{Hook, Match, Rule, Then};
use super::forgery::{Ack, Disguise, Forgery, Number};
use super::play::{Count, Ending, Quantity, Shows, Told};
use super::step::{Condition, Connecting, Peer, SocketOption, Step, Until};
use super::{CLOSED, SERVICE};
use crate::tcp::Flags;

/// The server listens: `listener`.
pub const LISTEN: Step = Step::Listen(Host::Server, "listener", SERVICE, 8);

/// The client connects to it: `client`.
pub const CONNECT: Step = Step::Connect(Host::Client, "client", Peer::At(Host::Server, SERVICE), Connecting::Done);

/// The server takes the connection: `server`.
pub const ACCEPT: Step = Step::Accept("listener", "server");

/// The three in turn.
pub const ESTABLISH: Step = Step::Do(&[LISTEN, CONNECT, ACCEPT]);

/// A request of twenty octets and an answer of fifty, both read.
pub const EXCHANGE: Step = Step::Do(&[
    Step::Write("client", 20),
    Step::Read("server", Until::Bytes(20)),
    Step::Write("server", 50),
    Step::Read("client", Until::Bytes(50)),
]);

/// The client reads to the end, and writes once more.
pub const CLIENT_LEARNS: Step = Step::Do(&[Step::Read("client", Until::End), Step::Write("client", 1)]);

/// The server reads to the end, and writes once more.
pub const SERVER_LEARNS: Step = Step::Do(&[Step::Read("server", Until::End), Step::Write("server", 1)]);

/// A port where nobody listens, as a peer.
pub const NOBODY_LISTENS: Peer = Peer::At(Host::Server, CLOSED);

/// The client hears of a reset that came after the server's FIN: its kernel tells the end of file, and fails the next write.
pub const CLIENT_LEARNS_LATE: Step = Step::Do(&[
    Step::Await(Condition::State("client", "CLOSE")),
    Step::Read("client", Until::End),
    Step::Write("client", 1),
]);

/// The port of a client that a forger must know.
pub const CLIENT_PORT: u16 = 40_000;

/// The client's socket, bound to that port.
pub const BOUND_CLIENT: Step =
    Step::Do(&[Step::Open(Host::Client, "client"), Step::Option("client", SocketOption::Port(CLIENT_PORT))]);

/// The server's host hears nothing of the client any more, but for a reset.
pub const DEAFEN_SERVER: Step = Step::Filter(&Rule {
    name: "unheard",
    host: Host::Server,
    hook: Hook::Input,
    when: &[Match::From(Host::Client), Match::Flags(Flags::RST, Flags(0))],
    then: Then::Drop,
});

/// The server's host doesn't hear the client's bare acknowledgments, such as the last of a handshake.
pub const DROP_ACKS: Step = Step::Filter(&Rule {
    name: "no-ack",
    host: Host::Server,
    hook: Hook::Input,
    when: &[Match::DestinationPort(SERVICE), Match::SourcePort(CLIENT_PORT), Match::Flags(KINDS, Flags::ACK)],
    then: Then::Drop,
});

/// The bits that tell a bare acknowledgment, as Linux sends it, from all else.
const KINDS: Flags = Flags(Flags::SYN.0 | Flags::FIN.0 | Flags::RST.0 | Flags::PSH.0 | Flags::ACK.0);

/// A segment out of the blue: the client's own raw socket sends it, and no connection of the client has its numbers.
pub const fn out_of_the_blue(flags: Flags, payload: u16, port: u16) -> Forgery {
    Forgery {
        by: Host::Client,
        to: Host::Server,
        disguise: Disguise::Own(CLIENT_PORT, port),
        flags,
        seq: Number::Plain(1_000_000),
        ack: Ack::Plain(2_000_000),
        payload,
        ttl: None,
        window: 512,
        count: 1,
        stride: 0,
    }
}

/// So many SYNs to the server's port, each from a port of nobody's, who answers nothing.
pub const fn flood(count: u32) -> Step {
    Step::Forge(Forgery {
        disguise: Disguise::Nobody(SERVICE),
        ack: Ack::Plain(0),
        count,
        ..out_of_the_blue(Flags::SYN, 0, SERVICE)
    })
}

/// A request of twenty octets that the server's kernel has and its program hasn't read.
pub const REQUEST: Step = Step::Do(&[Step::Write("client", 20), Step::Await(Condition::Arrived("server", 20))]);

/// A careful injector's reset to the client: the middle copies everything that the server's own next segment would have.
pub const INJECTED: Forgery = Forgery {
    by: Host::Middle,
    to: Host::Client,
    disguise: Disguise::PeerOf("client"),
    flags: Flags::RST.with(Flags::ACK),
    seq: Number::Next(0),
    ack: Ack::Sent(0),
    payload: 0,
    ttl: None,
    window: 64,
    count: 1,
    stride: 0,
};

/// A careless injector's reset to the client, from further away: no timestamps, no window, another IP id.
pub const CARELESS: Forgery = Forgery { flags: Flags::RST, ack: Ack::Plain(0), ttl: Some(200), window: 0, ..INJECTED };

/// The middle takes the server's SYN-ACKs away, until they are released.
const HOLD_SYN_ACK: Step = Step::Filter(&Rule {
    name: "hold",
    host: Host::Middle,
    hook: Hook::Ingress(Host::Server),
    when: &[Match::Flags(Flags::SYN.with(Flags::ACK), Flags::SYN.with(Flags::ACK))],
    then: Then::Drop,
});

/// The next one passes, a second after the first.
pub const RELEASE_SYN_ACK: Step = Step::Unfilter("hold");

/// The client is in SYN-SENT, and the server's SYN-ACK was held.
pub const IN_SYN_SENT: Step = Step::Do(&[
    LISTEN,
    HOLD_SYN_ACK,
    Step::Connect(Host::Client, "client", Peer::At(Host::Server, SERVICE), Connecting::UnderWay),
    Step::Await(Condition::Met("hold", 1)),
]);

/// The client was reset in the server's name: the server talks on, and the client resets it.
pub const ZOMBIE: Step = Step::Do(&[CLIENT_LEARNS, Step::Write("server", 50), SERVER_LEARNS]);

/// What a forged reset to the client shows, with [`ZOMBIE`].
pub const KILLED_BY_FORGERY: Shows = Shows {
    // Toward the server only the victim's own reset passes.
    except: &[(Tap::ServerPort, Ending::Reset(Host::Client)), (Tap::Server, Ending::Reset(Host::Client))],
    client: &[Told::Error("ECONNRESET"), Told::Error("EPIPE")],
    server: &[Told::Error("ECONNRESET"), Told::Error("EPIPE")],
    counts: &[
        Count::Counter(Host::Client, "Tcp.EstabResets", Quantity::Exactly(1)),
        Count::Counter(Host::Server, "Tcp.OutRsts", Quantity::Exactly(0)),
    ],
    ..Shows::foreign_reset(Host::Server)
};

/// What the client sends with PSH doesn't come to the server from now on: rule `no-data`.
pub const DROP_DATA: Step = Step::Filter(&Rule {
    name: "no-data",
    host: Host::Server,
    hook: Hook::Input,
    when: &[Match::DestinationPort(SERVICE), Match::Flags(Flags::PSH, Flags::PSH)],
    then: Then::Drop,
});

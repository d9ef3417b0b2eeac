//! Beginnings that many plays share.

use super::cast::Host;
use super::filter::{Hook, Match, Rule, Then};
use super::forgery::{Ack, Disguise, Forgery, Number};
use super::step::{Connecting, Peer, Step, Until};
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
pub const HOLD_SYN_ACK: Step = Step::Filter(&Rule {
    name: "hold",
    host: Host::Middle,
    hook: Hook::Ingress(Host::Server),
    when: &[Match::Flags(Flags::SYN.with(Flags::ACK), Flags::SYN.with(Flags::ACK))],
    then: Then::Drop,
});

/// The next one passes, a second after the first.
pub const RELEASE_SYN_ACK: Step = Step::Unfilter("hold");

//! Beginnings that many plays share.

use super::cast::Host;
use super::step::{Connecting, Peer, Step, Until};
use super::{CLOSED, SERVICE};

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

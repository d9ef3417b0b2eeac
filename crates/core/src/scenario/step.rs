//! One act of a play. Acts follow one another and wait for conditions, for a time only where the time is the cause.

use core::fmt;

use super::cast::{Host, Tap};
use super::filter::Rule;
use super::forgery::{Forgery, Replies};
use crate::tcp::Flags;

/// What a play calls a socket, a process or a rule. In rounds, each round has its own of each name.
pub type Name = &'static str;

/// One act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// These, in turn.
    Do(&'static [Step]),
    /// These, so many times, each time with sockets of its own.
    Rounds(u32, &'static [Step]),
    /// A setting of the host's namespace, by its sysctl path below /proc/sys.
    Set(Host, &'static str, &'static str),
    /// A rule for a host's packet filter.
    Filter(&'static Rule),
    /// The rule goes.
    Unfilter(Name),
    /// The host forgets all connections that it tracks.
    FlushConntrack(Host),
    /// The middle's bridge gets an address, and by it a route to both ends.
    BridgeAddress,
    /// From now on checksums are left to the link at this tap, as to a network card; a veth leaves them unfinished.
    LinkChecksums(Tap),
    /// A listener on this port, with a queue of this length.
    Listen(Host, Name, u16, i32),
    /// A socket that is bound to a port and doesn't listen.
    Bind(Host, Name, u16),
    /// A socket that isn't connected yet.
    Open(Host, Name),
    /// An option of a socket.
    Option(Name, SocketOption),
    /// connect(), of a socket that is made for it where there is none.
    Connect(Host, Name, Peer, Connecting),
    /// accept(): the listener's next connection gets this name.
    Accept(Name, Name),
    /// send() of so many octets.
    Write(Name, u32),
    /// recv(), up to this.
    Read(Name, Until),
    /// SO_ERROR, which is gone when it was read.
    TakeError(Name),
    /// shutdown().
    Shutdown(Name, Direction),
    /// close().
    Close(Name),
    /// connect() to AF_UNSPEC.
    Disconnect(Name),
    /// The socket goes without a segment (TCP_REPAIR): as if its host had lost its memory.
    Vanish(Name),
    /// SOCK_DESTROY, as ss -K does it.
    Destroy(Name),
    /// The socket becomes another process's alone.
    Hand(Name, Name),
    /// That process ends like this.
    End(Name, Fate),
    /// Wait until this is so.
    Await(Condition),
    /// Wait for so many milliseconds: here the time is the cause.
    Pause(u32),
    /// A segment that no socket sent.
    Forge(Forgery),
    /// Several of one host, made beforehand and sent in one instant.
    Volley(&'static [Forgery]),
    /// A forged segment, and what must answer it.
    Probe(Forgery, Replies),
}

/// An option of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketOption {
    /// SO_LINGER {1, 0}.
    LingerZero,
    /// TCP_LINGER2, in seconds.
    Linger2(i32),
    /// SO_KEEPALIVE: idle and interval in seconds, count.
    Keepalive(u32, u32, u32),
    /// TCP_USER_TIMEOUT, in milliseconds.
    UserTimeout(u32),
    /// The time to live of its segments.
    Ttl(u8),
    /// SO_RCVBUF.
    ReceiveBuffer(u32),
    /// Bound to this port, SO_REUSEADDR.
    Port(u16),
}

/// Whom a connect() is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// A host's address and this port.
    At(Host, u16),
    /// The address that nobody has and the middle translates.
    Virtual(u16),
}

/// How a connect() goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connecting {
    /// The handshake is waited for.
    Done,
    /// An error is waited for.
    Fails,
    /// Nothing is waited for.
    UnderWay,
}

/// Up to what a socket is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// So many octets.
    Bytes(u32),
    /// The end of file or an error.
    End,
}

/// Which way a shutdown() closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// SHUT_RD.
    Read,
    /// SHUT_WR.
    Write,
    /// SHUT_RDWR.
    Both,
}

/// How a process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// SIGTERM, which it doesn't handle.
    Terminate,
    /// SIGKILL.
    Kill,
    /// SIGSEGV.
    Segfault,
}

/// What a step waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// So many segments of this host have passed the middle since the play began: of the control bits in the first, exactly the
    /// second are set.
    Seen(Host, Flags, Flags, u32),
    /// The socket is in this state, by the kernel's name without its TCP_.
    State(Name, &'static str),
    /// The host of the socket, which is closed, has nothing left of the connection.
    Forgotten(Name),
    /// So many octets wait to be read.
    Arrived(Name, u32),
    /// All that was written is acknowledged.
    Acknowledged(Name),
    /// A counter of the host has grown by so much since the play began.
    Counted(Host, &'static str, u64),
    /// The rule has met so many packets.
    Met(Name, u64),
    /// The socket's last call is so many milliseconds ago: here the time is the cause.
    Idle(Name, u32),
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Peer::At(host, port) => write!(f, "{host}:{port}"),
            Peer::Virtual(port) => write!(f, "virtual:{port}"),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Condition::Seen(host, _, flags, count) => write!(f, "{count} segments {flags} of the {host} have passed"),
            Condition::State(socket, state) => write!(f, "{socket} is in {state}"),
            Condition::Forgotten(socket) => write!(f, "nothing is left of {socket}"),
            Condition::Arrived(socket, octets) => write!(f, "{octets} octets wait at {socket}"),
            Condition::Acknowledged(socket) => write!(f, "all of {socket} is acknowledged"),
            Condition::Counted(host, counter, by) => write!(f, "{counter} of the {host} has grown by {by}"),
            Condition::Idle(socket, milliseconds) => write!(f, "{socket} has been idle for {milliseconds} ms"),
            Condition::Met(rule, packets) => write!(f, "the rule {rule} has met {packets} packets"),
        }
    }
}

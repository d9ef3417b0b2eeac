//! TCP sockets looked up, counted and destroyed from outside, over sock_diag: those of the calling thread's namespace.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use crate::error::{Cause, Error, Result};
use crate::netlink::raw::RawMessage;
use crate::netlink::{Conversation, Family};
use crate::tcp_state::TcpState;

// linux/sock_diag.h
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const SOCK_DESTROY: u16 = 21;
/// INET_DIAG_NOCOOKIE, twice: any socket of these addresses.
const ANY_COOKIE: [u8; 8] = [0xff; 8];
/// Where struct inet_diag_sockid begins in an answer (inet_diag_msg), and how long that is.
const ANSWER_ID: usize = 4;
const ANSWER_LEN: usize = 72;

/// A socket as the kernel describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketFound {
    /// Its state. A FIN_WAIT2 may be one that the kernel keeps without a socket (`tw_substate`).
    pub state: TcpState,
    /// Octets received and not read; of a listener, connections in the accept queue.
    pub receive_queue: u32,
    /// Octets written and not acknowledged; of a listener, the accept queue's room.
    pub send_queue: u32,
    /// Its inode; 0 when no process holds it any more.
    pub inode: u32,
    /// What is left of the timer that runs: of a TIME_WAIT, its rest. Zero where none runs.
    pub timer_left: Duration,
    cookie: [u8; 8],
}

/// Which sockets are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortFilter {
    /// All of them.
    Any,
    /// Those with this port of their own.
    Local(u16),
    /// Those whose peer has this port.
    Peer(u16),
}

/// The connection between two addresses, as seen from `local`; `None` if there is none. A listener isn't one.
pub fn find(local: SocketAddr, peer: SocketAddr) -> Result<Option<SocketFound>> {
    look_up(&mut Conversation::open(Family::SockDiag)?, local, peer)
}

/// Ends the connection as `ss -K` does (`tcp_abort`): its holder gets ECONNABORTED, the peer a RST. ENOENT where there is
/// no such connection. It wants CAP_NET_ADMIN over the namespace.
pub fn destroy(local: SocketAddr, peer: SocketAddr) -> Result<()> {
    const OPERATION: &str = "destroy connection";
    let mut conversation = Conversation::open(Family::SockDiag)?;
    let name = name(local, peer);
    let found = look_up(&mut conversation, local, peer)?;
    let found = found.ok_or_else(|| Error::from_errno(OPERATION, &name, libc::ENOENT))?;
    // By its cookie: the addresses may belong to another by now.
    let request = request(SOCK_DESTROY, local, peer, found.cookie, u32::MAX);
    conversation.change(OPERATION, &name, request, 0)
}

/// How many TCP sockets, of IPv4 and IPv6, are in a state just now.
pub fn count_in(state: TcpState, ports: PortFilter) -> Result<usize> {
    const OPERATION: &str = "count sockets in";
    let mut conversation = Conversation::open(Family::SockDiag)?;
    let (local, peer) = match ports {
        PortFilter::Any => (0, 0),
        PortFilter::Local(port) => (port, 0),
        PortFilter::Peer(port) => (0, port),
    };
    let mut count = 0;
    for any in [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)] {
        let (local, peer) = (SocketAddr::new(any, local), SocketAddr::new(any, peer));
        let request = request(SOCK_DIAG_BY_FAMILY, local, peer, ANY_COOKIE, 1 << state.number());
        count += conversation.dump(OPERATION, state.name(), &request)?.len();
    }
    Ok(count)
}

fn look_up(conversation: &mut Conversation, local: SocketAddr, peer: SocketAddr) -> Result<Option<SocketFound>> {
    const OPERATION: &str = "find connection";
    let name = name(local, peer);
    let request = request(SOCK_DIAG_BY_FAMILY, local, peer, ANY_COOKIE, u32::MAX);
    // An answer repeats the id that it is for.
    let asked_for = request.body[8..8 + 36].to_vec();
    let answers = match conversation.ask(OPERATION, &name, request) {
        Err(error) if error.errno() == Some(libc::ENOENT) => return Ok(None),
        answers => answers?,
    };
    let malformed = |what: &str| Error::from_cause(OPERATION, &name, Cause::Malformed(what.to_owned()));
    let answer = answers.first().and_then(|answer| answer.body.get(..ANSWER_LEN));
    let answer = answer.ok_or_else(|| malformed("no socket in the answer"))?;
    // Where there is no connection the kernel's lookup goes on to a listener of the local port.
    if answer[ANSWER_ID..ANSWER_ID + 36] != asked_for {
        return Ok(None);
    }
    let state = TcpState::from_number(answer[1]).ok_or_else(|| malformed("an unknown state"))?;
    let word = |at: usize| u32::from_ne_bytes([answer[at], answer[at + 1], answer[at + 2], answer[at + 3]]);
    let mut cookie = [0; 8];
    cookie.copy_from_slice(&answer[44..52]);
    // idiag_expires, in milliseconds
    let timer_left = Duration::from_millis(word(52).into());
    let (receive_queue, send_queue, inode) = (word(56), word(60), word(68));
    Ok(Some(SocketFound { state, receive_queue, send_queue, inode, timer_left, cookie }))
}

/// struct inet_diag_req_v2
fn request(kind: u16, local: SocketAddr, peer: SocketAddr, cookie: [u8; 8], states: u32) -> RawMessage {
    let family = if local.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    let mut body = vec![family as u8, libc::IPPROTO_TCP as u8, 0, 0];
    body.extend(states.to_ne_bytes());
    body.extend(local.port().to_be_bytes());
    body.extend(peer.port().to_be_bytes());
    body.extend(octets(local.ip()));
    body.extend(octets(peer.ip()));
    // Any interface.
    body.extend([0; 4]);
    body.extend(cookie);
    RawMessage { kind, body }
}

/// An address in the room of an IPv6 one.
fn octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        }
        IpAddr::V6(address) => address.octets(),
    }
}

fn name(local: SocketAddr, peer: SocketAddr) -> String {
    format!("{local} -> {peer}")
}

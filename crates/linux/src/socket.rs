//! TCP sockets, one system call a function, each with its own raw errno.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::net::{self, AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, ipproto, sockopt};

pub use rustix::io::Errno;

/// A new non-blocking TCP socket of the family of `peer`.
pub fn open(peer: &SocketAddr) -> Result<OwnedFd, Errno> {
    let family = if peer.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    net::socket_with(family, SocketType::STREAM, flags, Some(ipproto::TCP))
}

/// Gives the socket a source address; the kernel chooses the port when it connects.
///
/// IP_BIND_ADDRESS_NO_PORT puts the choice off until connect(), where a port may serve several destinations;
/// chosen in bind() it would be taken from all of them.
pub fn bind_source(socket: impl AsFd, source: IpAddr) -> Result<(), Errno> {
    set_bind_address_no_port(&socket)?;
    net::bind(socket, &SocketAddr::new(source, 0))
}

fn set_bind_address_no_port(socket: &impl AsFd) -> Result<(), Errno> {
    use std::os::fd::AsRawFd;
    let on: libc::c_int = 1;
    // SAFETY: the descriptor is open for the call, and the option's value is the c_int behind the pointer.
    let result = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            libc::IPPROTO_IP,
            libc::IP_BIND_ADDRESS_NO_PORT,
            (&raw const on).cast(),
            size_of_val(&on) as libc::socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(last_errno()) }
}

fn last_errno() -> Errno {
    Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO)
}

/// Sends the SYN. On a non-blocking socket success is `Err(Errno::INPROGRESS)`, as a rule.
pub fn connect(socket: impl AsFd, peer: &SocketAddr) -> Result<(), Errno> {
    net::connect(socket, peer)
}

/// What close() does to a connection that is still open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linger {
    /// The default: send what is queued, then FIN.
    Default,
    /// SO_LINGER {1, 0}: drop what is queued and send RST (`tcp_disconnect` in `__tcp_close`).
    Zero,
}

/// A non-blocking listening socket. `linger` is set on the listener: sockets that it accepts inherit it, so that a
/// close by reset costs accept4() and close(), nothing else.
pub fn listen(address: &SocketAddr, backlog: i32, linger: Linger) -> Result<OwnedFd, Errno> {
    let listener = open(address)?;
    sockopt::set_socket_reuseaddr(&listener, true)?;
    if linger == Linger::Zero {
        sockopt::set_socket_linger(&listener, Some(Duration::ZERO))?;
    }
    net::bind(&listener, address)?;
    net::listen(&listener, backlog)?;
    Ok(listener)
}

/// Takes one connection from the accept queue. The accepted socket is non-blocking.
pub fn accept(listener: impl AsFd) -> Result<(OwnedFd, Option<SocketAddr>), Errno> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let (socket, peer) = net::acceptfrom_with(listener, flags)?;
    Ok((socket, peer.and_then(|peer| SocketAddr::try_from(peer).ok())))
}

/// Reads what has arrived; 0 is the peer's FIN.
pub fn receive(socket: impl AsFd, buffer: &mut [u8]) -> Result<usize, Errno> {
    net::recv(socket, buffer, RecvFlags::empty()).map(|(_, length)| length)
}

/// Writes without SIGPIPE.
pub fn send(socket: impl AsFd, data: &[u8]) -> Result<usize, Errno> {
    net::send(socket, data, SendFlags::NOSIGNAL)
}

/// SO_ERROR: the error that waits on the socket. Reading it clears it.
pub fn take_error(socket: impl AsFd) -> Result<Option<Errno>, Errno> {
    sockopt::socket_error(socket).map(Result::err)
}

/// Whether the handshake is done and the connection still stands: getpeername() answers in no other state.
pub fn is_connected(socket: impl AsFd) -> bool {
    net::getpeername(socket).is_ok()
}

/// The socket's own address.
pub fn local_address(socket: impl AsFd) -> Result<SocketAddr, Errno> {
    SocketAddr::try_from(net::getsockname(socket)?).map_err(|_| Errno::AFNOSUPPORT)
}

/// The errno's symbol as errno(3) has it; its number where it is none that a socket meets.
pub fn errno_name(errno: Errno) -> String {
    let raw = errno.raw_os_error();
    crate::error::errno_name(raw).map_or_else(|| format!("errno {raw}"), str::to_owned)
}

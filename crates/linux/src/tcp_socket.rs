//! One TCP socket with all that a connection's ways to end ask of it, each with its raw errno.

mod options;
mod repair;

use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, poll};
use rustix::net::{self, AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, ipproto, sockopt};
use rustix::time::Timespec;

use crate::tcp_state::TcpState;

pub use rst_storm_core::tcp::IpVersion;
pub use rustix::event::PollFlags;
pub use rustix::io::Errno;
pub use std::net::Shutdown;

/// A non-blocking TCP socket. Dropping it closes it without a word on errors; see [`TcpSocket::close`].
#[derive(Debug)]
pub struct TcpSocket {
    fd: OwnedFd,
}

/// What TCP_INFO says of a connection (`tcp_get_info`), as far as its end is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpInfo {
    /// The socket's state.
    pub state: TcpState,
    /// Segments sent and not acknowledged; for a listener, connections in the accept queue.
    pub unacked: u32,
    /// How often the oldest of them was retransmitted since the last acknowledgment (`icsk_retransmits`).
    pub retransmits: u8,
    /// Keepalive or window probes without an answer (`icsk_probes_out`).
    pub probes: u8,
    /// By how many doublings the retransmission timer is backed off.
    pub backoff: u8,
}

impl TcpSocket {
    /// A new socket in the calling thread's namespace.
    pub fn open(version: IpVersion) -> Result<TcpSocket, Errno> {
        let family = match version {
            IpVersion::V4 => AddressFamily::INET,
            IpVersion::V6 => AddressFamily::INET6,
        };
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        Ok(TcpSocket { fd: net::socket_with(family, SocketType::STREAM, flags, Some(ipproto::TCP))? })
    }

    /// The descriptor, for those that outlive this value.
    pub fn into_fd(self) -> OwnedFd {
        self.fd
    }

    /// bind(2)
    pub fn bind(&self, address: SocketAddr) -> Result<(), Errno> {
        net::bind(&self.fd, &address)
    }

    /// listen(2)
    pub fn listen(&self, backlog: i32) -> Result<(), Errno> {
        net::listen(&self.fd, backlog)
    }

    /// Sends the SYN. Success is `Err(Errno::INPROGRESS)`, as a rule.
    pub fn connect(&self, peer: SocketAddr) -> Result<(), Errno> {
        net::connect(&self.fd, &peer)
    }

    /// Takes one connection from the accept queue, and says whose it is.
    pub fn accept(&self) -> Result<(TcpSocket, SocketAddr), Errno> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let (fd, peer) = net::acceptfrom_with(&self.fd, flags)?;
        let peer = peer.and_then(|peer| SocketAddr::try_from(peer).ok()).ok_or(Errno::AFNOSUPPORT)?;
        Ok((TcpSocket { fd }, peer))
    }

    /// Writes without SIGPIPE; how many octets the kernel took.
    pub fn send(&self, data: &[u8]) -> Result<usize, Errno> {
        net::send(&self.fd, data, SendFlags::NOSIGNAL)
    }

    /// Reads what has arrived; 0 is the peer's FIN.
    pub fn receive(&self, buffer: &mut [u8]) -> Result<usize, Errno> {
        net::recv(&self.fd, buffer, RecvFlags::empty()).map(|(_, length)| length)
    }

    /// shutdown(2)
    pub fn shutdown(&self, how: Shutdown) -> Result<(), Errno> {
        let how = match how {
            Shutdown::Read => net::Shutdown::Read,
            Shutdown::Write => net::Shutdown::Write,
            Shutdown::Both => net::Shutdown::Both,
        };
        net::shutdown(&self.fd, how)
    }

    /// connect() to AF_UNSPEC: an open connection is reset (`tcp_disconnect`), the socket can be used again.
    pub fn disconnect(&self) -> Result<(), Errno> {
        net::connect_unspec(&self.fd)
    }

    /// close(2) with its errno. The descriptor is gone in any case.
    pub fn close(self) -> Result<(), Errno> {
        // SAFETY: the descriptor is this value's own, which ends here.
        check(unsafe { libc::close(self.fd.into_raw_fd()) })
    }

    /// SO_ERROR: the error that waits on the socket. Reading it clears it.
    pub fn take_error(&self) -> Result<Option<Errno>, Errno> {
        sockopt::socket_error(&self.fd).map(Result::err)
    }

    /// The socket's own address.
    pub fn local_address(&self) -> Result<SocketAddr, Errno> {
        SocketAddr::try_from(net::getsockname(&self.fd)?).map_err(|_| Errno::AFNOSUPPORT)
    }

    /// The peer's address; ENOTCONN where there is no connection.
    pub fn peer_address(&self) -> Result<SocketAddr, Errno> {
        let peer = net::getpeername(&self.fd)?.ok_or(Errno::NOTCONN)?;
        SocketAddr::try_from(peer).map_err(|_| Errno::AFNOSUPPORT)
    }

    /// Waits for one of `events`, or for so long; what holds then. ERR and HUP are told unasked.
    pub fn poll(&self, events: PollFlags, timeout: Duration) -> Result<PollFlags, Errno> {
        let timeout = Timespec {
            tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: timeout.subsec_nanos().into(),
        };
        let mut waited = [PollFd::new(&self.fd, events)];
        poll(&mut waited, Some(&timeout))?;
        Ok(waited[0].revents())
    }

    /// The state as TCP_INFO has it.
    pub fn state(&self) -> Result<TcpState, Errno> {
        Ok(self.info()?.state)
    }

    /// TCP_INFO.
    pub fn info(&self) -> Result<TcpInfo, Errno> {
        // SAFETY: the structure is plain integers, for which all zeroes is a value.
        let mut info: libc::tcp_info = unsafe { std::mem::zeroed() };
        options::read(self.as_fd(), libc::TCP_INFO, &mut info)?;
        Ok(TcpInfo {
            state: TcpState::from_number(info.tcpi_state).ok_or(Errno::PROTO)?,
            unacked: info.tcpi_unacked,
            retransmits: info.tcpi_retransmits,
            probes: info.tcpi_probes,
            backoff: info.tcpi_backoff,
        })
    }

    /// How many received octets nobody has read (FIONREAD). EINVAL for a listener.
    pub fn unread(&self) -> Result<usize, Errno> {
        rustix::io::ioctl_fionread(&self.fd).map(|octets| octets as usize)
    }

    /// How many octets of the send queue aren't acknowledged, sent or not (SIOCOUTQ). EINVAL for a listener.
    pub fn unsent(&self) -> Result<usize, Errno> {
        // SIOCOUTQ is TIOCOUTQ by another name.
        self.queued(libc::TIOCOUTQ)
    }

    fn queued(&self, request: libc::Ioctl) -> Result<usize, Errno> {
        let mut octets: libc::c_int = 0;
        // SAFETY: SIOCOUTQ and SIOCOUTQNSD write one c_int, which outlives the call.
        check(unsafe { libc::ioctl(self.fd.as_raw_fd(), request, &raw mut octets) })?;
        Ok(usize::try_from(octets).unwrap_or_default())
    }
}

impl AsFd for TcpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl From<OwnedFd> for TcpSocket {
    /// Takes over a descriptor as it is; whether it is a TCP socket, and non-blocking, is the giver's word.
    fn from(fd: OwnedFd) -> TcpSocket {
        TcpSocket { fd }
    }
}

fn check(result: libc::c_int) -> Result<(), Errno> {
    if result == 0 { Ok(()) } else { Err(last_errno()) }
}

fn last_errno() -> Errno {
    Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO)
}

//! The options of a TCP socket.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::Duration;

use rustix::net::{AddressFamily, sockopt};

use super::{Errno, TcpSocket, check};

impl TcpSocket {
    /// SO_REUSEADDR
    pub fn set_reuse_address(&self) -> Result<(), Errno> {
        sockopt::set_socket_reuseaddr(self, true)
    }

    /// SO_LINGER {1, 0}: close() drops what is queued and sends RST.
    pub fn set_linger_zero(&self) -> Result<(), Errno> {
        sockopt::set_socket_linger(self, Some(Duration::ZERO))
    }

    /// TCP_LINGER2: how long FIN_WAIT2 may last after close(). Below zero there is none: close() resets (`__tcp_close`).
    pub fn set_linger2(&self, seconds: i32) -> Result<(), Errno> {
        write(self.as_fd(), libc::TCP_LINGER2, seconds)
    }

    /// Keepalive probes after so many idle seconds, so far apart, and how many may stay unanswered. Four system calls.
    pub fn set_keepalive(&self, idle_seconds: u32, interval_seconds: u32, count: u32) -> Result<(), Errno> {
        sockopt::set_tcp_keepidle(self, Duration::from_secs(idle_seconds.into()))?;
        sockopt::set_tcp_keepintvl(self, Duration::from_secs(interval_seconds.into()))?;
        sockopt::set_tcp_keepcnt(self, count)?;
        sockopt::set_socket_keepalive(self, true)
    }

    /// TCP_USER_TIMEOUT (RFC 5482), in whole milliseconds; zero is the system's default.
    pub fn set_user_timeout(&self, timeout: Duration) -> Result<(), Errno> {
        sockopt::set_tcp_user_timeout(self, u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX))
    }

    /// The TTL of what is sent; for IPv6 the hop limit.
    pub fn set_ttl(&self, ttl: u8) -> Result<(), Errno> {
        if self.is_v6()? {
            sockopt::set_ipv6_unicast_hops(self, Some(ttl))
        } else {
            sockopt::set_ip_ttl(self, ttl.into())
        }
    }

    /// The type of service of what is sent; for IPv6 the traffic class. TCP keeps the two ECN bits to itself.
    pub fn set_tos(&self, tos: u8) -> Result<(), Errno> {
        if self.is_v6()? { sockopt::set_ipv6_tclass(self, tos.into()) } else { sockopt::set_ip_tos(self, tos) }
    }

    /// SO_RCVBUF; the kernel doubles it, and grows it no more by itself.
    pub fn set_receive_buffer(&self, octets: usize) -> Result<(), Errno> {
        sockopt::set_socket_recv_buffer_size(self, octets)
    }

    /// TCP_NODELAY
    pub fn set_no_delay(&self) -> Result<(), Errno> {
        sockopt::set_tcp_nodelay(self, true)
    }

    fn is_v6(&self) -> Result<bool, Errno> {
        Ok(sockopt::socket_domain(self)? == AddressFamily::INET6)
    }
}

/// Sets a whole-numbered option of level IPPROTO_TCP.
pub(super) fn write(socket: BorrowedFd<'_>, option: libc::c_int, value: libc::c_int) -> Result<(), Errno> {
    let length = size_of_val(&value) as libc::socklen_t;
    // SAFETY: the kernel reads `length` bytes of `value`, which is that large and lives through the call.
    check(unsafe { libc::setsockopt(socket.as_raw_fd(), libc::IPPROTO_TCP, option, (&raw const value).cast(), length) })
}

/// Reads an option of level IPPROTO_TCP. What the kernel doesn't fill in stays as it is.
pub(super) fn read<T: Copy>(socket: BorrowedFd<'_>, option: libc::c_int, value: &mut T) -> Result<(), Errno> {
    let mut length = size_of::<T>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes to `value`, which is that large and lives through the call; both
    // types read here (c_int, tcp_info) are plain integers, for which any bytes are a value.
    check(unsafe {
        libc::getsockopt(socket.as_raw_fd(), libc::IPPROTO_TCP, option, (&raw mut *value).cast(), &raw mut length)
    })
}

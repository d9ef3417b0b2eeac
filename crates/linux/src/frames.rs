//! Bytes sent as they are: frames out of a link, IP packets out of a host.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType, ipproto, sendto, socket_with};

use crate::error::{During, Error, Result};
use crate::tcp_socket::IpVersion;

/// UIO_MAXIOV: so many messages at once are the most that sendmmsg(2) takes.
const MOST_MESSAGES: usize = 1024;

/// A frame and the number of the link that it leaves by, in the namespace of the sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The link.
    pub interface_index: u32,
    /// All of it, from the Ethernet header on.
    pub frame: Vec<u8>,
}

/// A packet socket that sends frames out of links, past the IP stack and netfilter, and receives none.
#[derive(Debug)]
pub struct FrameSender {
    socket: OwnedFd,
}

impl FrameSender {
    /// Opens it in the calling thread's namespace. It wants CAP_NET_RAW.
    pub fn open() -> Result<FrameSender> {
        // Protocol 0 receives nothing.
        let socket = socket_with(AddressFamily::PACKET, SocketType::RAW, SocketFlags::CLOEXEC, None);
        Ok(FrameSender { socket: socket.during("open packet socket", "")? })
    }

    /// Sends all frames in this order, up to 1,024 by one system call, as fast as the links take them. An error says how
    /// many were sent before it.
    pub fn send_all(&self, frames: &[Outgoing]) -> Result<()> {
        let mut sent = 0;
        while sent < frames.len() {
            let end = frames.len().min(sent + MOST_MESSAGES);
            match self.send_some(&frames[sent..end]) {
                Ok(count) => sent += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => {
                    return Err(error).during("send frames:", format!("{sent} of {} were sent", frames.len()));
                }
            }
        }
        Ok(())
    }

    /// One sendmmsg(2); how many frames it took, at least one.
    fn send_some(&self, frames: &[Outgoing]) -> std::io::Result<usize> {
        let mut links: Vec<libc::sockaddr_ll> = frames.iter().map(|frame| link(frame.interface_index)).collect();
        let mut pieces: Vec<libc::iovec> = frames.iter().map(|frame| piece(&frame.frame)).collect();
        let mut messages: Vec<libc::mmsghdr> =
            links.iter_mut().zip(&mut pieces).map(|(link, piece)| message(link, piece)).collect();
        let count = messages.len() as libc::c_uint;
        // SAFETY: there are `count` headers, each with an address of `links` and one piece of `pieces`, each of which is a
        // frame of `frames`; all live through the call. The kernel only reads them, and writes the headers' lengths.
        let sent = unsafe { libc::sendmmsg(self.socket.as_raw_fd(), messages.as_mut_ptr(), count, 0) };
        usize::try_from(sent).map_err(|_| std::io::Error::last_os_error())
    }
}

fn link(interface_index: u32) -> libc::sockaddr_ll {
    // SAFETY: the structure is plain integers, for which all zeroes is a value.
    let mut link: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    link.sll_family = libc::AF_PACKET as u16;
    link.sll_ifindex = i32::try_from(interface_index).unwrap_or(i32::MAX);
    link
}

fn piece(frame: &[u8]) -> libc::iovec {
    libc::iovec { iov_base: frame.as_ptr().cast_mut().cast(), iov_len: frame.len() }
}

fn message(link: &mut libc::sockaddr_ll, piece: &mut libc::iovec) -> libc::mmsghdr {
    // SAFETY: the structure is integers and pointers, for which all zeroes is a value.
    let mut message: libc::mmsghdr = unsafe { std::mem::zeroed() };
    message.msg_hdr.msg_namelen = size_of_val(link) as libc::socklen_t;
    message.msg_hdr.msg_name = (&raw mut *link).cast();
    message.msg_hdr.msg_iov = piece;
    message.msg_hdr.msg_iovlen = 1;
    message
}

/// A raw socket that sends IP packets as a host does: through routing, netfilter's output hook and the neighbours.
///
/// Of an IPv4 packet the kernel fills in the total length and the header's checksum, and where they are zero the source
/// and, unless the packet isn't to be fragmented, the identification (raw(7)).
#[derive(Debug)]
pub struct RawSender {
    socket: OwnedFd,
    version: IpVersion,
}

impl RawSender {
    /// For packets of one version, in the calling thread's namespace. It wants CAP_NET_RAW.
    pub fn open(version: IpVersion) -> Result<RawSender> {
        let family = match version {
            IpVersion::V4 => AddressFamily::INET,
            IpVersion::V6 => AddressFamily::INET6,
        };
        // This protocol takes the IP header from the sender and receives nothing.
        let socket = socket_with(family, SocketType::RAW, SocketFlags::CLOEXEC, Some(ipproto::RAW));
        Ok(RawSender { socket: socket.during("open raw socket", "")?, version })
    }

    /// Sends one packet, IP header included, to where its header says. EINVAL for one of the other version.
    pub fn send(&self, packet: &[u8]) -> Result<()> {
        const OPERATION: &str = "send a packet";
        let destination = match self.version {
            IpVersion::V4 => destination_v4(packet),
            IpVersion::V6 => destination_v6(packet),
        };
        let destination = destination.ok_or_else(|| Error::from_errno(OPERATION, "", libc::EINVAL))?;
        let address = SocketAddr::new(destination, 0);
        sendto(&self.socket, packet, SendFlags::empty(), &address)
            .during(OPERATION, format!("to {destination}"))
            .map(drop)
    }
}

fn destination_v4(packet: &[u8]) -> Option<IpAddr> {
    let header = packet.first_chunk::<20>().filter(|header| header[0] >> 4 == 4)?;
    Some(Ipv4Addr::new(header[16], header[17], header[18], header[19]).into())
}

fn destination_v6(packet: &[u8]) -> Option<IpAddr> {
    let header = packet.first_chunk::<40>().filter(|header| header[0] >> 4 == 6)?;
    let mut octets = [0; 16];
    octets.copy_from_slice(&header[24..40]);
    Some(Ipv6Addr::from(octets).into())
}

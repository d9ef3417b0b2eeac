//! Frames sent as they are, out of links.

use std::os::fd::{AsRawFd, OwnedFd};

use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

use crate::error::{During, Result};

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

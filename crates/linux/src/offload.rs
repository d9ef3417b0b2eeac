//! Offloads of a link, by ethtool's ioctl. With all of them off, a capture shows what a wire would carry.
//!
//! UDP fragmentation offload left the kernel in 4.14, and its ioctl with it.

use std::os::fd::{AsRawFd, OwnedFd};

use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

use crate::error::{During, Error, Result};

/// One thing that a link does, or says it does, in place of the IP stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Offload {
    /// Verifying checksums. A veth that does it takes any checksum for good.
    ReceiveChecksum,
    /// Making checksums. A veth that does it leaves them unfinished.
    TransmitChecksum,
    /// Frames in several pieces of memory.
    ScatterGather,
    /// Cutting TCP's large segments (TSO).
    TcpSegmentation,
    /// Cutting them in software, just above the link (GSO).
    GenericSegmentation,
    /// Joining received segments to larger ones (GRO).
    GenericReceive,
}

impl Offload {
    /// All of them; segmentation goes before what it rests on.
    pub const ALL: [Offload; 6] = [
        Offload::TcpSegmentation,
        Offload::GenericSegmentation,
        Offload::GenericReceive,
        Offload::ScatterGather,
        Offload::TransmitChecksum,
        Offload::ReceiveChecksum,
    ];

    /// The word that ethtool(8) has for it after -K.
    pub const fn name(self) -> &'static str {
        match self {
            Offload::ReceiveChecksum => "rx",
            Offload::TransmitChecksum => "tx",
            Offload::ScatterGather => "sg",
            Offload::TcpSegmentation => "tso",
            Offload::GenericSegmentation => "gso",
            Offload::GenericReceive => "gro",
        }
    }

    /// ETHTOOL_G* and ETHTOOL_S* of linux/ethtool.h.
    const fn commands(self) -> (u32, u32) {
        match self {
            Offload::ReceiveChecksum => (0x14, 0x15),
            Offload::TransmitChecksum => (0x16, 0x17),
            Offload::ScatterGather => (0x18, 0x19),
            Offload::TcpSegmentation => (0x1e, 0x1f),
            Offload::GenericSegmentation => (0x23, 0x24),
            Offload::GenericReceive => (0x2b, 0x2c),
        }
    }
}

/// struct ethtool_value
#[repr(C)]
struct EthtoolValue {
    command: u32,
    data: u32,
}

/// Whether a link of the calling thread's namespace has an offload on.
pub fn is_on(link: &str, offload: Offload) -> Result<bool> {
    let mut value = EthtoolValue { command: offload.commands().0, data: 0 };
    ask("read the offloads of", link, &mut value)?;
    Ok(value.data != 0)
}

/// Turns one offload of a link of the calling thread's namespace on or off.
pub fn set(link: &str, offload: Offload, on: bool) -> Result<()> {
    let mut value = EthtoolValue { command: offload.commands().1, data: on.into() };
    ask("set the offloads of", link, &mut value)
}

/// Turns all offloads of a link off, where they are on.
pub fn turn_off(link: &str) -> Result<()> {
    for offload in Offload::ALL {
        if is_on(link, offload)? {
            set(link, offload, false)?;
        }
    }
    Ok(())
}

/// The offloads that a link has on.
pub fn read(link: &str) -> Result<Vec<Offload>> {
    let mut on = Vec::new();
    for offload in Offload::ALL {
        if is_on(link, offload)? {
            on.push(offload);
        }
    }
    Ok(on)
}

fn ask(operation: &'static str, link: &str, value: &mut EthtoolValue) -> Result<()> {
    // SAFETY: ifreq is integers, bytes and pointers that only a request would follow: all zeroes is a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    // The name keeps a terminating zero.
    if link.is_empty() || link.len() >= request.ifr_name.len() || link.contains('\0') {
        return Err(Error::from_errno(operation, link, libc::EINVAL));
    }
    for (place, byte) in request.ifr_name.iter_mut().zip(link.bytes()) {
        *place = byte as libc::c_char;
    }
    request.ifr_ifru.ifru_data = (&raw mut *value).cast();
    let socket = any_socket(operation, link)?;
    // SAFETY: the six pairs of commands above all read and write one ethtool_value, which ifru_data points to and
    // which, like the request, outlives the call.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCETHTOOL as libc::Ioctl, &raw mut request) };
    if result == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()).during(operation, link) }
}

/// A socket of any kind will do: the ioctl only takes its namespace.
fn any_socket(operation: &'static str, link: &str) -> Result<OwnedFd> {
    socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None).during(operation, link)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_no_link_can_have_is_refused() {
        for name in ["", "sixteen-or-more!", "a\0b"] {
            assert_eq!(is_on(name, Offload::GenericReceive).unwrap_err().errno(), Some(libc::EINVAL), "{name:?}");
        }
        let missing = is_on("no-such-link", Offload::GenericReceive).unwrap_err();
        assert_eq!(missing.errno(), Some(libc::ENODEV));
        assert_eq!(missing.to_string(), "read the offloads of no-such-link: No such device (ENODEV)");
    }

    #[test]
    fn anyone_may_read() {
        assert!(read("lo").is_ok());
    }
}

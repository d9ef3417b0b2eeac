//! What a segment carries beside its fixed header: options, payload and checksum, for the few segments worth a second look.

use core::net::IpAddr;

use super::ip::{Datagram, NoTcp};
use super::plain::{Plain, TCP_LEN};
use super::sum::{fold, sum};
use super::{Skip, follow_tunnels, link, open_ip, tcp};
use crate::capture::Frame;
use crate::tcp::Checksum;

/// TCP in the pseudo-header.
const PROTOCOL: u64 = 6;

/// What stands in a segment beside its fixed header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contents<'a> {
    /// The options that were captured, padding included.
    pub options: &'a [u8],
    /// The payload that was captured.
    pub payload: &'a [u8],
    /// Payload octets by the IP length, as in [`Segment`](crate::tcp::Segment).
    pub payload_len: u32,
    /// Whether the checksum fits.
    pub checksum: Checksum,
}

/// The contents of the segment in a frame; `None` where [`decode`](super::decode) gives a [`Skip`].
///
/// It goes the way of `decode`, into tunnels too, and reads every octet for the checksum: it is made for resets, not for
/// every segment.
pub fn inspect<'a>(frame: &Frame<'a>) -> Option<Contents<'a>> {
    Plain::open(frame).map(|plain| inspect_plain(&plain)).or_else(|| inspect_layers(frame))
}

#[inline(always)]
fn inspect_plain<'a>(plain: &Plain<'a>) -> Contents<'a> {
    let tcp_len = TCP_LEN + plain.options.len() + plain.payload.len();
    let pseudo_header = sum(&plain.addresses()) + PROTOCOL + tcp_len as u64;
    // Most resets have neither options nor payload.
    let mut whole = pseudo_header + sum(plain.fixed);
    if tcp_len > TCP_LEN {
        whole += sum(plain.options) + sum(plain.payload);
    }
    Contents {
        options: plain.options,
        payload: plain.payload,
        payload_len: plain.payload.len() as u32,
        checksum: tell(pseudo_header, whole, plain.checksum()),
    }
}

#[inline(never)]
pub(super) fn inspect_layers<'a>(frame: &Frame<'a>) -> Option<Contents<'a>> {
    let datagram = innermost(frame).ok()?;
    let header = tcp::open(&datagram).ok()?;
    let payload_len = header.payload_len();
    let header_len = (datagram.tcp_len - payload_len) as usize;
    Some(Contents {
        options: header.options(),
        payload: datagram.captured.get(header_len..).unwrap_or_default(),
        payload_len,
        checksum: check(&datagram, header.checksum()),
    })
}

fn innermost<'a>(frame: &Frame<'a>) -> Result<Datagram<'a>, Skip> {
    match open_ip(link::open(frame)?) {
        Ok(datagram) => Ok(datagram),
        Err(NoTcp::Skip(skip)) => Err(skip),
        Err(NoTcp::Cargo(cargo)) => follow_tunnels(cargo),
    }
}

/// RFC 9293 section 3.1. `field` is the checksum as it stands in the header.
fn check(datagram: &Datagram<'_>, field: u16) -> Checksum {
    if datagram.is_cut() || datagram.unsummable {
        return Checksum::NotChecked;
    }
    let pseudo_header = sum_pseudo_header(datagram);
    tell(pseudo_header, pseudo_header + sum(datagram.captured), field)
}

/// What the sums of the pseudo-header, and of all that the checksum covers, tell.
fn tell(pseudo_header: u64, whole: u64, field: u16) -> Checksum {
    if fold(whole) == 0xffff {
        return Checksum::Good;
    }
    // Captured before the network card finished it: Linux leaves the pseudo-header's sum there, others nothing.
    let unfinished = field == 0 || field == fold(pseudo_header);
    if unfinished { Checksum::NotChecked } else { Checksum::Bad }
}

/// The addresses, the protocol and the length (IPv6: RFC 8200 section 8.1, the same but for the addresses).
fn sum_pseudo_header(datagram: &Datagram<'_>) -> u64 {
    let addresses = [datagram.source, datagram.destination].map(|addr| match addr {
        IpAddr::V4(addr) => sum(&addr.octets()),
        IpAddr::V6(addr) => sum(&addr.octets()),
    });
    addresses[0] + addresses[1] + PROTOCOL + u64::from(datagram.tcp_len)
}

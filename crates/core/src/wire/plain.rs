//! The frame that nearly all are: TCP in IPv4 in Ethernet, whole and without IP options. All of it stands in fixed places.

use core::net::{IpAddr, Ipv4Addr};

use super::tcp::timestamp_value;
use crate::capture::{Frame, LinkType};
use crate::tcp::{Endpoint, Flags, IpFacts, Segment, SeqNumber};

const ETHERNET_LEN: usize = 14;
const IP_LEN: usize = 20;
pub(super) const TCP_LEN: usize = 20;

/// EtherType 0x0800, and version 4 with a header of five words.
const IPV4: [u8; 3] = [0x08, 0x00, 0x45];

/// The only one of the flags and the fragment offset that a whole datagram may have set.
const DONT_FRAGMENT: u16 = 0x4000;

/// The protocol number (IANA).
const TCP: u8 = 6;

/// Such a frame's headers, whose lengths have been checked against each other and against what was captured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plain<'a> {
    ip: &'a [u8; IP_LEN],
    pub(super) fixed: &'a [u8; TCP_LEN],
    pub(super) options: &'a [u8],
    pub(super) payload: &'a [u8],
}

impl<'a> Plain<'a> {
    /// The headers in such a frame. None says only that it has to be read layer by layer, which comes to the same for these.
    #[inline(always)]
    pub(super) fn open(frame: &Frame<'a>) -> Option<Plain<'a>> {
        let (ethernet, rest) = frame.data.split_first_chunk::<ETHERNET_LEN>()?;
        let ip = rest.first_chunk::<IP_LEN>()?;
        let total_len = usize::from(u16::from_be_bytes([ip[2], ip[3]]));
        let fragment = u16::from_be_bytes([ip[6], ip[7]]);
        let plain = frame.link == LinkType::Ethernet
            && [ethernet[12], ethernet[13], ip[0]] == IPV4
            && ip[9] == TCP
            && fragment & !DONT_FRAGMENT == 0;
        if !plain {
            return None;
        }
        let (fixed, rest) = rest.get(IP_LEN..total_len)?.split_first_chunk::<TCP_LEN>()?;
        let options_len = (usize::from(fixed[12] >> 4) * 4).checked_sub(TCP_LEN)?;
        let (options, payload) = rest.split_at_checked(options_len)?;
        Some(Plain { ip, fixed, options, payload })
    }

    /// The segment in it.
    #[inline(always)]
    pub(super) fn segment(&self, frame: &Frame<'_>, number: u64) -> Segment {
        let [_, tos, _, _, i, j, fragment, _, ttl, _, _, _, s1, s2, s3, s4, d1, d2, d3, d4] = *self.ip;
        let [a, b, c, d, e, f, g, h, k, l, m, n, _, flags, w, x, ..] = *self.fixed;
        Segment {
            at: frame.at,
            frame: number,
            source: Endpoint::new(IpAddr::V4(Ipv4Addr::new(s1, s2, s3, s4)), u16::from_be_bytes([a, b])),
            destination: Endpoint::new(IpAddr::V4(Ipv4Addr::new(d1, d2, d3, d4)), u16::from_be_bytes([c, d])),
            seq: SeqNumber(u32::from_be_bytes([e, f, g, h])),
            ack: SeqNumber(u32::from_be_bytes([k, l, m, n])),
            flags: Flags(flags),
            window: u16::from_be_bytes([w, x]),
            timestamp_value: timestamp_value(self.options),
            payload_len: self.payload.len() as u32,
            cut: false,
            ip: IpFacts { ttl, tos, id: Some(u16::from_be_bytes([i, j])), dont_fragment: fragment & 0x40 != 0 },
        }
    }

    /// The checksum as it stands in the header.
    pub(super) fn checksum(&self) -> u16 {
        u16::from_be_bytes([self.fixed[16], self.fixed[17]])
    }

    /// The addresses, of the source and the destination.
    pub(super) fn addresses(&self) -> [u8; 8] {
        let [.., a, b, c, d, e, f, g, h] = *self.ip;
        [a, b, c, d, e, f, g, h]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Plain;
    use crate::capture::{Direction, Frame, LinkType, Timestamp};
    use crate::wire::{decode, decode_layers, inspect, inspect::inspect_layers};

    /// A SYN of Linux's: Ethernet, IPv4, TCP with 20 octets of options, and 6 octets of payload.
    const SYN: [u8; 80] = [
        2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 66, 0x12, 0x34, 0x40, 0, 64, 6, 0, 0, 10, 0, 1, 1, 10, 0,
        1, 2, 0x9c, 0x40, 0x27, 0x0f, 1, 2, 3, 4, 0, 0, 0, 0, 0xa0, 2, 0xfa, 0xf0, 0, 0, 0, 0, 2, 4, 5, 0xb4, 4, 2, 8,
        10, 7, 7, 7, 7, 0, 0, 0, 0, 1, 3, 3, 10, 1, 2, 3, 4, 5, 6,
    ];

    fn frame(link: LinkType, data: &[u8], original_len: u32) -> Frame<'_> {
        Frame { at: Timestamp(1), interface: 0, direction: Direction::Unknown, link, original_len, data }
    }

    #[test]
    fn a_syn_is_plain() {
        let frame = frame(LinkType::Ethernet, &SYN, 80);
        let plain = Plain::open(&frame).expect("it is plain").segment(&frame, 1);
        assert_eq!((plain.timestamp_value, plain.payload_len), (Some(0x0707_0707), 6));
        assert_eq!(Ok(plain), decode_layers(frame, 1));
    }

    proptest! {
        /// Whatever is changed in the headers, or cut off, reads as it does layer by layer.
        #[test]
        fn both_ways_agree(
            changes in proptest::collection::vec((12..80_usize, any::<u8>()), 0..4),
            len in 0..=80_usize,
            original_len in 0..200_u32,
            is_ethernet in proptest::bool::weighted(0.9),
        ) {
            let mut octets = SYN;
            for (at, octet) in changes {
                octets[at] = octet;
            }
            let link = if is_ethernet { LinkType::Ethernet } else { LinkType::Raw };
            for len in [len, 80] {
                let frame = frame(link, &octets[..len], original_len);
                prop_assert_eq!(decode(&frame, 7), decode_layers(frame, 7));
                prop_assert_eq!(inspect(&frame), inspect_layers(&frame));
            }
        }
    }
}

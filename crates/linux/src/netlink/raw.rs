//! Messages and attributes as octets, for the families that no typed crate is in use for.

use std::convert::Infallible;

use netlink_packet_core::{NetlinkDeserializable, NetlinkHeader, NetlinkSerializable};

/// NLA_F_NESTED of linux/netlink.h.
const NESTED: u16 = 1 << 15;
/// NLA_TYPE_MASK: an attribute's type without its two flags.
const TYPE: u16 = 0x3fff;

/// A message by its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RawMessage {
    pub(crate) kind: u16,
    /// The family's own header, then attributes.
    pub(crate) body: Vec<u8>,
}

impl NetlinkSerializable for RawMessage {
    fn message_type(&self) -> u16 {
        self.kind
    }

    fn buffer_len(&self) -> usize {
        self.body.len()
    }

    fn serialize(&self, buffer: &mut [u8]) {
        buffer.copy_from_slice(&self.body);
    }
}

impl NetlinkDeserializable for RawMessage {
    type Error = Infallible;

    fn deserialize(header: &NetlinkHeader, payload: &[u8]) -> Result<RawMessage, Infallible> {
        Ok(RawMessage { kind: header.message_type, body: payload.to_vec() })
    }
}

/// Attributes one after the other, each padded to four octets. Numbers are in network order, as netfilter wants them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attributes(Vec<u8>);

impl Attributes {
    pub(crate) fn new() -> Attributes {
        Attributes::default()
    }

    pub(crate) fn octets(mut self, kind: u16, value: &[u8]) -> Attributes {
        // No caller has a value that comes near 64 KiB: names are checked, everything else is a number.
        let length = (4 + value.len()) as u16;
        self.0.extend(length.to_ne_bytes());
        self.0.extend(kind.to_ne_bytes());
        self.0.extend(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }

    pub(crate) fn u8(self, kind: u16, value: u8) -> Attributes {
        self.octets(kind, &[value])
    }

    pub(crate) fn u16(self, kind: u16, value: u16) -> Attributes {
        self.octets(kind, &value.to_be_bytes())
    }

    pub(crate) fn u32(self, kind: u16, value: u32) -> Attributes {
        self.octets(kind, &value.to_be_bytes())
    }

    pub(crate) fn u64(self, kind: u16, value: u64) -> Attributes {
        self.octets(kind, &value.to_be_bytes())
    }

    /// A text with its terminating zero.
    pub(crate) fn text(self, kind: u16, value: &str) -> Attributes {
        let mut octets = value.as_bytes().to_vec();
        octets.push(0);
        self.octets(kind, &octets)
    }

    pub(crate) fn nest(self, kind: u16, inner: Attributes) -> Attributes {
        self.octets(kind | NESTED, &inner.0)
    }

    pub(crate) fn as_octets(&self) -> &[u8] {
        &self.0
    }
}

/// The attributes in some octets, up to where they make sense.
pub(crate) fn attributes(mut rest: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let [a, b, c, d, ..] = *rest else { return None };
        let length = usize::from(u16::from_ne_bytes([a, b]));
        let value = rest.get(4..length)?;
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((u16::from_ne_bytes([c, d]) & TYPE, value))
    })
}

/// The first attribute of a kind.
pub(crate) fn attribute(octets: &[u8], kind: u16) -> Option<&[u8]> {
    attributes(octets).find(|(found, _)| *found == kind).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_read_back() {
        let inner = Attributes::new().u16(7, 0x0102).u64(8, 9);
        let written = Attributes::new().text(1, "abcd").u8(2, 5).nest(3, inner).u32(4, 0x0a0b0c0d);
        let read: Vec<_> = attributes(written.as_octets()).collect();
        assert_eq!(read.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert_eq!((read[0].1, read[1].1, read[3].1), (&b"abcd\0"[..], &[5][..], &[10, 11, 12, 13][..]));
        assert_eq!(attribute(read[2].1, 7), Some(&[1, 2][..]));
        assert_eq!(attribute(read[2].1, 9), None);
    }

    #[test]
    fn what_makes_no_sense_ends_the_list() {
        for octets in [&[][..], &[4, 0, 1], &[3, 0, 1, 0], &[9, 0, 1, 0, 0, 0, 0, 0]] {
            assert_eq!(attributes(octets).count(), 0, "{octets:?}");
        }
    }
}

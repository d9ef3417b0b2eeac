//! Reading the classic libpcap format, record by record (draft-ietf-opsawg-pcap).

use core::ops::Range;
use std::io::{self, Read};

use super::byte_order::ByteOrder;
use super::input::Input;
use super::pcap::SNAP_LENGTH;
use super::reader::{Found, KnownInterface, Step};
use super::{Direction, Flaw, Frame, LinkType, Timestamp};

const NANOS_PER_SECOND: u64 = 1_000_000_000;
const HEADER_LEN: usize = 24;
/// No record is longer, whatever snap length the file gives: what looks like one is damage.
const MOST_OCTETS: u32 = 1 << 20;

/// A record's header.
struct Header {
    at: Timestamp,
    captured_len: u32,
    original_len: u32,
}

/// A pcap file while it is read.
#[derive(Debug)]
pub(super) struct PcapRecords {
    order: ByteOrder,
    nanos_per_fraction: u64,
    /// The octets before a record's data.
    record_header_len: usize,
    most_octets: u32,
    link: LinkType,
    /// One as soon as the file header was read.
    pub(super) interfaces: Vec<KnownInterface>,
}

impl PcapRecords {
    /// The file that begins with this magic number, if it is one of pcap's.
    pub(super) fn by_magic(magic: [u8; 4]) -> Option<PcapRecords> {
        let (order, number) = match magic {
            [0xa1, 0xb2, ..] => (ByteOrder::Big, u32::from_be_bytes(magic)),
            _ => (ByteOrder::Little, u32::from_le_bytes(magic)),
        };
        let (nanos_per_fraction, record_header_len) = match number {
            0xa1b2_c3d4 => (1_000, 16),
            0xa1b2_3c4d => (1, 16),
            // Alexey Kuznetsov's: an interface index, a protocol and a packet type follow each record's lengths.
            0xa1b2_cd34 => (1_000, 24),
            _ => return None,
        };
        Some(PcapRecords {
            order,
            nanos_per_fraction,
            record_header_len,
            most_octets: SNAP_LENGTH,
            link: LinkType::Ethernet,
            interfaces: Vec::new(),
        })
    }

    /// The frame of the record that these octets begin with, and how long the record is. None where it isn't there as a whole, or
    /// something is wrong with it.
    #[inline(always)]
    pub(super) fn first_in<'a>(&self, octets: &'a [u8]) -> Option<(Frame<'a>, usize)> {
        let Header { at, captured_len, original_len } = self.header(octets)?;
        let is_open = !self.interfaces.is_empty();
        if !is_open || captured_len > self.most_octets {
            return None;
        }
        let len = self.record_header_len + captured_len as usize;
        let data = octets.get(self.record_header_len..len)?;
        let (link, direction) = (self.link, Direction::Unknown);
        Some((Frame { at, interface: 0, direction, link, original_len, data }, len))
    }

    /// The next record, or what there is instead.
    pub(super) fn step<R: Read>(&mut self, input: &mut Input<R>) -> io::Result<Step> {
        if self.interfaces.is_empty()
            && let Some(step) = self.open(input)?
        {
            return Ok(step);
        }
        let header_len = self.record_header_len;
        if !input.has(header_len)? {
            return Ok(Step::at_end(input));
        }
        let Some(Header { at, captured_len, original_len }) = self.header(input.at_hand()) else {
            return Ok(Step::at_end(input));
        };
        if captured_len > self.most_octets {
            return Ok(Step::Damaged { at: input.at(), what: Flaw::Length(captured_len) });
        }
        let len = header_len + captured_len as usize;
        if !input.has(len)? {
            return Ok(Step::at_end(input));
        }
        let record = input.take(len);
        Ok(Step::Frame(self.found(at, original_len, record.start + header_len..record.end)))
    }

    #[inline(always)]
    fn header(&self, octets: &[u8]) -> Option<Header> {
        let &[a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = octets.first_chunk()?;
        let seconds = u64::from(self.order.u32([a, b, c, d]));
        let fraction = u64::from(self.order.u32([e, f, g, h]));
        Some(Header {
            at: Timestamp(seconds * NANOS_PER_SECOND + fraction * self.nanos_per_fraction),
            captured_len: self.order.u32([i, j, k, l]),
            original_len: self.order.u32([m, n, o, p]),
        })
    }

    fn found(&self, at: Timestamp, original_len: u32, data: Range<usize>) -> Found {
        Found { at, interface: 0, direction: Direction::Unknown, link: self.link, original_len, data }
    }

    /// Reads the file header; a step if there is none to read.
    fn open<R: Read>(&mut self, input: &mut Input<R>) -> io::Result<Option<Step>> {
        if !input.has(HEADER_LEN)? {
            return Ok(Some(Step::at_end(input)));
        }
        let Some(&[.., a, b, c, d, e, f, g, h]) = input.at_hand().first_chunk::<HEADER_LEN>() else {
            return Ok(Some(Step::at_end(input)));
        };
        let snap_length = self.order.u32([a, b, c, d]);
        // The upper half holds the length of a frame check sequence, which needs no look: IP knows its own length.
        self.link = LinkType::from_number(self.order.u32([e, f, g, h]) as u16);
        self.most_octets = snap_length.clamp(SNAP_LENGTH, MOST_OCTETS);
        self.interfaces.push(KnownInterface { name: None, link: self.link, snap_length });
        input.take(HEADER_LEN);
        Ok(None)
    }
}

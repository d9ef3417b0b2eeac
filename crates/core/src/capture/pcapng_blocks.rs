//! Reading pcapng, block by block (draft-ietf-opsawg-pcapng).

use core::ops::Range;
use std::io::{self, Read};

use super::byte_order::ByteOrder;
use super::input::Input;
use super::pcapng_clock::Clock;
use super::pcapng_options::options;
use super::reader::{Found, KnownInterface, Step};
use super::{Direction, Flaw, LinkType, Timestamp};

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

const IF_NAME: u16 = 2;
const IF_TIMESTAMP_RESOLUTION: u16 = 9;
const IF_TIMESTAMP_OFFSET: u16 = 14;
/// epb_flags and pack_flags: the same number and the same bits.
const PACKET_FLAGS: u16 = 2;

/// Type and length at the beginning and the length once more at the end.
const LEAST_BLOCK: u32 = 12;
/// No block that is looked into is longer: what looks like one is damage. Blocks that are passed over may be.
const MOST_BLOCK: u32 = 1 << 21;
/// A file with more than these is hostile, and each takes memory.
const MOST_INTERFACES: usize = 1 << 14;
const MOST_NAME_OCTETS: usize = 256;

/// A pcapng file while it is read.
#[derive(Debug)]
pub(super) struct PcapngBlocks {
    pub(super) order: ByteOrder,
    /// Those of all sections.
    pub(super) interfaces: Vec<KnownInterface>,
    clocks: Vec<Clock>,
    /// Where those of this section begin.
    section: usize,
    /// The block that is being passed over: its offset and length.
    passing: Option<(u64, u32)>,
    last: Timestamp,
    /// The options of the packet that was found last, as [`Found`] gives its data.
    pub(super) last_options: Range<usize>,
    pub(super) clamped_times: u64,
    pub(super) untimed: u64,
}

impl Default for PcapngBlocks {
    fn default() -> PcapngBlocks {
        PcapngBlocks {
            order: ByteOrder::Little,
            interfaces: Vec::new(),
            clocks: Vec::new(),
            section: 0,
            passing: None,
            last: Timestamp(0),
            last_options: 0..0,
            clamped_times: 0,
            untimed: 0,
        }
    }
}

/// A packet within the body of its block.
struct Packet {
    at: Timestamp,
    interface: usize,
    direction: Direction,
    original_len: u32,
    /// The octets of the body before the data, and those of the data.
    header_len: usize,
    captured_len: usize,
    /// Where in the body its options begin.
    options: usize,
}

impl PcapngBlocks {
    /// A section header's type, which is the same in both byte orders.
    pub(super) const MAGIC: [u8; 4] = SECTION_HEADER.to_be_bytes();

    /// The next packet; blocks of other kinds are read or passed over on the way.
    pub(super) fn step<R: Read>(&mut self, input: &mut Input<R>) -> io::Result<Step> {
        loop {
            if let Some(step) = self.pass(input)? {
                return Ok(step);
            }
            if !input.has(LEAST_BLOCK as usize)? {
                return Ok(Step::at_end(input));
            }
            let at = input.at();
            let (kind, length) = match self.open(input.at_hand()) {
                Ok(opened) => opened,
                Err(what) => return Ok(Step::Damaged { at, what }),
            };
            if !is_read(kind) {
                input.pass(u64::from(length) - 4);
                self.passing = Some((at, length));
                continue;
            }
            if length > MOST_BLOCK {
                return Ok(Step::Damaged { at, what: Flaw::Length(length) });
            }
            if !input.has(length as usize)? {
                return Ok(Step::at_end(input));
            }
            let block = &input.at_hand()[..length as usize];
            match self.read(kind, block) {
                Ok(None) => _ = input.take(length as usize),
                Ok(Some(packet)) => {
                    let block = input.take(length as usize);
                    return Ok(Step::Frame(self.found(&packet, block.start + 8..block.end - 4)));
                }
                Err(what) => return Ok(Step::Damaged { at, what }),
            }
        }
    }

    /// Passes over the rest of a block, if there is one to pass over, up to and with the length at its end.
    fn pass<R: Read>(&mut self, input: &mut Input<R>) -> io::Result<Option<Step>> {
        let Some((at, first)) = self.passing else {
            return Ok(None);
        };
        if !input.has(4)? {
            let octets = input.at() - at + input.at_hand().len() as u64;
            return Ok(Some(Step::Damaged { at, what: Flaw::Cut { octets } }));
        }
        let last = self.u32(input.at_hand(), 0);
        if last != Some(first) {
            let what = Flaw::Lengths { first, last: last.unwrap_or_default() };
            return Ok(Some(Step::Damaged { at, what }));
        }
        input.take(4);
        self.passing = None;
        Ok(None)
    }

    /// The type and length of the block that begins here. A section brings its own byte order.
    fn open(&mut self, octets: &[u8]) -> Result<(u32, u32), Flaw> {
        let Some(&[a, b, c, d, e, f, g, h, i, j, k, l]) = octets.first_chunk() else {
            return Err(Flaw::Cut { octets: octets.len() as u64 });
        };
        let kind = self.order.u32([a, b, c, d]);
        if kind == SECTION_HEADER {
            self.order = match [i, j, k, l] {
                [0x1a, 0x2b, 0x3c, 0x4d] => ByteOrder::Big,
                [0x4d, 0x3c, 0x2b, 0x1a] => ByteOrder::Little,
                other => return Err(Flaw::ByteOrder(u32::from_be_bytes(other))),
            };
        }
        let length = self.order.u32([e, f, g, h]);
        if length < LEAST_BLOCK || !length.is_multiple_of(4) {
            return Err(Flaw::Length(length));
        }
        Ok((kind, length))
    }

    /// Reads a whole block.
    #[inline(always)]
    fn read(&mut self, kind: u32, block: &[u8]) -> Result<Option<Packet>, Flaw> {
        let first = block.len() as u32;
        let (Some(body), Some(last)) = (block.get(8..block.len() - 4), self.u32(block, block.len() - 4)) else {
            return Err(Flaw::Length(first));
        };
        if last != first {
            return Err(Flaw::Lengths { first, last });
        }
        let read = match kind {
            SECTION_HEADER => self.begin_section(body)?.map(|()| None),
            INTERFACE_DESCRIPTION => self.describe_interface(body)?.map(|()| None),
            SIMPLE_PACKET => self.read_simple(body)?.map(Some),
            OBSOLETE_PACKET => self.read_obsolete(body)?.map(Some),
            _ => self.read_enhanced(body)?.map(Some),
        };
        // The body is too short for what must be in it.
        read.ok_or(Flaw::Length(first))
    }

    fn begin_section(&mut self, body: &[u8]) -> Result<Option<()>, Flaw> {
        self.section = self.interfaces.len();
        match self.u16(body, 4) {
            Some(1) if body.len() >= 16 => Ok(Some(())),
            Some(major) if major != 1 => Err(Flaw::Version(major)),
            _ => Ok(None),
        }
    }

    fn describe_interface(&mut self, body: &[u8]) -> Result<Option<()>, Flaw> {
        let (Some(link), Some(snap_length)) = (self.u16(body, 0), self.u32(body, 4)) else {
            return Ok(None);
        };
        if self.interfaces.len() == MOST_INTERFACES {
            return Err(Flaw::TooManyInterfaces);
        }
        let mut interface = KnownInterface { name: None, link: LinkType::from_number(link), snap_length };
        let (mut resolution, mut offset) = (Clock::MICROSECONDS, 0);
        for (code, value) in self.options(body, 8) {
            match (code, value) {
                (IF_NAME, name) => {
                    let name = &name[..name.len().min(MOST_NAME_OCTETS)];
                    interface.name = Some(String::from_utf8_lossy(name).into_owned());
                }
                (IF_TIMESTAMP_RESOLUTION, &[value]) => resolution = value,
                (IF_TIMESTAMP_OFFSET, &[a, b, c, d, e, f, g, h]) => {
                    offset = self.order.i64([a, b, c, d, e, f, g, h]);
                }
                _ => {}
            }
        }
        self.interfaces.push(interface);
        self.clocks.push(Clock::new(resolution, offset));
        Ok(Some(()))
    }

    #[inline(always)]
    fn read_enhanced(&mut self, body: &[u8]) -> Result<Option<Packet>, Flaw> {
        let Some(&[a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t]) = body.first_chunk() else {
            return Ok(None);
        };
        let interface = self.order.u32([a, b, c, d]);
        let time = [self.order.u32([e, f, g, h]), self.order.u32([i, j, k, l])];
        let lengths = [self.order.u32([m, n, o, p]), self.order.u32([q, r, s, t])];
        self.read_timed(body, interface, time, lengths)
    }

    /// It has a 16-bit interface number and a count of drops where the enhanced one has 32 bits.
    fn read_obsolete(&mut self, body: &[u8]) -> Result<Option<Packet>, Flaw> {
        let Some(&[a, b, _, _, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t]) = body.first_chunk() else {
            return Ok(None);
        };
        let interface = u32::from(self.order.u16([a, b]));
        let time = [self.order.u32([e, f, g, h]), self.order.u32([i, j, k, l])];
        let lengths = [self.order.u32([m, n, o, p]), self.order.u32([q, r, s, t])];
        self.read_timed(body, interface, time, lengths)
    }

    #[inline(always)]
    fn read_timed(
        &mut self,
        body: &[u8],
        interface: u32,
        [high, low]: [u32; 2],
        [captured_len, original_len]: [u32; 2],
    ) -> Result<Option<Packet>, Flaw> {
        let interface = self.known(interface)?;
        let header_len = 20;
        if captured_len as usize > body.len() - header_len {
            return Err(Flaw::Length(captured_len));
        }
        let captured_len = captured_len as usize;
        let units = u64::from(high) << 32 | u64::from(low);
        let (at, clamped) = self.clocks[interface].read(units);
        self.clamped_times += u64::from(clamped);
        self.last = at;
        let options = header_len + captured_len.next_multiple_of(4);
        let direction = self.direction(body, options);
        Ok(Some(Packet { at, interface, direction, original_len, header_len, captured_len, options }))
    }

    /// It has no time, no interface but the first, and no captured length but what the snap length leaves.
    fn read_simple(&mut self, body: &[u8]) -> Result<Option<Packet>, Flaw> {
        let Some(original_len) = self.u32(body, 0) else {
            return Ok(None);
        };
        let interface = self.known(0)?;
        let header_len = 4;
        let most = match self.interfaces[interface].snap_length {
            0 => original_len,
            snap_length => original_len.min(snap_length),
        };
        let captured_len = (most as usize).min(body.len() - header_len);
        self.untimed += 1;
        let (at, direction) = (self.last, Direction::Unknown);
        Ok(Some(Packet { at, interface, direction, original_len, header_len, captured_len, options: body.len() }))
    }

    /// The index among all interfaces of this one of the section's.
    #[inline(always)]
    fn known(&self, interface: u32) -> Result<usize, Flaw> {
        let index = self.section.saturating_add(interface as usize);
        if index < self.clocks.len() { Ok(index) } else { Err(Flaw::UnknownInterface(interface)) }
    }

    fn found(&mut self, packet: &Packet, body: Range<usize>) -> Found {
        let data = body.start + packet.header_len;
        self.last_options = body.start + packet.options..body.end;
        Found {
            at: packet.at,
            interface: packet.interface,
            direction: packet.direction,
            link: self.interfaces[packet.interface].link,
            original_len: packet.original_len,
            data: data..data + packet.captured_len,
        }
    }

    fn direction(&self, body: &[u8], options: usize) -> Direction {
        let flags = self.options(body, options).find_map(|(code, value)| match value {
            &[a, b, c, d] if code == PACKET_FLAGS => Some(self.order.u32([a, b, c, d])),
            _ => None,
        });
        match flags.map(|flags| flags & 3) {
            Some(1) => Direction::Inbound,
            Some(2) => Direction::Outbound,
            _ => Direction::Unknown,
        }
    }

    /// The options of a body from this place on.
    fn options<'a>(&self, body: &'a [u8], from: usize) -> impl Iterator<Item = (u16, &'a [u8])> + use<'a> {
        options(self.order, body.get(from..).unwrap_or_default())
    }

    fn u16(&self, octets: &[u8], at: usize) -> Option<u16> {
        Some(self.order.u16(*octets.get(at..)?.first_chunk()?))
    }

    fn u32(&self, octets: &[u8], at: usize) -> Option<u32> {
        Some(self.order.u32(*octets.get(at..)?.first_chunk()?))
    }
}

/// Whether blocks of this type are looked into.
fn is_read(kind: u32) -> bool {
    matches!(kind, SECTION_HEADER | INTERFACE_DESCRIPTION | OBSOLETE_PACKET | SIMPLE_PACKET | ENHANCED_PACKET)
}

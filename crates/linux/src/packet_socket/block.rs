//! One block of a TPACKET_V3 ring, read as plain bytes: every offset the kernel gives is checked against the block.

use std::mem::offset_of;
use std::ops::Range;

use libc::{sockaddr_ll, tpacket_block_desc, tpacket_hdr_v1, tpacket3_hdr};

const BLOCK_HEADER: usize = offset_of!(tpacket_block_desc, hdr);

/// Where the block's owner is written: the kernel, or the program (TP_STATUS_USER).
pub(super) const BLOCK_STATUS: usize = BLOCK_HEADER + offset_of!(tpacket_hdr_v1, block_status);

/// A packet's link-layer address follows its header; the header's size is a multiple of TPACKET_ALIGNMENT already.
const PACKET_ADDRESS: usize = size_of::<tpacket3_hdr>();

const _: () = assert!(PACKET_ADDRESS.is_multiple_of(libc::TPACKET_ALIGNMENT));

/// What is written about one packet. Its bytes are a range of the block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Packet {
    /// Nanoseconds since the Unix epoch.
    pub(super) at: u64,
    pub(super) interface_index: u32,
    pub(super) packet_type: u8,
    /// ARPHRD_*, as ip link shows it.
    pub(super) hardware_type: u16,
    pub(super) original_len: u32,
    pub(super) data: Range<usize>,
}

/// A place between two packets of a block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor {
    offset: usize,
    left: u32,
}

/// A block that contradicts itself, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed(pub(super) &'static str);

impl Cursor {
    /// The place before a block's first packet.
    pub(super) fn open(block: &[u8]) -> Result<Cursor, Malformed> {
        let left = u32_at(block, BLOCK_HEADER + offset_of!(tpacket_hdr_v1, num_pkts));
        let offset = u32_at(block, BLOCK_HEADER + offset_of!(tpacket_hdr_v1, offset_to_first_pkt));
        match (left, offset) {
            (Some(left), Some(offset)) => Ok(Cursor { offset: offset as usize, left }),
            _ => Err(Malformed("the block is shorter than its header")),
        }
    }

    /// The next packet; `None` at the end of the block.
    pub(super) fn advance(&mut self, block: &[u8]) -> Result<Option<Packet>, Malformed> {
        if self.left == 0 {
            return Ok(None);
        }
        let header = block.get(self.offset..).ok_or(Malformed("a packet begins outside of its block"))?;
        let packet = read_packet(header, self.offset).ok_or(Malformed("a packet's header crosses its block's end"))?;
        if block.get(packet.data.clone()).is_none() {
            return Err(Malformed("a packet's bytes cross its block's end"));
        }
        self.left -= 1;
        if self.left > 0 {
            let step = u32_at(header, offset_of!(tpacket3_hdr, tp_next_offset)).unwrap_or(0);
            if step == 0 {
                return Err(Malformed("a block ends before its last packet"));
            }
            self.offset = self.offset.saturating_add(step as usize);
        }
        Ok(Some(packet))
    }
}

/// `None` if the header isn't whole.
fn read_packet(header: &[u8], offset: usize) -> Option<Packet> {
    let seconds = u32_at(header, offset_of!(tpacket3_hdr, tp_sec))?;
    let nanos = u32_at(header, offset_of!(tpacket3_hdr, tp_nsec))?;
    let captured = u32_at(header, offset_of!(tpacket3_hdr, tp_snaplen))? as usize;
    let start = offset.saturating_add(u16_at(header, offset_of!(tpacket3_hdr, tp_mac))?.into());
    let address = header.get(PACKET_ADDRESS..)?;
    Some(Packet {
        at: u64::from(seconds) * 1_000_000_000 + u64::from(nanos),
        interface_index: u32_at(address, offset_of!(sockaddr_ll, sll_ifindex))?,
        packet_type: *address.get(offset_of!(sockaddr_ll, sll_pkttype))?,
        hardware_type: u16_at(address, offset_of!(sockaddr_ll, sll_hatype))?,
        original_len: u32_at(header, offset_of!(tpacket3_hdr, tp_len))?,
        data: start..start.saturating_add(captured),
    })
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes.get(offset..)?.first_chunk().map(|chunk| u32::from_ne_bytes(*chunk))
}

fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    bytes.get(offset..)?.first_chunk().map(|chunk| u16::from_ne_bytes(*chunk))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: usize = 48;
    const STEP: usize = 128;
    const MAC: usize = 82;

    fn put(block: &mut [u8], offset: usize, bytes: &[u8]) {
        block[offset..offset + bytes.len()].copy_from_slice(bytes);
    }

    fn put_packet(block: &mut [u8], offset: usize, next: usize, interface: i32, data: &[u8]) {
        put(block, offset, &(next as u32).to_ne_bytes());
        put(block, offset + 4, &7u32.to_ne_bytes());
        put(block, offset + 8, &9u32.to_ne_bytes());
        put(block, offset + 12, &(data.len() as u32).to_ne_bytes());
        put(block, offset + 16, &1500u32.to_ne_bytes());
        put(block, offset + 24, &(MAC as u16).to_ne_bytes());
        put(block, offset + 48 + 4, &interface.to_ne_bytes());
        put(block, offset + 48 + 8, &1u16.to_ne_bytes());
        put(block, offset + 48 + 10, &[libc::PACKET_OUTGOING]);
        put(block, offset + MAC, data);
    }

    /// Two packets, as the kernel lays them out.
    fn sample() -> Vec<u8> {
        let mut block = vec![0; FIRST + 2 * STEP];
        put(&mut block, 12, &2u32.to_ne_bytes());
        put(&mut block, 16, &(FIRST as u32).to_ne_bytes());
        put_packet(&mut block, FIRST, STEP, 3, b"one");
        put_packet(&mut block, FIRST + STEP, 0, 4, b"second");
        block
    }

    fn walk(block: &[u8]) -> Result<Vec<Packet>, Malformed> {
        let mut cursor = Cursor::open(block)?;
        let mut packets = Vec::new();
        while let Some(packet) = cursor.advance(block)? {
            packets.push(packet);
        }
        Ok(packets)
    }

    #[test]
    fn a_block_gives_its_packets_in_order() {
        let block = sample();
        let packets = walk(&block).unwrap();
        assert_eq!(packets.len(), 2);
        assert_eq!(packets[0].interface_index, 3);
        assert_eq!(packets[0].at, 7_000_000_009);
        assert_eq!(packets[0].original_len, 1500);
        assert_eq!(packets[0].hardware_type, 1);
        assert_eq!(packets[1].packet_type, libc::PACKET_OUTGOING);
        assert_eq!(&block[packets[0].data.clone()], b"one");
        assert_eq!(&block[packets[1].data.clone()], b"second");
    }

    #[test]
    fn an_empty_block_gives_none() {
        let mut block = sample();
        put(&mut block, 12, &0u32.to_ne_bytes());
        assert_eq!(walk(&block).unwrap(), []);
    }

    #[test]
    fn a_block_that_contradicts_itself_is_an_error() {
        for (offset, value, what) in [
            (16, u32::MAX, "a packet begins outside of its block"),
            (16, FIRST as u32 + 2 * STEP as u32 - 8, "a packet's header crosses its block's end"),
            (FIRST + 12, u32::MAX, "a packet's bytes cross its block's end"),
            (FIRST + 24, 0xffff, "a packet's bytes cross its block's end"),
            (FIRST, 0, "a block ends before its last packet"),
            (FIRST, u32::MAX, "a packet begins outside of its block"),
        ] {
            let mut block = sample();
            put(&mut block, offset, &value.to_ne_bytes());
            assert_eq!(walk(&block), Err(Malformed(what)), "{offset} = {value:#x}");
        }
    }

    #[test]
    fn no_byte_and_no_length_leads_out_of_the_block() {
        let whole = sample();
        for length in 0..whole.len() {
            let _ = walk(&whole[..length]);
        }
        for place in 0..whole.len() {
            for bit in 0..8 {
                let mut block = whole.clone();
                block[place] ^= 1 << bit;
                for packet in walk(&block).unwrap_or_default() {
                    assert!(packet.data.end <= block.len());
                }
            }
        }
    }
}

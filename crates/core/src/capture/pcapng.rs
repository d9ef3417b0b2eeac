//! Writing pcapng: several interfaces, directions, comments on single packets (draft-ietf-opsawg-pcapng).

use std::io::{self, Write};

use super::pcap::{SNAP_LENGTH, cut_to_snap_length};
use super::pcapng_options::{OPT_COMMENT, OPT_END};
use super::reader::KnownInterface;
use super::{Direction, Frame, LinkType};

const SECTION_HEADER_BLOCK: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION_BLOCK: u32 = 1;
const ENHANCED_PACKET_BLOCK: u32 = 6;
const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;

// Option codes that hold only in the block that their prefix names.
const SHB_USER_APPLICATION: u16 = 4;
const IF_NAME: u16 = 2;
const IF_DESCRIPTION: u16 = 3;
const IF_TIMESTAMP_RESOLUTION: u16 = 9;
const EPB_FLAGS: u16 = 2;

/// Powers of ten below one second in a timestamp's unit: 9 is nanoseconds.
const NANOSECONDS: u8 = 9;

/// The program that the section header names as the file's author.
const USER_APPLICATION: &str = concat!("rst-storm ", env!("CARGO_PKG_VERSION"));

/// One interface of a capture, as a pcapng file describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interface<'a> {
    /// The operating system's name for it, such as `eth0`.
    pub name: &'a str,
    /// What its frames start with.
    pub link: LinkType,
    /// A sentence for people.
    pub description: Option<&'a str>,
}

/// Writes frames as one little-endian section of a pcapng file, timestamps in nanoseconds.
///
/// Each block is put together in a reused buffer and written at once; to write fewer, larger pieces wrap the output
/// in a `BufWriter`.
#[derive(Debug)]
pub struct PcapngWriter<W> {
    out: W,
    described: Vec<Described>,
    block: Block,
}

/// An interface that the file describes, as far as it matters for its frames.
#[derive(Debug)]
struct Described {
    link: LinkType,
    /// Its frames come from another file and stay as they are.
    copied: bool,
}

impl<W: Write> PcapngWriter<W> {
    /// Writes the section header and stands ready for interfaces.
    pub fn open(out: W) -> io::Result<Self> {
        let mut writer = PcapngWriter { out, described: Vec::new(), block: Block::default() };
        writer.write_section_header()?;
        Ok(writer)
    }

    /// Writes the section header and one description for each interface; frames name theirs by its index here.
    pub fn new(out: W, interfaces: &[Interface<'_>]) -> io::Result<Self> {
        let mut writer = PcapngWriter::open(out)?;
        for Interface { name, link, description } in interfaces {
            writer.write_interface(*link, SNAP_LENGTH, Some(name), *description)?;
            writer.described.push(Described { link: *link, copied: false });
        }
        Ok(writer)
    }

    /// Describes one more interface, as another file does, and gives its index. It has to come before its first frame.
    ///
    /// Its frames are written as they were read: none is cut, whatever the snap length, and none's original length is set
    /// right.
    pub fn add_interface(&mut self, interface: &KnownInterface) -> io::Result<usize> {
        let KnownInterface { name, link, snap_length } = interface;
        self.write_interface(*link, *snap_length, name.as_deref(), None)?;
        self.described.push(Described { link: *link, copied: true });
        Ok(self.described.len() - 1)
    }

    /// How many interfaces the file describes so far.
    pub fn interfaces(&self) -> usize {
        self.described.len()
    }

    /// Appends one frame, with its direction and perhaps a comment (cut to 65,535 octets, as long as an option can be).
    ///
    /// A frame of an interface that the file doesn't describe, or of another link type than that interface's, is
    /// refused with `InvalidInput`.
    pub fn write(&mut self, frame: &Frame<'_>, comment: Option<&str>) -> io::Result<()> {
        self.write_commented(frame, comment)
    }

    /// Appends one frame as [`PcapngWriter::write`] does, with any number of comments.
    pub fn write_commented(
        &mut self,
        frame: &Frame<'_>,
        comments: impl IntoIterator<Item: AsRef<str>>,
    ) -> io::Result<()> {
        let (data, original_len) = match self.described.get(frame.interface) {
            Some(Described { link, copied: true }) if *link == frame.link => (frame.data, frame.original_len),
            Some(Described { link, copied: false }) if *link == frame.link => cut_to_snap_length(frame),
            _ => {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    "the frame's interface is not described in the file with the frame's link type",
                ));
            }
        };
        let block = &mut self.block;
        block.begin(ENHANCED_PACKET_BLOCK);
        block.put(&(frame.interface as u32).to_le_bytes());
        block.put(&((frame.at.0 >> 32) as u32).to_le_bytes());
        block.put(&(frame.at.0 as u32).to_le_bytes());
        block.put(&(data.len() as u32).to_le_bytes());
        block.put(&original_len.to_le_bytes());
        block.put_padded(data);
        let direction: Option<u32> = match frame.direction {
            Direction::Inbound => Some(1),
            Direction::Outbound => Some(2),
            Direction::Unknown => None,
        };
        if let Some(direction) = direction {
            block.put_option(EPB_FLAGS, &direction.to_le_bytes());
        }
        for comment in comments {
            block.put_text(OPT_COMMENT, comment.as_ref());
        }
        block.put_option(OPT_END, &[]);
        self.out.write_all(block.finish())
    }

    /// Flushes the output.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Gives the output back, unflushed.
    pub fn into_inner(self) -> W {
        self.out
    }

    fn write_section_header(&mut self) -> io::Result<()> {
        let block = &mut self.block;
        block.begin(SECTION_HEADER_BLOCK);
        block.put(&BYTE_ORDER_MAGIC.to_le_bytes());
        block.put(&1u16.to_le_bytes());
        block.put(&0u16.to_le_bytes());
        // The section's length is not known while it is written; -1 says so.
        block.put(&(-1i64).to_le_bytes());
        block.put_text(SHB_USER_APPLICATION, USER_APPLICATION);
        block.put_option(OPT_END, &[]);
        self.out.write_all(block.finish())
    }

    fn write_interface(
        &mut self,
        link: LinkType,
        snap_length: u32,
        name: Option<&str>,
        description: Option<&str>,
    ) -> io::Result<()> {
        let block = &mut self.block;
        block.begin(INTERFACE_DESCRIPTION_BLOCK);
        block.put(&link.number().to_le_bytes());
        block.put(&0u16.to_le_bytes());
        block.put(&snap_length.to_le_bytes());
        for (code, text) in [(IF_NAME, name), (IF_DESCRIPTION, description)] {
            if let Some(text) = text {
                block.put_text(code, text);
            }
        }
        block.put_option(IF_TIMESTAMP_RESOLUTION, &[NANOSECONDS]);
        block.put_option(OPT_END, &[]);
        self.out.write_all(block.finish())
    }
}

/// A block being put together; its length stands at both ends and is known only when it is finished.
#[derive(Debug, Default)]
struct Block {
    bytes: Vec<u8>,
}

impl Block {
    fn begin(&mut self, block_type: u32) {
        self.bytes.clear();
        self.put(&block_type.to_le_bytes());
        self.put(&[0; 4]);
    }

    fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Everything in a block is padded to 32 bits, and the padding isn't counted in its length.
    fn put_padded(&mut self, bytes: &[u8]) {
        self.put(bytes);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    /// `value` is at most 65,535 octets long.
    fn put_option(&mut self, code: u16, value: &[u8]) {
        self.put(&code.to_le_bytes());
        self.put(&(value.len() as u16).to_le_bytes());
        self.put_padded(value);
    }

    fn put_text(&mut self, code: u16, text: &str) {
        let end = text.floor_char_boundary(usize::from(u16::MAX));
        self.put_option(code, &text.as_bytes()[..end]);
    }

    fn finish(&mut self) -> &[u8] {
        let total = (self.bytes.len() + 4) as u32;
        self.bytes[4..8].copy_from_slice(&total.to_le_bytes());
        self.put(&total.to_le_bytes());
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::{Interface, PcapngWriter};
    use crate::capture::{Direction, Frame, LinkType, Timestamp};
    use pcap_parser::pcapng::{
        Block, EnhancedPacketBlock, OptionCode, PcapNGOption, parse_block_le, parse_sectionheaderblock_le,
    };

    const LEFT: Interface<'_> =
        Interface { name: "left", link: LinkType::Ethernet, description: Some("towards the client") };
    const RIGHT: Interface<'_> = Interface { name: "right0", link: LinkType::Ethernet, description: None };

    fn frame(data: &[u8], interface: usize, direction: Direction) -> Frame<'_> {
        Frame {
            at: Timestamp(1_700_000_000_123_456_789),
            interface,
            direction,
            link: LinkType::Ethernet,
            original_len: 1514,
            data,
        }
    }

    /// Every block of a file, by the other reader.
    fn blocks(file: &[u8]) -> Vec<Block<'_>> {
        let (mut rest, section) = parse_sectionheaderblock_le(file).unwrap();
        let mut blocks = vec![Block::SectionHeader(section)];
        while !rest.is_empty() {
            let (after, block) = parse_block_le(rest).unwrap();
            blocks.push(block);
            rest = after;
        }
        blocks
    }

    fn option<'a>(options: &'a [PcapNGOption<'_>], code: OptionCode) -> Option<&'a [u8]> {
        let found = options.iter().find(|option| option.code == code)?;
        Some(&found.value[..usize::from(found.len)])
    }

    fn assert_packet(block: &EnhancedPacketBlock<'_>, frame: &Frame<'_>) {
        assert_eq!(block.if_id as usize, frame.interface);
        let at = u64::from(block.ts_high) << 32 | u64::from(block.ts_low);
        assert_eq!(at, frame.at.0);
        assert_eq!(block.caplen as usize, frame.data.len());
        assert_eq!(block.origlen, frame.original_len);
        assert_eq!(&block.data[..block.caplen as usize], frame.data);
        assert_eq!(block.block_len1, block.block_len2);
    }

    #[test]
    fn what_is_written_reads_back() {
        let mut writer = PcapngWriter::new(Vec::new(), &[LEFT, RIGHT]).unwrap();
        let came = frame(b"abcde", 0, Direction::Inbound);
        let went = frame(b"wxyz", 1, Direction::Outbound);
        writer.write(&came, None).unwrap();
        writer.write(&went, Some("der Zurücksetzer")).unwrap();
        writer.flush().unwrap();
        let file = writer.into_inner();

        let blocks = blocks(&file);
        let [
            Block::SectionHeader(section),
            Block::InterfaceDescription(left),
            Block::InterfaceDescription(right),
            Block::EnhancedPacket(first),
            Block::EnhancedPacket(second),
        ] = &blocks[..]
        else {
            panic!("other blocks than expected: {blocks:?}");
        };
        assert_eq!((section.major_version, section.minor_version), (1, 0));
        assert_eq!(section.section_len, -1);
        let author = option(&section.options, OptionCode(4)).unwrap();
        assert!(author.starts_with(b"rst-storm "));

        for (block, interface) in [(left, LEFT), (right, RIGHT)] {
            assert_eq!(block.linktype, pcap_parser::Linktype::ETHERNET);
            assert_eq!(block.snaplen, 262_144);
            assert_eq!(block.if_tsresol, 9);
            assert_eq!(option(&block.options, OptionCode(2)), Some(interface.name.as_bytes()));
            let description = option(&block.options, OptionCode(3));
            assert_eq!(description, interface.description.map(str::as_bytes));
        }

        assert_packet(first, &came);
        assert_packet(second, &went);
        let flags = OptionCode(2);
        assert_eq!(option(&first.options, flags), Some(&[1, 0, 0, 0][..]));
        assert_eq!(option(&second.options, flags), Some(&[2, 0, 0, 0][..]));
        assert_eq!(option(&first.options, OptionCode(1)), None);
        assert_eq!(option(&second.options, OptionCode(1)), Some("der Zurücksetzer".as_bytes()));
    }

    #[test]
    fn a_frame_of_an_undescribed_interface_is_refused() {
        let mut writer = PcapngWriter::new(Vec::new(), &[LEFT]).unwrap();
        let stranger = frame(b"", 1, Direction::Inbound);
        assert!(writer.write(&stranger, None).is_err());
    }

    #[test]
    fn a_long_comment_is_cut_between_characters() {
        let mut writer = PcapngWriter::new(Vec::new(), &[LEFT]).unwrap();
        let comment = "ü".repeat(40_000);
        writer.write(&frame(b"a", 0, Direction::Inbound), Some(&comment)).unwrap();
        let file = writer.into_inner();
        let Some(Block::EnhancedPacket(packet)) = blocks(&file).pop() else {
            panic!("no packet at the end");
        };
        let kept = option(&packet.options, OptionCode(1)).unwrap().len();
        assert_eq!(kept, 65_534);
    }
}

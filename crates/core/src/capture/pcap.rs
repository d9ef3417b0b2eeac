//! Writing the classic libpcap format: one link type, nanosecond timestamps, no comments (draft-ietf-opsawg-pcap).

use std::io::{self, Write};

use super::{Frame, LinkType};

/// The magic number of a file whose timestamps count nanoseconds.
const MAGIC_NANOSECONDS: u32 = 0xa1b2_3c4d;

/// The most octets of a frame that are kept; readers refuse a record that is longer than the file's snap length.
pub(super) const SNAP_LENGTH: u32 = 262_144;

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// Writes frames as a pcap file: little-endian, nanoseconds, snap length 262,144.
///
/// It writes each record in two pieces and keeps no buffer: wrap the output in a `BufWriter`.
#[derive(Debug)]
pub struct PcapWriter<W> {
    out: W,
    link: LinkType,
}

impl<W: Write> PcapWriter<W> {
    /// Writes the file header and stands ready for frames of this link type.
    pub fn new(mut out: W, link: LinkType) -> io::Result<Self> {
        let mut header = [0; 24];
        header[0..4].copy_from_slice(&MAGIC_NANOSECONDS.to_le_bytes());
        header[4..6].copy_from_slice(&2u16.to_le_bytes());
        header[6..8].copy_from_slice(&4u16.to_le_bytes());
        header[16..20].copy_from_slice(&SNAP_LENGTH.to_le_bytes());
        header[20..24].copy_from_slice(&u32::from(link.number()).to_le_bytes());
        out.write_all(&header)?;
        Ok(PcapWriter { out, link })
    }

    /// Appends one frame. Seconds are 32 bits wide in this format and wrap in 2106.
    ///
    /// A frame of another link type than the file's is refused with `InvalidInput`: a pcap file has only one.
    pub fn write(&mut self, frame: &Frame<'_>) -> io::Result<()> {
        if frame.link != self.link {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a pcap file has one link type"));
        }
        let (data, original_len) = cut_to_snap_length(frame);
        let mut header = [0; 16];
        let seconds = (frame.at.0 / NANOS_PER_SECOND) as u32;
        let nanos = (frame.at.0 % NANOS_PER_SECOND) as u32;
        header[0..4].copy_from_slice(&seconds.to_le_bytes());
        header[4..8].copy_from_slice(&nanos.to_le_bytes());
        header[8..12].copy_from_slice(&(data.len() as u32).to_le_bytes());
        header[12..16].copy_from_slice(&original_len.to_le_bytes());
        self.out.write_all(&header)?;
        self.out.write_all(data)
    }

    /// Flushes the output.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Gives the output back, unflushed.
    pub fn into_inner(self) -> W {
        self.out
    }
}

/// The octets to keep, at most the snap length, and the length on the wire, which is never less than what was captured.
pub(super) fn cut_to_snap_length<'a>(frame: &Frame<'a>) -> (&'a [u8], u32) {
    let captured = u32::try_from(frame.data.len()).unwrap_or(u32::MAX);
    let kept = frame.data.get(..SNAP_LENGTH as usize).unwrap_or(frame.data);
    (kept, frame.original_len.max(captured))
}

#[cfg(test)]
mod tests {
    use super::PcapWriter;
    use crate::capture::{Direction, Frame, LinkType, Timestamp};
    use pcap_parser::PcapCapture;

    fn frame(data: &[u8], original_len: u32, at: u64) -> Frame<'_> {
        Frame {
            at: Timestamp(at),
            interface: 0,
            direction: Direction::Inbound,
            link: LinkType::Ethernet,
            original_len,
            data,
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        let mut writer = PcapWriter::new(Vec::new(), LinkType::Ethernet).unwrap();
        let whole = frame(b"abcde", 5, 1_700_000_000_123_456_789);
        let cut = frame(b"xyz", 1514, 999_999_999);
        for each in [&whole, &cut] {
            writer.write(each).unwrap();
        }
        writer.flush().unwrap();
        let bytes = writer.into_inner();

        let file = PcapCapture::from_file(&bytes).unwrap();
        assert!(file.header.is_nanosecond_precision());
        assert!(!file.header.is_bigendian());
        assert_eq!((file.header.version_major, file.header.version_minor), (2, 4));
        assert_eq!((file.header.thiszone, file.header.sigfigs), (0, 0));
        assert_eq!(file.header.snaplen, 262_144);
        assert_eq!(file.header.network, pcap_parser::Linktype::ETHERNET);
        assert_eq!(file.blocks.len(), 2);
        for (block, frame) in file.blocks.iter().zip([whole, cut]) {
            let at = u64::from(block.ts_sec) * 1_000_000_000 + u64::from(block.ts_usec);
            assert_eq!(at, frame.at.0);
            assert_eq!(block.caplen as usize, frame.data.len());
            assert_eq!(block.origlen, frame.original_len);
            assert_eq!(block.data, frame.data);
        }
    }

    #[test]
    fn a_frame_longer_than_the_snap_length_is_cut() {
        let long = vec![7; 300_000];
        let mut writer = PcapWriter::new(Vec::new(), LinkType::Ethernet).unwrap();
        writer.write(&frame(&long, 10, 0)).unwrap();
        let bytes = writer.into_inner();
        let file = PcapCapture::from_file(&bytes).unwrap();
        assert_eq!(file.blocks[0].caplen, 262_144);
        assert_eq!(file.blocks[0].origlen, 300_000);
    }
}

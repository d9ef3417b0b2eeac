//! Reading a capture of either format, as its octets come.
//!
//! By hand, not by pcap-parser, which stays the tests' oracle: its readers must have the first header in one read, forget what
//! an input's error said, don't know the obsolete packet block, take if_tsoffset for little-endian, and allocate for each
//! packet with options (what that costs: `examples/measure_reading.rs`).

use core::ops::Range;
use std::io::{self, ErrorKind, Read};

use thiserror::Error;

use super::byte_order::ByteOrder;
use super::input::Input;
use super::pcap_records::PcapRecords;
use super::pcapng_blocks::PcapngBlocks;
use super::record::Record;
use super::{Damage, Direction, Flaw, Frame, FrameSource, LinkType, Timestamp};

/// One interface of a capture, as the file describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownInterface {
    /// Its name, where the file tells one (a pcap file never does); at most 256 octets of it.
    pub name: Option<String>,
    /// What its frames start with.
    pub link: LinkType,
    /// The most octets of a frame that were kept; 0 when there was no limit.
    pub snap_length: u32,
}

/// Why an input is no capture.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// It can't be read at all.
    #[error("can't be read: {0}")]
    Read(#[from] io::Error),
    /// It has no octets.
    #[error("is empty")]
    Empty,
    /// It is packed with gzip and has to be unpacked first.
    #[error("is packed with gzip")]
    Gzip,
    /// It begins like neither format.
    #[error("is neither pcap nor pcapng (it begins with {})", Hex(.0))]
    Unknown(Vec<u8>),
}

/// Octets as a hex dump shows them.
struct Hex<'a>(&'a [u8]);

impl core::fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        for (place, octet) in self.0.iter().enumerate() {
            let space = if place == 0 { "" } else { " " };
            write!(f, "{space}{octet:02x}")?;
        }
        Ok(())
    }
}

/// What came next in a capture.
#[derive(Debug)]
pub(super) enum Step {
    Frame(Found),
    End,
    Damaged { at: u64, what: Flaw },
}

impl Step {
    /// The input ended where something should have begun: well, if nothing of it is there.
    #[cold]
    pub(super) fn at_end<R: Read>(input: &Input<R>) -> Step {
        match input.at_hand().len() {
            0 => Step::End,
            there => Step::Damaged { at: input.at(), what: Flaw::Cut { octets: there as u64 } },
        }
    }
}

/// A frame whose octets lie in the input's window.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) at: Timestamp,
    pub(super) interface: usize,
    pub(super) direction: Direction,
    pub(super) link: LinkType,
    pub(super) original_len: u32,
    pub(super) data: Range<usize>,
}

#[derive(Debug)]
enum Format {
    Pcap(PcapRecords),
    Pcapng(PcapngBlocks),
}

/// Reads a pcap or pcapng file, or a stream of either, and gives each frame as soon as its last octet is there.
///
/// What can't be read on is no error but the end, and [`CaptureReader::damage`] tells. It reads in pieces of at least
/// 256 KiB where it can, so that a `BufReader` around the input is of no use. Memory stays under 8 MiB.
#[derive(Debug)]
pub struct CaptureReader<R> {
    input: Input<R>,
    format: Format,
    frames: u64,
    ended: bool,
    damage: Option<Damage>,
}

impl<R: Read> CaptureReader<R> {
    /// Tells the format by the first four octets, and waits for no more than these.
    pub fn open(input: R) -> Result<CaptureReader<R>, OpenError> {
        let mut input = Input::new(input);
        let whole = input.has(4)?;
        let octets = input.at_hand();
        let format = match octets.first_chunk::<4>() {
            Some(&PcapngBlocks::MAGIC) => Some(Format::Pcapng(PcapngBlocks::default())),
            Some(magic) => PcapRecords::by_magic(*magic).map(Format::Pcap),
            None => None,
        };
        match format {
            Some(format) => Ok(CaptureReader { input, format, frames: 0, ended: false, damage: None }),
            None if octets.is_empty() => Err(OpenError::Empty),
            None if octets.starts_with(&[0x1f, 0x8b]) => Err(OpenError::Gzip),
            None => Err(OpenError::Unknown(octets[..if whole { 4 } else { octets.len() }].to_vec())),
        }
    }

    /// The interfaces described so far, in the order of [`Frame::interface`]; those of a later section follow on those of
    /// the earlier ones. A file may describe one when its first frame is near.
    pub fn interfaces(&self) -> &[KnownInterface] {
        match &self.format {
            Format::Pcap(records) => &records.interfaces,
            Format::Pcapng(blocks) => &blocks.interfaces,
        }
    }

    /// The frames given so far.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Why the capture ended before its end, once it has.
    pub fn damage(&self) -> Option<&Damage> {
        self.damage.as_ref()
    }

    /// Frames whose time lay outside of what a [`Timestamp`] holds, 1970 to 2554, and was set to the nearest that it does.
    pub fn clamped_times(&self) -> u64 {
        match &self.format {
            Format::Pcap(_) => 0,
            Format::Pcapng(blocks) => blocks.clamped_times,
        }
    }

    /// Frames that have no time (pcapng's simple packets): they were given the time of the frame before.
    pub fn untimed(&self) -> u64 {
        match &self.format {
            Format::Pcap(_) => 0,
            Format::Pcapng(blocks) => blocks.untimed,
        }
    }

    /// The next frame with what stands beside it, as [`FrameSource::next_frame`] gives it alone.
    pub fn next_record(&mut self) -> io::Result<Option<Record<'_>>> {
        let Some(found) = self.step()? else {
            return Ok(None);
        };
        let (order, options) = match &self.format {
            Format::Pcap(_) => (ByteOrder::Little, 0..0),
            Format::Pcapng(blocks) => (blocks.order, blocks.last_options.clone()),
        };
        Ok(Some(Record {
            frame: self.frame(found),
            interfaces: self.interfaces(),
            order,
            options: self.input.taken(options),
        }))
    }

    /// Gives the frames that are at hand as they are, in a file of pcap's, and says how many these were: at most so many. It is for
    /// whoever reads millions; [`FrameSource::next_frame`] goes on where it stopped, and tells why there.
    #[inline(always)]
    pub fn take_at_hand(&mut self, most: usize, mut take: impl FnMut(&Frame<'_>)) -> usize {
        let (Format::Pcap(records), false) = (&self.format, self.ended) else { return 0 };
        let Some(window) = self.input.window() else { return 0 };
        let (mut count, mut taken) = (0, 0);
        while count < most
            && let Some((frame, len)) = records.first_in(&window[taken..])
        {
            take(&frame);
            (count, taken) = (count + 1, taken + len);
        }
        self.input.take(taken);
        self.frames += count as u64;
        count
    }

    fn step(&mut self) -> io::Result<Option<Found>> {
        if self.ended {
            return Ok(None);
        }
        let step = match &mut self.format {
            Format::Pcap(records) => records.step(&mut self.input),
            Format::Pcapng(blocks) => blocks.step(&mut self.input),
        };
        match step {
            Ok(Step::Frame(found)) => {
                self.frames += 1;
                Ok(Some(found))
            }
            Ok(Step::End) => {
                self.end(self.input.at(), None);
                Ok(None)
            }
            Ok(Step::Damaged { at, what }) => {
                self.end(at, Some(what));
                Ok(None)
            }
            Err(error) if is_damage(&error) => {
                self.end(self.input.at(), Some(Flaw::Unreadable(error.to_string())));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn frame(&self, found: Found) -> Frame<'_> {
        Frame {
            at: found.at,
            interface: found.interface,
            direction: found.direction,
            link: found.link,
            original_len: found.original_len,
            data: self.input.taken(found.data),
        }
    }

    #[cold]
    fn end(&mut self, at: u64, what: Option<Flaw>) {
        self.ended = true;
        self.damage = what.map(|what| Damage { at, frame: self.frames, what });
    }
}

impl<R: Read> FrameSource for CaptureReader<R> {
    type Error = io::Error;

    /// An error that says that the input itself is cut or damaged (as unpacking does: `UnexpectedEof`, `InvalidData`,
    /// `InvalidInput`) is damage; after any other the same frame can be asked for again.
    fn next_frame(&mut self) -> io::Result<Option<Frame<'_>>> {
        Ok(self.step()?.map(|found| self.frame(found)))
    }
}

fn is_damage(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::InvalidData | ErrorKind::InvalidInput)
}

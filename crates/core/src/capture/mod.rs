//! A capture: frames in time, from a live interface or a file, and the two file formats it is kept in.

mod byte_order;
mod damage;
mod input;
mod link_type;
mod pcap;
mod pcap_records;
mod pcapng;
mod pcapng_blocks;
mod pcapng_clock;
mod pcapng_options;
mod reader;
mod record;

pub use damage::{Damage, Flaw};
pub use link_type::LinkType;
pub use pcap::PcapWriter;
pub use pcapng::{Interface, PcapngWriter};
pub use reader::{CaptureReader, KnownInterface, OpenError};
pub use record::Record;

/// Nanoseconds since the Unix epoch, as the capture gave them. There is no other time in this crate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// Nanoseconds from `earlier` to this; 0 when `earlier` is the later one.
    pub const fn nanos_since(self, earlier: Timestamp) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Which way a frame crossed the interface it was captured at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// It came in from the link.
    Inbound,
    /// This host sent it onto the link.
    Outbound,
    /// The capture doesn't say.
    Unknown,
}

/// One captured frame, borrowed from its source.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// When it was captured.
    pub at: Timestamp,
    /// The interface, as an index into the source's list.
    pub interface: usize,
    /// Which way it crossed the interface.
    pub direction: Direction,
    /// What the bytes start with.
    pub link: LinkType,
    /// The frame's length on the wire; more than `data.len()` when it was cut.
    pub original_len: u32,
    /// The captured bytes.
    pub data: &'a [u8],
}

/// Where frames come from: a ring of the kernel's, a file. Live and file differ in nothing else.
pub trait FrameSource {
    /// What can go wrong while reading.
    type Error;

    /// The next frame; `None` when there is none now (a live source) or none any more (a file).
    fn next_frame(&mut self) -> Result<Option<Frame<'_>>, Self::Error>;
}

//! A connection while it is young: its few segments as they came, and nothing concluded from them yet.
//!
//! Most connections of a storm, a scan or a flood never have more than a handful of segments. To remember these takes a quarter of
//! the room that their conclusions take, and less time than to keep the conclusions up to date.

use super::Connection;
use super::timers::SHORT;
use crate::capture::Timestamp;
use crate::tcp::{Checksum, Endpoint, Flags, IpFacts, Segment, SeqNumber};

/// The most segments of a young connection.
pub(crate) const MOST_LINES: usize = 6;

/// What a line's header says in single bits.
const FROM_FIRST: u64 = 1;
const HAS_ID: u64 = 2;
const DONT_FRAGMENT: u64 = 4;
const HAS_TIMESTAMP: u64 = 8;
const CUT: u64 = 16;

/// Where its other fields begin, each where the one before ends.
const TOS: u32 = 8;
const TTL: u32 = 16;
const FLAGS: u32 = 24;
const WINDOW: u32 = 32;
const ID: u32 = 48;

/// A segment without its endpoints: 40 octets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// When its frame was captured.
    pub at: Timestamp,
    /// The frame.
    pub frame: u64,
    /// Its sequence number.
    pub seq: SeqNumber,
    /// Its acknowledgment number.
    pub ack: SeqNumber,
    /// Payload octets.
    pub payload_len: u32,
    timestamp: u32,
    /// All else, in one word: so it is written, and compared with another's, at once.
    header: u64,
}

impl Line {
    #[inline(always)]
    fn of(segment: &Segment, is_from_first: bool) -> Line {
        let bit = |holds: bool, bit: u64| if holds { bit } else { 0 };
        let ip = &segment.ip;
        Line {
            at: segment.at,
            frame: segment.frame,
            seq: segment.seq,
            ack: segment.ack,
            payload_len: segment.payload_len,
            timestamp: segment.timestamp_value.unwrap_or_default(),
            header: bit(is_from_first, FROM_FIRST)
                | bit(ip.id.is_some(), HAS_ID)
                | bit(ip.dont_fragment, DONT_FRAGMENT)
                | bit(segment.timestamp_value.is_some(), HAS_TIMESTAMP)
                | bit(segment.cut, CUT)
                | u64::from(ip.tos) << TOS
                | u64::from(ip.ttl) << TTL
                | u64::from(segment.flags.0) << FLAGS
                | u64::from(segment.window) << WINDOW
                | u64::from(ip.id.unwrap_or_default()) << ID,
        }
    }

    /// Which of the connection's ends sent it, as an index into [`Young::ends`].
    #[inline(always)]
    pub fn sender(&self) -> usize {
        (!self.header & FROM_FIRST) as usize
    }

    /// The control bits.
    pub fn flags(&self) -> Flags {
        Flags((self.header >> FLAGS) as u8)
    }

    /// The IP identification, where there is one.
    pub fn id(&self) -> Option<u16> {
        (self.header & HAS_ID != 0).then_some((self.header >> ID) as u16)
    }

    /// TSval of the timestamps option, where there is one.
    pub fn timestamp(&self) -> Option<u32> {
        (self.header & HAS_TIMESTAMP != 0).then_some(self.timestamp)
    }

    /// In 48 bits: the sender, control bits, window, time to live, type of service, whether there are an id and timestamps, whether
    /// it may not be fragmented, and whether the capture cut it.
    pub fn header(&self) -> u64 {
        self.header & ((1 << ID) - 1)
    }

    /// The number after its last octet, SYN and FIN counted.
    pub fn end(&self) -> SeqNumber {
        let flags = self.flags();
        self.seq + self.payload_len + u32::from(flags.is_syn()) + u32::from(flags.is_fin())
    }
}

/// The segments of a young connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Young {
    ends: [Endpoint; 2],
    lines: [Line; MOST_LINES],
    count: u8,
}

impl Young {
    /// A connection that begins with this segment.
    pub(crate) fn new(segment: &Segment) -> Young {
        let ends = [segment.source, segment.destination];
        let mut young = Young { ends, lines: [Line::default(); MOST_LINES], count: 0 };
        young.push(segment);
        young
    }

    /// Becomes a connection that begins with this segment.
    pub(crate) fn restart(&mut self, segment: &Segment) {
        self.ends = [segment.source, segment.destination];
        self.count = 0;
        self.push(segment);
    }

    /// Whether it stays young with this segment: there is room, and no timer of Zeek's can have gone off.
    pub(super) fn has_room_for(&self, segment: &Segment, checksum: Checksum) -> bool {
        let last = self.last().at;
        usize::from(self.count) < MOST_LINES
            && checksum != Checksum::Bad
            && segment.at >= last
            && segment.at < self.first_due()
    }

    /// Takes a further segment, for which there must be room.
    #[inline(always)]
    pub(crate) fn push(&mut self, segment: &Segment) {
        self.lines[usize::from(self.count)] = Line::of(segment, segment.source == self.ends[0]);
        self.count += 1;
    }

    /// Becomes another; what lies beyond its last segment stays as it is.
    #[inline(always)]
    pub(super) fn become_like(&mut self, other: &Young) {
        let count = usize::from(other.count);
        self.ends = other.ends;
        self.lines[..count].copy_from_slice(&other.lines[..count]);
        self.count = other.count;
    }

    /// When the first of Zeek's timers can go off: none is shorter, and all count from the first segment or a later one.
    pub(super) fn first_due(&self) -> Timestamp {
        Timestamp(self.started().0.saturating_add(SHORT))
    }

    /// Whether its first segment asks for a connection.
    pub(super) fn begins_with_syn(&self) -> bool {
        let flags = self.lines[0].flags();
        flags.is_syn() && !flags.is_ack() && !flags.is_rst()
    }

    /// Its two ends; the first is the sender of the first segment.
    pub fn ends(&self) -> [Endpoint; 2] {
        self.ends
    }

    /// When its first segment came.
    pub fn started(&self) -> Timestamp {
        self.lines[0].at
    }

    /// The frame of its first segment.
    pub fn first_frame(&self) -> u64 {
        self.lines[0].frame
    }

    /// Its segments, in the order in which they came.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = Segment> + '_ {
        self.lines().iter().map(|line| self.segment(line))
    }

    /// The same without their endpoints.
    pub fn lines(&self) -> &[Line] {
        &self.lines[..usize::from(self.count)]
    }

    /// The last of these.
    pub fn last(&self) -> &Line {
        &self.lines[usize::from(self.count) - 1]
    }

    /// The number after the furthest octet that each end sent, resets aside.
    pub fn next(&self) -> [Option<SeqNumber>; 2] {
        let (mut next, mut has_next) = ([SeqNumber(0); 2], [false; 2]);
        for line in self.lines().iter().filter(|line| !line.flags().is_rst()) {
            let (sender, end) = (line.sender(), line.end());
            if !has_next[sender] || end.distance_from(next[sender]) > 0 {
                (next[sender], has_next[sender]) = (end, true);
            }
        }
        [0, 1].map(|end| has_next[end].then_some(next[end]))
    }

    fn segment(&self, line: &Line) -> Segment {
        let [first, second] = self.ends;
        let (source, destination) = if line.sender() == 0 { (first, second) } else { (second, first) };
        Segment {
            at: line.at,
            frame: line.frame,
            source,
            destination,
            seq: line.seq,
            ack: line.ack,
            flags: line.flags(),
            window: (line.header >> WINDOW) as u16,
            timestamp_value: line.timestamp(),
            payload_len: line.payload_len,
            cut: line.header & CUT != 0,
            ip: IpFacts {
                ttl: (line.header >> TTL) as u8,
                tos: (line.header >> TOS) as u8,
                id: line.id(),
                dont_fragment: line.header & DONT_FRAGMENT != 0,
            },
        }
    }

    /// A word that all its lines, used or not, go into.
    #[inline(always)]
    pub(super) fn trace_all(&self) -> u64 {
        self.lines.iter().fold(0, |sum, line| sum ^ line.frame)
    }

    /// What Zeek makes of these segments.
    pub fn replay(&self) -> Connection {
        let first = self.segment(&self.lines[0]);
        let mut connection = Connection::begin(&first, Checksum::NotChecked);
        for line in &self.lines[1..usize::from(self.count)] {
            connection.count(&self.segment(line), Checksum::NotChecked);
        }
        connection
    }
}

//! A connection while it is young: its few segments as they came, and nothing concluded from them yet.
//!
//! Most connections of a storm, a scan or a flood never have more than a handful of segments. To remember these takes a quarter of
//! the room that their conclusions take, and less time than to keep the conclusions up to date.

use super::Connection;
use super::timers::SHORT;
use crate::capture::Timestamp;
use crate::tcp::{Checksum, Endpoint, Flags, IpFacts, Segment, SeqNumber};

/// The most segments of a young connection.
const MOST_LINES: usize = 6;

const FROM_FIRST: u8 = 1;
const HAS_ID: u8 = 2;
const DONT_FRAGMENT: u8 = 4;
const HAS_TIMESTAMP: u8 = 8;
const CUT: u8 = 16;

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
    /// The window field.
    pub window: u16,
    id: u16,
    /// The control bits.
    pub flags: Flags,
    /// Time to live, or hop limit.
    pub ttl: u8,
    /// Type of service, or traffic class.
    pub tos: u8,
    bits: u8,
}

impl Line {
    /// Which of the connection's ends sent it, as an index into [`Young::ends`].
    pub fn sender(&self) -> usize {
        usize::from(self.bits & FROM_FIRST == 0)
    }

    /// The IP identification, where there is one.
    pub fn id(&self) -> Option<u16> {
        (self.bits & HAS_ID != 0).then_some(self.id)
    }

    /// TSval of the timestamps option, where there is one.
    pub fn timestamp(&self) -> Option<u32> {
        (self.bits & HAS_TIMESTAMP != 0).then_some(self.timestamp)
    }

    /// Whether it may not be fragmented, and whether the capture cut it: two bits.
    pub fn header_bits(&self) -> u8 {
        self.bits & (DONT_FRAGMENT | CUT)
    }

    /// The number after its last octet, SYN and FIN counted.
    pub fn end(&self) -> SeqNumber {
        self.seq + self.payload_len + u32::from(self.flags.is_syn()) + u32::from(self.flags.is_fin())
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
    pub(super) fn new(segment: &Segment) -> Young {
        let ends = [segment.source, segment.destination];
        let mut young = Young { ends, lines: [Line::default(); MOST_LINES], count: 0 };
        young.push(segment);
        young
    }

    /// Becomes a connection that begins with this segment.
    pub(super) fn restart(&mut self, segment: &Segment) {
        self.ends = [segment.source, segment.destination];
        self.count = 0;
        self.push(segment);
    }

    /// Whether it stays young with this segment: there is room, and no timer of Zeek's can have gone off.
    pub(super) fn has_room_for(&self, segment: &Segment, checksum: Checksum) -> bool {
        let last = self.lines[usize::from(self.count) - 1].at;
        usize::from(self.count) < MOST_LINES
            && checksum != Checksum::Bad
            && segment.at >= last
            && segment.at < self.first_due()
    }

    pub(super) fn push(&mut self, segment: &Segment) {
        let bit = |holds: bool, bit: u8| if holds { bit } else { 0 };
        self.lines[usize::from(self.count)] = Line {
            at: segment.at,
            frame: segment.frame,
            seq: segment.seq,
            ack: segment.ack,
            payload_len: segment.payload_len,
            timestamp: segment.timestamp_value.unwrap_or_default(),
            window: segment.window,
            id: segment.ip.id.unwrap_or_default(),
            flags: segment.flags,
            ttl: segment.ip.ttl,
            tos: segment.ip.tos,
            bits: bit(segment.source == self.ends[0], FROM_FIRST)
                | bit(segment.ip.id.is_some(), HAS_ID)
                | bit(segment.ip.dont_fragment, DONT_FRAGMENT)
                | bit(segment.timestamp_value.is_some(), HAS_TIMESTAMP)
                | bit(segment.cut, CUT),
        };
        self.count += 1;
    }

    /// When the first of Zeek's timers can go off: none is shorter, and all count from the first segment or a later one.
    pub(super) fn first_due(&self) -> Timestamp {
        Timestamp(self.started().0.saturating_add(SHORT))
    }

    /// Whether its first segment asks for a connection.
    pub(super) fn begins_with_syn(&self) -> bool {
        let flags = self.lines[0].flags;
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

    /// The number after the furthest octet that each end sent, resets aside.
    pub fn next(&self) -> [Option<SeqNumber>; 2] {
        let mut next = [None::<SeqNumber>; 2];
        for line in self.lines().iter().filter(|line| !line.flags.is_rst()) {
            let (furthest, end) = (&mut next[line.sender()], line.end());
            if furthest.is_none_or(|furthest| end.distance_from(furthest) > 0) {
                *furthest = Some(end);
            }
        }
        next
    }

    fn segment(&self, line: &Line) -> Segment {
        let has = |bit: u8| line.bits & bit != 0;
        let [first, second] = self.ends;
        let (source, destination) = if has(FROM_FIRST) { (first, second) } else { (second, first) };
        Segment {
            at: line.at,
            frame: line.frame,
            source,
            destination,
            seq: line.seq,
            ack: line.ack,
            flags: line.flags,
            window: line.window,
            timestamp_value: has(HAS_TIMESTAMP).then_some(line.timestamp),
            payload_len: line.payload_len,
            cut: has(CUT),
            ip: IpFacts {
                ttl: line.ttl,
                tos: line.tos,
                id: has(HAS_ID).then_some(line.id),
                dont_fragment: has(DONT_FRAGMENT),
            },
        }
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

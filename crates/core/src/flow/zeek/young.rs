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
const OTHER_INPUT: u64 = 32;
/// It came 2^32 nanoseconds later than its time tells: a young connection can last for five seconds.
const LATER: u64 = 64;

/// Where its other fields begin, each where the one before ends.
const TOS: u32 = 8;
const TTL: u32 = 16;
const FLAGS: u32 = 24;
const WINDOW: u32 = 32;
const ID: u32 = 48;

/// In a frame's number, what stands above so many bits tells of which of several captures it is.
const NUMBER_BITS: u32 = 48;
const NUMBER: u64 = (1 << NUMBER_BITS) - 1;

/// When and where a segment was seen, as told from the first of its connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    after: u64,
    frames: i32,
    /// What stands above the number of its frame, where that isn't what stands there of the first.
    other_input: Option<u16>,
}

impl Moment {
    const FIRST: Moment = Moment { after: 0, frames: 0, other_input: None };

    /// Whether it is of the same capture, and after the first there.
    pub(crate) fn is_near(&self) -> bool {
        self.other_input.is_none() && self.frames >= 0
    }
}

/// A segment without its endpoints: half a line of the processor's cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Line {
    after: u32,
    /// Frames after the first one's. In another capture than that it is only how much greater the number is.
    pub frames: i32,
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
    fn of(segment: &Segment, moment: Moment, is_from_first: bool) -> Line {
        let bit = |holds: bool, bit: u64| if holds { bit } else { 0 };
        let ip = &segment.ip;
        Line {
            after: moment.after as u32,
            frames: moment.frames,
            seq: segment.seq,
            ack: segment.ack,
            payload_len: segment.payload_len,
            timestamp: segment.timestamp_value.unwrap_or_default(),
            header: bit(is_from_first, FROM_FIRST)
                | bit(ip.id.is_some(), HAS_ID)
                | bit(ip.dont_fragment, DONT_FRAGMENT)
                | bit(segment.timestamp_value.is_some(), HAS_TIMESTAMP)
                | bit(segment.cut, CUT)
                | bit(moment.other_input.is_some(), OTHER_INPUT)
                | bit(moment.after >> 32 != 0, LATER)
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

    /// Nanoseconds after the first segment.
    #[inline(always)]
    pub fn after(&self) -> u64 {
        u64::from(self.after) | (self.header & LATER) << (32 - LATER.trailing_zeros())
    }

    /// Time to live, or hop limit.
    pub fn ttl(&self) -> u8 {
        (self.header >> TTL) as u8
    }

    /// Whether its frame is of another capture than the first segment's.
    pub fn is_of_other_input(&self) -> bool {
        self.header & OTHER_INPUT != 0
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
        self.header & ((1 << ID) - 1) & !(OTHER_INPUT | LATER)
    }

    /// The number after its last octet, SYN and FIN counted.
    pub fn end(&self) -> SeqNumber {
        let flags = self.flags();
        self.seq + self.payload_len + u32::from(flags.is_syn()) + u32::from(flags.is_fin())
    }
}

/// The segments of a young connection. Where it begins and between whom stands in the first line of the processor's cache, and
/// two segments in each of the next.
#[derive(Clone, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Young {
    ends: [Endpoint; 2],
    started: Timestamp,
    first_frame: u64,
    count: u8,
    lines: [Line; MOST_LINES],
    /// Of those whose frames are of another capture, of which. So seldom that it stands apart.
    inputs: [u16; MOST_LINES],
}

#[cfg(target_pointer_width = "64")]
const _: () = assert!(
    core::mem::offset_of!(Young, lines) == 64,
    "from there on two segments take a line of the processor's cache"
);

impl Young {
    /// A connection that begins with this segment.
    pub(crate) fn new(segment: &Segment) -> Young {
        let ends = [segment.source, segment.destination];
        let (started, first_frame) = (segment.at, segment.frame);
        let mut lines = [Line::default(); MOST_LINES];
        lines[0] = Line::of(segment, Moment::FIRST, true);
        Young { ends, started, first_frame, count: 1, lines, inputs: [0; MOST_LINES] }
    }

    /// Becomes a connection that begins with this segment.
    #[inline(always)]
    pub(crate) fn restart(&mut self, segment: &Segment) {
        self.ends = [segment.source, segment.destination];
        (self.started, self.first_frame) = (segment.at, segment.frame);
        self.lines[0] = Line::of(segment, Moment::FIRST, true);
        self.count = 1;
    }

    /// Where this segment has its place if it stays young with it: there is room, and no timer of Zeek's can have gone off.
    pub(super) fn room_for(&self, segment: &Segment, checksum: Checksum) -> Option<Moment> {
        let has_room = usize::from(self.count) < MOST_LINES
            && checksum != Checksum::Bad
            && segment.at >= self.last_at()
            && segment.at < self.first_due();
        if has_room { self.place(segment) } else { None }
    }

    /// The segment's moment. None where it is so far from the first that it can't be told.
    #[inline(always)]
    pub(crate) fn place(&self, segment: &Segment) -> Option<Moment> {
        let after = segment.at.0.checked_sub(self.started.0)?;
        let (frame, first) = (segment.frame, self.first_frame);
        let frames = (frame & NUMBER) as i64 - (first & NUMBER) as i64;
        let is_other = (frame ^ first) & !NUMBER != 0;
        Some(Moment {
            after: (after >> 33 == 0).then_some(after)?,
            frames: i32::try_from(frames).ok()?,
            other_input: is_other.then_some((frame >> NUMBER_BITS) as u16),
        })
    }

    /// Takes a further segment, for which there must be room, at a moment that was asked for.
    #[inline(always)]
    pub(crate) fn push(&mut self, segment: &Segment, moment: Moment, is_from_first: bool) {
        let place = usize::from(self.count);
        self.lines[place] = Line::of(segment, moment, is_from_first);
        if let Some(input) = moment.other_input {
            self.inputs[place] = input;
        }
        self.count += 1;
    }

    /// Becomes another, whose frames are all of one capture; what lies beyond its last segment stays as it is.
    #[inline(always)]
    pub(super) fn become_like(&mut self, other: &Young) {
        let Young { ends, started, first_frame, count, ref lines, inputs: _ } = *other;
        (self.ends, self.started, self.first_frame, self.count) = (ends, started, first_frame, count);
        // Two at a time, as they stand in the processor's cache: a copy of a length that isn't known beforehand takes longer.
        let ((own, []), (lines, [])) = (self.lines.as_chunks_mut::<2>(), lines.as_chunks::<2>()) else { return };
        own.iter_mut().zip(lines).take(usize::from(count).div_ceil(2)).for_each(|(own, lines)| *own = *lines);
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
    #[inline(always)]
    pub fn ends(&self) -> &[Endpoint; 2] {
        &self.ends
    }

    /// When its first segment came.
    pub fn started(&self) -> Timestamp {
        self.started
    }

    /// The frame of its first segment.
    pub fn first_frame(&self) -> u64 {
        self.first_frame
    }

    /// Its segments, in the order in which they came.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = Segment> + '_ {
        (0..usize::from(self.count)).map(|line| self.segment(line))
    }

    /// The same without their endpoints.
    pub fn lines(&self) -> &[Line] {
        &self.lines[..usize::from(self.count)]
    }

    /// When its last segment came.
    pub fn last_at(&self) -> Timestamp {
        self.at(&self.lines[usize::from(self.count) - 1])
    }

    /// When this segment of it came.
    pub fn at(&self, line: &Line) -> Timestamp {
        Timestamp(self.started.0 + line.after())
    }

    /// The frame of this segment of it.
    #[inline]
    pub fn frame(&self, line: usize) -> u64 {
        let Line { frames, header, .. } = self.lines[line];
        let input = if header & OTHER_INPUT == 0 {
            self.first_frame & !NUMBER
        } else {
            u64::from(self.inputs[line]) << NUMBER_BITS
        };
        input | (self.first_frame & NUMBER).wrapping_add_signed(frames.into()) & NUMBER
    }

    /// The number after the furthest octet that each end sent, resets aside.
    #[inline]
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

    fn segment(&self, place: usize) -> Segment {
        let line = &self.lines[place];
        let [first, second] = self.ends;
        let (source, destination) = if line.sender() == 0 { (first, second) } else { (second, first) };
        Segment {
            at: self.at(line),
            frame: self.frame(place),
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
                ttl: line.ttl(),
                tos: (line.header >> TOS) as u8,
                id: line.id(),
                dont_fragment: line.header & DONT_FRAGMENT != 0,
            },
        }
    }

    /// A word that something of each of its lines in the processor's cache goes into.
    #[inline(always)]
    pub(super) fn trace(&self) -> u64 {
        self.lines.iter().step_by(2).fold(self.first_frame, |sum, line| sum ^ line.header)
    }

    /// What Zeek makes of these segments.
    pub fn replay(&self) -> Connection {
        let mut connection = Connection::begin(&self.segment(0), Checksum::NotChecked);
        for line in 1..usize::from(self.count) {
            connection.count(&self.segment(line), Checksum::NotChecked);
        }
        connection
    }
}

//! A connection that looks like one before it, as the little that differs; and the pattern that it is told by.
//!
//! Connections of a likeness are told in the same words but for their names, times, frames and groups. Where each of these stands is shown by a
//! connection that is made up for it: it has the same likeness, and all that a likeness leaves out is unlike any other's.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::frame_number::FrameNumber;
use super::likeness::{Likeness, NEAR_IDS, TemplateId, describe_service};
use super::record::{GroupId, Record};
use crate::capture::Timestamp;
use crate::flow::zeek::{CommunityId, MOST_LINES, Uid, Young, community_id, uid};
use crate::reset::{REORDERING_NANOS, Service};
use crate::tcp::{Endpoint, Segment, SeqNumber};

/// What differs between a connection and others of its likeness.
#[derive(Clone, Copy, Debug)]
pub struct Lookalike {
    /// The pattern's number.
    pub pattern: u32,
    /// Who opened it.
    pub originator: Endpoint,
    /// Who was asked.
    pub responder: Endpoint,
    /// The group of its reset.
    pub group: GroupId,
    first_seq: SeqNumber,
    count: u8,
    /// When its first segment was captured, and in which frame.
    started: Timestamp,
    first_frame: u64,
    /// How many nanoseconds and frames after that each was.
    moments: [(u32, u32); MOST_LINES],
}

/// A connection in both forms.
#[derive(Clone, Debug)]
pub struct Sample {
    /// As it differs from others.
    pub lookalike: Lookalike,
    /// As a whole.
    pub record: Record,
}

/// How connections of a likeness are told of, shown by two of them.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// One that is made up. Its times and frames, and the spans between these, are its own in each place.
    pub made_up: Sample,
    /// The one that was seen first.
    pub seen: Sample,
}

impl Lookalike {
    /// How many segments it has.
    pub fn segments(&self) -> usize {
        self.count.into()
    }

    /// When a segment was captured. Panics if there are not so many, as the next ones do.
    #[inline]
    pub fn at(&self, segment: usize) -> Timestamp {
        Timestamp(self.started.0 + u64::from(self.moments[segment].0))
    }

    /// In which frame.
    #[inline]
    pub fn frame(&self, segment: usize) -> u64 {
        self.first_frame + u64::from(self.moments[segment].1)
    }

    /// The nanoseconds from one segment to a later one.
    #[inline]
    pub fn between(&self, first: usize, second: usize) -> u64 {
        u64::from(self.moments[second].0.saturating_sub(self.moments[first].0))
    }

    /// The name of the connection, as its record has it.
    pub fn uid(&self) -> Uid {
        uid(&self.originator, &self.responder, self.started, self.first_seq)
    }

    /// Its Community ID, likewise.
    pub fn community_id(&self) -> Option<CommunityId> {
        community_id(&self.originator, &self.responder)
    }

    /// Becomes what differs in this connection, whose group isn't known yet. False where more may differ: it has frames of another input
    /// than this, or numbers that wrap, which Zeek's rules see. What it holds then is no connection.
    #[inline]
    pub(super) fn become_like(&mut self, young: &Young, pattern: TemplateId, input: u16) -> bool {
        let (lines, [originator, responder]) = (young.lines(), *young.ends());
        let (started, first_frame) = (young.started(), young.first_frame());
        let mut bases = [None; 2];
        let mut is_plain = true;
        for (place, (line, moment)) in lines.iter().zip(&mut self.moments).enumerate() {
            let (sender, flags) = (line.sender(), line.flags());
            if !flags.is_rst() {
                bases[sender].get_or_insert(line.seq.0);
                if flags.is_ack() {
                    bases[1 - sender].get_or_insert(line.ack.0.wrapping_sub(1));
                }
            }
            // A number of an end whose place isn't known is told by its likeness as it stands.
            let follows = |base: Option<u32>, number: u32| base.is_none_or(|base| base != 0 && number >= base);
            is_plain &= follows(bases[sender], line.seq.0)
                && line.seq.0.checked_add(line.payload_len).is_some_and(|end| end < u32::MAX - 2)
                && (!flags.is_ack() || follows(bases[1 - sender], line.ack.0))
                && FrameNumber(young.frame(place)).input() == input
                && line.frames >= 0
                && line.after() <= u32::MAX.into();
            *moment = (line.after() as u32, line.frames as u32);
        }
        (self.pattern, self.originator, self.responder) = (pattern.number(), originator, responder);
        (self.started, self.first_frame, self.first_seq) = (started, first_frame, lines[0].seq);
        self.count = lines.len() as u8;
        is_plain
    }

    /// What differs in this connection, likewise.
    pub(super) fn of(young: &Young, pattern: TemplateId, input: u16, group: GroupId) -> Option<Lookalike> {
        let mut lookalike = Lookalike { group, ..Lookalike::default() };
        lookalike.become_like(young, pattern, input).then_some(lookalike)
    }
}

impl Default for Lookalike {
    /// No connection: room for one.
    fn default() -> Lookalike {
        let nobody = Endpoint::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
        Lookalike {
            pattern: 0,
            originator: nobody,
            responder: nobody,
            group: GroupId(0),
            first_seq: SeqNumber(0),
            count: 0,
            started: Timestamp(0),
            first_frame: 0,
            moments: [(0, 0); MOST_LINES],
        }
    }
}

/// The group of a connection that is made up. There are fewer.
pub(super) const MADE_UP_GROUP: GroupId = GroupId(4_000_000_007);

/// Its first sequence numbers.
const BASES: [u32; 2] = [1_000_003, 77_000_017];

/// Between its segments, in nanoseconds: any sum of neighbours is another one, in its first three digits too.
const GAPS: [u64; MOST_LINES] = [0, 7_310, 13_730, 29_170, 61_510, 127_310];

/// It is so much later.
const LATER: u64 = 86_400_017_000_000;

/// Its frames are after this one, and so far apart.
const FRAMES: u64 = 1 << 40;
const FRAME_STEP: u64 = 1_000_003;

/// Makes up a connection of the same likeness, and what was known of its service. None where that can't be done.
pub(super) fn make_up(young: &Young, service: &Service) -> Option<(Young, Service)> {
    let [first, second] = made_up_ends(*young.ends())?;
    let input = FrameNumber(young.first_frame()).input();
    let frame = |number: u64| FrameNumber::new(input, FRAMES + number * FRAME_STEP).0;
    let (mut shifts, mut ids) = ([None; 2], [None; 2]);
    let mut before = young.started();
    let mut at = Timestamp(before.0.checked_add(LATER)?);
    let mut made_up: Option<Young> = None;
    for (index, (line, segment)) in young.lines().iter().zip(young.segments()).enumerate() {
        let (sender, flags) = (line.sender(), segment.flags);
        let (source, destination) = if sender == 0 { (first, second) } else { (second, first) };
        let late = segment.at.nanos_since(before) > REORDERING_NANOS;
        before = segment.at;
        at = Timestamp(at.0.checked_add(GAPS[index] + if late { REORDERING_NANOS } else { 0 })?);
        let id = segment.ip.id.map(|id| make_up_id(id, ids[sender]));
        if id == segment.ip.id && id.is_some_and(|id| id != 0) {
            // Two leaps may end where they began.
            return None;
        }
        if !flags.is_rst() {
            shifts[sender].get_or_insert(BASES[sender].wrapping_sub(segment.seq.0));
            if flags.is_ack() {
                shifts[1 - sender].get_or_insert(BASES[1 - sender].wrapping_sub(segment.ack.0.wrapping_sub(1)));
            }
            ids[sender] = segment.ip.id.zip(id).filter(|_| !(flags.is_syn() && flags.is_ack()));
        }
        let mut segment = Segment { at, frame: frame(index as u64), source, destination, ..segment };
        segment.seq = segment.seq + shifts[sender].unwrap_or(0);
        if flags.is_ack() {
            segment.ack = segment.ack + shifts[1 - sender].unwrap_or(0);
        }
        segment.ip.id = id;
        segment.timestamp_value = segment.timestamp_value.map(|value| value.wrapping_add(86_400_017));
        match &mut made_up {
            Some(made_up) => made_up.push(&segment, made_up.place(&segment)?, sender == 0),
            None => made_up = Some(Young::new(&segment)),
        }
    }
    let made_up = made_up?;
    let reset_at = young.last_at();
    let known = Service {
        answered: service.answered.map(|(_, ttl)| (frame(2 * MOST_LINES as u64), ttl)),
        answered_at: Timestamp(at.0.saturating_sub(reset_at.nanos_since(service.answered_at))),
        round_trip: service.round_trip.map(|trip| trip ^ 1),
        // From eight on the likeness does not tell how many there were.
        open: if service.open >= 8 { service.open ^ 1 | 16 } else { service.open },
    };
    let is_like = Likeness::of(&made_up)? == Likeness::of(young)?
        && describe_service(&known, at)? == describe_service(service, reset_at)?;
    is_like.then_some((made_up, known))
}

/// Addresses and ports that are nobody's, of the same kind.
fn made_up_ends(ends: [Endpoint; 2]) -> Option<[Endpoint; 2]> {
    let addrs: [IpAddr; 2] = match ends.map(|end| end.addr) {
        [IpAddr::V4(_), IpAddr::V4(_)] => {
            [Ipv4Addr::new(203, 0, 113, 77).into(), Ipv4Addr::new(198, 51, 100, 9).into()]
        }
        [IpAddr::V6(_), IpAddr::V6(_)] => {
            [7, 9].map(|last| Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0x6d61, last).into())
        }
        _ => return None,
    };
    Some([Endpoint::new(addrs[0], 61_001), Endpoint::new(addrs[1], 61_003)])
}

/// An IP id that follows the last as this one does, by the same small step or by another leap.
fn make_up_id(id: u16, last: Option<(u16, u16)>) -> u16 {
    let step = last.map(|(last, made_up)| (id.wrapping_sub(last), made_up));
    match step {
        _ if id == 0 => 0,
        None => (id ^ 0x2a5a).max(1),
        Some((step, made_up)) if step < NEAR_IDS => made_up.wrapping_add(step),
        Some((step, made_up)) => made_up.wrapping_add((step ^ 0x1555) | NEAR_IDS),
    }
}

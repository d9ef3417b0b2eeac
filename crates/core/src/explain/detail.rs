//! What is concluded of a connection while it goes on, so that its resets can be judged.

use super::radar::Inbound;
use crate::capture::Timestamp;
use crate::flow::zeek::Young;
use crate::reset::payload::Carried;
use crate::reset::{Aftermath, Facts, Neighbours, Observed, Service, Trace, Trail};
use crate::tcp::Segment;

/// Zeek's `tcp_storm_thresh`: more resets than this ...
const STORM_RESETS: u32 = 1_000;

/// ... with less than this between them (`tcp_storm_interarrival_thresh`) are a RST_storm.
const STORM_INTERVAL: u64 = 1_000_000_000;

/// The conclusions.
#[derive(Clone, Debug, Default)]
pub(super) struct Detail {
    pub(super) trail: Trail,
    pub(super) inbound: Inbound,
    /// The resets seen so far, up to a bound.
    #[expect(clippy::vec_box, reason = "a kilobyte each, moved from vector to vector")]
    pub(super) resets: Vec<Box<Observed>>,
    /// Those beyond.
    pub(super) unlisted: u32,
    storms: [Storm; 2],
}

/// Resets of one side in a row.
#[derive(Clone, Copy, Debug, Default)]
struct Storm {
    count: u32,
    last: Timestamp,
    raged: bool,
}

impl Storm {
    fn note(&mut self, at: Timestamp) {
        let near = at.nanos_since(self.last) < STORM_INTERVAL;
        self.count = if near { self.count.saturating_add(1) } else { 1 };
        self.last = at;
        self.raged |= self.count > STORM_RESETS;
    }
}

impl Detail {
    /// Forgets all, and keeps the room.
    pub(super) fn clear(&mut self) {
        self.trail = Trail::default();
        self.inbound = Inbound::default();
        self.resets.clear();
        self.unlisted = 0;
        self.storms = [Storm::default(); 2];
    }

    /// Takes a segment that is no reset.
    pub(super) fn note(&mut self, segment: &Segment) {
        for seen in &mut self.resets {
            seen.note(segment);
        }
        self.trail.note(segment);
        self.inbound.note(segment);
    }

    /// Takes a reset, before it is observed or counted.
    pub(super) fn note_reset(&mut self, reset: &Segment) {
        self.trail.begin(reset);
        self.inbound.note(reset);
        for seen in &mut self.resets {
            seen.note(reset);
        }
        let others = self.resets.first().is_some_and(|seen| seen.segment.source != reset.source);
        self.storms[usize::from(others)].note(reset.at);
    }

    /// Lists a reset, in a room that is left of another where there is one.
    pub(super) fn observe(
        &mut self,
        reset: &Segment,
        neighbours: Neighbours,
        carried: Option<Carried>,
        room: Option<Box<Observed>>,
    ) {
        let last_of = |source| {
            let seen = self.resets.iter().rev().find(|seen| seen.segment.source == source)?;
            Some(Trace::of(&seen.segment))
        };
        let resets_before = [last_of(reset.source), last_of(reset.destination)];
        let resets_before = resets_before.iter().any(Option::is_some).then(|| Box::new(resets_before));
        let seen = Observed {
            segment: *reset,
            facts: Facts::measure(reset, &self.trail),
            after: Aftermath::default(),
            neighbours,
            carried: carried.map(Box::new),
            first: self.resets.is_empty() && self.unlisted == 0,
            resets_before,
        };
        self.resets.push(match room {
            Some(mut room) => {
                *room = seen;
                room
            }
            None => Box::new(seen),
        });
    }

    /// Concludes from the segments of a young connection. It has one reset at most, and this was known of its service then.
    pub(super) fn replay(&mut self, young: &Young, service: Service, mut room: Option<Box<Observed>>) {
        for segment in young.segments() {
            if segment.flags.is_rst() {
                let neighbours = Neighbours { service, ..Neighbours::default() };
                self.note_reset(&segment);
                self.observe(&segment, neighbours, None, room.take());
            } else {
                self.note(&segment);
            }
        }
    }

    /// Whether Zeek speaks of a storm of resets.
    pub(super) fn has_raged(&self) -> bool {
        self.storms.iter().any(|storm| storm.raged)
    }
}

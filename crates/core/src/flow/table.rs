//! The table of the flows being followed: finds a segment's flow, and lets flows go by packet time and by number.

use core::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::connection::is_opening;
use super::slots::{MOST_FLOWS, Place, Queue, Slots};
use super::{Event, Flow};
use crate::capture::Timestamp;
use crate::tcp::{FlowKey, Segment};

const SECOND: u64 = 1_000_000_000;

/// How many flows are followed at once, and for how long. All times are packet time, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most flows that are held at once; at least one is. A flow takes about 320 octets.
    pub max_flows: usize,
    /// How long a flow that is over (a RST, or a FIN from both sides) must be silent before it is let go: late RSTs are
    /// still its own.
    pub linger_nanos: u64,
    /// How long any other flow must be silent before it is let go.
    pub idle_nanos: u64,
}

impl Default for Limits {
    /// 262,144 flows (some 84 MB), one second, five minutes: longer than the longest gap between Linux's SYN retries.
    fn default() -> Limits {
        Limits { max_flows: 1 << 18, linger_nanos: SECOND, idle_nanos: 300 * SECOND }
    }
}

/// Follows every connection in a stream of segments.
///
/// Segments come in the order of their capture. Time is theirs alone; it may step back, as it does in merged captures.
/// A segment costs a constant amount of work on average, and memory is bounded by [`Limits::max_flows`].
#[derive(Debug, Default)]
pub struct FlowTable {
    limits: Limits,
    // The hash is seeded at random because addresses and ports are the sender's to choose.
    hasher: RandomState,
    places: HashTable<Place>,
    slots: Slots,
    opened: u64,
    midstream: u64,
    evicted: u64,
}

impl FlowTable {
    /// An empty table.
    pub fn new(limits: Limits) -> FlowTable {
        FlowTable {
            limits: Limits { max_flows: limits.max_flows.clamp(1, MOST_FLOWS), ..limits },
            ..FlowTable::default()
        }
    }

    /// Takes the next segment and says what it did to its flow. Flows that end by it, or by the time that has passed, go to `ended`.
    pub fn push(&mut self, segment: &Segment, ended: &mut impl FnMut(Flow)) -> Event {
        self.expire(segment.at, ended);
        let key = FlowKey::new(segment.source, segment.destination);
        let hash = self.hasher.hash_one(key);
        let Some(place) = self.find(hash, segment) else {
            return self.open(hash, segment, ended);
        };
        let slot = self.slots.at_mut(place);
        // The queues may be late with a flow; what belongs together is decided here, and exactly.
        let silent = segment.at.nanos_since(slot.touched) >= self.limits.timeout(slot.queue);
        if silent || slot.flow.is_replaced_by(segment) {
            ended(self.remove(place));
            return self.open(hash, segment, ended);
        }
        slot.touched = segment.at;
        let event = slot.flow.absorb(segment);
        if slot.queue == Queue::Idle && slot.flow.is_over() {
            self.enqueue(place, Queue::Lingering, segment.at);
        }
        event
    }

    /// Lets go of the flows that have been silent for too long at `now`. `push` does so by itself; a live capture on which
    /// nothing arrives calls this instead.
    pub fn expire(&mut self, now: Timestamp, ended: &mut impl FnMut(Flow)) {
        self.expire_queue(Queue::Lingering, now, ended);
        self.expire_queue(Queue::Idle, now, ended);
    }

    /// Hands over all flows that are left, in the order of their first frames. The table is empty then and can go on.
    pub fn finish(&mut self, ended: &mut impl FnMut(Flow)) {
        let slots = &self.slots;
        let mut left: Vec<Place> = self.places.iter().copied().collect();
        left.sort_unstable_by_key(|place| slots.at(*place).flow.first_frame);
        self.places.clear();
        for place in left {
            ended(self.slots.remove(place));
        }
    }

    /// The flows being followed now.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether no flow is being followed now.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The flows opened so far, by a SYN or midstream; each of them goes to `ended` once.
    pub fn opened(&self) -> u64 {
        self.opened
    }

    /// Those of the opened flows whose first segment seen was not a SYN.
    pub fn midstream(&self) -> u64 {
        self.midstream
    }

    /// The flows that were let go before their time because the table was full.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    fn find(&self, hash: u64, segment: &Segment) -> Option<Place> {
        let (one, other) = (segment.source, segment.destination);
        let is_its_flow = |place: &Place| {
            let flow = &self.slots.at(*place).flow;
            (flow.originator == one && flow.responder == other) || (flow.originator == other && flow.responder == one)
        };
        self.places.find(hash, is_its_flow).copied()
    }

    fn open(&mut self, hash: u64, segment: &Segment, ended: &mut impl FnMut(Flow)) -> Event {
        if self.slots.len() >= self.limits.max_flows {
            self.evict(ended);
        }
        let flow = Flow::open(segment);
        let over = flow.is_over();
        let due = self.limits.due(Queue::Idle, segment.at);
        let place = self.slots.insert(flow, hash, due);
        let slots = &self.slots;
        self.places.insert_unique(hash, place, |place| slots.at(*place).hash);
        if over {
            self.enqueue(place, Queue::Lingering, segment.at);
        }
        self.opened += 1;
        if is_opening(segment) {
            return Event::Opened;
        }
        self.midstream += 1;
        Event::Midstream
    }

    /// Lets go of the oldest flow that is over; only where there is none, of the oldest that may go on.
    fn evict(&mut self, ended: &mut impl FnMut(Flow)) {
        let oldest = self.slots.front(Queue::Lingering);
        if let Some(place) = oldest.or_else(|| self.slots.front(Queue::Idle)) {
            self.evicted += 1;
            ended(self.remove(place));
        }
    }

    fn expire_queue(&mut self, queue: Queue, now: Timestamp, ended: &mut impl FnMut(Flow)) {
        let timeout = self.limits.timeout(queue);
        while let Some(place) = self.slots.front(queue) {
            let slot = self.slots.at_mut(place);
            if slot.due.nanos_since(now) > timeout {
                // It was seen before the clock stepped back and would hold up all behind it. One at a time: a clock that
                // steps back with every segment must not make each of them walk the whole queue.
                slot.touched = slot.touched.min(now);
                self.enqueue(place, queue, now);
                break;
            }
            if now < slot.due {
                break;
            }
            if now.nanos_since(slot.touched) >= timeout {
                ended(self.remove(place));
                continue;
            }
            let touched = slot.touched;
            self.enqueue(place, queue, touched);
            if self.limits.due(queue, touched) <= now {
                // Only at the very end of time, where adding the timeout saturates.
                break;
            }
        }
    }

    fn enqueue(&mut self, place: Place, queue: Queue, touched: Timestamp) {
        let due = self.limits.due(queue, touched);
        self.slots.enqueue(place, queue, due);
    }

    fn remove(&mut self, place: Place) -> Flow {
        let hash = self.slots.at(place).hash;
        if let Ok(entry) = self.places.find_entry(hash, |held| *held == place) {
            entry.remove();
        }
        self.slots.remove(place)
    }
}

impl Limits {
    fn timeout(&self, queue: Queue) -> u64 {
        match queue {
            Queue::Idle => self.idle_nanos,
            Queue::Lingering => self.linger_nanos,
        }
    }

    fn due(&self, queue: Queue, touched: Timestamp) -> Timestamp {
        Timestamp(touched.0.saturating_add(self.timeout(queue)))
    }
}

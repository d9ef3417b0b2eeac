//! The table of the flows being followed: finds a segment's flow, and lets flows go by packet time and by number.

use core::ops::Range;

use super::connection::is_opening;
use super::followed::Followed;
use super::pair::{Pair, Seed};
use super::places::Places;
use super::queue::Queue;
use super::slots::{MOST_FLOWS, Place, Slots};
use crate::capture::Timestamp;
use crate::tcp::{Endpoint, Segment};

/// Flows that are looked ahead at together. They fit into the processor's nearest cache.
pub(crate) const AHEAD: usize = 16;

/// Follows every connection in a stream of segments.
///
/// Segments come in the order of their capture. Time is theirs alone; it may step back, as it does in merged captures.
/// A segment costs a constant amount of work on average, and memory is bounded by the limit on how many are followed.
#[derive(Debug)]
pub struct Table<F: Followed> {
    limits: F::Limits,
    seed: Seed,
    places: Places,
    slots: Slots<F>,
    /// From when until when no flow is to be let go, as long as the fronts of the queues stay.
    quiet: Range<Timestamp>,
    opened: u64,
    midstream: u64,
    evicted: u64,
}

impl<F: Followed> Table<F> {
    /// An empty table.
    pub fn new(limits: F::Limits) -> Table<F> {
        Table {
            limits,
            seed: Seed::default(),
            places: Places::new(),
            slots: Slots::default(),
            quiet: Timestamp(0)..Timestamp(0),
            opened: 0,
            midstream: 0,
            evicted: 0,
        }
    }

    /// Takes the next segment and says where its flow is and what it did to it.
    pub(super) fn take(
        &mut self,
        segment: &Segment,
        aside: F::Aside,
        ended: &mut impl FnMut(&mut F),
    ) -> (Place, F::Event) {
        self.advance(segment.at, ended);
        self.take_now(segment, aside, ended)
    }

    /// The same, once those are let go that are due.
    pub(super) fn take_now(
        &mut self,
        segment: &Segment,
        aside: F::Aside,
        ended: &mut impl FnMut(&mut F),
    ) -> (Place, F::Event) {
        let pair = Pair::of(&segment.source, &segment.destination);
        let sum = pair.sum(&self.seed);
        let Some(place) = self.find(sum, &pair) else {
            return self.open(pair, sum, segment, aside, ended);
        };
        let (slot, flow) = self.slots.both_mut(place);
        // The queues may be late with a flow; what belongs together is decided here, and exactly.
        let spent = flow.is_spent(&self.limits, slot.touched, segment.at);
        if spent || flow.is_replaced_by(segment) {
            ended(self.remove(place));
            return self.open(pair, sum, segment, aside, ended);
        }
        (slot.touched, slot.closing) = (segment.at, None);
        let event = flow.absorb(segment, aside);
        let queue = flow.queue();
        if slot.queue != queue {
            self.enqueue(place, queue, segment.at);
        }
        (place, event)
    }

    /// Lets go of the flows that are due now, where there may be such.
    #[inline(always)]
    pub(super) fn advance(&mut self, now: Timestamp, ended: &mut impl FnMut(&mut F)) {
        if !self.quiet.contains(&now) || self.slots.has_moved() {
            self.let_go(now, ended);
        }
    }

    /// Begins a flow of this pair, with a SYN of this time, in the place of one that ends by that as it is: the new one gets all
    /// its segments together, by its follower. `closed` gets the other, with the time of its last segment, and says whether it ends
    /// so. None where there is none such; the SYN isn't taken then.
    #[inline(always)]
    pub(super) fn replace(
        &mut self,
        pair: &Pair,
        at: Timestamp,
        (queue, due): (Queue, Timestamp),
        closed: impl FnOnce(&F::Closing, &F, Timestamp) -> bool,
    ) -> Option<Place> {
        let place = self.find(pair.sum(&self.seed), pair)?;
        let (slot, flow) = self.slots.both_mut(place);
        let closing = slot.closing.as_ref()?;
        if !closed(closing, flow, slot.touched) {
            return None;
        }
        (slot.touched, slot.closing) = (at, None);
        self.slots.enqueue(place, queue, due);
        self.opened += 1;
        Some(place)
    }

    /// A flow's last segment came at this time, and this is to be known of it if it ends as it is.
    pub(super) fn rest(&mut self, place: Place, at: Timestamp, closing: Option<F::Closing>) -> &mut F {
        let (slot, flow) = self.slots.both_mut(place);
        (slot.touched, slot.closing) = (at, closing);
        flow
    }

    /// Whether so many flows can be opened without letting one go for its room.
    pub(crate) fn has_room_for(&self, flows: usize) -> bool {
        self.len() + flows <= F::most(&self.limits)
    }

    /// Looks at the flows of these pairs: it changes nothing but the processor's cache. A SYN often finds one that was not touched for
    /// seconds; looked at together with those of other SYNs, step by step, it is waited for together with theirs.
    pub(crate) fn look_ahead<'a>(&self, pairs: impl Iterator<Item = &'a Pair>) {
        let mut sums = [0; AHEAD];
        sums.iter_mut().zip(pairs).for_each(|(sum, pair)| *sum = pair.sum(&self.seed));
        // The first of this sum: no flow is looked at for more.
        let places = sums.map(|sum| self.places.find(sum, |_| true));
        let seen = places.map(|place| place.map_or(0, |place| self.slots.at(place).trace()));
        core::hint::black_box(seen);
        let seen = places.map(|place| place.map_or(0, |place| self.at(place).trace()));
        core::hint::black_box(seen);
    }

    /// The flow in a place.
    pub(super) fn at(&self, place: Place) -> &F {
        self.slots.flow(place)
    }

    /// The same, to be written to.
    pub(super) fn at_mut(&mut self, place: Place) -> &mut F {
        self.slots.flow_mut(place)
    }

    /// The flow between these two that is followed now.
    pub fn between(&self, one: Endpoint, other: Endpoint) -> Option<&F> {
        let pair = Pair::of(&one, &other);
        Some(self.at(self.find(pair.sum(&self.seed), &pair)?))
    }

    /// Lets go of the flows that have been silent for too long at `now`. `push` does so by itself; a live capture on which
    /// nothing arrives calls this instead.
    pub fn expire(&mut self, now: Timestamp, ended: &mut impl FnMut(F)) {
        self.let_go(now, &mut |flow| ended(flow.clone()));
    }

    /// The same, with each flow where it is: what is done with it costs no move.
    pub(super) fn let_go(&mut self, now: Timestamp, ended: &mut impl FnMut(&mut F)) {
        for queue in F::QUEUES {
            self.expire_queue(*queue, now, ended);
        }
        self.quiet = self.quiet();
        self.slots.stay();
    }

    /// The times that change nothing, by the fronts of the queues: before each is due, and not so long before that the clock
    /// must have stepped back.
    fn quiet(&self) -> Range<Timestamp> {
        let fronts = F::QUEUES.iter().filter_map(|queue| Some((*queue, self.slots.at(self.slots.front(*queue)?).due)));
        fronts.fold(Timestamp(0)..Timestamp(u64::MAX), |quiet, (queue, due)| {
            let since = Timestamp(due.0.saturating_sub(F::patience(&self.limits, queue)));
            quiet.start.max(since)..quiet.end.min(due)
        })
    }

    /// Hands over all flows that are left, in the order of their first frames. The table is empty then and can go on.
    pub fn finish(&mut self, ended: &mut impl FnMut(F)) {
        self.let_all_go(&mut |flow| ended(flow.clone()));
    }

    /// The same, with each flow where it is.
    pub(super) fn let_all_go(&mut self, ended: &mut impl FnMut(&mut F)) {
        let slots = &self.slots;
        let mut left: Vec<Place> = self.places.iter().collect();
        left.sort_unstable_by_key(|place| slots.flow(*place).first_frame());
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

    #[inline(always)]
    fn find(&self, sum: u32, pair: &Pair) -> Option<Place> {
        self.places.find(sum, |place| self.slots.at(place).pair == *pair)
    }

    fn open(
        &mut self,
        pair: Pair,
        sum: u32,
        segment: &Segment,
        aside: F::Aside,
        ended: &mut impl FnMut(&mut F),
    ) -> (Place, F::Event) {
        if self.slots.len() >= F::most(&self.limits).clamp(1, MOST_FLOWS) {
            self.evict(ended);
        }
        let (place, event) = self.slots.open(segment, aside, pair, sum);
        let due = self.at(place).due(&self.limits, segment.at);
        self.slots.enter(place, due);
        self.places.insert(sum, place);
        self.opened += 1;
        self.midstream += u64::from(!is_opening(segment));
        (place, event)
    }

    /// Lets go of the oldest flow of the first queue that has one.
    fn evict(&mut self, ended: &mut impl FnMut(&mut F)) {
        if let Some(place) = F::QUEUES.iter().find_map(|queue| self.slots.front(*queue)) {
            self.evicted += 1;
            ended(self.remove(place));
        }
    }

    fn expire_queue(&mut self, queue: Queue, now: Timestamp, ended: &mut impl FnMut(&mut F)) {
        while let Some(place) = self.slots.front(queue) {
            let (slot, flow) = self.slots.both_mut(place);
            if now < slot.due && slot.due.nanos_since(now) <= F::patience(&self.limits, queue) {
                break;
            }
            if now < slot.due {
                // It was seen before the clock stepped back and would hold up all behind it. One at a time: a clock that
                // steps back with every segment must not make each of them walk the whole queue.
                (slot.touched, slot.closing) = (slot.touched.min(now), None);
                self.enqueue(place, queue, now);
                break;
            }
            slot.closing = None;
            core::hint::black_box(flow.trace());
            flow.settle();
            if flow.is_spent(&self.limits, slot.touched, now) {
                ended(self.remove(place));
                continue;
            }
            let (touched, queue) = (slot.touched, flow.queue());
            self.enqueue(place, queue, touched);
            if self.slots.at(place).due <= now {
                // Only at the very end of time, where adding the timeout saturates.
                break;
            }
        }
    }

    fn enqueue(&mut self, place: Place, queue: Queue, touched: Timestamp) {
        let due = self.slots.flow(place).due(&self.limits, touched);
        self.slots.enqueue(place, queue, due);
    }

    fn remove(&mut self, place: Place) -> &mut F {
        self.places.remove(self.slots.at(place).sum, place);
        self.slots.remove(place)
    }
}

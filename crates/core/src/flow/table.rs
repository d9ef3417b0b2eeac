//! The table of the flows being followed: finds a segment's flow, and lets flows go by packet time and by number.

use core::hash::{BuildHasher, Hasher};
use core::net::IpAddr;
use core::ops::Range;

use foldhash::fast::RandomState;

use super::connection::is_opening;
use super::followed::Followed;
use super::places::Places;
use super::slots::{MOST_FLOWS, Place, Queue, Slots};
use crate::capture::Timestamp;
use crate::tcp::{Endpoint, FlowKey, Segment};

/// Two endpoints in either order, in the form in which they are compared and summed fastest.
#[derive(Clone, Copy, Debug)]
enum Pair {
    /// Of IPv4, each in a word: to sort, sum and compare endpoints costs every segment more than all else that is done to
    /// find its flow.
    Words(u64, u64),
    /// Any other.
    Ends(Endpoint, Endpoint),
}

impl Pair {
    #[inline(always)]
    fn of(one: Endpoint, other: Endpoint) -> Pair {
        match (word(one), word(other)) {
            (Some(one), Some(other)) => Pair::Words(one, other),
            _ => Pair::Ends(one, other),
        }
    }

    #[inline(always)]
    fn is_of(&self, (this, that): (Endpoint, Endpoint)) -> bool {
        match *self {
            Pair::Words(one, other) => {
                let (this, that) = (word(this), word(that));
                (this == Some(one) && that == Some(other)) || (this == Some(other) && that == Some(one))
            }
            Pair::Ends(one, other) => (this == one && that == other) || (this == other && that == one),
        }
    }
}

/// An endpoint of IPv4 in a word.
#[inline(always)]
fn word(endpoint: Endpoint) -> Option<u64> {
    match endpoint.addr {
        IpAddr::V4(addr) => Some(u64::from(addr.to_bits()) << 16 | u64::from(endpoint.port)),
        IpAddr::V6(_) => None,
    }
}

/// Follows every connection in a stream of segments.
///
/// Segments come in the order of their capture. Time is theirs alone; it may step back, as it does in merged captures.
/// A segment costs a constant amount of work on average, and memory is bounded by the limit on how many are followed.
#[derive(Debug)]
pub struct Table<F: Followed> {
    limits: F::Limits,
    // The hash is seeded at random because addresses and ports are the sender's to choose.
    hasher: RandomState,
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
            hasher: RandomState::default(),
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
        if !self.quiet.contains(&segment.at) || self.slots.has_moved() {
            self.let_go(segment.at, ended);
        }
        let pair = Pair::of(segment.source, segment.destination);
        let sum = self.sum(&pair);
        let Some(place) = self.find(sum, &pair) else {
            return self.open(sum, segment, aside, ended);
        };
        let slot = self.slots.at_mut(place);
        // The queues may be late with a flow; what belongs together is decided here, and exactly.
        let spent = slot.flow.is_spent(&self.limits, slot.touched, segment.at);
        if spent || slot.flow.is_replaced_by(segment) {
            ended(self.remove(place));
            return self.open(sum, segment, aside, ended);
        }
        slot.touched = segment.at;
        let event = slot.flow.absorb(segment, aside);
        let queue = slot.flow.queue();
        if slot.queue != queue {
            self.enqueue(place, queue, segment.at);
        }
        (place, event)
    }

    /// Looks at the flow that this segment may take the place of. A SYN often finds one that was not touched for seconds; looked at
    /// together with those of other SYNs, it is waited for together with theirs.
    #[inline]
    pub(super) fn warm(&self, segment: &Segment) {
        if is_opening(segment) {
            let pair = Pair::of(segment.source, segment.destination);
            if let Some(place) = self.find(self.sum(&pair), &pair) {
                self.at(place).warm();
            }
        }
    }

    /// The flow in a place that [`Table::take`] gave.
    pub(super) fn at(&self, place: Place) -> &F {
        &self.slots.at(place).flow
    }

    /// The same, to be written to.
    pub(super) fn at_mut(&mut self, place: Place) -> &mut F {
        &mut self.slots.at_mut(place).flow
    }

    /// The flow between these two that is followed now.
    pub fn between(&self, one: Endpoint, other: Endpoint) -> Option<&F> {
        let pair = Pair::of(one, other);
        Some(self.at(self.find(self.sum(&pair), &pair)?))
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
        left.sort_unstable_by_key(|place| slots.at(*place).flow.first_frame());
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

    /// The same for both directions.
    #[inline(always)]
    fn sum(&self, pair: &Pair) -> u32 {
        let sum = match *pair {
            Pair::Words(one, other) => {
                let mut sum = self.hasher.build_hasher();
                sum.write_u64(one.min(other));
                sum.write_u64(one.max(other));
                sum.finish()
            }
            Pair::Ends(one, other) => self.hasher.hash_one(FlowKey::new(one, other)),
        };
        sum as u32
    }

    #[inline(always)]
    fn find(&self, sum: u32, pair: &Pair) -> Option<Place> {
        self.places.find(sum, |place| pair.is_of(self.slots.at(place).flow.endpoints()))
    }

    fn open(
        &mut self,
        sum: u32,
        segment: &Segment,
        aside: F::Aside,
        ended: &mut impl FnMut(&mut F),
    ) -> (Place, F::Event) {
        if self.slots.len() >= F::most(&self.limits).clamp(1, MOST_FLOWS) {
            self.evict(ended);
        }
        let (place, event) = self.slots.open(segment, aside, sum);
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
            let slot = self.slots.at_mut(place);
            if now < slot.due && slot.due.nanos_since(now) <= F::patience(&self.limits, queue) {
                break;
            }
            if now < slot.due {
                // It was seen before the clock stepped back and would hold up all behind it. One at a time: a clock that
                // steps back with every segment must not make each of them walk the whole queue.
                slot.touched = slot.touched.min(now);
                self.enqueue(place, queue, now);
                break;
            }
            slot.flow.warm();
            slot.flow.settle();
            if slot.flow.is_spent(&self.limits, slot.touched, now) {
                ended(self.remove(place));
                continue;
            }
            let (touched, queue) = (slot.touched, slot.flow.queue());
            self.enqueue(place, queue, touched);
            if self.slots.at(place).due <= now {
                // Only at the very end of time, where adding the timeout saturates.
                break;
            }
        }
    }

    fn enqueue(&mut self, place: Place, queue: Queue, touched: Timestamp) {
        let due = self.slots.at(place).flow.due(&self.limits, touched);
        self.slots.enqueue(place, queue, due);
    }

    fn remove(&mut self, place: Place) -> &mut F {
        self.places.remove(self.slots.at(place).sum, place);
        self.slots.remove(place)
    }
}

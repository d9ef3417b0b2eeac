//! Where flows are kept while they are followed: an arena with queues through it, each ordered by when its flows are due.
//!
//! The queues are linked through the slots themselves, so that a flow that ends leaves nothing behind: memory is bounded by
//! the number of flows, not by how many have come and gone within a timeout.

use core::num::NonZeroU32;

use super::followed::Followed;
use super::pair::Pair;
use super::queue::{MOST_QUEUES, Queue};
use crate::capture::Timestamp;
use crate::tcp::Segment;

/// A place in the arena. Counted from one, so that an `Option` of a place is as small as a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place(NonZeroU32);

impl Place {
    /// The place of this number, from 0.
    #[inline(always)]
    pub(super) fn number(number: usize) -> Place {
        Place(NonZeroU32::MIN.saturating_add(number as u32))
    }

    #[inline(always)]
    fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// The most flows that an arena can hold.
pub(super) const MOST_FLOWS: usize = u32::MAX as usize;

/// What a flow is found by, and let go by: two lines of the processor's cache. The flow itself stands elsewhere, since one that has
/// not been touched for seconds is waited for line by line.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct Slot<C> {
    /// Whose it is.
    pub(super) pair: Pair,
    /// The sum of these, by which it is found.
    pub(super) sum: u32,
    pub(super) queue: Queue,
    /// When its last segment came; this follows a clock that steps back.
    pub(super) touched: Timestamp,
    /// When to look at it again. Later segments don't move it: whoever looks finds out and puts it off.
    pub(super) due: Timestamp,
    /// What is to be known of it if it ends as it is.
    pub(super) closing: Option<C>,
}

impl<C> Slot<C> {
    /// A word that something of each of its lines in the processor's cache goes into.
    #[inline(always)]
    pub(super) fn trace(&self) -> u64 {
        self.touched.0 ^ u64::from(self.closing.is_some())
    }
}

/// Who stands before and behind it in its queue. In a table of their own: whoever leaves a queue writes to both.
#[derive(Clone, Copy, Debug, Default)]
struct Neighbours {
    previous: Option<Place>,
    next: Option<Place>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Ends {
    front: Option<Place>,
    back: Option<Place>,
}

/// The arena. A place is valid from `open` until `remove`.
#[derive(Debug)]
pub(super) struct Slots<F: Followed> {
    slots: Vec<Slot<F::Closing>>,
    /// The neighbours of each slot, and its flow.
    neighbours: Vec<Neighbours>,
    flows: Vec<F>,
    vacant: Vec<Place>,
    queues: [Ends; MOST_QUEUES],
    moved: bool,
}

impl<F: Followed> Default for Slots<F> {
    fn default() -> Slots<F> {
        Slots {
            slots: Vec::new(),
            neighbours: Vec::new(),
            flows: Vec::new(),
            vacant: Vec::new(),
            queues: [Ends::default(); MOST_QUEUES],
            moved: false,
        }
    }
}

impl<F: Followed> Slots<F> {
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.vacant.len()
    }

    #[inline(always)]
    pub(super) fn at(&self, place: Place) -> &Slot<F::Closing> {
        &self.slots[place.index()]
    }

    #[inline(always)]
    pub(super) fn at_mut(&mut self, place: Place) -> &mut Slot<F::Closing> {
        &mut self.slots[place.index()]
    }

    #[inline(always)]
    pub(super) fn flow(&self, place: Place) -> &F {
        &self.flows[place.index()]
    }

    #[inline(always)]
    pub(super) fn flow_mut(&mut self, place: Place) -> &mut F {
        &mut self.flows[place.index()]
    }

    /// A slot with its flow.
    #[inline(always)]
    pub(super) fn both_mut(&mut self, place: Place) -> (&mut Slot<F::Closing>, &mut F) {
        (&mut self.slots[place.index()], &mut self.flows[place.index()])
    }

    /// Begins a flow, at the back of no queue yet.
    pub(super) fn open(&mut self, segment: &Segment, aside: F::Aside, pair: Pair, sum: u32) -> (Place, F::Event) {
        let at = segment.at;
        let Some(place) = self.vacant.pop() else {
            let (flow, event) = F::open(segment, aside);
            let place = Place::number(self.slots.len());
            self.slots.push(Slot { pair, sum, queue: flow.queue(), touched: at, due: at, closing: None });
            self.neighbours.push(Neighbours::default());
            self.flows.push(flow);
            return (place, event);
        };
        // In its place: a connection with all that is kept beside it is a kilobyte, and moving it twice costs more than counting
        // a segment.
        let (slot, flow) = self.both_mut(place);
        let event = flow.reopen(segment, aside);
        (slot.pair, slot.sum, slot.touched, slot.closing) = (pair, sum, at, None);
        (place, event)
    }

    /// Puts a flow that has just begun at the back of its queue.
    pub(super) fn enter(&mut self, place: Place, due: Timestamp) {
        let (slot, flow) = self.both_mut(place);
        (slot.queue, slot.due) = (flow.queue(), due);
        self.link(place);
    }

    /// Takes a flow out; its place may be given to the next one, and until then it is still there.
    pub(super) fn remove(&mut self, place: Place) -> &mut F {
        self.unlink(place);
        self.vacant.push(place);
        self.flow_mut(place)
    }

    /// The flow of this queue that has waited longest.
    pub(super) fn front(&self, queue: Queue) -> Option<Place> {
        self.queues[queue.index()].front
    }

    /// Whether the front of a queue, or when it is due, is another than at the last [`Slots::stay`].
    pub(super) fn has_moved(&self) -> bool {
        self.moved
    }

    /// The fronts of the queues are known as they are.
    pub(super) fn stay(&mut self) {
        self.moved = false;
    }

    /// Moves a flow to the back of a queue, to be looked at when it is due.
    pub(super) fn enqueue(&mut self, place: Place, queue: Queue, due: Timestamp) {
        self.unlink(place);
        let slot = self.at_mut(place);
        slot.queue = queue;
        slot.due = due;
        self.link(place);
    }

    fn ends(&mut self, queue: Queue) -> &mut Ends {
        &mut self.queues[queue.index()]
    }

    fn link(&mut self, place: Place) {
        let queue = self.at(place).queue;
        let ends = self.ends(queue);
        let last = ends.back.replace(place);
        match last {
            Some(last) => self.neighbours[last.index()].next = Some(place),
            None => {
                ends.front = Some(place);
                self.moved = true;
            }
        }
        self.neighbours[place.index()] = Neighbours { previous: last, next: None };
    }

    fn unlink(&mut self, place: Place) {
        let (queue, Neighbours { previous, next }) = (self.at(place).queue, self.neighbours[place.index()]);
        match previous {
            Some(previous) => self.neighbours[previous.index()].next = next,
            None => {
                self.ends(queue).front = next;
                self.moved = true;
            }
        }
        match next {
            Some(next) => self.neighbours[next.index()].previous = previous,
            None => self.ends(queue).back = previous,
        }
    }
}

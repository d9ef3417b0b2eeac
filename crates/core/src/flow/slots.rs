//! Where flows are kept while they are followed: an arena with two queues through it, ordered by when each flow is due.
//!
//! The queues are linked through the slots themselves, so that a flow that ends leaves nothing behind: memory is bounded by
//! the number of flows, not by how many have come and gone within a timeout.

use super::Flow;
use crate::capture::Timestamp;

/// Which of the two clocks runs for a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Queue {
    /// It may go on: it ends after a long silence.
    Idle,
    /// It is over: it stays a short time for what comes late.
    Lingering,
}

/// A place in the arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(u32);

/// The most flows that an arena can hold.
pub(super) const MOST_FLOWS: usize = u32::MAX as usize;

/// A flow in its place.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) flow: Flow,
    /// The hash of its key, kept because growing the table needs all of them again.
    pub(super) hash: u64,
    /// When its last segment came; unlike `flow.last_seen` this follows a clock that steps back.
    pub(super) touched: Timestamp,
    /// When to look at it again. Later segments don't move it: whoever looks finds out and puts it off.
    pub(super) due: Timestamp,
    pub(super) queue: Queue,
    previous: Option<Place>,
    next: Option<Place>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Ends {
    front: Option<Place>,
    back: Option<Place>,
}

/// The arena. A place is valid from `insert` until `remove`.
#[derive(Debug, Default)]
pub(super) struct Slots {
    slots: Vec<Slot>,
    vacant: Vec<Place>,
    idle: Ends,
    lingering: Ends,
}

impl Slots {
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.vacant.len()
    }

    pub(super) fn at(&self, place: Place) -> &Slot {
        &self.slots[place.0 as usize]
    }

    pub(super) fn at_mut(&mut self, place: Place) -> &mut Slot {
        &mut self.slots[place.0 as usize]
    }

    /// Puts a flow at the back of the idle queue.
    pub(super) fn insert(&mut self, flow: Flow, hash: u64, due: Timestamp) -> Place {
        let slot = Slot { touched: flow.started, flow, hash, due, queue: Queue::Idle, previous: None, next: None };
        let place = match self.vacant.pop() {
            Some(place) => {
                *self.at_mut(place) = slot;
                place
            }
            None => {
                let place = Place(self.slots.len() as u32);
                self.slots.push(slot);
                place
            }
        };
        self.link(place);
        place
    }

    /// Takes a flow out; its place may be given to the next one.
    pub(super) fn remove(&mut self, place: Place) -> Flow {
        self.unlink(place);
        self.vacant.push(place);
        self.at(place).flow.clone()
    }

    /// The flow of this queue that has waited longest.
    pub(super) fn front(&self, queue: Queue) -> Option<Place> {
        match queue {
            Queue::Idle => self.idle.front,
            Queue::Lingering => self.lingering.front,
        }
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
        match queue {
            Queue::Idle => &mut self.idle,
            Queue::Lingering => &mut self.lingering,
        }
    }

    fn link(&mut self, place: Place) {
        let queue = self.at(place).queue;
        let ends = self.ends(queue);
        let last = ends.back.replace(place);
        ends.front.get_or_insert(place);
        if let Some(last) = last {
            self.at_mut(last).next = Some(place);
        }
        let slot = self.at_mut(place);
        slot.previous = last;
        slot.next = None;
    }

    fn unlink(&mut self, place: Place) {
        let slot = self.at(place);
        let (queue, previous, next) = (slot.queue, slot.previous, slot.next);
        match previous {
            Some(previous) => self.at_mut(previous).next = next,
            None => self.ends(queue).front = next,
        }
        match next {
            Some(next) => self.at_mut(next).previous = previous,
            None => self.ends(queue).back = previous,
        }
    }
}

//! What is in flight: items in numbered slots, each with a deadline that stands in the order of arrival.

use std::collections::VecDeque;
use std::time::Instant;

/// Items by slot. All deadlines are the same length of time after their item came in, so that the earliest is always
/// at the front, and an item that ends early costs nothing more.
#[derive(Debug)]
pub struct InFlight<T> {
    slots: Vec<Option<Held<T>>>,
    free: Vec<usize>,
    deadlines: VecDeque<Deadline>,
    next_number: u64,
}

#[derive(Debug)]
struct Held<T> {
    number: u64,
    item: T,
}

#[derive(Debug)]
struct Deadline {
    at: Instant,
    slot: usize,
    number: u64,
}

impl<T> Default for InFlight<T> {
    fn default() -> InFlight<T> {
        InFlight { slots: Vec::new(), free: Vec::new(), deadlines: VecDeque::new(), next_number: 0 }
    }
}

impl<T> InFlight<T> {
    /// Takes an item in and gives its slot. `deadline` must not be earlier than that of any item before.
    pub fn insert(&mut self, item: T, deadline: Option<Instant>) -> usize {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        let number = self.next_number;
        self.next_number += 1;
        self.slots[slot] = Some(Held { number, item });
        if let Some(at) = deadline {
            self.deadlines.push_back(Deadline { at, slot, number });
        }
        slot
    }

    /// The item in `slot`, if it is still in flight.
    pub fn item_mut(&mut self, slot: usize) -> Option<&mut T> {
        self.slots.get_mut(slot)?.as_mut().map(|held| &mut held.item)
    }

    /// Takes the item out of `slot`.
    pub fn remove(&mut self, slot: usize) -> Option<T> {
        let held = self.slots.get_mut(slot)?.take()?;
        self.free.push(slot);
        Some(held.item)
    }

    /// How many items are in flight.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Whether nothing is in flight.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The earliest deadline of an item that is still in flight.
    pub fn next_deadline(&mut self) -> Option<Instant> {
        while let Some(deadline) = self.deadlines.front() {
            let held = self.slots[deadline.slot].as_ref();
            if held.is_some_and(|held| held.number == deadline.number) {
                return Some(deadline.at);
            }
            self.deadlines.pop_front();
        }
        None
    }

    /// Takes out the next item whose deadline has passed.
    pub fn pop_expired(&mut self, now: Instant) -> Option<T> {
        self.next_deadline().filter(|deadline| *deadline <= now)?;
        let slot = self.deadlines.pop_front()?.slot;
        self.remove(slot)
    }

    /// The number of slots, empty ones included: every slot in use is below it.
    pub fn slots(&self) -> usize {
        self.slots.len()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_slot_in_its_second_life_keeps_its_own_deadline() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut flight = InFlight::default();
        let slot = flight.insert("first", Some(at(10)));
        assert_eq!(flight.remove(slot), Some("first"));
        assert_eq!(flight.insert("second", Some(at(20))), slot);
        assert_eq!(flight.next_deadline(), Some(at(20)));
        assert_eq!(flight.pop_expired(at(15)), None);
        assert_eq!(flight.pop_expired(at(20)), Some("second"));
        assert!(flight.is_empty());
    }

    #[test]
    fn items_expire_in_order_and_those_without_a_deadline_never_do() {
        let start = Instant::now();
        let mut flight = InFlight::default();
        flight.insert(0, None);
        for item in 1..=3 {
            flight.insert(item, Some(start + Duration::from_millis(item)));
        }
        flight.remove(2);
        let later = start + Duration::from_secs(1);
        assert_eq!((flight.pop_expired(later), flight.pop_expired(later)), (Some(1), Some(3)));
        assert_eq!(flight.pop_expired(later), None);
        assert_eq!(flight.len(), 1);
    }
}

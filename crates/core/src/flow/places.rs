//! Where each flow is, by the sum of its endpoints: a table with open addressing, of eight octets an entry.
//!
//! An entry holds the half of the sum that finds it, so that growing, and closing the gap that a flow leaves, look at no flow.

use super::slots::Place;

/// The least number of entries; it is always a power of two.
const LEAST: usize = 64;

/// A flow's place, and the sum that finds it.
#[derive(Clone, Copy, Debug)]
struct Entry {
    sum: u32,
    place: Option<Place>,
}

const VACANT: Entry = Entry { sum: 0, place: None };

/// The places of all flows. At most half of its entries are taken, so that a search ends soon.
#[derive(Debug)]
pub(super) struct Places {
    entries: Vec<Entry>,
    count: usize,
}

impl Places {
    pub(super) fn new() -> Places {
        Places { entries: vec![VACANT; LEAST], count: 0 }
    }

    /// The place with this sum that is the one.
    #[inline(always)]
    pub(super) fn find(&self, sum: u32, mut is_it: impl FnMut(Place) -> bool) -> Option<Place> {
        let mut at = self.home(sum);
        loop {
            let Entry { sum: known, place } = self.entries[at];
            let place = place?;
            if known == sum && is_it(place) {
                return Some(place);
            }
            at = self.after(at);
        }
    }

    /// Adds a place, which isn't there yet.
    pub(super) fn insert(&mut self, sum: u32, place: Place) {
        if 2 * (self.count + 1) > self.entries.len() {
            self.grow();
        }
        self.count += 1;
        self.put(Entry { sum, place: Some(place) });
    }

    /// Removes a place that is there.
    pub(super) fn remove(&mut self, sum: u32, place: Place) {
        let mut gap = self.home(sum);
        while self.entries[gap].place != Some(place) {
            if self.entries[gap].place.is_none() {
                return;
            }
            gap = self.after(gap);
        }
        self.count -= 1;
        // Whoever stands further on and would rather be here moves up.
        let mut at = self.after(gap);
        while self.entries[at].place.is_some() {
            let from_home = at.wrapping_sub(self.home(self.entries[at].sum)) & self.mask();
            if from_home >= at.wrapping_sub(gap) & self.mask() {
                self.entries[gap] = self.entries[at];
                gap = at;
            }
            at = self.after(at);
        }
        self.entries[gap] = VACANT;
    }

    /// All places, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Place> + '_ {
        self.entries.iter().filter_map(|entry| entry.place)
    }

    pub(super) fn clear(&mut self) {
        self.entries.fill(VACANT);
        self.count = 0;
    }

    fn grow(&mut self) {
        let twice = 2 * self.entries.len();
        let before = core::mem::replace(&mut self.entries, vec![VACANT; twice]);
        for entry in before.into_iter().filter(|entry| entry.place.is_some()) {
            self.put(entry);
        }
    }

    fn put(&mut self, entry: Entry) {
        let mut at = self.home(entry.sum);
        while self.entries[at].place.is_some() {
            at = self.after(at);
        }
        self.entries[at] = entry;
    }

    #[inline(always)]
    fn mask(&self) -> usize {
        self.entries.len() - 1
    }

    #[inline(always)]
    fn home(&self, sum: u32) -> usize {
        sum as usize & self.mask()
    }

    #[inline(always)]
    fn after(&self, at: usize) -> usize {
        (at + 1) & self.mask()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::{Place, Places};

    proptest! {
        /// Sums that collide, entries that wrap around the end, growing and shrinking: it is what a map is.
        #[test]
        fn it_holds_what_was_put_in(steps in proptest::collection::vec((0..40_u32, 0..200_usize), 0..600)) {
            let (mut places, mut known) = (Places::new(), HashMap::new());
            for (sum, number) in steps {
                let (sum, place) = ((u32::MAX - 20).wrapping_add(sum), Place::number(number));
                if known.remove(&number).map(|sum| places.remove(sum, place)).is_none() {
                    places.insert(sum, place);
                    known.insert(number, sum);
                }
            }
            for number in 0..200 {
                let found = (u32::MAX - 20..=u32::MAX).chain(0..21).find(|sum| {
                    places.find(*sum, |place| place == Place::number(number)).is_some()
                });
                prop_assert_eq!(found, known.get(&number).copied());
            }
            prop_assert_eq!(places.iter().count(), known.len());
        }
    }
}

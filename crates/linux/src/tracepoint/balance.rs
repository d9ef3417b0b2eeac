//! What a counter has counted against what came out of its ring.

use super::attributes::Reading;

/// The books of one counter. A passage is counted before its sample is in the ring, and others go on counting all the while: so a
/// count is held against what came out of the ring long after it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Balance {
    counted: u64,
    handed_over: u64,
    missing: u64,
}

impl Balance {
    /// A sample came out of the ring.
    pub(super) fn hand_over(&mut self) {
        self.handed_over += 1;
    }

    /// The counter was read just now.
    pub(super) fn note(&mut self, reading: Reading) {
        self.counted = reading.counted;
        self.missing = self.missing.max(reading.lost);
    }

    /// What the last reading counted has come out of the ring by now, or never will. As some of what came out may be younger than
    /// that reading, this is the least that is missing; where nothing younger came, it is exact.
    pub(super) fn settle(&mut self) {
        self.missing = self.missing.max(self.counted.saturating_sub(self.handed_over));
    }

    /// How many are known to be missing: lost for want of room, or never put in the ring.
    pub(super) fn missing(&self) -> u64 {
        self.missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(counted: u64, lost: u64) -> Reading {
        Reading { counted, lost }
    }

    fn hand_over(balance: &mut Balance, samples: usize) {
        (0..samples).for_each(|_| balance.hand_over());
    }

    #[test]
    fn a_sample_under_way_is_not_missing() {
        let mut balance = Balance::default();
        balance.settle();
        hand_over(&mut balance, 3);
        // The fourth is counted and not yet in the ring; it comes before that reading is held against anything.
        balance.note(counted(4, 0));
        hand_over(&mut balance, 1);
        balance.settle();
        assert_eq!(balance.missing(), 0);
    }

    #[test]
    fn what_never_comes_is_missing_and_stays_so() {
        let mut balance = Balance::default();
        balance.note(counted(5, 0));
        hand_over(&mut balance, 2);
        balance.settle();
        assert_eq!(balance.missing(), 3);
        // Younger ones hide none of them.
        balance.note(counted(5, 0));
        hand_over(&mut balance, 7);
        balance.settle();
        assert_eq!(balance.missing(), 3);
        balance.note(counted(13, 0));
        balance.settle();
        assert_eq!(balance.missing(), 4);
    }

    #[test]
    fn what_found_no_room_is_missing_once() {
        let mut balance = Balance::default();
        balance.note(counted(10, 6));
        assert_eq!(balance.missing(), 6, "the kernel's word needs no comparison");
        hand_over(&mut balance, 3);
        balance.settle();
        assert_eq!(balance.missing(), 7, "six found no room, and one never came");
        // Before Linux 6.0 the comparison alone tells it.
        let mut untold = Balance::default();
        untold.note(counted(10, 0));
        hand_over(&mut untold, 3);
        untold.settle();
        assert_eq!(untold.missing(), 7);
    }
}

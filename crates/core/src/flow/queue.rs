//! The queues that flows wait in until they are looked at again.

/// The most queues that a kind of connection may have.
pub(super) const MOST_QUEUES: usize = 4;

/// One of the queues. Flows that wait equally long share one, so that who came first is due first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queue(u8);

impl Queue {
    /// The queue of this number; there are [`MOST_QUEUES`].
    pub(super) const fn number(number: u8) -> Queue {
        assert!((number as usize) < MOST_QUEUES);
        Queue(number)
    }

    #[inline(always)]
    pub(super) fn index(self) -> usize {
        self.0.into()
    }
}

//! A connection that looks like another one: all that is still to be counted of it when it ends, in a few words.

use super::kept::{Closed, Kept};
use super::likeness::TemplateId;
use super::service::ServiceId;
use crate::flow::zeek::Young;
use crate::tcp::{Endpoint, SeqNumber};

/// What differs from the other. None of it changes any more once nothing follows the reset.
///
/// One line of the processor's cache has room for it and for what its connection is found by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Alike {
    /// The other.
    pub(super) like: TemplateId,
    pub(super) service: Option<ServiceId>,
    pub(super) reset_frame: u64,
    /// The frames from its first to that.
    frames_before: u32,
    /// The silence before its reset, in nanoseconds.
    pub(super) silence: u32,
    /// Other connections of the service that were open then.
    pub(super) open: u32,
    /// What each end would have sent next, and whether that is known.
    next: [SeqNumber; 2],
    has_next: [bool; 2],
    /// The end that sent the reset, 0 or 1.
    pub(super) resetter: u8,
    /// Whether the first end is the lesser of both.
    first_is_lesser: bool,
    /// Whether one side of it has closed by Zeek's rules.
    pub(super) has_closed: bool,
}

impl Alike {
    /// What there is to say of a young connection whose last segment is its reset. None where it needs more words.
    #[inline]
    pub(super) fn of(kept: &Kept, (like, closed): (TemplateId, Closed), young: &Young) -> Option<Alike> {
        let [.., before, reset] = young.lines() else { return None };
        let ([first, second], next) = (young.ends(), young.next());
        Some(Alike {
            like,
            service: kept.standing.service,
            reset_frame: reset.frame,
            frames_before: u32::try_from(reset.frame.checked_sub(young.first_frame())?).ok()?,
            silence: u32::try_from(reset.at.nanos_since(before.at)).ok()?,
            open: kept.service_then.open,
            next: next.map(Option::unwrap_or_default),
            has_next: next.map(|next| next.is_some()),
            resetter: reset.sender() as u8,
            first_is_lesser: first <= second,
            has_closed: closed == Closed::Yes,
        })
    }

    /// What each end would have sent next.
    pub(super) fn next(&self) -> [Option<SeqNumber>; 2] {
        [0, 1].map(|end| self.has_next[end].then_some(self.next[end]))
    }

    /// Its ends in their order, where they are known in either.
    #[inline]
    pub(super) fn ends(&self, one: Endpoint, other: Endpoint) -> [Endpoint; 2] {
        if (one <= other) == self.first_is_lesser { [one, other] } else { [other, one] }
    }

    pub(super) fn first_frame(&self) -> u64 {
        self.reset_frame - u64::from(self.frames_before)
    }
}

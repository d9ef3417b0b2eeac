//! A connection that looks like another one: all that is still to be counted of it when it ends, in a few words.

use super::likeness::TemplateId;
use super::service::ServiceId;
use crate::flow::zeek::Young;
use crate::tcp::{Endpoint, SeqNumber};

/// What differs from the other. None of it changes any more once nothing follows the reset.
///
/// With what its connection is found by it takes two lines of the processor's cache.
#[derive(Clone, Copy, Debug)]
pub(super) struct Alike {
    /// The other.
    pub(super) like: TemplateId,
    pub(super) service: Option<ServiceId>,
    /// Other connections of the service that were open then.
    pub(super) open: u32,
    /// Whether one side of it has closed by Zeek's rules.
    pub(super) has_closed: bool,
    pub(super) outline: Outline,
}

const _: () = assert!(size_of::<Option<Alike>>() <= 56, "with what it is found by it takes two lines");

/// What its segments alone tell.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Outline {
    pub(super) reset_frame: u64,
    /// The frames from its first to that.
    frames_before: u32,
    /// The silence before its reset, in nanoseconds.
    pub(super) silence: u32,
    /// What each end would have sent next, and whether that is known.
    next: [SeqNumber; 2],
    has_next: [bool; 2],
    /// The end that sent the reset, 0 or 1.
    pub(super) resetter: u8,
    /// Whether the first end is the lesser of both.
    pub(super) first_is_lesser: bool,
}

impl Outline {
    /// None where there is but one segment, or the frames are not of one capture.
    #[inline]
    pub(super) fn of(young: &Young, first_is_lesser: bool) -> Option<Outline> {
        let [.., before, reset] = young.lines() else { return None };
        let (next, reset_frame) = (young.next(), young.frame(young.lines().len() - 1));
        Some(Outline {
            reset_frame,
            frames_before: u32::try_from(reset_frame.checked_sub(young.first_frame())?).ok()?,
            silence: u32::try_from(reset.after().saturating_sub(before.after())).ok()?,
            next: next.map(Option::unwrap_or_default),
            has_next: next.map(|next| next.is_some()),
            resetter: reset.sender() as u8,
            first_is_lesser,
        })
    }

    /// What each end would have sent next.
    pub(super) fn next(&self) -> [Option<SeqNumber>; 2] {
        [0, 1].map(|end| self.has_next[end].then_some(self.next[end]))
    }

    /// Its ends in their order: as they are given, the first of which is the lesser or not, or the other way round.
    #[inline]
    pub(super) fn ends<'a>(&self, [one, other]: [&'a Endpoint; 2], is_lesser: bool) -> [&'a Endpoint; 2] {
        if is_lesser == self.first_is_lesser { [one, other] } else { [other, one] }
    }

    pub(super) fn first_frame(&self) -> u64 {
        self.reset_frame - u64::from(self.frames_before)
    }
}

//! What is kept beside a connection while it goes on: little while it is young, its conclusions once it has grown.

use super::detail::Detail;
use super::likeness::{Likeness, TemplateId};
use super::standing::Standing;
use crate::flow::zeek::{Keep, Young};
use crate::reset::Service;
use crate::tcp::Segment;

/// All that is kept.
#[derive(Clone, Debug, Default)]
pub(super) struct Kept {
    pub(super) standing: Standing,
    /// What was known of the service when a young connection was reset.
    pub(super) service_then: Service,
    /// What a young connection looks like that ends with its reset, and one that looked the same.
    pub(super) likeness: Option<Likeness>,
    pub(super) like: Option<(TemplateId, Closed)>,
    /// The conclusions, once it has grown.
    pub(super) detail: Option<Box<Detail>>,
}

/// Whether one side of a connection has closed by Zeek's rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closed {
    Yes,
    No,
}

impl Keep for Kept {
    fn clear(&mut self) {
        *self = Kept::default();
    }

    fn stays_young(&self, segment: &Segment) -> bool {
        // Of one reset is remembered what was known of its service; of two it would be twice as much.
        !(segment.flags.is_rst() && self.standing.is_reset)
    }

    fn grow(&mut self, young: Option<&Young>) {
        let mut detail = Box::new(Detail::default());
        if let Some(young) = young {
            detail.replay(young, self.service_then, None);
        }
        self.detail = Some(detail);
        self.likeness = None;
        self.like = None;
    }

    fn has_closed(&self) -> bool {
        matches!(self.like, Some((_, Closed::Yes)))
    }
}

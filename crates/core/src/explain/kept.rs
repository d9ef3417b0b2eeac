//! What is kept beside a connection while it goes on: little while it is young, its conclusions once it has grown.

use super::alike::Alike;
use super::detail::Detail;
use super::likeness::TemplateId;
use super::standing::Standing;
use crate::flow::zeek::{Keep, Tracked, Young};
use crate::reset::Service;
use crate::tcp::Segment;

#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<Tracked<Kept>>() == 384, "a connection takes six lines of the processor's cache");

/// All that is kept.
#[derive(Clone, Debug, Default)]
pub(super) struct Kept {
    pub(super) standing: Standing,
    /// What was known of the service when a young connection was reset.
    pub(super) service_then: Service,
    /// One that looked like this young connection, which ends with its reset.
    pub(super) like: Option<TemplateId>,
    /// One side of that one has closed by Zeek's rules.
    pub(super) has_closed: bool,
    /// It may look like others: nothing came after its reset.
    pub(super) is_plain: bool,
    /// The conclusions, once it has grown.
    pub(super) detail: Option<Box<Detail>>,
}

impl Kept {
    /// Becomes what is kept of a young connection that was just reset. There are no conclusions beside it.
    #[inline]
    pub(super) fn settle(
        &mut self,
        standing: Standing,
        service_then: &Service,
        like: Option<TemplateId>,
        has_closed: bool,
    ) {
        (self.standing, self.service_then) = (standing, *service_then);
        (self.like, self.has_closed, self.is_plain) = (like, has_closed, true);
    }
}

impl Keep for Kept {
    type Closing = Alike;

    fn clear(&mut self) {
        *self = Kept::default();
    }

    fn stays_young(&self, segment: &Segment) -> bool {
        // Of one reset is remembered what was known of its service; of two it would be twice as much.
        !(segment.flags.is_rst() && self.standing.visit.is_reset)
    }

    fn grow(&mut self, young: Option<&Young>) {
        let mut detail = Box::new(Detail::default());
        if let Some(young) = young {
            detail.replay(young, self.service_then, None);
        }
        self.detail = Some(detail);
        self.like = None;
        self.is_plain = false;
    }

    fn trace(&self) -> u64 {
        u64::from(self.standing.visit.is_reset) ^ u64::from(self.service_then.open) ^ u64::from(self.detail.is_some())
    }

    fn has_closed(&self) -> bool {
        self.like.is_some() && self.has_closed
    }
}

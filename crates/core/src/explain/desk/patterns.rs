//! Telling connections by the pattern of their likeness, and learning such patterns.

use super::Desk;
use crate::explain::alike::Alike;
use crate::explain::detail::Detail;
use crate::explain::ended::Ended;
use crate::explain::frame_number::FrameNumber;
use crate::explain::kept::Kept;
use crate::explain::likeness::TemplateId;
use crate::explain::lookalike::{Lookalike, MADE_UP_GROUP, Pattern, Sample, make_up};
use crate::explain::record::{GroupId, Judged, Record};
use crate::flow::pair::Pair;
use crate::flow::zeek::{Tracked, Young};
use crate::reset::Service;
use crate::tcp::Endpoint;

impl Desk {
    /// Counts a connection by one that looked the same, and hands over only what differs. False where there is no pattern for it.
    pub(super) fn tell_by_pattern(&mut self, gone: &Tracked<Kept>, ended: &mut impl Ended) -> bool {
        let Some((young, like)) = self.plain(gone).filter(|(_, like)| self.is_told(*like)) else { return false };
        let [first, second] = young.ends();
        let (pair, is_lesser) = Pair::in_order(first, second);
        let Some(alike) = self.alike(like, &gone.kept, young, is_lesser) else { return false };
        self.tell_alike(&alike, &pair, [first, second], gone, ended)
    }

    /// The same where it is known what is to be counted.
    #[inline]
    pub(in crate::explain) fn tell_alike(
        &mut self,
        alike: &Alike,
        pair: &Pair,
        ends: [&Endpoint; 2],
        gone: &Tracked<Kept>,
        ended: &mut impl Ended,
    ) -> bool {
        let (Some(young), Some(room)) = (gone.young(), ended.room()) else { return false };
        let Some(input) = self.templates.at(alike.like).told_in else { return false };
        if !room.become_like(young, alike.like, input) || !self.count_alike(alike, pair, ends, young.last_at()) {
            return false;
        }
        room.group = self.groups.id(self.rows[self.row].group);
        if cfg!(debug_assertions) {
            let lookalike = *room;
            let record = self.record_of(young, &gone.kept.service_then, lookalike.group);
            assert!(ended.agrees(&lookalike, &record), "a likeness that leaves out what is told: {lookalike:?}");
        }
        ended.lookalike();
        true
    }

    /// Whether there is a pattern for connections like this.
    pub(super) fn is_told(&self, like: TemplateId) -> bool {
        self.templates.at(like).told_in.is_some()
    }

    /// Shows how connections are told of that look like this one.
    pub(super) fn learn_pattern(
        &mut self,
        like: TemplateId,
        young: &Young,
        service: &Service,
        record: &Record,
        ended: &mut impl Ended,
    ) {
        if ended.room().is_none() || !self.selection.takes_every_reset() {
            return;
        }
        let [Judged { group: Some(group), .. }] = record.resets.as_slice() else { return };
        let input = FrameNumber(young.first_frame()).input();
        let Some(lookalike) = Lookalike::of(young, like, input, *group) else { return };
        let seen = Sample { lookalike, record: record.clone() };
        let Some((young, service)) = make_up(young, service) else { return };
        let Some(lookalike) = Lookalike::of(&young, like, input, MADE_UP_GROUP) else { return };
        let record = self.record_of(&young, &service, MADE_UP_GROUP);
        let made_up = Sample { lookalike, record };
        if ended.learn(&Pattern { made_up, seen }) {
            self.templates.at_mut(like).told_in = Some(input);
        }
    }

    /// The record of a young connection, without counting it.
    fn record_of(&mut self, young: &Young, service: &Service, group: GroupId) -> Record {
        let mut detail = Detail::default();
        detail.replay(young, *service, None);
        let mut record = self.record(young.replay(), &mut detail, None);
        record.resets.iter_mut().for_each(|judged| judged.group = Some(group));
        record
    }
}

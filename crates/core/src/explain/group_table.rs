//! The table of groups: bounded, in the order in which they were first seen.

use core::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::group::{Counted, Group, GroupKey};
use super::likeness::Template;
use super::record::{GroupId, Judged, Record};
use crate::tcp::Endpoint;

/// The most groups that are told apart. What fits none of them is counted.
const MOST_GROUPS: usize = 2_048;

/// All groups.
#[derive(Debug, Default)]
pub(super) struct Groups {
    hasher: RandomState,
    places: HashTable<u32>,
    groups: Vec<Group>,
    /// The group that was counted last: in a storm it is the next one's too.
    last: usize,
    beyond: u64,
}

impl Groups {
    /// Counts a reset in its group, and says which that is; None where there are too many.
    pub(super) fn count(&mut self, judged: &Judged, record: &Record) -> Option<GroupId> {
        let key = GroupKey::of(judged, record);
        let Some(place) = self.place(key, judged, record) else {
            self.beyond += 1;
            return None;
        };
        self.last = place;
        let (group, reset) = (&mut self.groups[place], &judged.reset);
        group.count(&Counted {
            at: reset.segment.at,
            frame: reset.segment.frame,
            victim: reset.segment.destination.addr,
            port: record.connection.responder.port,
            harm: reset.harm,
            silence: reset.idle().unwrap_or(0),
            open: reset.neighbours.service.open,
        });
        Some(group.id)
    }

    /// Where the group is of one that looks like this; None where this service has no such group.
    pub(super) fn find_like(&self, template: &Template, responder: Endpoint) -> Option<usize> {
        self.find(&GroupKey::like(template, responder))
    }

    /// The number of the group that is there.
    pub(super) fn id(&self, place: usize) -> GroupId {
        self.groups[place].id
    }

    /// Counts a reset in the group that is there.
    #[inline]
    pub(super) fn count_at(&mut self, place: usize, one: &Counted) {
        self.last = place;
        self.groups[place].count(one);
    }

    /// All groups, and the resets that fit none.
    pub(super) fn into_parts(self) -> (Vec<Group>, u64) {
        (self.groups, self.beyond)
    }

    fn find(&self, key: &GroupKey) -> Option<usize> {
        if self.groups.get(self.last).is_some_and(|group| group.key == *key) {
            return Some(self.last);
        }
        let is_it = |place: &u32| self.groups[*place as usize].key == *key;
        self.places.find(self.hasher.hash_one(key), is_it).map(|place| *place as usize)
    }

    fn place(&mut self, key: GroupKey, judged: &Judged, record: &Record) -> Option<usize> {
        if let Some(place) = self.find(&key) {
            return Some(place);
        }
        if self.groups.len() == MOST_GROUPS {
            return None;
        }
        let hash = self.hasher.hash_one(key);
        let place = self.groups.len();
        self.groups.push(Group::begin(GroupId(place as u32 + 1), key, judged, record));
        let (hasher, groups) = (&self.hasher, &self.groups);
        self.places.insert_unique(hash, place as u32, |place| hasher.hash_one(groups[*place as usize].key));
        Some(place)
    }
}

//! The table of groups: bounded, in the order in which they were first seen.

use core::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::group::{Group, GroupKey};
use super::record::{GroupId, Judged, Record};

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
        let group = &mut self.groups[place];
        group.count(judged, record.connection.responder);
        Some(group.id)
    }

    /// All groups, and the resets that fit none.
    pub(super) fn into_parts(self) -> (Vec<Group>, u64) {
        (self.groups, self.beyond)
    }

    fn place(&mut self, key: GroupKey, judged: &Judged, record: &Record) -> Option<usize> {
        if self.groups.get(self.last).is_some_and(|group| group.key == key) {
            return Some(self.last);
        }
        let hash = self.hasher.hash_one(key);
        let is_it = |place: &u32| self.groups[*place as usize].key == key;
        if let Some(place) = self.places.find(hash, is_it) {
            return Some(*place as usize);
        }
        if self.groups.len() == MOST_GROUPS {
            return None;
        }
        let place = self.groups.len();
        self.groups.push(Group::begin(GroupId(place as u32 + 1), key, judged, record));
        let (hasher, groups) = (&self.hasher, &self.groups);
        self.places.insert_unique(hash, place as u32, |place| hasher.hash_one(groups[*place as usize].key));
        Some(place)
    }
}

//! What is told at the end: the sums, the services, the groups and what they show together.

use super::group::Group;
use super::service::{Service, Storm};
use super::tally::Tally;
use crate::causes::CauseId;
use crate::reset::{Finding, Grounds};

/// All that an explanation says beside its records.
#[derive(Clone, Debug)]
pub struct Summary {
    /// The sums over what was told.
    pub tally: Tally,
    /// The services, in the order in which they were first seen.
    pub services: Vec<Service>,
    /// The groups, in the order in which they were first seen.
    pub groups: Vec<Group>,
    /// Resets that fit no group, because there were too many.
    pub ungrouped: u64,
    /// Connections that were let go before their time because there were too many at once.
    pub evicted: u64,
}

impl Summary {
    /// The services that a storm of resets came over.
    pub fn storms(&self) -> impl Iterator<Item = Storm> + '_ {
        self.services.iter().filter_map(Service::storm)
    }

    /// What the cards for groups say of this group.
    pub fn occasions(&self, group: &Group) -> Vec<(CauseId, Finding, Grounds)> {
        group.occasions(self.unharmed(group))
    }

    /// Connections of a group's service that were never reset.
    pub fn unharmed(&self, group: &Group) -> u64 {
        let service = group.key.service;
        let is_its =
            |known: &&Service| known.endpoint == service || (service.port == 0 && known.endpoint.addr == service.addr);
        self.services.iter().filter(is_its).map(|known| known.connections - known.reset).sum()
    }
}

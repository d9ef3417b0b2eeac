//! Services: what is asked of one address and port, how much of it was reset and by whom, and whether that is a storm.

use core::hash::BuildHasher;
use core::num::NonZeroU32;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::capture::Timestamp;
use crate::reset::{self, Who};
use crate::tcp::Endpoint;

/// The most services that are told apart; connections of others are counted together.
const MOST_SERVICES: usize = 8_192;

/// A storm is so many resets of one service ...
pub const STORM_RESETS: u32 = 50;

/// ... within so many nanoseconds ...
pub const STORM_WITHIN: u64 = 10_000_000_000;

/// ... where more than this share of its connections, in percent, was reset.
pub const STORM_SHARE: u64 = 50;

/// One address and port that connections were opened to.
#[derive(Clone, Debug)]
pub struct Service {
    /// The address and port.
    pub endpoint: Endpoint,
    /// Its connections that have ended.
    pub connections: u64,
    /// Those with a reset of either side.
    pub reset: u64,
    /// Its connections' first resets, by who sent them: originator, responder, third party, unknown.
    pub by: [u64; 4],
    /// Its connections that lost data to a reset, or were left unanswered.
    pub harmful: u64,
    /// What a reset can refer to.
    state: reset::Service,
    burst: Burst,
}

/// Ten seconds of resets.
#[derive(Clone, Copy, Debug, Default)]
struct Burst {
    since: Timestamp,
    count: u32,
    most: u32,
    most_at: Timestamp,
}

/// Many connections of one service reset within a short time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Storm {
    /// The service.
    pub service: Endpoint,
    /// Resets within [`STORM_WITHIN`].
    pub resets: u32,
    /// When these began.
    pub since: Timestamp,
    /// The share of the service's connections that was reset, in percent.
    pub share: u64,
}

/// A SYN-ACK.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer {
    pub(super) frame: u64,
    pub(super) ttl: u8,
    pub(super) at: Timestamp,
    /// The nanoseconds since the SYN, where it is known which.
    pub(super) trip: Option<u64>,
}

/// The number of a service that is told apart, from 1: so that an `Option` of it is one word, which is written and read at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ServiceId(NonZeroU32);

impl ServiceId {
    fn number(place: u32) -> ServiceId {
        ServiceId(NonZeroU32::MIN.saturating_add(place))
    }

    #[inline(always)]
    fn place(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// All services.
#[derive(Debug, Default)]
pub(super) struct Services {
    hasher: RandomState,
    places: HashTable<u32>,
    services: Vec<Service>,
    /// What is known where it isn't known which it is.
    unknown: reset::Service,
    /// The one that was found last: in a storm it is the next one too.
    last: u32,
}

impl Service {
    fn new(endpoint: Endpoint) -> Service {
        Service {
            endpoint,
            connections: 0,
            reset: 0,
            by: [0; 4],
            harmful: 0,
            state: reset::Service::default(),
            burst: Burst::default(),
        }
    }

    /// The share of its connections that was reset, in percent.
    pub fn reset_share(&self) -> u64 {
        (self.reset * 100).checked_div(self.connections).unwrap_or(0)
    }

    /// Whether what happened to it is called a storm.
    pub fn storm(&self) -> Option<Storm> {
        let (resets, since, share) = (self.burst.most, self.burst.most_at, self.reset_share());
        let is_storm = resets >= STORM_RESETS && share > STORM_SHARE;
        is_storm.then_some(Storm { service: self.endpoint, resets, since, share })
    }

    /// Counts connections that have ended; `first` is who sent the first reset of each, if they have one.
    pub(super) fn count(&mut self, first: Option<Who>, harmful: bool, count: u64) {
        self.connections += count;
        self.harmful += u64::from(harmful) * count;
        if let Some(who) = first {
            self.reset += count;
            self.by[who as usize] += count;
        }
    }
}

impl Burst {
    fn note(&mut self, at: Timestamp) {
        if self.count == 0 || at.nanos_since(self.since) >= STORM_WITHIN {
            (self.since, self.count) = (at, 0);
        }
        self.count = self.count.saturating_add(1);
        if self.count > self.most {
            (self.most, self.most_at) = (self.count, self.since);
        }
    }
}

impl Services {
    /// The service at this endpoint; None if it is one too many.
    pub(super) fn find(&mut self, endpoint: &Endpoint) -> Option<ServiceId> {
        if self.services.get(self.last as usize).is_some_and(|service| service.endpoint == *endpoint) {
            return Some(ServiceId::number(self.last));
        }
        let hash = self.hasher.hash_one(endpoint);
        let is_it = |place: &u32| self.services[*place as usize].endpoint == *endpoint;
        if let Some(place) = self.places.find(hash, is_it) {
            self.last = *place;
            return Some(ServiceId::number(self.last));
        }
        if self.services.len() == MOST_SERVICES {
            return None;
        }
        let place = self.services.len() as u32;
        self.services.push(Service::new(*endpoint));
        let (hasher, services) = (&self.hasher, &self.services);
        self.places.insert_unique(hash, place, |place| hasher.hash_one(services[*place as usize].endpoint));
        Some(ServiceId::number(place))
    }

    pub(super) fn at(&mut self, id: ServiceId) -> &mut Service {
        &mut self.services[id.place()]
    }

    /// The service answered a SYN.
    #[inline]
    pub(super) fn note_answer(&mut self, id: ServiceId, Answer { frame, ttl, at, trip }: Answer) {
        let state = &mut self.at(id).state;
        (state.answered, state.answered_at) = (Some((frame, ttl)), at);
        state.round_trip = match (state.round_trip, trip) {
            (Some(least), Some(trip)) => Some(least.min(trip)),
            (least, trip) => least.or(trip),
        };
    }

    /// One of its connections was established.
    pub(super) fn note_open(&mut self, id: ServiceId) {
        let state = &mut self.at(id).state;
        state.open = state.open.saturating_add(1);
    }

    /// One of its open connections isn't any more.
    pub(super) fn note_close(&mut self, id: ServiceId) {
        let state = &mut self.at(id).state;
        state.open = state.open.saturating_sub(1);
    }

    /// One of its connections was reset for the first time.
    pub(super) fn note_reset(&mut self, id: ServiceId, at: Timestamp) {
        self.at(id).burst.note(at);
    }

    /// What a reset can refer to.
    #[inline(always)]
    pub(super) fn state(&self, id: Option<ServiceId>) -> &reset::Service {
        id.map_or(&self.unknown, |id| &self.services[id.place()].state)
    }

    pub(super) fn into_list(self) -> Vec<Service> {
        self.services
    }
}

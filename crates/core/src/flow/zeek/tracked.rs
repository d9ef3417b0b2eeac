//! Connections with something beside them: what their follower wants to keep of each for as long as it lasts.

use core::fmt::Debug;

use super::{Connection, Limits};
use crate::capture::Timestamp;
use crate::flow::followed::Followed;
use crate::flow::slots::Queue;
use crate::flow::table::Table;
use crate::tcp::{Checksum, Endpoint, Segment};

/// A connection, and what is kept beside it.
#[derive(Clone, Debug)]
pub struct Tracked<K> {
    /// The connection.
    pub connection: Connection,
    /// What is kept beside it; its follower fills it.
    pub kept: K,
}

/// Follows connections by Zeek's rules, each with something beside it.
pub type TrackedTable<K> = Table<Tracked<K>>;

/// What can be kept beside a connection.
pub trait Keep: Clone + Debug + Default {
    /// Forgets all: another connection takes its place.
    fn clear(&mut self);
}

impl<K: Keep> TrackedTable<K> {
    /// Takes the next segment and gives its connection as it is now. Connections that end by it, or by the time that has passed,
    /// go to `ended`, where they are: what is taken from them is gone, and the rest is overwritten.
    pub fn push(
        &mut self,
        segment: &Segment,
        checksum: Checksum,
        ended: &mut impl FnMut(&mut Tracked<K>),
    ) -> &mut Tracked<K> {
        let (place, ()) = self.take(segment, checksum, ended);
        self.at_mut(place)
    }

    /// Lets go of the connections that have been silent for too long at `now`, where nothing comes in.
    pub fn pass(&mut self, now: Timestamp, ended: &mut impl FnMut(&mut Tracked<K>)) {
        self.let_go(now, ended);
    }

    /// Hands over all connections that are left, in the order of their first frames.
    pub fn end(&mut self, ended: &mut impl FnMut(&mut Tracked<K>)) {
        self.let_all_go(ended);
    }
}

impl<K: Keep> Followed for Tracked<K> {
    type Limits = Limits;
    type Aside = Checksum;
    type Event = ();

    const QUEUES: &'static [Queue] = Connection::QUEUES;

    fn most(limits: &Limits) -> usize {
        Connection::most(limits)
    }

    fn patience(limits: &Limits, queue: Queue) -> u64 {
        Connection::patience(limits, queue)
    }

    fn open(segment: &Segment, checksum: Checksum) -> (Tracked<K>, ()) {
        (Tracked { connection: Connection::begin(segment, checksum), kept: K::default() }, ())
    }

    fn endpoints(&self) -> (Endpoint, Endpoint) {
        self.connection.endpoints()
    }

    fn first_frame(&self) -> u64 {
        self.connection.first_frame
    }

    fn is_replaced_by(&self, segment: &Segment) -> bool {
        self.connection.is_reused_by(segment)
    }

    fn absorb(&mut self, segment: &Segment, checksum: Checksum) {
        self.connection.count(segment, checksum);
    }

    fn queue(&self) -> Queue {
        self.connection.queue()
    }

    fn due(&self, limits: &Limits, touched: Timestamp) -> Timestamp {
        self.connection.due(limits, touched)
    }

    fn is_spent(&self, limits: &Limits, touched: Timestamp, now: Timestamp) -> bool {
        self.connection.is_spent(limits, touched, now)
    }

    fn reopen(&mut self, segment: &Segment, checksum: Checksum) {
        self.connection = Connection::begin(segment, checksum);
        self.kept.clear();
    }
}

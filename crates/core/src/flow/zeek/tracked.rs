//! Connections with something beside them: what their follower wants to keep of each for as long as it lasts.

use core::fmt::Debug;

use super::{Connection, Limits, Young};
use crate::capture::Timestamp;
use crate::flow::followed::Followed;
use crate::flow::slots::Queue;
use crate::flow::table::Table;
use crate::tcp::{Checksum, Endpoint, Segment};

/// A connection, and what is kept beside it.
#[derive(Clone, Debug)]
pub struct Tracked<K> {
    ends: [Endpoint; 2],
    /// What is kept beside it; its follower fills it.
    pub kept: K,
    body: Body,
}

/// How a connection is held.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "most are young, and these must not be looked for elsewhere")]
enum Body {
    Young(Young),
    Grown(Box<Connection>),
}

/// What can be kept beside a connection.
pub trait Keep: Clone + Debug + Default {
    /// Forgets all: another connection takes its place.
    fn clear(&mut self);

    /// Whether the connection can stay young with this segment, as far as what is kept goes.
    fn stays_young(&self, segment: &Segment) -> bool;

    /// The connection grows up: these are its segments so far that count.
    fn grow(&mut self, young: Option<&Young>);

    /// Whether it is known that one side of the young connection has closed by Zeek's rules.
    fn has_closed(&self) -> bool;
}

/// Follows connections by Zeek's rules, each with something beside it.
pub type TrackedTable<K> = Table<Tracked<K>>;

impl<K: Keep> Tracked<K> {
    /// The segments of a connection that is young.
    pub fn young(&self) -> Option<&Young> {
        match &self.body {
            Body::Young(young) => Some(young),
            Body::Grown(_) => None,
        }
    }

    /// What Zeek makes of it: as it is held, or from its few segments.
    pub fn connection(&self) -> Connection {
        match &self.body {
            Body::Young(young) => young.replay(),
            Body::Grown(connection) => Connection::clone(connection),
        }
    }

    /// Its two ends; the first is the sender of the first segment.
    pub fn ends(&self) -> [Endpoint; 2] {
        self.ends
    }

    /// The frame of its first segment.
    pub fn first_frame(&self) -> u64 {
        match &self.body {
            Body::Young(young) => young.first_frame(),
            Body::Grown(connection) => connection.first_frame,
        }
    }

    /// Holds conclusions from now on, and no segments.
    pub fn grow(&mut self) {
        if let Body::Young(young) = &self.body {
            self.kept.grow(Some(young));
            self.body = Body::Grown(Box::new(young.replay()));
        }
    }
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
        let body = match checksum {
            Checksum::Bad => Body::Grown(Box::new(Connection::begin(segment, checksum))),
            _ => Body::Young(Young::new(segment)),
        };
        let mut kept = K::default();
        kept.clear();
        if let Body::Grown(_) = body {
            kept.grow(None);
        }
        (Tracked { ends: [segment.source, segment.destination], kept, body }, ())
    }

    fn reopen(&mut self, segment: &Segment, checksum: Checksum) {
        match &mut self.body {
            Body::Young(young) if checksum != Checksum::Bad => {
                young.restart(segment);
                self.ends = [segment.source, segment.destination];
                self.kept.clear();
            }
            _ => (*self, ()) = Tracked::open(segment, checksum),
        }
    }

    fn endpoints(&self) -> (Endpoint, Endpoint) {
        (self.ends[0], self.ends[1])
    }

    fn first_frame(&self) -> u64 {
        Tracked::first_frame(self)
    }

    fn is_replaced_by(&self, segment: &Segment) -> bool {
        match &self.body {
            Body::Young(_) if !segment.flags.is_syn() => false,
            // A SYN-ACK opens nothing where the originator has sent something that counts.
            Body::Young(young) if segment.flags.is_ack() && young.begins_with_syn() => false,
            Body::Young(_) if !segment.flags.is_ack() && self.kept.has_closed() => true,
            Body::Young(young) => young.replay().is_reused_by(segment),
            Body::Grown(connection) => connection.is_reused_by(segment),
        }
    }

    fn absorb(&mut self, segment: &Segment, checksum: Checksum) {
        if let Body::Young(young) = &mut self.body {
            if young.has_room_for(segment, checksum) && self.kept.stays_young(segment) {
                young.push(segment);
                return;
            }
            self.grow();
        }
        if let Body::Grown(connection) = &mut self.body {
            connection.count(segment, checksum);
        }
    }

    fn settle(&mut self) {
        self.grow();
    }

    fn queue(&self) -> Queue {
        match &self.body {
            // That of attempts: it is looked at when the first timer may go off, and finds its own then.
            Body::Young(_) => Connection::QUEUES[1],
            Body::Grown(connection) => connection.queue(),
        }
    }

    fn due(&self, limits: &Limits, touched: Timestamp) -> Timestamp {
        match &self.body {
            Body::Young(young) => young.first_due(),
            Body::Grown(connection) => connection.due(limits, touched),
        }
    }

    fn is_spent(&self, limits: &Limits, touched: Timestamp, now: Timestamp) -> bool {
        match &self.body {
            Body::Young(young) => now >= young.first_due() && young.replay().is_spent(limits, touched, now),
            Body::Grown(connection) => connection.is_spent(limits, touched, now),
        }
    }
}

//! Connections with something beside them: what their follower wants to keep of each for as long as it lasts.

use core::fmt::Debug;

use super::timers::SHORT;
use super::{Connection, Limits, Young};
use crate::capture::Timestamp;
use crate::flow::followed::Followed;
use crate::flow::pair::Pair;
use crate::flow::queue::Queue;
use crate::flow::slots::Place;
use crate::flow::table::Table;
use crate::tcp::{Checksum, Endpoint, Segment};

/// A connection, and what is kept beside it.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub struct Tracked<K> {
    /// Its segments while it is young, and always its ends.
    young: Young,
    /// What is concluded of it once it has grown. Most are young, and these must not be looked for elsewhere.
    grown: Option<Box<Connection>>,
    /// What is kept beside it; its follower fills it.
    pub kept: K,
}

/// What can be kept beside a connection.
pub trait Keep: Clone + Debug + Default {
    /// What is to be known of a young connection if it ends as it is.
    type Closing: Copy + Debug;

    /// Forgets all: another connection takes its place.
    fn clear(&mut self);

    /// Whether the connection can stay young with this segment, as far as what is kept goes.
    fn stays_young(&self, segment: &Segment) -> bool;

    /// The connection grows up: these are its segments so far that count.
    fn grow(&mut self, young: Option<&Young>);

    /// A word that something of each of its lines in the processor's cache goes into.
    fn trace(&self) -> u64;

    /// Whether it is known that one side of the young connection has closed by Zeek's rules.
    fn has_closed(&self) -> bool;
}

/// Follows connections by Zeek's rules, each with something beside it.
pub type TrackedTable<K> = Table<Tracked<K>>;

impl<K: Keep> Tracked<K> {
    /// The segments of a connection that is young.
    pub fn young(&self) -> Option<&Young> {
        if self.grown.is_none() { Some(&self.young) } else { None }
    }

    /// What Zeek makes of it: as it is held, or from its few segments.
    pub fn connection(&self) -> Connection {
        self.grown.as_deref().map_or_else(|| self.young.replay(), Connection::clone)
    }

    /// Its two ends; the first is the sender of the first segment.
    pub fn ends(&self) -> &[Endpoint; 2] {
        self.young.ends()
    }

    /// The frame of its first segment.
    pub fn first_frame(&self) -> u64 {
        self.young.first_frame()
    }

    /// Holds conclusions from now on, and no segments.
    pub fn grow(&mut self) {
        if self.grown.is_none() {
            self.kept.grow(Some(&self.young));
            self.grown = Some(Box::new(self.young.replay()));
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

    /// Begins a connection of this pair with a SYN of this time in the place of one that said what is to be known of it. It gets all its
    /// segments together, by [`TrackedTable::complete`]. `closed` gets the other, with the time of its last segment, and says
    /// whether it ends so. None where there is none such; the SYN is not taken then.
    #[inline(always)]
    pub(crate) fn begin_anew(
        &mut self,
        pair: &Pair,
        at: Timestamp,
        closed: impl FnOnce(&K::Closing, &Tracked<K>, Timestamp) -> bool,
    ) -> Option<Place> {
        let due = Timestamp(at.0.saturating_add(SHORT));
        self.replace(pair, at, (Connection::QUEUES[1], due), closed)
    }

    /// Takes a SYN as [`TrackedTable::push`] does once time has passed, and says where its connection is and whether it begins with it.
    pub(crate) fn begin(&mut self, syn: &Segment, ended: &mut impl FnMut(&mut Tracked<K>)) -> (Place, bool) {
        let before = self.opened();
        let (place, ()) = self.take_now(syn, Checksum::NotChecked, ended);
        (place, self.opened() > before)
    }

    /// The connection in a place.
    pub(crate) fn tracked(&mut self, place: Place) -> &mut Tracked<K> {
        self.at_mut(place)
    }

    /// Time passes up to a segment of a connection that is known.
    pub(crate) fn pass_until(&mut self, now: Timestamp, ended: &mut impl FnMut(&mut Tracked<K>)) {
        self.advance(now, ended);
    }

    /// Gives a connection that was begun all its segments, and says what is to be known of it if it ends as it is. What was kept beside
    /// another in its place, which was young too, is still there.
    pub(crate) fn complete(
        &mut self,
        place: Place,
        whole: &Young,
        ended_at: Timestamp,
        closing: Option<K::Closing>,
    ) -> &mut Tracked<K> {
        let tracked = self.rest(place, ended_at, closing);
        tracked.young.become_like(whole);
        tracked
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
    type Closing = K::Closing;

    const QUEUES: &'static [Queue] = Connection::QUEUES;

    fn most(limits: &Limits) -> usize {
        Connection::most(limits)
    }

    fn patience(limits: &Limits, queue: Queue) -> u64 {
        Connection::patience(limits, queue)
    }

    fn open(segment: &Segment, checksum: Checksum) -> (Tracked<K>, ()) {
        let grown = (checksum == Checksum::Bad).then(|| Box::new(Connection::begin(segment, checksum)));
        let mut kept = K::default();
        kept.clear();
        if grown.is_some() {
            kept.grow(None);
        }
        (Tracked { young: Young::new(segment), grown, kept }, ())
    }

    fn reopen(&mut self, segment: &Segment, checksum: Checksum) {
        self.young.restart(segment);
        self.kept.clear();
        self.grown = (checksum == Checksum::Bad).then(|| Box::new(Connection::begin(segment, checksum)));
        if self.grown.is_some() {
            self.kept.grow(None);
        }
    }

    fn first_frame(&self) -> u64 {
        Tracked::first_frame(self)
    }

    #[inline]
    fn is_replaced_by(&self, segment: &Segment) -> bool {
        if !segment.flags.is_syn() {
            return false;
        }
        match &self.grown {
            // A SYN-ACK opens nothing where the originator has sent something that counts.
            None if segment.flags.is_ack() && self.young.begins_with_syn() => false,
            None if !segment.flags.is_ack() && self.kept.has_closed() => true,
            None => self.young.replay().is_reused_by(segment),
            Some(connection) => connection.is_reused_by(segment),
        }
    }

    #[inline]
    fn absorb(&mut self, segment: &Segment, checksum: Checksum) {
        if self.grown.is_none() {
            if let Some(place) = self.young.room_for(segment, checksum).filter(|_| self.kept.stays_young(segment)) {
                self.young.push(segment, place, segment.source == self.young.ends()[0]);
                return;
            }
            self.grow();
        }
        if let Some(connection) = &mut self.grown {
            connection.count(segment, checksum);
        }
    }

    #[inline(always)]
    fn trace(&self) -> u64 {
        self.young.trace() ^ u64::from(self.grown.is_some()) ^ self.kept.trace()
    }

    fn settle(&mut self) {
        self.grow();
    }

    #[inline]
    fn queue(&self) -> Queue {
        // A young one's is that of attempts: it is looked at when the first timer may go off, and finds its own then.
        self.grown.as_ref().map_or(Connection::QUEUES[1], |connection| connection.queue())
    }

    #[inline]
    fn due(&self, limits: &Limits, touched: Timestamp) -> Timestamp {
        match &self.grown {
            None => self.young.first_due(),
            Some(connection) => connection.due(limits, touched),
        }
    }

    #[inline]
    fn is_spent(&self, limits: &Limits, touched: Timestamp, now: Timestamp) -> bool {
        match &self.grown {
            None => now >= self.young.first_due() && self.young.replay().is_spent(limits, touched, now),
            Some(connection) => connection.is_spent(limits, touched, now),
        }
    }
}

//! What the table must know of a connection to follow it: where it begins, what belongs to it, when it is let go.
//!
//! There are two kinds of connection because there are two questions. [`Flow`](super::Flow) is the lab's: one attempt of the
//! storm is one flow, so a flow is a tuple with an initial sequence number, and a late RST still counts for it.
//! [`zeek::Connection`](super::zeek::Connection) is a row of Zeek's log: where one ends and the next begins follows Zeek's own
//! rules, which split what the lab must keep together. Finding, queueing and evicting are the same for both.

use core::fmt::Debug;

use super::queue::Queue;
use crate::capture::Timestamp;
use crate::tcp::Segment;

/// A kind of connection that a [`Table`](super::table::Table) can follow.
pub trait Followed: Clone + Debug {
    /// How many are followed at once, and for how long.
    type Limits: Copy + Debug;
    /// What is known of a segment beside itself.
    type Aside: Copy;
    /// What a segment did.
    type Event;
    /// All that its follower wants to know of one that ends as it is, without looking at it again.
    type Closing: Copy + Debug;

    /// The queues that its connections wait in. The first is evicted from first.
    const QUEUES: &'static [Queue];

    /// The most that are followed at once.
    fn most(limits: &Self::Limits) -> usize;

    /// The longest that one waits in a queue before it is looked at again.
    fn patience(limits: &Self::Limits, queue: Queue) -> u64;

    /// The connection that begins with this segment, which is already counted in it.
    fn open(segment: &Segment, aside: Self::Aside) -> (Self, Self::Event);

    /// The number of the frame that it was first seen in.
    fn first_frame(&self) -> u64;

    /// Whether the segment, of the same endpoints, is the beginning of another connection.
    fn is_replaced_by(&self, segment: &Segment) -> bool;

    /// Counts a segment and says what it did.
    fn absorb(&mut self, segment: &Segment, aside: Self::Aside) -> Self::Event;

    /// The queue that it belongs in now.
    fn queue(&self) -> Queue;

    /// When to let it go if no segment comes any more; the last one came at `touched`.
    fn due(&self, limits: &Self::Limits, touched: Timestamp) -> Timestamp;

    /// A word that something of each of its lines in the processor's cache goes into. Where it has not been touched for seconds, whoever
    /// asks for this waits for its parts together, and not for one after the other.
    fn trace(&self) -> u64 {
        0
    }

    /// Makes up its mind: it is due, and is asked next whether it is spent.
    fn settle(&mut self) {}

    /// Whether it is to be let go at `now`.
    fn is_spent(&self, limits: &Self::Limits, touched: Timestamp, now: Timestamp) -> bool;

    /// Becomes the connection that begins with this segment. It has ended, and nobody wants what is left of it.
    fn reopen(&mut self, segment: &Segment, aside: Self::Aside) -> Self::Event {
        let (flow, event) = Self::open(segment, aside);
        *self = flow;
        event
    }
}

//! The table of the lab's flows: how long each kind of them is followed.

use super::connection::is_opening;
use super::followed::Followed;
use super::queue::Queue;
use super::table::Table;
use super::{Event, Flow};
use crate::capture::Timestamp;
use crate::tcp::Segment;

const SECOND: u64 = 1_000_000_000;

/// Flows that are over: they stay a short time for what comes late.
const LINGERING: Queue = Queue::number(0);

/// Flows that may go on: they end after a long silence.
const IDLE: Queue = Queue::number(1);

/// How many flows are followed at once, and for how long. All times are packet time, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most flows that are held at once; at least one is. A flow takes about 320 octets.
    pub max_flows: usize,
    /// How long a flow that is over (a RST, or a FIN from both sides) must be silent before it is let go: late RSTs are
    /// still its own.
    pub linger_nanos: u64,
    /// How long any other flow must be silent before it is let go.
    pub idle_nanos: u64,
}

impl Default for Limits {
    /// 262,144 flows (some 84 MB), one second, five minutes: longer than the longest gap between Linux's SYN retries.
    fn default() -> Limits {
        Limits { max_flows: 1 << 18, linger_nanos: SECOND, idle_nanos: 300 * SECOND }
    }
}

impl Limits {
    fn timeout(&self, queue: Queue) -> u64 {
        if queue == LINGERING { self.linger_nanos } else { self.idle_nanos }
    }
}

/// Follows the flows of the lab.
pub type FlowTable = Table<Flow>;

impl Default for FlowTable {
    fn default() -> FlowTable {
        FlowTable::new(Limits::default())
    }
}

impl FlowTable {
    /// Takes the next segment and says what it did to its flow. Flows that end by it, or by the time that has passed, go to `ended`.
    pub fn push(&mut self, segment: &Segment, ended: &mut impl FnMut(Flow)) -> Event {
        let (_, event) = self.take(segment, (), &mut |flow| ended(flow.clone()));
        event
    }
}

impl Followed for Flow {
    type Limits = Limits;
    type Aside = ();
    type Closing = ();
    type Event = Event;

    const QUEUES: &'static [Queue] = &[LINGERING, IDLE];

    fn most(limits: &Limits) -> usize {
        limits.max_flows
    }

    fn patience(limits: &Limits, queue: Queue) -> u64 {
        limits.timeout(queue)
    }

    fn open(segment: &Segment, (): ()) -> (Flow, Event) {
        let event = if is_opening(segment) { Event::Opened } else { Event::Midstream };
        (Flow::begin(segment), event)
    }

    fn first_frame(&self) -> u64 {
        self.first_frame
    }

    fn is_replaced_by(&self, segment: &Segment) -> bool {
        self.ends_with(segment)
    }

    fn absorb(&mut self, segment: &Segment, (): ()) -> Event {
        self.count(segment)
    }

    fn queue(&self) -> Queue {
        if self.is_over() { LINGERING } else { IDLE }
    }

    fn due(&self, limits: &Limits, touched: Timestamp) -> Timestamp {
        Timestamp(touched.0.saturating_add(limits.timeout(self.queue())))
    }

    fn is_spent(&self, limits: &Limits, touched: Timestamp, now: Timestamp) -> bool {
        now.nanos_since(touched) >= limits.timeout(self.queue())
    }
}

//! Which of the kernel's events belongs to which reset on the wire: by endpoints and order, with time only as a bound.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::ops::Range;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::capture::Timestamp;
use crate::kernel::{Direction, KernelReset};
use crate::tcp::Endpoint;

/// Event and frame of one reset are this near, clocks made even: measured -75 to +28 microseconds on one machine, and
/// processors that are busy add to that.
pub const TOLERANCE: u64 = 5_000_000;

/// By how much a capture's clock is ahead of the kernel's, in nanoseconds, and how sure that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockOffset {
    /// Capture minus kernel: the median of the pairs.
    pub offset: i64,
    /// How far the middle half of the pairs is spread around it.
    pub spread: u64,
    /// How many pairs it was taken from.
    pub pairs: usize,
}

/// The kernel's sent resets, waiting for the frames that they belong to. Each capture asks for all of them anew: two taps of one
/// host show the same resets.
#[derive(Clone, Debug)]
pub struct Hearing {
    waiting: HashMap<(Endpoint, Endpoint), Waiting, RandomState>,
    /// Those of listeners, by the listener's own end.
    of_listeners: HashMap<Endpoint, Waiting, RandomState>,
    /// Which capture asks, counted from 1.
    capture: u32,
    offset: i64,
    slack: u64,
    events: u64,
    /// Of these, how many have been given out.
    claimed: u64,
}

/// The events of one pair of ends, or of one listener.
#[derive(Clone, Debug, Default)]
struct Waiting {
    events: Vec<Sent>,
    /// The first that has not been passed by, and in which capture that is so.
    next: (u32, usize),
}

/// An event, and to which capture it was given last; 0 for none.
#[derive(Clone, Debug)]
struct Sent {
    event: KernelReset,
    given: u32,
}

impl Hearing {
    /// Takes the events of sent resets, in the order of their times.
    pub fn new(events: impl IntoIterator<Item = KernelReset>) -> Hearing {
        let mut hearing = Hearing {
            waiting: HashMap::default(),
            of_listeners: HashMap::default(),
            capture: 1,
            offset: 0,
            slack: TOLERANCE,
            events: 0,
            claimed: 0,
        };
        // Most pairs of ends have one event, and a vector that grows by itself begins with room for four.
        let one = || Waiting { events: Vec::with_capacity(1), ..Waiting::default() };
        for event in events.into_iter().filter(|event| event.direction == Direction::Sent) {
            let waiting = if event.is_of_a_listener() {
                hearing.of_listeners.entry(event.source).or_insert_with(one)
            } else {
                hearing.waiting.entry((event.source, event.destination)).or_insert_with(one)
            };
            hearing.events += 1;
            waiting.events.push(Sent { event, given: 0 });
        }
        for waiting in hearing.waiting.values_mut().chain(hearing.of_listeners.values_mut()) {
            waiting.events.sort_by_key(|sent| sent.event.at);
        }
        hearing
    }

    /// Makes the clocks even.
    pub fn with_offset(mut self, clock: ClockOffset) -> Hearing {
        self.set_offset(Some(clock));
        self
    }

    /// Takes events and frames for one reset's that are this far apart, in nanoseconds: where endpoints and order say enough, and a
    /// busy machine may lie between the two.
    pub fn within(mut self, slack: u64) -> Hearing {
        self.slack = slack;
        self
    }

    /// From here on another capture asks, with a clock of its own; None takes it for the kernel's.
    pub fn begin_capture(&mut self, clock: Option<ClockOffset>) {
        self.capture = self.capture.saturating_add(1);
        self.set_offset(clock);
    }

    fn set_offset(&mut self, clock: Option<ClockOffset>) {
        self.offset = clock.map_or(0, |clock| clock.offset);
        self.slack = TOLERANCE.saturating_add(clock.map_or(0, |clock| clock.spread));
    }

    /// The event of a reset that was captured then; each event belongs to one of a capture. Ask in the order of the capture.
    pub fn of(&mut self, source: Endpoint, destination: Endpoint, at: Timestamp) -> Option<KernelReset> {
        let at = i128::from(at.0) - i128::from(self.offset);
        let (capture, slack) = (self.capture, i128::from(self.slack));
        if let Some(waiting) = self.waiting.get_mut(&(source, destination)) {
            let near = waiting.near(at, slack);
            let next = if waiting.next.0 == capture { waiting.next.1 } else { 0 };
            // What is older than the one that fits had no frame in this capture.
            let place = near.start.max(next);
            if place < near.end {
                waiting.next = (capture, place + 1);
                return Some(waiting.events[place].give(capture, &mut self.claimed));
            }
        }
        for listener in listeners(source) {
            let Some(waiting) = self.of_listeners.get_mut(&listener) else { continue };
            let near = waiting.near(at, slack);
            let left = waiting.events[near].iter_mut().filter(|sent| sent.given != capture);
            // Others' resets stand here too, so that the nearest is the best guess.
            if let Some(nearest) = left.min_by_key(|sent| (sent.at() - at).abs()) {
                return Some(nearest.give(capture, &mut self.claimed));
            }
        }
        None
    }

    /// How many events there were.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// How many of them belong to no reset that was asked for.
    pub fn unclaimed(&self) -> u64 {
        self.events - self.claimed
    }
}

impl Waiting {
    /// Where the events are that are no farther from this time than so.
    fn near(&self, at: i128, slack: i128) -> Range<usize> {
        let start = self.events.partition_point(|sent| sent.at() < at - slack);
        let end = self.events.partition_point(|sent| sent.at() <= at + slack);
        start..end
    }
}

impl Sent {
    fn at(&self) -> i128 {
        i128::from(self.event.at.0)
    }

    fn give(&mut self, capture: u32, claimed: &mut u64) -> KernelReset {
        *claimed += u64::from(self.given == 0);
        self.given = capture;
        self.event.clone()
    }
}

/// The listeners that may answer for this end: on its address, or on any of either version.
fn listeners(source: Endpoint) -> [Endpoint; 3] {
    let any = [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)];
    [source, Endpoint::new(any[0], source.port), Endpoint::new(any[1], source.port)]
}

/// Estimates the clocks' offset from resets of both: per pair of endpoints the first with the first, the second with the second,
/// where both have as many. None without such a pair.
pub fn estimate_offset(
    resets: impl IntoIterator<Item = (Endpoint, Endpoint, Timestamp)>,
    events: &[KernelReset],
) -> Option<ClockOffset> {
    let mut seen: HashMap<(Endpoint, Endpoint), [Vec<u64>; 2], RandomState> = HashMap::default();
    for (source, destination, at) in resets {
        seen.entry((source, destination)).or_default()[0].push(at.0);
    }
    for event in events.iter().filter(|event| event.direction == Direction::Sent) {
        if let Some(known) = seen.get_mut(&(event.source, event.destination)) {
            known[1].push(event.at.0);
        }
    }
    let even = seen.into_values().filter(|[frames, events]| frames.len() == events.len());
    let pairs = even.flat_map(|[mut frames, mut events]| {
        frames.sort_unstable();
        events.sort_unstable();
        frames.into_iter().zip(events)
    });
    let difference = |(frame, event): (u64, u64)| frame.wrapping_sub(event).cast_signed();
    let mut offsets: Vec<i64> = pairs.map(difference).collect();
    offsets.sort_unstable();
    let middle = *offsets.get(offsets.len() / 2)?;
    let quarter = offsets[offsets.len() / 4];
    let three = offsets[3 * offsets.len() / 4];
    let spread = three.abs_diff(middle).max(middle.abs_diff(quarter));
    Some(ClockOffset { offset: middle, spread, pairs: offsets.len() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{Context, Kind, Life, Name};

    fn sent(at: u64, source: &str, destination: &str, reason: &str) -> KernelReset {
        KernelReset {
            at: Timestamp(at),
            cpu: 0,
            direction: Direction::Sent,
            source: end(source),
            destination: end(destination),
            reason: Some(Name::from(reason)),
            state: None,
            kind: Some(Kind::Reply),
            has_socket: true,
            context: Context::SoftInterrupt,
            process: None,
            life: Life::NotWatched,
            stack: Vec::new(),
        }
    }

    fn end(text: &str) -> Endpoint {
        let address: core::net::SocketAddr = text.parse().expect("an address and a port");
        Endpoint::from(address)
    }

    fn reason(event: Option<KernelReset>) -> Option<String> {
        event.and_then(|event| event.reason).map(|reason| reason.to_string())
    }

    #[test]
    fn a_listener_tells_its_own_end_only_and_the_nearest_is_meant() {
        let events = [
            sent(1_000_000, "10.0.0.2:80", "0.0.0.0:0", "INVALID_SYN"),
            sent(3_000_000, "10.0.0.2:80", "0.0.0.0:0", "TCP_FLAGS"),
        ];
        let mut hearing = Hearing::new(events);
        let (server, client) = (end("10.0.0.2:80"), end("10.0.0.1:4000"));
        assert_eq!(reason(hearing.of(server, client, Timestamp(3_010_000))).as_deref(), Some("TCP_FLAGS"));
        assert_eq!(reason(hearing.of(server, client, Timestamp(1_010_000))).as_deref(), Some("INVALID_SYN"));
        assert_eq!(reason(hearing.of(server, client, Timestamp(1_010_000))), None, "each belongs to one reset");
    }

    #[test]
    fn a_listener_on_any_address_answers_for_each_of_them() {
        for any in ["0.0.0.0:80", "[::]:80"] {
            let events = [sent(1_000_000, any, if any.starts_with('0') { "0.0.0.0:0" } else { "[::]:0" }, "TCP_FLAGS")];
            let mut hearing = Hearing::new(events);
            let client = end("10.0.0.1:4000");
            assert_eq!(reason(hearing.of(end("10.0.0.2:81"), client, Timestamp(1_000_000))), None, "another port");
            let found = hearing.of(end("10.0.0.2:80"), client, Timestamp(1_000_000));
            assert_eq!(reason(found).as_deref(), Some("TCP_FLAGS"), "{any}");
        }
    }

    #[test]
    fn a_connections_own_event_comes_before_its_listeners() {
        let events = [
            sent(1_000_000, "10.0.0.2:80", "0.0.0.0:0", "TCP_FLAGS"),
            sent(1_000_100, "10.0.0.2:80", "10.0.0.1:4000", "TCP_STATE"),
        ];
        let mut hearing = Hearing::new(events);
        let found = hearing.of(end("10.0.0.2:80"), end("10.0.0.1:4000"), Timestamp(1_000_000));
        assert_eq!(reason(found).as_deref(), Some("TCP_STATE"));
        assert_eq!(hearing.unclaimed(), 1);
    }
}

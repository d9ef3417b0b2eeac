//! One segment seen at several interfaces of one capture: the later sightings are known as such.

use core::hash::BuildHasher;

use foldhash::fast::FixedState;

use crate::capture::Timestamp;
use crate::tcp::{Endpoint, Flags, Segment, SeqNumber};

/// The longest time between two sightings of one segment. A host hands it from one interface to the next in microseconds;
/// the least time after which Linux sends again is 200 ms.
const LONGEST_NANOS: u64 = 5_000_000;

/// Segments that are remembered, and how many of these lie in the same place of the table.
const PLACES: usize = 1024;
const PLACES_A_ROW: usize = 4;

/// Interfaces that are remembered for one segment. A container's frame crosses about five.
const MOST_INTERFACES: usize = 8;

/// What is the same of a segment wherever it is seen. The time to live is not: a router takes one off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fingerprint {
    source: Endpoint,
    destination: Endpoint,
    seq: SeqNumber,
    ack: SeqNumber,
    flags: Flags,
    window: u16,
    payload_len: u32,
    timestamp_value: Option<u32>,
    id: Option<u16>,
}

impl Fingerprint {
    fn of(segment: &Segment) -> Fingerprint {
        Fingerprint {
            source: segment.source,
            destination: segment.destination,
            seq: segment.seq,
            ack: segment.ack,
            flags: segment.flags,
            window: segment.window,
            payload_len: segment.payload_len,
            timestamp_value: segment.timestamp_value,
            id: segment.ip.id,
        }
    }
}

/// A segment with the interfaces at which it was seen.
#[derive(Clone, Copy, Debug)]
struct Sighting {
    fingerprint: Fingerprint,
    at: Timestamp,
    interfaces: [u64; MOST_INTERFACES],
    count: usize,
}

/// The segments of the last moments, by which a second sighting of one is told from a segment that was sent again.
#[derive(Debug)]
pub struct Duplicates {
    hasher: FixedState,
    rows: Vec<[Option<Sighting>; PLACES_A_ROW]>,
}

impl Default for Duplicates {
    fn default() -> Self {
        Duplicates { hasher: FixedState::default(), rows: vec![[None; PLACES_A_ROW]; PLACES / PLACES_A_ROW] }
    }
}

impl Duplicates {
    /// Whether `segment`, seen at this interface now, was seen at another one within 5 ms and not yet at this one.
    ///
    /// The same once more at the same interface is a segment that was sent again: no duplicate, and a new beginning.
    /// Which number an interface has doesn't matter, as long as no other has it.
    pub fn is_duplicate(&mut self, segment: &Segment, interface: u64) -> bool {
        let fingerprint = Fingerprint::of(segment);
        let hash = self.hasher.hash_one((segment.source, segment.destination, segment.seq, segment.ack));
        let count = self.rows.len() as u64;
        let row = &mut self.rows[(hash % count) as usize];
        let known = row.iter_mut().flatten().find(|known| known.fingerprint == fingerprint);
        if let Some(known) = known {
            let seen = &known.interfaces[..known.count];
            // In either direction: sightings of several processors are not always written in the order of their times.
            if known.at.0.abs_diff(segment.at.0) <= LONGEST_NANOS && !seen.contains(&interface) {
                if known.count < MOST_INTERFACES {
                    known.interfaces[known.count] = interface;
                    known.count += 1;
                }
                return true;
            }
            *known = Sighting::first(fingerprint, segment.at, interface);
            return false;
        }
        let oldest = row.iter_mut().min_by_key(|place| place.map(|known| known.at));
        if let Some(place) = oldest {
            *place = Some(Sighting::first(fingerprint, segment.at, interface));
        }
        false
    }
}

impl Sighting {
    fn first(fingerprint: Fingerprint, at: Timestamp, interface: u64) -> Sighting {
        let mut interfaces = [0; MOST_INTERFACES];
        interfaces[0] = interface;
        Sighting { fingerprint, at, interfaces, count: 1 }
    }
}

#[cfg(test)]
mod tests {
    use core::net::{IpAddr, Ipv4Addr};

    use super::{Duplicates, LONGEST_NANOS, PLACES};
    use crate::capture::Timestamp;
    use crate::tcp::{Endpoint, Flags, IpFacts, Segment, SeqNumber};

    fn segment(at: u64) -> Segment {
        let endpoint = |last, port| Endpoint::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, last)), port);
        Segment {
            at: Timestamp(1_000_000_000 + at),
            frame: 1,
            source: endpoint(1, 40_000),
            destination: endpoint(2, 443),
            seq: SeqNumber(1000),
            ack: SeqNumber(5000),
            flags: Flags::ACK,
            window: 500,
            timestamp_value: Some(7),
            payload_len: 100,
            cut: false,
            ip: IpFacts { ttl: 64, tos: 0, id: Some(9), dont_fragment: true },
        }
    }

    /// The verdicts on sightings at these interfaces and times.
    fn verdicts(sightings: &[(u64, u64)]) -> Vec<bool> {
        let mut duplicates = Duplicates::default();
        sightings.iter().map(|&(interface, at)| duplicates.is_duplicate(&segment(at), interface)).collect()
    }

    #[test]
    fn a_later_sighting_elsewhere_is_a_duplicate() {
        assert_eq!(verdicts(&[(0, 0), (1, 10), (2, 20)]), [false, true, true]);
        assert_eq!(verdicts(&[(0, 10), (1, 0)]), [false, true], "times that step back");
    }

    #[test]
    fn a_segment_sent_again_is_none_wherever_it_is_seen_first() {
        assert_eq!(verdicts(&[(0, 0), (0, 10)]), [false, false]);
        assert_eq!(verdicts(&[(0, 0), (1, 1), (0, 10), (1, 11)]), [false, true, false, true]);
        assert_eq!(verdicts(&[(0, 0), (1, 1), (1, 10), (0, 11)]), [false, true, false, true]);
    }

    #[test]
    fn five_milliseconds_are_the_bound() {
        assert_eq!(verdicts(&[(0, 0), (1, LONGEST_NANOS)]), [false, true]);
        assert_eq!(verdicts(&[(0, 0), (1, LONGEST_NANOS + 1)]), [false, false]);
    }

    #[test]
    fn more_interfaces_than_are_remembered_are_duplicates_still() {
        let sightings: Vec<(u64, u64)> = (0..20).map(|interface| (interface, interface)).collect();
        assert_eq!(verdicts(&sightings).iter().filter(|is_one| !**is_one).count(), 1);
    }

    #[test]
    fn a_segment_that_differs_in_anything_but_the_time_to_live_is_another() {
        let first = segment(0);
        let others: [Segment; 9] = [
            Segment { source: first.destination, ..first },
            Segment { destination: first.source, ..first },
            Segment { seq: SeqNumber(1001), ..first },
            Segment { ack: SeqNumber(5001), ..first },
            Segment { flags: Flags::ACK.with(Flags::PSH), ..first },
            Segment { window: 501, ..first },
            Segment { payload_len: 101, ..first },
            Segment { timestamp_value: Some(8), ..first },
            Segment { ip: IpFacts { id: Some(10), ..first.ip }, ..first },
        ];
        for other in others {
            let mut duplicates = Duplicates::default();
            assert!(!duplicates.is_duplicate(&first, 0));
            assert!(!duplicates.is_duplicate(&other, 1), "{other:?}");
        }
        let mut duplicates = Duplicates::default();
        assert!(!duplicates.is_duplicate(&first, 0));
        let hop_on = Segment { ip: IpFacts { ttl: 63, ..first.ip }, frame: 2, ..first };
        assert!(duplicates.is_duplicate(&hop_on, 1));
    }

    #[test]
    fn segments_in_between_push_out_the_oldest_only() {
        let mut duplicates = Duplicates::default();
        let sent = |number: u32| Segment { seq: SeqNumber(number), ..segment(u64::from(number)) };
        for number in 0..100_000 {
            assert!(!duplicates.is_duplicate(&sent(number), 0));
        }
        assert!(duplicates.is_duplicate(&sent(99_999), 1));
        assert!(!duplicates.is_duplicate(&sent(0), 1), "{PLACES} are remembered");
    }
}

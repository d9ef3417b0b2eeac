//! Which event belongs to which reset, and how the clocks stand to each other.

use core::net::IpAddr;

use rst_storm_core::capture::Timestamp;
use rst_storm_core::explain::{ClockOffset, Hearing, TOLERANCE, estimate_offset};
use rst_storm_core::kernel::{Direction, KernelReset};
use rst_storm_core::tcp::Endpoint;
use rst_storm_core::testing::BEGINNING;

use crate::{HOUR, SECOND, Seen, end, event, hear, seen, shifted, to};

#[test]
fn each_use_of_a_tuple_has_its_own_event_in_whatever_order_they_came() {
    let times = [3 * SECOND, 0, 2 * SECOND, SECOND];
    let mut hearing = Hearing::new(times.map(event));
    for at in [0, SECOND, 2 * SECOND, 3 * SECOND] {
        assert_eq!(hear(&mut hearing, 40000, at + 70_000), Some(at));
    }
    assert_eq!(hear(&mut hearing, 40000, 3 * SECOND), None, "each belongs to one");
    assert_eq!(hearing.unclaimed(), 0);
}

#[test]
fn two_resets_close_by_are_told_apart_by_their_order() {
    let mut hearing = Hearing::new([event(20_000), event(0)]);
    assert_eq!((hear(&mut hearing, 40000, 1_000), hear(&mut hearing, 40000, 2_000)), (Some(0), Some(20_000)));
}

#[test]
fn a_frame_without_an_event_and_an_event_without_a_frame_shift_nothing() {
    let mut hearing = Hearing::new([event(0), event(2 * SECOND), event(3 * SECOND)]);
    assert_eq!(hear(&mut hearing, 40000, 0), Some(0));
    assert_eq!(hear(&mut hearing, 40000, SECOND), None, "nobody sent that one");
    assert_eq!(hear(&mut hearing, 40000, 3 * SECOND), Some(3 * SECOND), "the frame of the one before was lost");
    assert_eq!(hear(&mut hearing, 40000, 2 * SECOND), None, "who asks backwards is too late");
    assert_eq!((hearing.events(), hearing.unclaimed()), (3, 1), "what was passed over belongs to none");
}

#[test]
fn time_bounds_and_does_not_choose_beyond_its_bound() {
    for distance in [-(TOLERANCE as i64), -28_000, 0, 75_000, TOLERANCE as i64] {
        let mut hearing = Hearing::new([event(SECOND)]);
        assert_eq!(hear(&mut hearing, 40000, SECOND.saturating_add_signed(distance)), Some(SECOND), "{distance}");
    }
    for distance in [-(TOLERANCE as i64) - 1, TOLERANCE as i64 + 1] {
        let mut hearing = Hearing::new([event(SECOND)]);
        assert_eq!(hear(&mut hearing, 40000, SECOND.saturating_add_signed(distance)), None, "{distance}");
        assert_eq!(hearing.unclaimed(), 1);
    }
}

#[test]
fn only_what_was_sent_between_these_ends_is_heard() {
    let taken = KernelReset { direction: Direction::Taken, reason: None, ..event(0) };
    let back = KernelReset { source: event(0).destination, destination: event(0).source, ..event(0) };
    let mut hearing = Hearing::new([taken, back, to(40001, 0)]);
    assert_eq!(hear(&mut hearing, 40000, 0), None);
    assert_eq!(hear(&mut hearing, 40001, 0), Some(0));
    assert_eq!(hearing.unclaimed(), 1, "what was taken in waits for nobody");
}

#[test]
fn addresses_of_both_versions_are_heard() {
    let (source, destination) = (end("2001:db8::2", 7), end("2001:db8::1", 40001));
    let mut hearing = Hearing::new([KernelReset { source, destination, ..event(0) }]);
    let mapped = Endpoint::new("::ffff:10.0.1.2".parse::<IpAddr>().expect("an address"), 9999);
    assert!(hearing.of(mapped, destination, Timestamp(BEGINNING)).is_none());
    assert!(hearing.of(source, destination, Timestamp(BEGINNING)).is_some());
}

// The clocks.

#[test]
fn an_offset_of_hours_is_the_median_of_the_pairs_with_its_spread() {
    let events: Vec<KernelReset> = (0..5).map(|number| to(40000 + number, u64::from(number) * SECOND)).collect();
    let late = [10, 40, 20, 50, 30];
    let frames = |shift: i64| -> Vec<Seen> {
        let frame = |(number, late): (u16, u64)| {
            let (source, destination, at) = seen(40000 + number, 3 * HOUR + u64::from(number) * SECOND + late);
            (source, destination, shifted(at, shift))
        };
        (0..5).zip(late).map(frame).collect()
    };
    let clock = estimate_offset(frames(0), &events).expect("five pairs");
    assert_eq!(clock, ClockOffset { offset: 3 * HOUR as i64 + 30, spread: 10, pairs: 5 });
    let behind = estimate_offset(frames(-6 * HOUR as i64), &events).expect("five pairs");
    assert_eq!(behind.offset, -3 * HOUR as i64 + 30);
}

#[test]
fn pairs_of_ends_with_more_of_one_than_of_the_other_say_nothing_of_the_clocks() {
    let events = [to(40000, 0), to(40000, SECOND), to(40001, 2 * SECOND)];
    let frames = [seen(40000, HOUR), seen(40001, HOUR + 2 * SECOND), seen(40002, 9 * HOUR)];
    assert_eq!(estimate_offset(frames, &events), Some(ClockOffset { offset: HOUR as i64, spread: 0, pairs: 1 }));
    assert_eq!(estimate_offset(frames, &events[..2]), None);
    assert_eq!(estimate_offset([], &events), None);
    assert_eq!(estimate_offset(frames, &[]), None);
    let taken: Vec<KernelReset> =
        events.iter().map(|event| KernelReset { direction: Direction::Taken, ..event.clone() }).collect();
    assert_eq!(estimate_offset(frames, &taken), None, "a reset taken in is not the one that was sent");
}

#[test]
fn made_even_the_clocks_match_with_the_spread_added_to_the_bound() {
    let clock = ClockOffset { offset: HOUR as i64, spread: SECOND, pairs: 9 };
    let mut hearing = Hearing::new([event(0)]).with_offset(clock);
    assert_eq!(hear(&mut hearing, 40000, 0), None);
    assert_eq!(hear(&mut hearing, 40000, HOUR + SECOND + TOLERANCE), Some(0));
    let mut hearing = Hearing::new([event(0)]).with_offset(clock);
    assert_eq!(hear(&mut hearing, 40000, HOUR + SECOND + TOLERANCE + 1), None);
}

//! Neither the order of events nor what the clocks show changes an answer.

use proptest::prelude::*;
use rst_storm_core::explain::{ClockOffset, Hearing, KernelSaid, KernelWitness, Watched, estimate_offset};
use rst_storm_core::kernel::KernelReset;
use rst_storm_core::tcp::Segment;

use crate::{Seen, hear, reset, seen, shifted, to, watched};

/// Resets of a few pairs of ends, at different times; each was seen, sent, or both.
fn history() -> impl Strategy<Value = Vec<(u16, u64, bool, bool)>> {
    let one = (40000..40004u16, 0..200_000u64, any::<bool>(), any::<bool>());
    proptest::collection::vec(one, 1..24).prop_map(|mut resets| {
        resets.sort_by_key(|(_, at, ..)| *at);
        // Times of their own, far enough apart for a frame that was late not to overtake another.
        resets
            .into_iter()
            .zip(0..)
            .map(|((port, at, seen, sent), n)| (port, at * 1_000 + n * 200_000, seen, sent))
            .collect()
    })
}

/// What a trace says of every frame, with the frames' times taken as these clocks have them.
fn answers(events: Vec<KernelReset>, frames: &[Seen], watched: Watched) -> (Option<ClockOffset>, Vec<KernelSaid>) {
    let clock = estimate_offset(frames.iter().copied(), &events);
    let mut witness = KernelWitness::new(watched, events, clock);
    let segment = |(source, destination, at): Seen| Segment { source, destination, at, ..reset(0) };
    (clock, frames.iter().map(|frame| witness.said(&segment(*frame)).0).collect())
}

proptest! {
    #[test]
    fn neither_the_order_of_events_nor_the_clocks_change_an_answer(
        (history, order) in history().prop_flat_map(|history| {
            let order = Just((0..history.len()).collect::<Vec<_>>()).prop_shuffle();
            (Just(history), order)
        }),
        late in 0..90_000u64,
        [both, apart] in [-1_000_000_000_000_000..1_000_000_000_000_000i64, -20_000_000_000_000..20_000_000_000_000i64],
    ) {
        let frames: Vec<Seen> =
            history.iter().filter(|(_, _, seen, _)| *seen).map(|(port, at, ..)| seen(*port, at + late)).collect();
        let event = |place: &usize| {
            let (port, at, _, is_sent) = history[*place];
            is_sent.then(|| to(port, at))
        };
        let in_order: Vec<usize> = (0..history.len()).collect();
        let events: Vec<KernelReset> = in_order.iter().filter_map(event).collect();
        let (clock, told) = answers(events.clone(), &frames, watched());
        let shuffled: Vec<KernelReset> = order.iter().filter_map(event).collect();
        prop_assert_eq!(&answers(shuffled.clone(), &frames, watched()), &(clock, told.clone()));

        let watched_then = |by| Watched {
            since: shifted(watched().since, by),
            until: watched().until.map(|until| shifted(until, by)),
            ..watched()
        };
        let later: Vec<KernelReset> =
            shuffled.into_iter().map(|event| KernelReset { at: shifted(event.at, both), ..event }).collect();
        let moved = |by: i64| -> Vec<Seen> {
            frames.iter().map(|(source, destination, at)| (*source, *destination, shifted(*at, by))).collect()
        };
        prop_assert_eq!(&answers(later.clone(), &moved(both), watched_then(both)).1, &told, "all clocks together");
        // One clock alone can be told from the pairs, where there is one.
        if let Some(clock) = clock {
            let (apart_by, told_apart) = answers(later, &moved(both + apart), watched_then(both));
            prop_assert_eq!(apart_by.map(|apart_by| apart_by.offset), Some(clock.offset + apart));
            prop_assert_eq!(&told_apart, &told, "the capture's clock apart");
        }
    }

    /// A frame that has its event at hand is heard, and what no host sent is not.
    #[test]
    fn what_is_seen_and_sent_is_heard(history in history(), late in 0..90_000u64) {
        let mut whole: Vec<(u16, u64)> = Vec::new();
        for (port, at, ..) in &history {
            whole.push((*port, *at));
        }
        let events = whole.iter().map(|(port, at)| to(*port, *at));
        let mut hearing = Hearing::new(events);
        for (port, at) in &whole {
            prop_assert_eq!(hear(&mut hearing, *port, at + late), Some(*at));
        }
        prop_assert_eq!(hearing.unclaimed(), 0);
    }
}

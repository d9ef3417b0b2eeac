//! A trace of one machine as a witness: what it says, and where its silence is no word.

use rst_storm_core::capture::Timestamp;
use rst_storm_core::explain::{
    Beyond, Checked, ClockOffset, Fused, KernelCheck, KernelSaid, KernelWitness, TOLERANCE, Watched, check,
};
use rst_storm_core::kernel::{Direction, KernelReset, Mechanism};
use rst_storm_core::reset::Finding;
use rst_storm_core::tcp::Segment;
use rst_storm_core::testing::{BEGINNING, judged};

use crate::left::{certain, sent};
use crate::{HOUR, SECOND, STORM, end, event, reset, to, watched};

/// What a trace of the server says of a reset that has no event in it.
fn silence(watched: Watched, clock: Option<ClockOffset>, reset: &Segment) -> KernelSaid {
    let (said, event) = KernelWitness::new(watched, vec![to(50000, 0)], clock).said(reset);
    assert_eq!(event, None);
    said
}

#[track_caller]
fn cannot_say(watched: Watched, part: &str) {
    let said = silence(watched, None, &reset(SECOND));
    let KernelSaid::NotWatched(why) = &said else { panic!("{said:?}") };
    assert!(why.contains(part), "{why}");
}

#[test]
fn silence_counts_where_the_host_was_watched_throughout() {
    let even = Some(ClockOffset { offset: 0, spread: 0, pairs: 1 });
    assert_eq!(silence(watched(), even, &reset(SECOND)), KernelSaid::Nothing(Finding::Certain));
}

#[test]
fn where_the_clocks_were_never_compared_silence_is_likely_at_most() {
    assert_eq!(silence(watched(), None, &reset(SECOND)), KernelSaid::Nothing(Finding::Likely));
    let refused = &judged("linux\n> S 100\n< RA 0 ack 101")[0];
    let fused = |said| check(&refused.verdict, &said).fused;
    assert!(matches!(fused(KernelSaid::Nothing(Finding::Likely)), Fused::Cause(_, Finding::Likely)));
    assert!(matches!(fused(KernelSaid::Nothing(Finding::Certain)), Fused::Cause(_, Finding::Certain)));
}

#[test]
fn silence_says_nothing_where_something_may_have_been_missed() {
    cannot_say(Watched { lost: 3, ..watched() }, "lost 3 events");
    cannot_say(Watched { filtered: true, ..watched() }, "filtered");
    cannot_say(Watched { until: None, ..watched() }, "cut off");
    cannot_say(Watched { partial: Some("an old kernel".to_owned()), ..watched() }, "an old kernel");
    cannot_say(Watched { since: Timestamp(BEGINNING + 2 * SECOND), ..watched() }, "cover");
    cannot_say(Watched { until: Some(Timestamp(BEGINNING)), ..watched() }, "cover");
    cannot_say(Watched::default(), "cut off");
}

/// An event and its frame are up to [`TOLERANCE`] apart: the event of a frame near the trace's edge may lie beyond it.
#[test]
fn silence_says_nothing_at_the_very_edge_of_the_time_that_was_watched() {
    for (at, is_word) in [(TOLERANCE - 1, false), (TOLERANCE, true)] {
        for reset_at in [at, 10 * SECOND - at] {
            let watched =
                Watched { since: Timestamp(BEGINNING), until: Some(Timestamp(BEGINNING + 10 * SECOND)), ..watched() };
            let said = silence(watched, None, &reset(reset_at));
            assert_eq!(matches!(said, KernelSaid::Nothing(_)), is_word, "{reset_at}: {said:?}");
        }
    }
}

#[test]
fn the_time_that_was_watched_is_the_traces_own() {
    let clock = Some(ClockOffset { offset: 5 * HOUR as i64, spread: 0, pairs: 1 });
    assert_eq!(silence(watched(), clock, &reset(5 * HOUR + SECOND)), KernelSaid::Nothing(Finding::Certain));
    assert!(matches!(silence(watched(), clock, &reset(SECOND)), KernelSaid::NotWatched(_)));
    let extreme = Some(ClockOffset { offset: i64::MIN, spread: u64::MAX, pairs: 1 });
    assert!(matches!(silence(watched(), extreme, &reset(SECOND)), KernelSaid::NotWatched(_)));
}

/// What isn't kept of a trace may have been the event, from the earliest of these on.
#[test]
fn silence_says_nothing_where_a_trace_has_more_than_is_kept() {
    let since = [3, 2, 4].map(|seconds| Timestamp(BEGINNING + seconds * SECOND));
    let beyond = since.into_iter().fold(None, |beyond, at| Some(Beyond::and(beyond, at)));
    assert_eq!(beyond, Some(Beyond { events: 3, since: since[1] }));
    for (at, is_word) in
        [(SECOND, true), (2 * SECOND - TOLERANCE - 1, true), (2 * SECOND - TOLERANCE, false), (9 * SECOND, false)]
    {
        let watched = Watched { beyond, ..watched() };
        let said = silence(watched.clone(), None, &reset(at));
        assert_eq!(matches!(said, KernelSaid::Nothing(_)), is_word, "{at}: {said:?}");
        let late = ClockOffset { offset: HOUR as i64 / 2, spread: 0, pairs: 1 };
        let said = silence(watched.clone(), Some(late), &reset(HOUR / 2 + at));
        assert_eq!(matches!(said, KernelSaid::Nothing(_)), is_word, "by the trace's clock: {said:?}");
        let mut witness = KernelWitness::new(watched, vec![event(at)], None);
        assert!(matches!(witness.said(&reset(at)).0, KernelSaid::Sent(..)), "what is kept counts");
    }
    cannot_say(Watched { beyond: Some(Beyond { events: 1, since: Timestamp(0) }), ..watched() }, "more events");
}

#[test]
fn each_capture_asks_anew() {
    let mut witness = KernelWitness::new(watched(), vec![event(SECOND), event(3 * SECOND)], None);
    assert!(witness.said(&reset(SECOND)).1.is_some());
    assert!(matches!(witness.said(&reset(SECOND)).0, KernelSaid::NotWatched(_)), "a second tap of the same capture");
    assert_eq!(witness.unclaimed(), 1);
    let late = ClockOffset { offset: HOUR as i64, spread: 0, pairs: 1 };
    witness.begin_capture(Some(late));
    assert_eq!(witness.said(&reset(HOUR + SECOND)).1, Some(event(SECOND)), "the same reset at another tap");
    assert_eq!(witness.unclaimed(), 1, "it is still one");
    assert_eq!(witness.said(&reset(3 * SECOND)).1, None, "the clock is this capture's");
    assert_eq!(witness.clock(), Some(late));
    witness.begin_capture(None);
    assert!(matches!(witness.said(&reset(5 * SECOND)).0, KernelSaid::Nothing(Finding::Likely)));
    assert_eq!((witness.said(&reset(3 * SECOND)).1, witness.unclaimed()), (Some(event(3 * SECOND)), 0));
}

#[test]
fn the_silence_of_another_machine_is_no_word() {
    let clients = Segment { source: end("10.0.0.1", 40000), destination: end("10.0.1.2", 9999), ..reset(SECOND) };
    let said = silence(watched(), None, &clients);
    let KernelSaid::NotWatched(why) = &said else { panic!("{said:?}") };
    assert!(why.contains("10.0.0.1"), "{why}");
    // A reset that it took in shows an address to be the machine's own too; the stranger who sent it isn't.
    let taken = KernelReset { direction: Direction::Taken, reason: None, ..event(0) };
    let mut witness = KernelWitness::new(watched(), vec![taken], None);
    assert!(matches!(witness.said(&clients).0, KernelSaid::Nothing(_)));
    assert!(matches!(witness.said(&reset(SECOND)).0, KernelSaid::NotWatched(_)));
    let mut knows_nothing = KernelWitness::new(watched(), Vec::new(), None);
    assert!(matches!(knows_nothing.said(&reset(SECOND)).0, KernelSaid::NotWatched(_)));
}

#[test]
fn what_was_said_counts_whatever_was_missed_beside_it() {
    let holes = Watched { until: None, lost: 9, filtered: true, partial: Some("old".to_owned()), ..watched() };
    let mut witness = KernelWitness::new(holes, vec![event(SECOND)], None);
    let (said, event_of) = witness.said(&reset(SECOND));
    assert_eq!((said, event_of), (sent(&[Mechanism::CloseLingerZero]), Some(event(SECOND))));
    assert!(matches!(witness.said(&reset(SECOND)).0, KernelSaid::NotWatched(_)), "it was one reset's");
}

#[test]
fn a_whole_story_from_the_conversation_to_both_words_together() {
    let reset = judged(STORM).remove(0);
    let at = reset.reset.segment.at.0 - BEGINNING;
    let mut witness = KernelWitness::new(watched(), vec![to(40001, at), event(at - 60_000)], None);
    let (said, _) = witness.said(&reset.reset.segment);
    assert_eq!(check(&reset.verdict, &said), Checked { check: KernelCheck::Agrees, fused: certain("linger-zero") });
}

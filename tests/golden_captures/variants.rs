//! Captures of which a part is missing or out of order: what is told may be less sure, never surely wrong.

use crate::capture::{Golden, Kept, all};
use crate::cuts::{self, Variants};
use crate::told::told;
use crate::truth::assert_no_false_certainty;

/// Two frames nearer than this may be captured in the wrong order.
const NEAR: u64 = 1_000_000;

/// Frame numbers differ from the capture's own, so only what is certain is looked at.
#[track_caller]
fn check(least: usize, variants: impl Fn(&Golden, &[Kept]) -> Variants) {
    let mut count = 0;
    for golden in all() {
        for (name, octets) in variants(&golden, &golden.frames()) {
            let told = told(&octets);
            if golden.is_control() {
                assert_eq!(told.summary.tally.resets, 0, "{}, {name}", golden.name);
            }
            for verdict in told.verdicts() {
                assert_no_false_certainty(&golden, &name, &verdict);
            }
            count += 1;
        }
    }
    assert!(count >= least, "{count}");
}

#[test]
fn in_one_direction() {
    check(100, |_, frames| cuts::one_direction(frames));
}

#[test]
fn without_the_beginnings() {
    check(150, |_, frames| cuts::late_beginnings(frames));
}

#[test]
fn begun_late() {
    check(500, |_, frames| cuts::begun_late(frames));
}

#[test]
fn without_options_and_payload() {
    check(50, |_, frames| cuts::headers(frames));
}

#[test]
fn with_two_frames_exchanged() {
    check(200, |_, frames| cuts::exchanged(frames, NEAR));
}

#[test]
fn broken_off() {
    check(500, |golden, frames| cuts::broken_off(frames, &golden.octets));
}

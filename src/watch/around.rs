//! The segments that stand around a frame: those of the same endpoints, the first of them and the nearest.

use std::collections::VecDeque;

use rst_storm_core::capture::FrameSource;
use rst_storm_core::tcp::{FlowKey, Segment};
use rst_storm_core::wire::{Skip, decode};

use super::again::read_again;
use super::error::SourceError;
use super::plan::Input;

/// Segments of the connection's beginning that are kept.
const FIRST: usize = 4;

/// Segments before the frame that are kept.
const BEFORE: usize = 8;

/// Segments after it.
const AFTER: usize = 8;

/// What a frame holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// A segment.
    Segment(Segment),
    /// None, and why.
    Skipped(Skip),
    /// The capture has no such frame; it has so many.
    Beyond(u64),
}

/// What the frame of this number, from 1, holds.
pub fn held(input: &Input, number: u64) -> Result<Held, SourceError> {
    let mut reader = read_again(input)?;
    let mut seen = 0;
    while let Ok(Some(frame)) = reader.next_frame() {
        seen += 1;
        if seen == number {
            return Ok(decode(&frame, number).map_or_else(Held::Skipped, Held::Segment));
        }
    }
    Ok(Held::Beyond(seen))
}

/// Segments around one.
#[derive(Clone, Debug, Default)]
pub struct Around {
    /// The segments, in the order of their frames.
    pub segments: Vec<Segment>,
    /// The frame after which some are left out, if any are.
    pub gap_after: Option<u64>,
    /// Segments that are left out there.
    pub left_out: u64,
    /// Segments that come later.
    pub later: u64,
}

/// The segments between the endpoints of `centre`, from the frame `first` on.
pub fn around(input: &Input, centre: &Segment, first: u64) -> Result<Around, SourceError> {
    let key = FlowKey::new(centre.source, centre.destination);
    let mut reader = read_again(input)?;
    let (mut number, mut opening) = (0, Vec::new());
    let mut before: VecDeque<Segment> = VecDeque::with_capacity(BEFORE + 1);
    let mut after = Vec::new();
    let mut told = Around::default();
    while let Ok(Some(frame)) = reader.next_frame() {
        number += 1;
        if number < first {
            continue;
        }
        let Ok(segment) = decode(&frame, number) else { continue };
        if FlowKey::new(segment.source, segment.destination) != key {
            continue;
        }
        let opens = segment.flags.is_syn() && !segment.flags.is_ack() && segment.seq != centre.seq;
        if number > centre.frame {
            if opens {
                // Another connection of the same endpoints.
                break;
            }
            if after.len() < AFTER { after.push(segment) } else { told.later += 1 }
        } else if opening.len() < FIRST {
            opening.push(segment);
        } else {
            before.push_back(segment);
            if before.len() > BEFORE + 1 {
                before.pop_front();
                told.left_out += 1;
            }
        }
    }
    told.gap_after = opening.last().map(|last| last.frame).filter(|_| told.left_out > 0);
    told.segments = opening.into_iter().chain(before).chain(after).collect();
    Ok(told)
}

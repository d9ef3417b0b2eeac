//! Lines that differ only in what moves are written once: afterwards their text is copied and the moving parts are filled in.
//!
//! A storm's records are all alike but for times, ports, frames and what is measured. Which parts of a record move is said where
//! the record is described, by [`Moving`](super::moving::Moving), and all others are compared: a text is used again only where they are equal.

use std::mem::take;
use std::ops::Range;

use serde::Serialize;

use super::compact::{self, Paper};
use super::refill::Refill;

/// The texts that are kept.
const MOST_STENCILS: usize = 16;

/// A value's text, and where its moving parts stand in it.
#[derive(Debug, Default)]
struct Draft {
    octets: Vec<u8>,
    moving: Vec<Range<usize>>,
}

impl Paper for Draft {
    fn octets(&mut self) -> &mut Vec<u8> {
        &mut self.octets
    }

    fn note_moving(&mut self, from: usize) {
        self.moving.push(from..self.octets.len());
    }
}

/// The texts of values that came before.
#[derive(Debug)]
pub struct Stencils<T> {
    known: Vec<(T, Draft)>,
    /// The one that was used last: mostly it is used again.
    last: usize,
    /// Where the next new text goes: in turn, the oldest goes once there are enough.
    next: usize,
}

impl<T> Default for Stencils<T> {
    fn default() -> Stencils<T> {
        Stencils { known: Vec::new(), last: 0, next: 0 }
    }
}

impl<T: Serialize + PartialEq> Stencils<T> {
    /// Appends a value as [`compact::append`] does.
    pub fn append(&mut self, out: &mut Vec<u8>, value: T) -> Result<(), std::fmt::Error> {
        if let Some((_, draft)) = self.like(&value) {
            return Refill::append(out, &draft.octets, &draft.moving, &value);
        }
        let place = self.next;
        self.next = (place + 1) % MOST_STENCILS;
        let mut draft = self.known.get_mut(place).map(|(_, draft)| take(draft)).unwrap_or_default();
        draft.octets.clear();
        draft.moving.clear();
        compact::append_to(&mut draft, &value)?;
        out.extend_from_slice(&draft.octets);
        match self.known.get_mut(place) {
            Some(oldest) => *oldest = (value, draft),
            None => self.known.push((value, draft)),
        }
        self.last = place;
        Ok(())
    }

    fn like(&mut self, value: &T) -> Option<&(T, Draft)> {
        if self.known.get(self.last).is_none_or(|(known, _)| known != value) {
            self.last = self.known.iter().position(|(known, _)| known == value)?;
        }
        self.known.get(self.last)
    }
}

//! Lines that differ only in what moves are written once: afterwards their text is copied and the moving parts are filled in.
//!
//! A storm's records are all alike but for times, ports, frames and what is measured. Which parts of a record move is said where
//! the record is described, by [`Moving`](super::moving::Moving), and all others are compared: a text is used again only where they are equal.

use std::mem::take;

use serde::Serialize;

use super::compact;
use super::draft::Draft;
use super::refill::Refill;

/// The texts that are kept.
const MOST_STENCILS: usize = 16;

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
            return Refill::append(out, draft.octets(), draft.moving(), &value);
        }
        let place = self.next;
        self.next = (place + 1) % MOST_STENCILS;
        let mut draft = self.known.get_mut(place).map(|(_, draft)| take(draft)).unwrap_or_default();
        draft.clear();
        compact::append_to(&mut draft, &value)?;
        out.extend_from_slice(draft.octets());
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Serialize;

    use super::super::moving::{Moving, Still};
    use super::{MOST_STENCILS, Stencils};

    #[derive(Clone, Debug, PartialEq, Serialize)]
    struct Sample {
        kind: usize,
        name: Moving<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        some: Option<Moving<u64>>,
        parts: Vec<Part>,
        whole: Still<(u8, &'static str)>,
    }

    #[derive(Clone, Debug, PartialEq, Serialize)]
    #[serde(untagged)]
    enum Part {
        Moves(Moving<f64>),
        Stands(Option<String>),
    }

    fn part() -> impl Strategy<Value = Part> {
        prop_oneof![
            (0..1_u64 << 50).prop_map(|micros| Part::Moves(Moving(micros as f64 / 1e6))),
            proptest::option::of("[a\"é]").prop_map(Part::Stands),
        ]
    }

    fn sample() -> impl Strategy<Value = Sample> {
        // Of more kinds than are kept, and each often enough to come again.
        let kinds = 0..2 * MOST_STENCILS;
        let some = proptest::option::of(any::<u64>());
        (kinds, "\\PC{0,9}", some, proptest::collection::vec(part(), 0..3)).prop_map(|(kind, name, some, parts)| {
            Sample {
                kind,
                name: Moving(name),
                some: some.map(Moving),
                parts,
                whole: Still((kind as u8 % 2, "as it is")),
            }
        })
    }

    proptest! {
        #[test]
        fn every_text_is_what_serde_json_writes(samples in proptest::collection::vec(sample(), 1..300)) {
            let mut stencils = Stencils::default();
            for sample in samples {
                let mut written = Vec::new();
                stencils.append(&mut written, sample.clone()).expect("it can be written");
                prop_assert_eq!(String::from_utf8(written).unwrap(), serde_json::to_string(&sample).unwrap());
                prop_assert!(stencils.known.len() <= MOST_STENCILS);
            }
        }
    }

    /// The text of an earlier value is filled in again, not written anew.
    #[test]
    fn only_what_moves_is_written_again() {
        let mut stencils = Stencils::default();
        let sample = |name: &str, kind| Sample {
            kind,
            name: Moving(name.to_owned()),
            some: None,
            parts: Vec::new(),
            whole: Still((1, "as it is")),
        };
        let mut written = Vec::new();
        for (name, kind, known) in [("a", 1, 1), ("bc", 1, 1), ("d", 2, 2), ("e", 1, 2)] {
            stencils.append(&mut written, sample(name, kind)).expect("it can be written");
            assert_eq!(stencils.known.len(), known);
        }
    }
}

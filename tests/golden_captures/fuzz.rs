//! Captures of known resets, changed at random and mixed: nothing panics, nothing is lost, and the sums are the same
//! whether or not anybody asks for more.

use std::sync::LazyLock;

use proptest::prelude::*;
use rst_storm_core::explain::Record;

use crate::capture::{Kept, all, file, frames};
use crate::mutate::{Mutation, mutate};
use crate::reports::{reports, sums};
use crate::told::{Told, summed, told};

/// The frames of each capture.
fn known() -> &'static [Vec<Kept>] {
    static KNOWN: LazyLock<Vec<Vec<Kept>>> = LazyLock::new(|| all().iter().map(|golden| golden.frames()).collect());
    &KNOWN
}

fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    let mutation = any::<(u8, u16, u32)>().prop_map(|(what, place, by)| Mutation { what, place, by });
    prop::collection::vec(mutation, 0..40)
}

/// Explains the file and writes every report of it.
pub fn check(octets: &[u8]) -> Told {
    let told = told(octets);
    let resets = |record: &Record| record.resets.len() as u64 + u64::from(record.unlisted);
    assert_eq!(told.records.iter().map(resets).sum::<u64>(), told.summary.tally.resets);
    assert_eq!(told.records.len() as u64, told.summary.tally.connections);
    let (text, lines) = reports(&told);
    assert!(!text.is_empty());
    for line in lines.lines() {
        let value: serde_json::Value = serde_json::from_str(line).expect("a line of JSON");
        assert!(value.is_object());
    }
    assert_eq!(sums(&summed(octets)), sums(&told.summary));
    told
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_captures_are_told(
        one in any::<prop::sample::Index>(),
        other in any::<prop::sample::Index>(),
        mutations in mutations(),
    ) {
        let mut mixed = one.get(known()).clone();
        mixed.extend_from_slice(other.get::<Vec<Kept>>(known()));
        mixed.truncate(150);
        mutate(&mut mixed, &mutations);
        let octets = file(&mixed);
        prop_assert_eq!(frames(&octets).len(), mixed.len());
        let (first, second) = (check(&octets), told(&octets));
        prop_assert_eq!(reports(&first), reports(&second));
    }

    #[test]
    fn broken_files_are_told(
        one in any::<prop::sample::Index>(),
        flips in prop::collection::vec(any::<(prop::sample::Index, u8)>(), 1..20),
        length in any::<prop::sample::Index>(),
    ) {
        let mut octets = file(one.get::<Vec<Kept>>(known()));
        for (place, octet) in flips {
            let place = place.index(octets.len());
            octets[place] = octet;
        }
        octets.truncate(length.index(octets.len() + 1));
        check(&octets);
    }
}

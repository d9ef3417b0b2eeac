//! The captures of the atlas's plays: each at the tap where its reset is judged, whole and cut.

use rst_storm_core::causes::find;
use rst_storm_core::wire::decode;

use crate::capture::{Golden, Kept, atlas, file};
use crate::cuts;
use crate::told::{table, told};
use crate::truth::assert_no_false_certainty;

/// The plays in which no tap can show the truth: the wire's own verdict is another, and the kernel contradicts it.
const HIDDEN: [&str; 1] = ["forged-exact--copied-and-silent"];

/// Frames with a segment, which cuts are made of.
fn segments(golden: &Golden) -> Vec<Kept> {
    golden.frames().into_iter().filter(|kept| decode(&kept.as_frame(), 1).is_ok()).collect()
}

#[test]
fn what_is_told_of_each() {
    let tables: Vec<String> = atlas().iter().map(table).collect();
    assert!(tables.len() > 80, "{}", tables.len());
    insta::assert_snapshot!("atlas", tables.join("\n"));
}

#[test]
fn the_truth_is_named() {
    for golden in atlas().iter().filter(|golden| !golden.is_control() && !HIDDEN.contains(&golden.name.as_str())) {
        assert!(find(golden.truth()).is_some(), "{} is no cause", golden.truth());
        let verdicts = told(&golden.octets).verdicts();
        assert!(!verdicts.is_empty(), "{} has no reset", golden.name);
        let named = verdicts.iter().any(|verdict| verdict.names.contains(&golden.truth()));
        assert!(named, "{}: {}", golden.name, verdicts[0].line);
    }
}

#[test]
fn cut_in_any_way_nothing_wrong_is_certain_of_the_first() {
    let mut count = 0;
    for golden in atlas().iter().filter(|golden| !golden.is_control()) {
        let frames = segments(golden);
        let mut variants = vec![("whole".to_owned(), file(&frames))];
        variants.extend(cuts::one_direction(&frames));
        variants.extend(cuts::late_beginnings(&frames));
        variants.extend(cuts::headers(&frames));
        for (name, octets) in variants {
            if let Some(verdict) = told(&octets).verdicts().first() {
                assert_no_false_certainty(golden, &name, verdict);
            }
            count += 1;
        }
    }
    assert!(count > 400, "{count}");
}

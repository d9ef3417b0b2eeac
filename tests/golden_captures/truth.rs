//! Every capture as it was recorded: the truth is named, nothing wrong is certain, and what is told changes only with the table.

use std::collections::BTreeSet;

use rst_storm_core::causes::{CATALOGUE, find};
use rst_storm_core::reset::{Finding, Who};

use crate::capture::{Golden, all};
use crate::told::{Verdict, table, told};

#[test]
fn what_is_told_of_each() {
    let tables: Vec<String> = all().iter().map(table).collect();
    insta::assert_snapshot!("expected", tables.join("\n"));
}

#[test]
fn the_truth_is_named() {
    for golden in all().iter().filter(|golden| !golden.is_control()) {
        assert!(find(golden.truth()).is_some(), "{} is no cause", golden.truth());
        let verdicts = told(&golden.octets).verdicts();
        let concerned: Vec<&Verdict> =
            verdicts.iter().filter(|verdict| is_concerned(golden, verdict, &verdicts)).collect();
        assert!(!concerned.is_empty(), "{} has no reset", golden.name);
        for verdict in concerned {
            assert!(verdict.names.contains(&golden.truth()), "{}: {}", golden.name, verdict.line);
        }
    }
}

/// Whether the truth is about this reset: the first of each connection. Behind an address translation the same connection has
/// two names, and only the first reset is the one that the capture is about.
fn is_concerned(golden: &Golden, verdict: &Verdict, verdicts: &[Verdict]) -> bool {
    match golden.truth() {
        "nat-without-mapping" => verdict.frame == verdicts[0].frame,
        _ => verdict.first,
    }
}

#[test]
fn who_sent_it_is_told_or_left_open() {
    for golden in all() {
        let verdicts = told(&golden.octets).verdicts();
        let third = verdicts.iter().find(|verdict| verdict.who.0 == Who::ThirdParty);
        match golden.is_from_between() {
            false => assert!(third.is_none(), "{}: {}", golden.name, third.map_or("", |verdict| &verdict.line)),
            true => {
                let (who, sure) = verdicts[0].who;
                let is_end = matches!(who, Who::Originator | Who::Responder);
                assert!(!is_end || sure == Finding::Possible, "{}: {}", golden.name, verdicts[0].line);
            }
        }
    }
}

#[test]
fn nothing_is_certain_that_is_wrong() {
    for golden in all() {
        for verdict in told(&golden.octets).verdicts() {
            assert_no_false_certainty(&golden, "as it is", &verdict);
        }
    }
}

#[test]
fn controls_are_not_reset() {
    let all = all();
    let controls: Vec<&Golden> = all.iter().filter(|golden| golden.is_control()).collect();
    assert!(controls.len() >= 3, "{}", controls.len());
    for control in controls {
        let told = told(&control.octets);
        assert_eq!(told.summary.tally.resets, 0, "{}", control.name);
        assert!(told.summary.tally.connections > 0, "{}", control.name);
    }
}

#[test]
fn every_cause_has_a_capture() {
    let all = all();
    let truths: BTreeSet<&str> = all.iter().map(Golden::truth).collect();
    let without: Vec<&str> = CATALOGUE.iter().map(|card| card.id.0).filter(|id| !truths.contains(id)).collect();
    assert_eq!(without, [""; 0]);
}

#[test]
fn the_readme_says_how_each_was_made() {
    let readme = include_str!("../golden/captures/README.md");
    let told: Vec<&str> = readme.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next()).collect();
    let missing: Vec<String> =
        all().into_iter().map(|golden| golden.name).filter(|name| !told.contains(&name.as_str())).collect();
    assert_eq!(missing, [""; 0]);
}

/// A finding may be certain only if it is the truth, and a third party only where there was one.
#[track_caller]
pub fn assert_no_false_certainty(golden: &Golden, variant: &str, verdict: &Verdict) {
    let truth = golden.truth();
    if let Some((best, Finding::Certain)) = verdict.best {
        assert_eq!(best, truth, "{}, {variant}: {}", golden.name, verdict.line);
    }
    if !golden.is_from_between() {
        assert_ne!(verdict.who, (Who::ThirdParty, Finding::Certain), "{}, {variant}: {}", golden.name, verdict.line);
    }
}

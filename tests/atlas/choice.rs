//! What is typed: causes and plays that there are, options that don't go together.

use rst_storm::atlas::choice::choose;
use rst_storm_core::causes::CATALOGUE;
use rst_storm_core::scenario::{IpVersion, Versions};

use crate::common::{run, storm_line};

const BOTH: [IpVersion; 2] = [IpVersion::V4, IpVersion::V6];

#[track_caller]
fn refused(line: &str) -> String {
    let done = run(storm_line(line)).exits(2);
    assert_eq!(done.out, "", "{line}: {done}");
    assert!(done.err.lines().count() == 1 && done.err.starts_with("rst-storm: "), "{line}: {done}");
    done.err
}

#[test]
fn what_there_is_not_is_told_with_what_there_is() {
    for line in ["run nonsense", "run Linger-Zero", "run all/after-accept", "run nonsense/after-accept --plan"] {
        let told = refused(line);
        assert!(told.contains("there is no cause") && told.contains("rst-storm causes"), "{told}");
    }
    for line in ["run linger-zero/nonsense", "run linger-zero/", "run linger-zero/after-accept/again --plan"] {
        let told = refused(line);
        assert!(told.contains("linger-zero has no play") && told.contains("after-accept, "), "{told}");
    }
}

#[test]
fn all_means_every_play_of_every_cause_once() {
    let all = choose("all", &BOTH).expect("all there is");
    let mut expected = 0;
    for card in CATALOGUE {
        for play in card.plays {
            expected += if play.versions == Versions::Both { 2 } else { 1 };
        }
        if !card.plays.is_empty() {
            let own = choose(card.id.0, &BOTH).expect("its plays");
            assert!(own.iter().all(|chosen| chosen.card.id == card.id), "{}", card.id);
        }
    }
    assert_eq!(all.len(), expected);
    let folders: std::collections::BTreeSet<String> = all.iter().map(|chosen| chosen.folder()).collect();
    assert_eq!(folders.len(), expected, "a folder each");
    for chosen in &all {
        let alone = choose(&chosen.to_string(), &[chosen.version]).expect("a name that names it");
        assert_eq!(alone.len(), 1, "{chosen}");
        assert_eq!(alone[0].folder(), chosen.folder());
    }
}

#[test]
fn a_version_in_which_a_play_has_no_meaning_is_left_out_or_told() {
    let all = choose("all", &[IpVersion::V6]).expect("some");
    assert!(all.iter().all(|chosen| chosen.play.versions == Versions::Both && chosen.ip() == 6));
    for chosen in choose("all", &[IpVersion::V4]).expect("some") {
        if chosen.play.versions != Versions::Both {
            let told = choose(&chosen.to_string(), &[IpVersion::V6]).expect_err("it has no meaning there");
            assert!(told.contains("no play in that version of IP"), "{told}");
        }
    }
}

#[test]
fn options_of_the_storm_do_not_go_with_plays() {
    for option in [
        "--rate 5",
        "--duration 1",
        "--count 3",
        "--timeout 1",
        "--send-data",
        "--read-first",
        "--port 9",
        "--close fin",
        "--backlog 9",
        "--pcap out.pcap",
        "--json -",
        "--keep",
        "--named",
    ] {
        for plan in ["", " --plan"] {
            let told = refused(&format!("run linger-zero {option}{plan}"));
            let name = option.split(' ').next().unwrap_or_default();
            assert!(told.contains(&format!("{name} is for the storm")), "{option}: {told}");
        }
    }
    run(storm_line("run linger-zero --auto --plan")).exits(0);
}

#[test]
fn options_of_plays_do_not_go_with_the_storm() {
    for option in
        ["--plan", "--seed 7", "--ip 4", "--jobs 2", "--out bundles", "--format json", "--against matrix.json"]
    {
        for scenario in ["", " tcp-lifecycle/rst-storm"] {
            let told = refused(&format!("run{scenario} --auto {option}"));
            let name = option.split(' ').next().unwrap_or_default();
            assert!(told.contains(&format!("{name} is for plays of causes")), "{option}: {told}");
        }
    }
}

#[test]
fn a_value_out_of_range_is_wrong_usage() {
    for option in ["--jobs 0", "--jobs 65", "--ip 5", "--seed -1", "--seed many", "--format ndjson"] {
        let done = run(storm_line(&format!("run linger-zero {option}"))).exits(2);
        assert!(done.out.is_empty() && !done.err.is_empty(), "{option}: {done}");
    }
}

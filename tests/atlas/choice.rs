//! What is typed: causes and plays that there are, options that don't go together.

use rst_storm::atlas::choice::{Chosen, choose};
use rst_storm_core::causes::CATALOGUE;
use rst_storm_core::scenario::IpVersion;

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
        expected += BOTH.len() * card.plays.len();
        let own = choose(card.id.0, &BOTH).expect("its plays");
        assert!(!own.is_empty() && own.iter().all(|chosen| chosen.card.id == card.id), "{}", card.id);
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
fn each_play_has_a_meaning_in_both_versions_of_ip() {
    let in_version = |version: IpVersion| choose("all", &[version]).expect("all there is");
    let (four, six) = (in_version(IpVersion::V4), in_version(IpVersion::V6));
    let names = |chosen: &[Chosen]| chosen.iter().map(Chosen::to_string).collect::<Vec<String>>();
    assert_eq!(names(&four), names(&six));
    assert!(four.iter().all(|chosen| chosen.ip() == 4) && six.iter().all(|chosen| chosen.ip() == 6));
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
fn a_plan_has_one_form_and_is_compared_with_nothing() {
    for option in ["--format json", "--against matrix.json"] {
        let done = run(storm_line(&format!("run linger-zero --plan {option}"))).exits(2);
        assert!(done.out.is_empty() && done.err.contains("cannot be used with"), "{done}");
    }
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

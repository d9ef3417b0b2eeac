//! What a play would do, told without privilege and without doing it.

use std::process::Command;

use crate::common::{BINARY, Done, alike, has_program, run, storm_line};

fn plan(what: &str) -> String {
    let done = run(storm_line(&format!("run {what} --plan"))).exits(0);
    assert_eq!(done.err, "", "{done}");
    done.out
}

/// A few that show each kind of step. To record them again when plays have changed: INSTA_UPDATE=always.
#[test]
fn plans_of_a_handful_of_plays() {
    let plans =
        ["linger-zero/after-accept", "no-listener/closed-port", "firewall-reject/syn-in-input", "forged-exact/copied"];
    let text: String = plans.map(|name| plan(&format!("{name} --ip 4"))).concat();
    assert!(text.starts_with("linger-zero/after-accept (IPv4, bridged): "), "{text}");
    insta::assert_snapshot!(text);
}

/// All of them. To record it again when plays have changed: INSTA_UPDATE=always.
#[test]
fn all_plans() {
    insta::assert_snapshot!(plan("all --ip 4"));
}

#[test]
fn every_play_has_a_plan_with_steps_and_promises() {
    let text = plan("all");
    let plans: Vec<&str> = text.split("\n\n").filter(|plan| !plan.is_empty()).collect();
    assert_eq!(plans.len(), how_many());
    for plan in plans {
        let (steps, promises) = plan.split_once("\n  must show:\n").unwrap_or_else(|| panic!("no promise: {plan}"));
        assert!(steps.lines().count() >= 2 && promises.lines().count() >= 2, "{plan}");
        assert!(promises.contains("    wire: ") && promises.contains("    kernel"), "{plan}");
    }
    for line in text.lines() {
        assert_eq!(line.trim_end(), line, "no blanks at a line's end");
    }
}

fn how_many() -> usize {
    let both = [rst_storm_core::scenario::IpVersion::V4, rst_storm_core::scenario::IpVersion::V6];
    rst_storm::atlas::choice::choose("all", &both).expect("all there is").len()
}

/// Without any capability, in a folder where nothing may be written, as far as this machine lets us.
#[test]
fn a_plan_needs_no_privilege_and_leaves_nothing() {
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"]);
    if !has_program("setpriv") || !rustix::process::geteuid().is_root() {
        command = Command::new("env");
    }
    command.args([BINARY, "run", "linger-zero", "--plan", "--ip", "4", "--out", "nowhere/at/all"]);
    command.env("TMPDIR", "nowhere").current_dir("/");
    alike(&mut command);
    let done: Done = run(command).exits(0);
    assert_eq!(done.out, plan("linger-zero --ip 4"));
    assert_eq!(done.err, "", "{done}");
    assert!(!std::path::Path::new("/nowhere").exists());
}

#[test]
fn the_seed_and_the_number_of_jobs_change_no_plan() {
    assert_eq!(plan("linger-zero --seed 1 --jobs 3"), plan("linger-zero --seed 2"));
}

//! Plays of causes for real: what every witness says, what a bundle holds, and how a run of them ends before its time.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rst_storm::watch::{KernelWatch, KernelWatchPlan};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::common::{Done, Folder, Running, alike, check_schema, number, read_json, run};
use crate::disk::on_a_tiny_disk;
use crate::players::{by, can_play, folder_of, need, program_of, storm_by};
use crate::trials::{Each, Once, Outcome, Player};

pub const EACH: &[Each] = &[
    ("the plays of one cause come out as promised", one_cause_comes_out),
    ("the same seed gives the same addresses and steps", the_same_seed_plays_the_same),
    ("a bundle is whole and can be explained", a_bundle_is_whole),
    ("Ctrl-C ends plays and leaves nothing", ctrl_c_leaves_nothing),
    ("killed plays end with their parent, and the next run sweeps", killed_plays_are_swept),
    ("a reader that goes away ends plays without a word", a_reader_goes_away),
    ("all plays come out as promised", all_plays_come_out),
];

pub const ONCE: &[Once] = &[
    ("the kernel's timers are heard", the_kernels_timers_are_heard),
    ("a full disk under the bundles is told", a_full_disk_under_the_bundles),
];

/// A hang takes longer than all plays.
const BOUND: Duration = Duration::from_secs(180);

/// Whether this machine's kernel can be listened to, by root.
fn is_listened_to() -> bool {
    KernelWatch::open(&KernelWatchPlan::default()).is_ok()
}

/// The program with a folder for what passes, of which nothing may be left.
fn plays_by(player: Player, line: &str, passing: &Folder) -> Command {
    let mut command = storm_by(player, line);
    command.env("TMPDIR", passing.path());
    command
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}

/// What did not hold, for people.
fn failures(matrix: &Value) -> String {
    let mut text = String::new();
    for row in matrix["rows"].as_array().expect("rows") {
        for check in row["checks"].as_array().expect("checks").iter().filter(|check| check["holds"] != true) {
            text += &format!("{} IPv{}: {} but: {}\n", row["play"], row["ip"], check["wanted"], check["found"]);
        }
    }
    text
}

/// Checks a matrix in which everything must hold, with the kernel's word for root and its absence told for others.
#[track_caller]
fn check_matrix(done: &Done, player: Player) -> Value {
    assert!(!done.out.is_empty(), "no matrix: {done}");
    let matrix = done.json();
    check_schema("matrix", &matrix);
    assert_eq!(failures(&matrix), "");
    assert_eq!((done.code, done.err.as_str()), (Some(0), ""), "{}", done.err);
    assert_eq!(number(&matrix, "/totals/wrongly_certain"), 0);
    let listened = player == Player::Root && is_listened_to();
    for row in matrix["rows"].as_array().expect("rows").iter().filter(|row| row["control"] == false) {
        let word = row["kernel"]["check"].as_str().expect("a word");
        let hidden = row["checks"].as_array().expect("checks").iter().any(|check| {
            check["wanted"].as_str().is_some_and(|wanted| wanted.starts_with("the kernel contradicts the wire"))
        });
        match listened {
            true if hidden => assert_eq!(word, "disagrees", "{row:#}"),
            true => assert!(["agrees", "narrows"].contains(&word), "{row:#}"),
            false => assert!(word == "not-watched" && row["kernel"]["why_not"].is_string(), "{row:#}"),
        }
    }
    matrix
}

fn one_cause_comes_out(player: Player) -> Outcome {
    let passing = folder_of(player);
    let done = run(plays_by(player, "run linger-zero --format json", &passing));
    let matrix = check_matrix(&done, player);
    let rows = matrix["rows"].as_array().expect("rows");
    assert!(rows.len() >= 4 && rows.iter().any(|row| row["control"] == true), "{matrix:#}");
    assert_eq!(entries(passing.path()), Vec::<PathBuf>::new(), "nothing is left");
    let done = run(plays_by(player, "run linger-zero/after-accept --ip 4", &passing)).exits(0);
    assert_eq!(done.err, "", "{done}");
    let said = if player == Player::Root && is_listened_to() {
        "The kernel is listened to."
    } else {
        "The kernel is not listened to: "
    };
    for line in [said, "[PASS] linger-zero/after-accept v4", "[PASS] Plays that came out as promised: 1 of 1"] {
        assert!(done.out.lines().any(|told| told.starts_with(line)), "{line}: {done}");
    }
    Ok(())
}

/// A manifest without what every run has of its own: times, ports that the kernel chose, figures of the moment.
fn without_its_moment(folder: &Path) -> Value {
    let mut manifest = read_json(&folder.join("manifest.json"));
    for member in ["began", "took", "counters", "taps", "probes", "rules"] {
        manifest.as_object_mut().expect("an object").remove(member);
    }
    for call in manifest["calls"].as_array_mut().expect("calls") {
        call.as_object_mut().expect("an object").remove("at");
        let text = call["call"].as_str().expect("a call").to_owned();
        let plain = text.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse::<u16>().ok());
        // Ports from which the kernel chooses (ip_local_port_range).
        let chosen: Vec<u16> = plain.filter(|port| *port >= 32_768).collect();
        let text = chosen.iter().fold(text, |text, port| text.replace(&port.to_string(), "PORT"));
        call["call"] = json!(text);
    }
    manifest
}

fn the_same_seed_plays_the_same(player: Player) -> Outcome {
    let folder = folder_of(player);
    let play = |name: &str, what: &str, seed: u64| {
        let out = folder.file(name);
        let line = format!("run {what} --seed {seed} --format json --out {}", out.display());
        run(storm_by(player, &line)).exits(0);
        ["4", "6"].map(|ip| without_its_moment(&out.join(format!("linger-zero/after-data-ipv{ip}"))))
    };
    let one = "linger-zero/after-data";
    let (first, second, other) = (play("first", one, 7), play("second", one, 7), play("other", one, 8));
    assert_eq!(first, second);
    assert_eq!(first, play("among", "linger-zero", 7), "what else is played changes nothing");
    assert!(first[0]["calls"].as_array().is_some_and(|calls| calls.len() > 5), "{:#}", first[0]);
    assert_ne!(first[0]["number"], other[0]["number"], "another seed draws other addresses");
    Ok(())
}

fn a_bundle_is_whole(player: Player) -> Outcome {
    let folder = folder_of(player);
    let out = folder.file("bundles");
    let line = format!("run linger-zero/after-accept --ip 4 --format json --out {}", out.display());
    let matrix = check_matrix(&run(storm_by(player, &line)), player);
    assert_eq!(read_json(&out.join("matrix.json")), matrix, "the same matrix is kept");
    let bundle = out.join("linger-zero/after-accept-ipv4");
    let manifest = read_json(&bundle.join("manifest.json"));
    assert_eq!((&manifest["play"], &manifest["ip"]), (&json!("linger-zero/after-accept"), &json!(4)));
    assert_eq!((&manifest["dropped"], &manifest["stumble"]), (&json!(0), &json!(null)));
    assert_eq!(manifest["rootless"], json!(player == Player::Rootless));
    let taps = manifest["taps"].as_array().expect("taps");
    assert!(!taps.is_empty());
    for tap in taps {
        let file = bundle.join(tap["file"].as_str().expect("a file"));
        let frames = crate::captures::read_capture(&file).frames;
        assert_eq!(json!(frames), tap["frames"], "{}", file.display());
    }
    let capture = bundle.join("client-port.pcapng");
    let mut line = format!("explain {} --format ndjson", capture.display());
    let listened = player == Player::Root && is_listened_to();
    assert_eq!(bundle.join("kernel.ndjson").exists(), listened);
    if listened {
        line += &format!(" --fail-on disagrees --kernel {}", bundle.join("kernel.ndjson").display());
    }
    let done = run(storm_by(player, &line)).exits(0);
    let records: Vec<Value> = done.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    records.iter().for_each(|record| check_schema("explain", record));
    let reset = records.iter().find_map(|record| record.pointer("/resets/0")).expect("a reset");
    assert_eq!(reset["cause"]["id"], "linger-zero", "{reset:#}");
    if listened {
        assert_eq!(reset["kernel"]["fused"], json!(["linger-zero"]), "{reset:#}");
    }
    // Over the same folder again: what was there is written anew.
    let line = format!("run linger-zero/after-accept --ip 4 --format json --out {}", out.display());
    run(storm_by(player, &format!("{line} --against {}", out.join("matrix.json").display()))).exits(0);
    Ok(())
}

/// All processes below this one, by the kernel's word on their parents.
fn descendants(ancestor: u32) -> Vec<u32> {
    let parent = |pid: u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (_, after) = stat.rsplit_once(')')?;
        after.split_whitespace().nth(1)?.parse::<u32>().ok()
    };
    let pids: Vec<u32> = fs::read_dir("/proc")
        .expect("/proc")
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    let mut found = vec![ancestor];
    let mut place = 0;
    while place < found.len() {
        let known = found.clone();
        found.extend(pids.iter().filter(|pid| parent(**pid) == Some(known[place]) && !known.contains(pid)));
        place += 1;
    }
    found.split_off(1)
}

/// Whether a process runs: one that has ended and waits for its parent's attention doesn't.
fn runs(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, after)| !after.trim_start().starts_with(['Z', 'X']))
}

/// Waits, with a bound, for what comes about by itself.
#[track_caller]
fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + crate::common::PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "never: {what}");
        std::thread::yield_now();
    }
}

/// Plays under way: the first processes are there.
fn started(player: Player, passing: &Folder) -> (Running, Vec<u32>) {
    let mut running = Running::start(plays_by(player, "run all --ip 4", passing));
    running.await_line("The kernel is ");
    let mut children = Vec::new();
    eventually("plays have processes of their own", || {
        children = descendants(running.id());
        children.len() >= 2
    });
    (running, children)
}

fn ctrl_c_leaves_nothing(player: Player) -> Outcome {
    for signal in [Signal::INT, Signal::TERM] {
        let passing = folder_of(player);
        let (running, children) = started(player, &passing);
        running.signal(signal);
        let done = running.finish().exits(1);
        assert_eq!(done.err, "", "{done}");
        assert!(
            done.out.contains("\nMATRIX\n") && done.out.contains("\nInterrupted: "),
            "what was played is told: {done}"
        );
        assert_eq!(entries(passing.path()), Vec::<PathBuf>::new());
        eventually("no process is left", || !children.iter().any(|pid| runs(*pid)));
    }
    Ok(())
}

fn killed_plays_are_swept(player: Player) -> Outcome {
    let passing = folder_of(player);
    let (running, children) = started(player, &passing);
    let id = running.id();
    running.signal(Signal::KILL);
    assert_eq!(running.finish().signal, Some(9));
    eventually("the children end with their parent", || !children.iter().any(|pid| runs(*pid)));
    assert_eq!(entries(passing.path()), [passing.file(&format!("rst-storm-{id}"))], "nobody could remove it");
    run(plays_by(player, "run linger-zero/after-accept --ip 4", &passing)).exits(0);
    assert_eq!(entries(passing.path()), Vec::<PathBuf>::new(), "the next run sweeps");
    Ok(())
}

fn a_reader_goes_away(player: Player) -> Outcome {
    need(&["sh", "head"])?;
    let passing = folder_of(player);
    let mut command = by(player, "sh");
    command.args(["-c", "\"$BIN\" run all --ip 4 | head -n 1"]);
    command.env("BIN", program_of(player)).env("TMPDIR", passing.path());
    let done = run(command).exits(0);
    assert_eq!((done.out.lines().count(), done.err.as_str()), (1, ""), "{done}");
    assert_eq!(entries(passing.path()), Vec::<PathBuf>::new());
    Ok(())
}

fn all_plays_come_out(player: Player) -> Outcome {
    need(&["timeout"])?;
    let passing = folder_of(player);
    let mut command = by(player, "timeout");
    command.args(["--signal=INT", &BOUND.as_secs().to_string(), &program_of(player), "run", "all", "--format", "json"]);
    command.env("TMPDIR", passing.path());
    let done = command.output().expect("start it");
    let done = Done {
        code: done.status.code(),
        signal: None,
        out: String::from_utf8_lossy(&done.stdout).into_owned(),
        err: String::from_utf8_lossy(&done.stderr).into_owned(),
    };
    assert_ne!(done.code, Some(124), "still playing after {BOUND:?}");
    let matrix = check_matrix(&done, player);
    let chosen = {
        use rst_storm_core::scenario::IpVersion::{V4, V6};
        rst_storm::atlas::choice::choose("all", &[V4, V6]).expect("all there is")
    };
    assert_eq!(number(&matrix, "/totals/plays"), chosen.len() as u64, "each was played");
    assert_eq!(number(&matrix, "/totals/held"), chosen.len() as u64);
    assert_eq!(entries(passing.path()), Vec::<PathBuf>::new());
    Ok(())
}

/// What a timer fires on an idle processor is what kernels were seen to keep to themselves. Nothing else is played here, so that
/// the processors are idle but for what this program does against it.
fn the_kernels_timers_are_heard() -> Outcome {
    can_play(Player::Root)?;
    if !is_listened_to() {
        return Err("the kernel can't be listened to".to_owned());
    }
    let passing = folder_of(Player::Root);
    for plays in ["keepalive-timeout/probes-unanswered", "reset-after-fin/fin-wait-2-timer"] {
        let matrix =
            check_matrix(&run(plays_by(Player::Root, &format!("run {plays} --format json"), &passing)), Player::Root);
        let rows = matrix["rows"].as_array().expect("rows");
        let heard = rows.iter().filter(|row| row["kernel"]["said"].is_string()).count();
        assert_eq!((heard, rows.len()), (2, 2), "{matrix:#}");
    }
    Ok(())
}

fn a_full_disk_under_the_bundles() -> Outcome {
    let folder = Folder::new();
    let line = format!("run linger-zero/after-accept --ip 4 --out {}", folder.file("bundles").display());
    let mut command = on_a_tiny_disk(&folder, "16k", &line)?;
    alike(&mut command);
    let done = run(command).exits(3);
    assert!(done.err.contains("No space left on device") && done.err.contains("bundles"), "{done}");
    assert_eq!(done.err.lines().count(), 1, "{done}");
    Ok(())
}

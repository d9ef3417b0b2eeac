//! How a run ends before its time: by Ctrl-C, by SIGKILL, by a reader that goes away.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;

use rustix::process::Signal;

use crate::common::{Running, check_schema, number, read_json, run};
use crate::findings::{check_all_reset, check_ledger_holds, check_run};
use crate::players::{by, folder_of, program_of, storm_by};
use crate::trials::{Each, Outcome, Player};

pub const EACH: &[Each] = &[
    ("Ctrl-C ends a run with its whole report", ctrl_c_ends_with_the_report),
    ("SIGKILL leaves nothing of a nameless lab", sigkill_leaves_nothing),
    ("a reader that goes away ends the run without a word", a_broken_pipe_is_silent),
];

fn ctrl_c_ends_with_the_report(player: Player) -> Outcome {
    for signal in [Signal::INT, Signal::TERM] {
        let mut running = Running::start(storm_by(player, "run --auto --json - --rate 100 --duration 50"));
        running.await_line("Elapsed: 2.0s");
        running.signal(signal);
        let done = running.finish();
        let document = done.json();
        check_run(&done, &document);
        let attempts = number(&document, "/client/outcomes/attempts");
        assert!((200..5000).contains(&attempts), "{attempts}");
        check_all_reset(&document, attempts);
        assert_eq!(document["client"]["interrupted"], true);
        assert!(done.err.contains("VERDICT ["), "{done}");
    }
    Ok(())
}

/// The network namespaces of a process's threads.
fn namespaces_of(pid: &str) -> HashSet<PathBuf> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return HashSet::new() };
    threads.flatten().filter_map(|thread| fs::read_link(thread.path().join("ns/net")).ok()).collect()
}

fn sigkill_leaves_nothing(player: Player) -> Outcome {
    let own = namespaces_of("self");
    let mut running = Running::start(storm_by(player, "run --auto --rate 100 --duration 50"));
    running.await_line("Elapsed: 2.0s");
    let mut lab = namespaces_of(&running.id().to_string());
    lab.retain(|namespace| !own.contains(namespace));
    assert_eq!(lab.len(), 3, "three hosts in namespaces of their own: {lab:?}");
    running.signal(Signal::KILL);
    let done = running.finish();
    assert_eq!(done.signal, Some(9), "{done}");
    let pids = fs::read_dir("/proc").expect("/proc").flatten().filter_map(|entry| entry.file_name().into_string().ok());
    for pid in pids.filter(|name| name.parse::<u32>().is_ok()) {
        let comm = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        assert!(namespaces_of(&pid).is_disjoint(&lab), "process {pid} ({}) lives in {lab:?}", comm.trim());
        let mounts = fs::read_to_string(format!("/proc/{pid}/mountinfo")).unwrap_or_default();
        assert!(
            !lab.iter().any(|namespace| mounts.contains(&*namespace.to_string_lossy())),
            "mounted for process {pid}"
        );
    }
    Ok(())
}

fn a_broken_pipe_is_silent(player: Player) -> Outcome {
    let folder = folder_of(player);
    let json = folder.file("run.json");
    let mut command = by(player, "sh");
    command.args(["-c", "\"$BIN\" run --auto --rate 50 --duration 50 --json \"$JSON\" | head -n 1"]);
    command.env("BIN", program_of(player)).env("JSON", &json);
    let done = run(command).exits(0);
    assert_eq!(done.out.lines().count(), 1, "{done}");
    assert_eq!(done.err, "", "a broken pipe is silent");
    let document = read_json(&json);
    check_schema("run", &document);
    check_ledger_holds(&document);
    assert!(number(&document, "/client/outcomes/attempts") < 2500, "nobody reads, so that the storm ends");
    Ok(())
}

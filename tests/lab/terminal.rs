//! What whoever started a run sees: the text, colours, the wait for ENTER, the wrapper script's words.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::{Folder, Running, alike, check_block, run};
use crate::findings::{check_all_reset, check_run};
use crate::players::{by, can_play, copy_program, is_root, need, program_of, storm_by};
use crate::trials::{Each, Once, Outcome, Player};

pub const EACH: &[Each] = &[
    ("the text of a run is whole and in order", the_text_is_whole),
    ("a quiet run that holds says nothing", quiet_says_nothing),
];

pub const ONCE: &[Once] = &[
    ("the wrapper script runs a test by its path", the_wrapper_script_runs),
    ("on a terminal ENTER starts and Ctrl-C leaves", enter_starts_on_a_terminal),
    ("on a terminal the text has colours unless NO_COLOR is set", a_terminal_has_colours),
];

fn the_text_is_whole(player: Player) -> Outcome {
    let done = run(storm_by(player, "run tcp-lifecycle/rst-storm --auto --rate 100 --duration 2.5"));
    assert_eq!(done.err, "");
    check_block(
        &done.out,
        &[
            "RST Storm server listening on port 9999",
            "Will close connections with RST (SO_LINGER 0)",
            "Connecting to 10.0.1.2:9999",
            "Rate: 100.0 connections/second",
            "Duration: 2.5s",
            "Expecting RST responses from server...",
        ],
    );
    check_block(
        &done.out,
        &[
            "",
            "RST STORM SERVER RESULTS",
            "Duration: 2.5s",
            "Total connections: 250",
            "RST packets sent: 250",
            "Connection rate: 100.0/s",
        ],
    );
    check_block(
        &done.out,
        &[
            "",
            "RST STORM CLIENT RESULTS",
            "Duration: 2.5s",
            "Total connection attempts: 250",
            "Successful connects: 250",
            "Connection rate: 100.0/s",
        ],
    );
    check_block(
        &done.out,
        &[
            "",
            "Connection outcomes:",
            "  RST received: 250",
            "  Normal close (FIN): 0",
            "  Connection refused: 0",
            "  Timeout: 0",
            "  Other errors: 0",
        ],
    );
    for line in [
        "Elapsed: 2.0s, Connections: 200 (100.0/s), RSTs: ",
        "RST segments: 250 from 10.0.1.2, 0 from 10.0.1.1",
        "Packets dropped by the observer: 0",
        "  [PASS] RST flag: on 250 of 250 flows",
        "  [PASS] FIN flag: on 0 of 250 flows",
        "  [PASS] 1. Attempts",
        "  [PASS] 7. RSTs from the source",
        "VERDICT [",
    ] {
        assert_eq!(done.out.lines().filter(|candidate| candidate.starts_with(line)).count(), 1, "{line}\n{done}");
    }
    Ok(())
}

fn quiet_says_nothing(player: Player) -> Outcome {
    let done = run(storm_by(player, "run --auto --quiet --rate 100 --duration 0.5"));
    // A busy machine may fail an indicator of time, and then that line is all there is.
    assert!(done.out.lines().all(|line| line.starts_with("  [FAIL] ")), "{done}");
    assert_eq!(done.out.is_empty(), done.code == Some(0), "{done}");
    let done = run(storm_by(player, "run --auto --quiet --close fin --rate 100 --duration 0.3")).exits(1);
    assert!(done.out.lines().count() >= 5 && done.out.lines().all(|line| line.starts_with("  [FAIL] ")), "{done}");
    Ok(())
}

/// With a build folder of its own that holds the program under test, so that nothing is built.
fn the_wrapper_script_runs() -> Outcome {
    can_play(if is_root() { Player::Root } else { Player::Rootless })?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("infra/run-test.sh");
    if !script.exists() {
        return Err("there is no infra/run-test.sh".to_owned());
    }
    need(&["bash", "realpath"])?;
    let target = Folder::new();
    fs::create_dir(target.file("release")).expect("make a build folder");
    copy_program(&target.file("release/rst-storm"));
    let call = |line: &str| {
        let mut command = Command::new(&script);
        command.args(line.split_whitespace()).env("CARGO_TARGET_DIR", target.path()).current_dir("/");
        alike(&mut command);
        run(command)
    };
    let done = call("tcp-lifecycle/rst-storm --auto --rate 100 --duration 0.3 --json -");
    check_run(&done, &done.json());
    check_all_reset(&done.json(), 30);
    let unknown = call("tcp-lifecycle/fin-drizzle --auto").exits(2);
    assert!(unknown.err.contains("tcp-lifecycle/rst-storm"), "what exists is listed: {unknown}");
    assert!(!unknown.out.contains("RST Storm server"), "{unknown}");
    call("").exits(2);
    Ok(())
}

/// The program on a terminal of its own, by script(1); what is written to its input is typed there.
fn on_a_terminal(player: Player, line: &str) -> Result<Command, String> {
    can_play(player)?;
    need(&["script"])?;
    let mut command = by(player, "script");
    command.args(["-qefc", &format!("exec {} {line}", program_of(player)), "/dev/null"]);
    Ok(command)
}

fn enter_starts_on_a_terminal() -> Outcome {
    for player in [Player::Root, Player::Rootless] {
        if can_play(player).is_err() {
            continue;
        }
        for (typed, starts) in [(&b"\n"[..], true), (&b"\x03"[..], false)] {
            let mut command = on_a_terminal(player, "run --rate 100 --duration 0.3")?;
            let (reader, mut writer) = std::io::pipe().expect("a pipe");
            command.stdin(reader);
            let mut running = Running::start(command);
            running.await_line("Press ENTER to start");
            std::io::Write::write_all(&mut writer, typed).expect("type");
            let done = running.finish();
            drop(writer);
            assert_eq!(done.out.contains("Total connection attempts: 30"), starts, "{done}");
            assert_eq!(done.out.contains("nsenter --net=/proc/"), player == Player::Root, "{done}");
            assert_eq!(done.out.contains("--pcap"), player == Player::Rootless, "{done}");
            assert!(starts || done.code == Some(0), "{done}");
        }
    }
    can_play(if is_root() { Player::Root } else { Player::Rootless })
}

fn a_terminal_has_colours() -> Outcome {
    let player = if is_root() { Player::Root } else { Player::Rootless };
    for (setting, expected) in [(None, true), (Some("1"), false), (Some(""), true)] {
        let mut command = on_a_terminal(player, "run --auto --rate 100 --duration 0.2")?;
        if let Some(value) = setting {
            command.env("NO_COLOR", value);
        }
        let done = run(command);
        assert!(done.out.contains("VERDICT ["), "{done}");
        assert_eq!(done.out.contains("\x1b["), expected, "NO_COLOR {setting:?}: {done}");
    }
    Ok(())
}

//! The lab for real: whole runs in namespaces, as root and rootless; named labs, captures, ways to end and to fail.
//!
//! A trial that this machine can't do is ignored, with its reason on standard error, and the closing line counts it.
//! Named labs stand in a mount namespace of the trial's own with an empty /run: a lab that the user has standing is
//! neither seen nor touched, trials don't get in each other's way, and whatever happens nothing is left behind.

mod common;

use std::collections::HashSet;
use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::{LazyLock, RwLock};

use common::{
    BINARY, Done, Folder, Running, alike, check_block, check_client_sums, check_schema, has_program, number, read_json,
    run,
};
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use pcap_parser::{Block, PcapBlockOwned, PcapError, create_reader};
use rustix::process::Signal;
use serde_json::Value;

/// What a trial brings: done, or the reason why it can't be done here.
type Outcome = Result<(), String>;

/// The user that plays "rootless": the kernel's overflow id, nobody.
const NOBODY: u32 = 65534;

/// Who runs the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Player {
    Root,
    Rootless,
}

/// A trial of each player, with its name.
type Each = (&'static str, fn(Player) -> Outcome);

/// A trial that is played once, with its name.
type Once = (&'static str, fn() -> Outcome);

/// The trials that each player plays.
const EACH: &[Each] = &[
    ("a storm is exact in every witness's count", a_storm_is_exact),
    ("read first and send data hold in every combination", every_talk_holds),
    ("a high rate is exact", a_high_rate_is_exact),
    ("twenty thousand at the rate max are exact", the_rate_max_is_exact),
    ("a server that closes with FIN fails the checks and no equation", fin_fails_the_checks_alone),
    ("a server that holds shows as timeouts", hold_shows_as_timeouts),
    ("a tiny backlog breaks no sum and is explained by its overflows", a_tiny_backlog_is_explained),
    ("another port and a count are kept to", another_port_and_a_count),
    ("a pcapng capture holds exactly the counted segments", a_pcapng_is_exact),
    ("a pcap capture holds exactly the counted segments", a_pcap_is_exact),
    ("a capture of a FIN storm and of talk is exact too", a_capture_of_talk_is_exact),
    ("eight runs side by side disturb each other in nothing", eight_side_by_side),
    ("Ctrl-C ends a run with its whole report", ctrl_c_ends_with_the_report),
    ("SIGKILL leaves nothing of a nameless lab", sigkill_leaves_nothing),
    ("the text of a run is whole and in order", the_text_is_whole),
    ("a quiet run that holds says nothing", quiet_says_nothing),
    ("a reader that goes away ends the run without a word", a_broken_pipe_is_silent),
];

/// The trials that are played once, by whoever runs the tests.
const ONCE: &[Once] = &[
    ("by hand in the named lab the slow client outlives its server", by_hand_the_client_outlives_the_server),
    ("lab up, status and down do what they say, twice too", up_status_down),
    ("a broken named lab is told and made anew", a_broken_lab_is_made_anew),
    ("what a killed named run leaves is found and removed", what_sigkill_leaves_is_removed),
    ("a named run in use is left alone", a_named_run_in_use_is_left_alone),
    ("a named run leaves nothing and --keep leaves the lab", keep_leaves_the_lab),
    ("Ctrl-C in a named run leaves nothing", ctrl_c_in_a_named_run_leaves_nothing),
    ("a named run whose port is taken says so with a remedy", a_taken_port_has_a_remedy),
    ("foreign traffic in the named lab is told", foreign_traffic_is_told),
    ("foreign namespaces are neither used nor deleted", foreign_namespaces_are_left_alone),
    ("tcpdump as in the specification sees exactly the resets", tcpdump_sees_the_resets),
    ("tcpdump reads a capture and finds the ledger's number", tcpdump_reads_the_capture),
    ("named labs without privilege name what they need", named_needs_privilege),
    ("where user namespaces are forbidden the setting is named", forbidden_namespaces_name_the_setting),
    ("in a chroot the candidates are named", a_chroot_names_the_candidates),
    ("a full disk under the capture costs no report", a_full_disk_under_the_capture),
    ("a full disk under the result costs no report", a_full_disk_under_the_result),
    ("a refused target gets no packet and a permitted one does", a_refused_target_gets_no_packet),
    ("the wrapper script runs a test by its path", the_wrapper_script_runs),
    ("on a terminal ENTER starts and Ctrl-C leaves", enter_starts_on_a_terminal),
    ("on a terminal the text has colours unless NO_COLOR is set", a_terminal_has_colours),
];

/// Trials read it; the one that looks through all processes of the machine writes it.
static ALONE: RwLock<()> = RwLock::new(());

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for &(name, play) in EACH {
        for player in [Player::Root, Player::Rootless] {
            let who = if player == Player::Root { "as root" } else { "rootless" };
            trials.push(trial(format!("{name}, {who}"), move || can_play(player).and_then(|()| play(player))));
        }
    }
    for &(name, play) in ONCE {
        trials.push(trial(name.to_owned(), play));
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    // What is static is never dropped.
    let _ = fs::remove_dir_all(EVERYBODYS.0.path());
    conclusion.exit_code()
}

fn trial(name: String, play: impl Fn() -> Outcome + Send + 'static) -> Trial {
    Trial::ignorable_test(name.clone(), move || {
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let looks_everywhere = name.starts_with("SIGKILL leaves nothing");
            // A panic elsewhere has poisoned nothing: the lock guards no value.
            let _shared = (!looks_everywhere).then(|| ALONE.read().unwrap_or_else(|poison| poison.into_inner()));
            let _alone = looks_everywhere.then(|| ALONE.write().unwrap_or_else(|poison| poison.into_inner()));
            play()
        }));
        match outcome {
            Ok(Ok(())) => Ok(Completion::Completed),
            Ok(Err(reason)) => {
                eprintln!("SKIPPED: {name}: {reason}");
                Ok(Completion::ignored_with(reason))
            }
            Err(panic) => {
                let text = panic.downcast_ref::<String>().cloned();
                let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
                Err(Failed::from(text.unwrap_or_else(|| "a panic without a text".to_owned())))
            }
        }
    })
}

// ---- who plays, and whether this machine lets them

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A copy of the program that anyone can reach; root's build folder is closed to nobody.
static EVERYBODYS: LazyLock<(Folder, PathBuf)> = LazyLock::new(|| {
    let folder = Folder::new();
    let copy = folder.file("rst-storm");
    fs::copy(BINARY, &copy).expect("copy the program");
    fs::set_permissions(&copy, PermissionsExt::from_mode(0o755)).expect("let anyone run it");
    (folder, copy)
});

/// `program` run by `player`: without root's rights, groups and surroundings, and without a home, if rootless.
fn by(player: Player, program: &str) -> Command {
    if player == Player::Root {
        let mut command = Command::new(program);
        alike(&mut command);
        return command;
    }
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        let nobody = NOBODY.to_string();
        command.args(["--reuid", &nobody, "--regid", &nobody, "--clear-groups", program]);
        command
    } else {
        Command::new(program)
    };
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).current_dir("/");
    alike(&mut command);
    command
}

/// The program's path for `player`.
fn program_of(player: Player) -> String {
    let path = if player == Player::Root { Path::new(BINARY) } else { EVERYBODYS.1.as_path() };
    path.to_str().expect("a path in UTF-8").to_owned()
}

/// `rst-storm` run by `player` with the blank-separated arguments of `line`.
fn storm_by(player: Player, line: &str) -> Command {
    let mut command = by(player, &program_of(player));
    command.args(line.split_whitespace());
    command
}

/// Whether `player` can make the namespaces of a nameless lab here at all, asked of unshare(1) and not of ourselves.
fn can_play(player: Player) -> Outcome {
    static ANSWERS: LazyLock<[Outcome; 2]> = LazyLock::new(|| {
        [Player::Root, Player::Rootless].map(|player| {
            if player == Player::Root && !is_root() {
                return Err("these tests don't run as root".to_owned());
            }
            need(if player == Player::Rootless && is_root() { &["setpriv", "unshare"] } else { &["unshare"] })?;
            let mut command = by(player, "unshare");
            command.arg(if player == Player::Root { "--net" } else { "-Urn" }).arg("true");
            let done = run(command);
            if done.code == Some(0) { Ok(()) } else { Err(format!("no namespaces here: {}", done.err.trim())) }
        })
    });
    ANSWERS[player as usize].clone()
}

fn need(programs: &[&str]) -> Outcome {
    match programs.iter().find(|program| !has_program(program)) {
        Some(missing) => Err(format!("there is no {missing} on the PATH")),
        None => Ok(()),
    }
}

/// A folder that `player` may write to.
fn folder_of(player: Player) -> Folder {
    let folder = Folder::new();
    if player == Player::Rootless && is_root() {
        chown(folder.path(), Some(NOBODY), Some(NOBODY)).expect("give the folder away");
    }
    folder
}

// ---- a run and what holds of every one

/// Runs `rst-storm run --auto --json - OPTIONS` and checks what holds however it went.
fn play(player: Player, options: &str) -> (Done, Value) {
    let done = run(storm_by(player, &format!("run --auto --json - {options}")));
    let document = done.json();
    check_run(&done, &document);
    let expected = if player == Player::Root { "private" } else { "user" };
    assert_eq!(document["lab"]["namespaces"], expected);
    (done, document)
}

#[track_caller]
fn check_run(done: &Done, document: &Value) {
    assert!(!done.err.contains("panicked"), "{done}");
    check_schema("run", document);
    check_client_sums(&document["client"]);
    assert_eq!(done.code, Some(if document["passed"] == true { 0 } else { 1 }), "{done}");
    let mut all_hold = document["client"]["passed"] == true && document["server"]["passed"] == true;
    for equation in array(document, "/ledger") {
        let values: Vec<u64> = array(equation, "/terms").iter().map(|term| number(term, "/value")).collect();
        assert_eq!(equation["holds"], values.iter().all(|value| *value == values[0]), "{equation:#}");
        assert!(equation["holds"] == true || !equation["difference"].is_null() || !equation["title"].is_null());
        all_hold &= equation["holds"] == true;
    }
    all_hold &= array(document, "/indicators").iter().all(|indicator| indicator["holds"] == true);
    assert_eq!(document["passed"], all_hold, "{document:#}");
    check_ledger_is_recorded(document);
}

/// The terms of the ledger are the figures that the witnesses gave, and not others.
#[track_caller]
fn check_ledger_is_recorded(document: &Value) {
    let local = number(document, "/client/outcomes/local_failures");
    for (title, witness, value) in [
        ("Attempts", "client", number(document, "/client/outcomes/attempts")),
        ("Attempts", "source kernel", number(document, "/kernel/source/active_opens") + local),
        ("Attempts", "wire", number(document, "/observer/connections/syns") + local),
        ("Connected", "client", number(document, "/client/outcomes/connected")),
        ("Connected", "destination kernel", number(document, "/kernel/destination/passive_opens")),
        ("Connected", "wire", number(document, "/observer/connections/handshakes")),
        ("Reset", "client", number(document, "/client/outcomes/reset")),
        ("Reset", "wire", number(document, "/observer/connections/reset")),
        ("Reset", "destination kernel", number(document, "/kernel/destination/estab_resets")),
        ("Reset", "source kernel", number(document, "/kernel/source/estab_resets")),
        ("RST segments", "destination kernel", number(document, "/kernel/destination/out_rsts")),
        ("RST segments", "wire", number(document, "/observer/connections/destination_rst_segments")),
        ("Closed by reset", "server", number(document, "/server/resets_sent")),
        ("Refused", "client", number(document, "/client/outcomes/refused")),
        ("Refused", "source kernel", number(document, "/kernel/source/attempt_fails")),
        ("Refused", "wire", number(document, "/observer/connections/refused")),
        ("RSTs from the source", "source kernel", number(document, "/kernel/source/out_rsts")),
        ("RSTs from the source", "wire", number(document, "/observer/connections/source_rst_segments")),
    ] {
        let equation = array(document, "/ledger").iter().find(|equation| equation["title"] == title);
        let equation = equation.unwrap_or_else(|| panic!("no equation {title:?}: {document:#}"));
        let term = array(equation, "/terms").iter().find(|term| term["witness"] == witness);
        let term = term.unwrap_or_else(|| panic!("no {witness} in {equation:#}"));
        assert_eq!(number(term, "/value"), value, "{title}, {witness}: {equation:#}");
    }
}

#[track_caller]
fn array<'a>(document: &'a Value, pointer: &str) -> &'a Vec<Value> {
    document.pointer(pointer).and_then(Value::as_array).unwrap_or_else(|| panic!("no list at {pointer}"))
}

#[track_caller]
fn check_ledger_holds(document: &Value) {
    for equation in array(document, "/ledger") {
        assert_eq!(
            equation["holds"], true,
            "{equation:#}\nkernel {:#}\nobserver {:#}",
            document["kernel"], document["observer"]
        );
    }
}

/// The indicators that no busy machine can change: flags, not times.
#[track_caller]
fn check_flags(document: &Value, expected: bool) {
    for name in ["RST flag", "FIN flag"] {
        let indicator = array(document, "/indicators").iter().find(|indicator| indicator["name"] == name);
        assert_eq!(
            indicator.unwrap_or_else(|| panic!("no indicator {name}"))["holds"],
            expected,
            "{:#}",
            document["indicators"]
        );
    }
}

#[track_caller]
fn check(document: &Value, figures: &[(&str, u64)]) {
    for (pointer, expected) in figures {
        assert_eq!(number(document, pointer), *expected, "{pointer}\n{document:#}");
    }
}

/// What holds of a storm of `count` connections, all of which were reset and in whose course nothing was lost.
#[track_caller]
fn check_all_reset(document: &Value, count: u64) {
    check_ledger_holds(document);
    check_flags(document, true);
    check(
        document,
        &[
            ("/client/outcomes/attempts", count),
            ("/client/outcomes/connected", count),
            ("/client/outcomes/reset", count),
            ("/server/connections", count),
            ("/server/resets_sent", count),
            ("/observer/connections/syns", count),
            ("/observer/connections/handshakes", count),
            ("/observer/connections/reset", count),
            ("/observer/connections/fin", 0),
            ("/observer/connections/stray_resets", 0),
            ("/observer/connections/source_rst_segments", 0),
            ("/observer/dropped", 0),
            ("/observer/made_by_observer", 0),
            ("/observer/foreign_connections", 0),
            ("/observer/unfinished_connections", 0),
            ("/kernel/destination/passive_opens", count),
            ("/kernel/destination/estab_resets", count),
            ("/kernel/source/out_rsts", 0),
        ],
    );
}

fn a_storm_is_exact(player: Player) -> Outcome {
    let (_, document) = play(player, "--rate 100 --duration 1");
    check_all_reset(&document, 100);
    check(
        &document,
        &[
            // SYN, SYN-ACK, ACK, RST.
            ("/observer/segments", 400),
            ("/observer/connections/destination_rst_segments", 100),
            ("/kernel/destination/out_rsts", 100),
            ("/kernel/destination/abort_on_data", 100),
            ("/kernel/destination/abort_on_close", 0),
            // The first connection of a fresh lab finds a bridge that forwards: nothing is sent again.
            ("/kernel/source/retrans_segs", 0),
            ("/kernel/destination/retrans_segs", 0),
            ("/observer/connections/syn_retransmissions", 0),
            ("/kernel/destination/listen_overflows", 0),
            ("/kernel/destination/listen_drops", 0),
        ],
    );
    assert_eq!(document["scenario"], "tcp-lifecycle/rst-storm");
    Ok(())
}

fn every_talk_holds(player: Player) -> Outcome {
    for (read_first, send_data) in [(false, false), (false, true), (true, false), (true, true)] {
        let options = [(read_first, "--read-first"), (send_data, "--send-data")];
        let options: Vec<&str> = options.into_iter().filter(|(wanted, _)| *wanted).map(|(_, option)| option).collect();
        let (_, document) = play(player, &format!("--rate 100 --duration 0.5 {}", options.join(" ")));
        check_all_reset(&document, 50);
        let (read, silent) = (number(&document, "/server/octets_read"), number(&document, "/server/silent"));
        assert_eq!(read, if read_first && send_data { 50 * 32 } else { 0 }, "{options:?}");
        assert_eq!(silent, if read_first && !send_data { 50 } else { 0 }, "{options:?}");
        let aborts = |name: &str| number(&document, &format!("/kernel/destination/{name}"));
        assert_eq!(aborts("abort_on_data") + aborts("abort_on_close"), 50, "{options:?}");
        if read_first || !send_data {
            assert_eq!(aborts("abort_on_close"), 0, "nothing was left unread: {options:?}");
            assert_eq!(number(&document, "/observer/connections/late_replies"), 0, "{options:?}");
        }
    }
    Ok(())
}

fn a_high_rate_is_exact(player: Player) -> Outcome {
    let (_, document) = play(player, "--rate 500 --duration 1");
    check_all_reset(&document, 500);
    Ok(())
}

fn the_rate_max_is_exact(player: Player) -> Outcome {
    let (_, document) = play(player, "--rate max --count 20000");
    check_all_reset(&document, 20_000);
    Ok(())
}

fn fin_fails_the_checks_alone(player: Player) -> Outcome {
    let (done, document) = play(player, "--close fin --rate 100 --duration 0.5");
    done.exits(1);
    check_ledger_holds(&document);
    check_flags(&document, false);
    check(
        &document,
        &[
            ("/client/outcomes/attempts", 50),
            ("/client/outcomes/connected", 50),
            ("/client/outcomes/fin", 50),
            ("/client/outcomes/reset", 0),
            ("/server/fins_sent", 50),
            ("/server/resets_sent", 0),
            ("/observer/connections/fin", 50),
            ("/observer/connections/reset", 0),
            ("/kernel/destination/out_rsts", 0),
        ],
    );
    // Unread data would make a plain close a reset; a FIN server must read it.
    let (_, document) = play(player, "--close fin --send-data --read-first --rate 100 --duration 0.5");
    check_ledger_holds(&document);
    check(&document, &[("/client/outcomes/fin", 50), ("/server/octets_read", 50 * 32)]);
    Ok(())
}

fn hold_shows_as_timeouts(player: Player) -> Outcome {
    let (done, document) = play(player, "--close hold --rate 20 --duration 0.6 --timeout 0.3");
    done.exits(1);
    check_ledger_holds(&document);
    check(
        &document,
        &[
            ("/client/outcomes/attempts", 12),
            ("/client/outcomes/connected", 12),
            ("/client/outcomes/timeout", 12),
            ("/client/outcomes/timeout_connected", 12),
            ("/server/held", 12),
            ("/observer/connections/handshakes", 12),
            ("/observer/connections/reset", 0),
            ("/kernel/destination/out_rsts", 0),
        ],
    );
    Ok(())
}

/// The kernel drops the last ACK of a handshake when the accept queue is full: the client is connected and the server
/// knows nothing of it. Whatever does not agree then is explained by ListenOverflows, and the connection is named.
fn a_tiny_backlog_is_explained(player: Player) -> Outcome {
    let (_, document) = play(player, "--backlog 1 --rate max --concurrency 64 --count 400 --timeout 3");
    check(&document, &[("/client/outcomes/attempts", 400), ("/observer/dropped", 0)]);
    let overflows = number(&document, "/kernel/destination/listen_overflows");
    for equation in array(&document, "/ledger") {
        let title = equation["title"].as_str().unwrap_or_default();
        let may_differ = overflows > 0 && ["Connected", "Reset"].contains(&title);
        assert!(equation["holds"] == true || may_differ, "{equation:#}\n{:#}", document["kernel"]);
        assert!(equation["holds"] == true || equation["difference"].is_string(), "{equation:#}");
    }
    Ok(())
}

fn another_port_and_a_count(player: Player) -> Outcome {
    let (_, document) = play(player, "--port 4444 --rate 1000 --count 30");
    check_all_reset(&document, 30);
    assert_eq!(document["client"]["target"], "10.0.1.2:4444");
    assert_eq!(document["client"]["requested"]["count"], 30);
    Ok(())
}

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

// ---- captures

/// What a capture file holds.
#[derive(Default)]
struct Capture {
    frames: u64,
    resets: u64,
    distinct: HashSet<Vec<u8>>,
    interfaces: u64,
}

fn read_capture(path: &Path) -> Capture {
    let mut capture = Capture::default();
    let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut reader = create_reader(1 << 20, file).expect("the header of a capture");
    loop {
        match reader.next() {
            Ok((offset, block)) => {
                match block {
                    PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
                        let length = usize::try_from(packet.caplen).expect("a length");
                        capture.take(&packet.data[..length]);
                    }
                    PcapBlockOwned::NG(Block::InterfaceDescription(_)) => capture.interfaces += 1,
                    PcapBlockOwned::Legacy(packet) => capture.take(packet.data),
                    PcapBlockOwned::NG(_) | PcapBlockOwned::LegacyHeader(_) => {}
                }
                reader.consume(offset);
            }
            // The second is the end of a file that was cut short.
            Err(PcapError::Eof | PcapError::UnexpectedEof) => return capture,
            Err(PcapError::Incomplete(_)) => reader.refill().expect("read the capture"),
            Err(error) => panic!("{}: {error:?}", path.display()),
        }
    }
}

impl Capture {
    fn take(&mut self, frame: &[u8]) {
        assert_eq!(frame[12..14], [0x08, 0x00], "an IPv4 frame");
        let ip = &frame[14..];
        assert_eq!(ip[9], 6, "a TCP segment");
        let tcp = &ip[usize::from(ip[0] & 0x0f) * 4..];
        self.frames += 1;
        self.resets += u64::from(tcp[13] & 0x04 != 0);
        // Addresses, IP identification; ports, numbers and flags.
        self.distinct.insert([&ip[12..20], &ip[4..6], &tcp[..14]].concat());
    }
}

fn check_capture(player: Player, name: &str, options: &str) -> Value {
    let folder = folder_of(player);
    let path = folder.file(name);
    let (done, document) = play(player, &format!("{options} --pcap {}", path.display()));
    check_ledger_holds(&document);
    let capture = read_capture(&path);
    let wire = |name: &str| number(&document, &format!("/observer/{name}"));
    assert_eq!(capture.frames, wire("segments"), "as many frames as were counted");
    assert_eq!(capture.frames, wire("capture/segments"));
    assert_eq!(wire("capture/missing"), 0);
    let resets = wire("connections/destination_rst_segments") + wire("connections/source_rst_segments");
    assert_eq!(capture.resets, resets, "as many resets as in the ledger");
    assert_eq!(capture.resets, number(&document, "/kernel/destination/out_rsts"));
    assert_eq!(capture.distinct.len() as u64, capture.frames, "each segment once");
    assert_eq!(capture.interfaces, if name.ends_with(".pcap") { 0 } else { 2 });
    for part in [path.to_str().expect("UTF-8"), "tcp[tcpflags] & tcp-rst != 0"] {
        assert!(done.err.contains(part), "how to read it: {done}");
    }
    if player == Player::Root {
        assert!(fs::metadata(&path).is_ok_and(|metadata| metadata.uid() == 0));
    }
    document
}

fn a_pcapng_is_exact(player: Player) -> Outcome {
    check_all_reset(&check_capture(player, "storm.pcapng", "--rate 200 --duration 0.5"), 100);
    check_all_reset(&check_capture(player, "storm", "--rate max --count 3000"), 3000);
    Ok(())
}

fn a_pcap_is_exact(player: Player) -> Outcome {
    check_all_reset(&check_capture(player, "storm.pcap", "--rate 200 --duration 0.5"), 100);
    Ok(())
}

fn a_capture_of_talk_is_exact(player: Player) -> Outcome {
    check_capture(player, "fin.pcapng", "--close fin --rate 100 --duration 0.3");
    check_all_reset(&check_capture(player, "talk.pcapng", "--send-data --rate 100 --duration 0.3"), 30);
    Ok(())
}

fn tcpdump_reads_the_capture() -> Outcome {
    let player = if is_root() { Player::Root } else { Player::Rootless };
    can_play(player)?;
    need(&["tcpdump"])?;
    for name in ["storm.pcapng", "storm.pcap"] {
        let folder = folder_of(player);
        let path = folder.file(name);
        let (_, document) = play(player, &format!("--rate 200 --duration 0.3 --pcap {}", path.display()));
        for (filter, expected) in [
            ("tcp[tcpflags] & tcp-rst != 0", number(&document, "/kernel/destination/out_rsts")),
            ("tcp", number(&document, "/observer/segments")),
            ("tcp[tcpflags] & tcp-fin != 0", 0),
        ] {
            let mut command = Command::new("tcpdump");
            command.arg("-nr").arg(&path).arg(filter);
            alike(&mut command);
            let done = run(command).exits(0);
            assert_eq!(done.out.lines().count() as u64, expected, "{filter}: {done}");
            let complaint = ["truncated", "bad", "invalid"].into_iter().find(|word| done.err.contains(word));
            assert_eq!(complaint, None, "{done}");
        }
    }
    Ok(())
}

// ---- many, and ends

fn eight_side_by_side(player: Player) -> Outcome {
    let runs: Vec<Running> = (0..8)
        .map(|_| Running::start(storm_by(player, "run --auto --json - --rate 50 --duration 1 --timeout 10")))
        .collect();
    for running in runs {
        let done = running.finish();
        let document = done.json();
        check_run(&done, &document);
        check_all_reset(&document, 50);
    }
    Ok(())
}

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

// ---- the named lab

/// A mount namespace with an empty /run, held by a process that ends with the trial, or soon after a killed one.
struct Room {
    holder: Running,
}

impl Room {
    fn open() -> Result<Room, String> {
        can_play(Player::Root)?;
        need(&["unshare", "nsenter", "mount", "ip"])?;
        let mut command = Command::new("unshare");
        let script = "mount -t tmpfs tmpfs /run && echo open && exec sleep 120";
        command.args(["--mount", "--propagation", "private", "sh", "-c", script]);
        alike(&mut command);
        let mut holder = Running::start(command);
        holder.await_line("open");
        Ok(Room { holder })
    }

    /// `program` in this room, with the blank-separated arguments of `line`.
    fn command(&self, program: &str, line: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--mount=/proc/{}/ns/mnt", self.holder.id())).arg("--").arg(program);
        command.args(line.split_whitespace());
        alike(&mut command);
        command
    }

    fn storm(&self, line: &str) -> Command {
        self.command(BINARY, line)
    }

    /// The program inside one of the named namespaces, entered as the specification does.
    fn storm_in(&self, name: &str, line: &str) -> Command {
        let mut command = self.command("ip", &format!("netns exec {name} {BINARY}"));
        command.args(line.split_whitespace());
        command
    }

    #[track_caller]
    fn run(&self, line: &str, code: i32) -> Done {
        run(self.storm(line)).exits(code)
    }

    /// The names of the namespaces, in order.
    #[track_caller]
    fn names(&self) -> Vec<String> {
        let done = run(self.command("ip", "netns list")).exits(0);
        let first = |line: &str| line.split_whitespace().next().unwrap_or_default().to_owned();
        let mut names: Vec<String> = done.out.lines().map(first).collect();
        names.sort();
        names
    }

    /// The identities behind the names.
    #[track_caller]
    fn identities(&self) -> String {
        run(self.command("stat", "-L -c %i /run/netns/pp-source /run/netns/pp-observer /run/netns/pp-dest"))
            .exits(0)
            .out
    }
}

const NAMES: [&str; 3] = ["pp-dest", "pp-observer", "pp-source"];

/// The slow rate of the specification, ten times as fast and a fifth as long: the server ends in mid-storm.
fn by_hand_the_client_outlives_the_server() -> Outcome {
    let room = Room::open()?;
    let folder = Folder::new();
    let files = [folder.file("server.json"), folder.file("client.json")];
    room.run("lab up", 0);
    let mut server =
        Running::start(room.storm_in("pp-dest", &format!("server --duration 2.4 --json {}", files[0].display())));
    server.await_line("Accepting connections for 2.4s...");
    // No --host: this is the lab's source.
    let client = room.storm_in("pp-source", &format!("client --rate 10 --duration 6 --json {}", files[1].display()));
    let client = run(client).exits(0);
    server.finish().exits(0);
    assert!(client.out.starts_with("Connecting to 10.0.1.2:9999\n"), "{client}");
    let (server, document) = (read_json(&files[0]), read_json(&files[1]));
    check_schema("server", &server);
    check_schema("client", &document);
    check_client_sums(&document);
    check(
        &document,
        &[("/outcomes/attempts", 60), ("/outcomes/timeout", 0), ("/outcomes/fin", 0), ("/outcomes/other", 0)],
    );
    let (reset, refused) = (number(&document, "/outcomes/reset"), number(&document, "/outcomes/refused"));
    assert_eq!(reset + refused, 60);
    assert!(reset > 10 && refused > 10, "about 24 and 36: {reset} and {refused}");
    assert_eq!(number(&document, "/outcomes/connected"), reset);
    assert!(number(&server, "/connections") <= reset);
    assert!(client.out.contains("RST rate: 100.0% of successful connections"), "{client}");
    // The destination is not the source: without --host nothing is sent from there.
    let elsewhere = run(room.storm_in("pp-dest", "client --duration 0.1")).exits(3);
    assert_eq!(elsewhere.out, "", "{elsewhere}");
    room.run("lab down", 0);
    assert_eq!(room.names(), [""; 0]);
    Ok(())
}

fn up_status_down() -> Outcome {
    let room = Room::open()?;
    let status = room.run("lab status", 1);
    assert_eq!(status.out.matches("absent").count(), 3, "{status}");
    let up = room.run("lab up", 0);
    assert!(up.out.starts_with("The lab is up: "), "{up}");
    assert_eq!(room.names(), NAMES);
    let before = room.identities();
    let status = room.run("lab status", 0);
    assert!(status.out.contains("The lab stands and forwards"), "{status}");
    let again = room.run("lab up", 0);
    assert!(again.out.starts_with("The lab is up already: "), "{again}");
    assert_eq!(room.identities(), before, "the same lab");
    for (host, link, address) in [("pp-source", "veth-src", "10.0.1.1/24"), ("pp-dest", "veth-dst", "10.0.1.2/24")] {
        let shown = run(room.command("ip", &format!("-n {host} -o address show dev {link}"))).exits(0);
        assert!(shown.out.contains(address) && !shown.out.contains("inet6"), "{shown}");
        let port = run(room.command("ip", &format!("-n pp-observer -o link show dev {link}"))).exits(0);
        assert!(port.out.contains("master br0") && port.out.contains("LOWER_UP"), "{port}");
    }
    let down = room.run("lab down", 0);
    assert!(down.out.contains("3 namespaces removed"), "{down}");
    assert_eq!(room.names(), [""; 0]);
    let again = room.run("lab down", 0);
    assert!(again.out.contains("no lab to remove"), "{again}");
    room.run("lab status", 1);
    assert_eq!(room.run("lab up --quiet", 0).out, "");
    room.run("lab down --quiet", 0);
    Ok(())
}

fn a_broken_lab_is_made_anew() -> Outcome {
    let room = Room::open()?;
    for damage in [
        "-n pp-source link delete veth-src",
        "-n pp-dest link set veth-dst down",
        "-n pp-dest address flush dev veth-dst",
        "-n pp-observer link set br0 down",
        "netns delete pp-observer",
    ] {
        room.run("lab up", 0);
        run(room.command("ip", damage)).exits(0);
        room.run("lab status", 1);
        let up = room.run("lab up", 0);
        assert!(up.out.starts_with("The lab is up: "), "after {damage}: {up}");
        room.run("lab status", 0);
        let done = run(room.storm("run --auto --keep --rate 100 --count 20 --json -"));
        check_all_reset(&done.json(), 20);
    }
    room.run("lab down", 0);
    Ok(())
}

#[track_caller]
fn killed_run(room: &Room) -> u32 {
    let mut running = Running::start(room.storm("run --named --auto --rate 100 --duration 50"));
    running.await_line("Elapsed: 2.0s");
    let pid = running.id();
    running.signal(Signal::KILL);
    running.finish();
    assert_eq!(room.names(), NAMES, "a name outlives its maker");
    pid
}

fn what_sigkill_leaves_is_removed() -> Outcome {
    let room = Room::open()?;
    let pid = killed_run(&room);
    let status = run(room.storm("lab status"));
    assert!(status.out.contains(&format!("process {pid}")), "{status}");
    let left = room.identities();
    let done = run(room.storm("run --named --auto --rate 100 --count 20 --json -"));
    check_run(&done, &done.json());
    check_all_reset(&done.json(), 20);
    assert_eq!(room.names(), [""; 0], "the next run takes its own lab down");
    killed_run(&room);
    let up = room.run("lab up", 0);
    assert!(up.out.starts_with("The lab is up: "), "{up}");
    assert_ne!(room.identities(), left);
    room.run("lab status", 0);
    room.run("lab down", 0);
    killed_run(&room);
    let down = room.run("lab down", 0);
    assert!(down.out.contains("3 namespaces removed"), "{down}");
    // What a kill between making the file and mounting leaves.
    run(room.command("touch", "/run/netns/pp-observer")).exits(0);
    room.run("lab up", 0);
    room.run("lab down", 0);
    assert_eq!(room.names(), [""; 0]);
    Ok(())
}

fn a_named_run_in_use_is_left_alone() -> Outcome {
    let room = Room::open()?;
    let mut running = Running::start(room.storm("run --named --auto --rate 100 --duration 3 --json -"));
    running.await_line("Expecting RST");
    let before = room.identities();
    for line in ["lab up", "lab down", "run --named --auto --duration 0.1", "run --keep --auto --duration 0.1"] {
        let done = room.run(line, 2);
        assert!(done.err.contains(&format!("process {}", running.id())), "{line}: {done}");
        assert_eq!(done.out, "", "{line}: {done}");
    }
    assert_eq!(room.identities(), before);
    let done = running.finish();
    let document = done.json();
    check_run(&done, &document);
    check_all_reset(&document, 300);
    assert_eq!(document["lab"]["namespaces"], "named");
    assert_eq!(room.names(), [""; 0]);
    Ok(())
}

fn keep_leaves_the_lab() -> Outcome {
    let room = Room::open()?;
    let done = run(room.storm("run --named --auto --rate 100 --count 20 --json -"));
    check_all_reset(&done.json(), 20);
    assert_eq!(room.names(), [""; 0], "--named alone takes its lab down");
    let done = run(room.storm("run --keep --auto --rate 100 --count 20 --json -"));
    check_run(&done, &done.json());
    check_all_reset(&done.json(), 20);
    assert_eq!(done.json()["lab"]["namespaces"], "named", "--keep implies --named");
    assert_eq!(room.names(), NAMES);
    let before = room.identities();
    for line in
        ["run --keep --auto --rate 100 --count 20 --json -", "run --named --auto --rate 100 --count 20 --json -"]
    {
        let done = run(room.storm(line));
        check_all_reset(&done.json(), 20);
        assert_eq!(room.identities(), before, "a lab that stands is used, and left standing: {line}");
    }
    room.run("lab status", 0);
    room.run("lab down", 0);
    assert_eq!(room.names(), [""; 0]);
    Ok(())
}

fn ctrl_c_in_a_named_run_leaves_nothing() -> Outcome {
    let room = Room::open()?;
    let mut running = Running::start(room.storm("run --named --auto --rate 100 --duration 50 --json -"));
    running.await_line("Elapsed: 2.0s");
    running.signal(Signal::INT);
    let done = running.finish();
    check_run(&done, &done.json());
    assert_eq!(room.names(), [""; 0]);
    Ok(())
}

fn a_taken_port_has_a_remedy() -> Outcome {
    let room = Room::open()?;
    room.run("lab up", 0);
    let mut server = Running::start(room.storm_in("pp-dest", "server --duration 50"));
    server.await_line("Accepting");
    let done = run(room.storm("run --named --auto --duration 0.1"));
    assert!([Some(2), Some(3)].contains(&done.code), "{done}");
    assert!(done.err.contains("EADDRINUSE") && done.err.contains("--port"), "{done}");
    assert!(!done.out.contains("server listening"), "it does not listen: {done}");
    server.signal(Signal::TERM);
    server.finish();
    room.run("lab down", 0);
    Ok(())
}

fn foreign_traffic_is_told() -> Outcome {
    let room = Room::open()?;
    room.run("lab up", 0);
    let mut server = Running::start(room.storm_in("pp-dest", "server --port 8888 --duration 50"));
    server.await_line("Accepting");
    let mut storm = Running::start(room.storm("run --named --auto --rate 50 --duration 3 --json -"));
    storm.await_line("Elapsed: 2.0s");
    run(room.storm_in("pp-source", "client --port 8888 --rate 100 --count 12")).exits(0);
    let done = storm.finish().exits(1);
    let document = done.json();
    check_run(&done, &document);
    check(
        &document,
        &[
            ("/observer/foreign_connections", 12),
            ("/observer/connections/syns", 150),
            ("/client/outcomes/reset", 150),
            ("/kernel/source/active_opens", 162),
        ],
    );
    assert!(done.err.contains("Foreign traffic: 12 connections, 10.0.1.1:"), "{done}");
    assert!(document["hints"].to_string().contains("Foreign traffic"), "{document:#}");
    room.run("lab down", 0);
    Ok(())
}

fn foreign_namespaces_are_left_alone() -> Outcome {
    let room = Room::open()?;
    for name in NAMES {
        run(room.command("ip", &format!("netns add {name}"))).exits(0);
        let identity = || run(room.command("stat", &format!("-L -c %i /run/netns/{name}"))).exits(0).out;
        let before = identity();
        for line in ["lab up", "lab down", "run --named --auto --duration 0.1", "run --keep --auto --duration 0.1"] {
            let done = room.run(line, 2);
            assert!(done.err.contains(name) && done.err.lines().count() == 1, "{line}: {done}");
            assert_eq!(done.out, "", "{line}: {done}");
        }
        let status = room.run("lab status", 1);
        assert!(status.out.contains("not ours"), "{status}");
        assert_eq!(room.names(), [name], "nothing beside it was made");
        assert_eq!(identity(), before);
        // What has no names is in nobody's way.
        let done = run(room.storm("run --auto --rate 100 --count 20 --json -"));
        check_all_reset(&done.json(), 20);
        run(room.command("ip", &format!("netns delete {name}"))).exits(0);
    }
    Ok(())
}

/// The commands of the specification as they are written there, but for sudo.
fn tcpdump_sees_the_resets() -> Outcome {
    need(&["tcpdump"])?;
    let room = Room::open()?;
    room.run("lab up", 0);
    for (filter, expected) in [
        ("'tcp[tcpflags] & tcp-rst != 0' -c 20", 20),
        ("'tcp port 9999 and (tcp[tcpflags] & (tcp-rst|tcp-fin) != 0)' -c 20", 20),
        ("'tcp port 9999' -c 80", 80),
    ] {
        let mut tcpdump = room.command("sh", "-c");
        tcpdump.arg(format!("exec ip netns exec pp-observer tcpdump -i br0 -n {filter}"));
        let mut tcpdump = Running::start(tcpdump);
        tcpdump.await_line("listening on br0");
        let mut server = Running::start(room.storm_in("pp-dest", "server --duration 50"));
        server.await_line("Accepting");
        run(room.storm_in("pp-source", "client --rate 100 --count 20")).exits(0);
        server.signal(Signal::TERM);
        server.finish().exits(0);
        // It ends by itself when it has seen as many as it was asked for; a packet more or less shows in its counts.
        let seen = tcpdump.finish().exits(0);
        assert_eq!(seen.out.lines().count(), expected, "{seen}");
        assert_eq!(seen.out.matches("Flags [R").count(), 20, "{filter}: {seen}");
        assert_eq!(seen.out.matches("Flags [F").count(), 0, "{filter}: {seen}");
        assert!(seen.err.contains("0 packets dropped by kernel"), "{seen}");
    }
    room.run("lab down", 0);
    Ok(())
}

// ---- what a machine may lack

fn named_needs_privilege() -> Outcome {
    can_play(Player::Rootless)?;
    for line in ["run --named --auto --duration 0.1", "run --keep --auto --duration 0.1", "lab up"] {
        let done = run(storm_by(Player::Rootless, line)).exits(3);
        assert_eq!(done.out, "", "{line}: {done}");
        assert_eq!(done.err.lines().count(), 1, "{line}: {done}");
        assert!(done.err.contains("needs root") && done.err.contains("CAP_SYS_ADMIN"), "{line}: {done}");
    }
    Ok(())
}

/// The limit is set inside a fresh user namespace, where it binds nobody else.
fn forbidden_namespaces_name_the_setting() -> Outcome {
    can_play(Player::Rootless)?;
    need(&["setpriv"])?;
    let mut command = by(Player::Rootless, "unshare");
    let script = "echo 0 > /proc/sys/user/max_user_namespaces && \
                  exec setpriv --bounding-set -all --inh-caps -all \"$BIN\" run --auto --duration 0.1";
    command.args(["-Ur", "sh", "-c", script]).env("BIN", program_of(Player::Rootless));
    let done = run(command);
    if done.err.contains("/proc/sys/user/max_user_namespaces") {
        return Err(format!("the setting can't be written here: {}", done.err.trim()));
    }
    let done = done.exits(3);
    assert_eq!(done.out, "", "{done}");
    assert!(done.err.contains("user.max_user_namespaces is 0") && done.err.contains("ENOSPC"), "{done}");
    Ok(())
}

fn a_chroot_names_the_candidates() -> Outcome {
    can_play(Player::Root)?;
    can_play(Player::Rootless)?;
    need(&["chroot", "mount"])?;
    let folder = Folder::new();
    let mut command = Command::new("unshare");
    let script = "mount --rbind / \"$ROOT\" && exec chroot \"$ROOT\" \
                  setpriv --reuid 65534 --regid 65534 --clear-groups \"$BIN\" run --auto --duration 0.1";
    command.args(["--mount", "--propagation", "private", "sh", "-c", script]);
    command.env("ROOT", folder.path()).env("BIN", program_of(Player::Rootless));
    alike(&mut command);
    let done = run(command).exits(3);
    assert_eq!(done.out, "", "{done}");
    for part in [
        "create user namespace",
        "EPERM",
        "chroot",
        "user.max_user_namespaces",
        "kernel.unprivileged_userns_clone",
        "kernel.apparmor_restrict_unprivileged_userns",
    ] {
        assert!(done.err.contains(part), "{part}: {done}");
    }
    Ok(())
}

/// A run whose folder is a file system of `size`, in a mount namespace of its own.
fn on_a_tiny_disk(folder: &Folder, size: &str, line: &str) -> Result<Command, String> {
    can_play(Player::Root)?;
    need(&["mount"])?;
    let mut command = Command::new("unshare");
    let script = "mount -t tmpfs -o size=\"$SIZE\" tmpfs \"$DISK\" && \"$BIN\" \"$@\"; \
                  code=$?; [ -z \"$COPIES\" ] || cp \"$DISK\"/* \"$COPIES\"; exit $code";
    command.args(["--mount", "--propagation", "private", "sh", "-c", script, "sh"]).args(line.split_whitespace());
    command.env("SIZE", size).env("DISK", folder.path()).env("BIN", BINARY);
    alike(&mut command);
    Ok(command)
}

/// Too small for what the first buffer holds, and for the second.
fn a_full_disk_under_the_capture() -> Outcome {
    for (options, count) in [("--rate 300 --duration 0.5", 150), ("--rate max --count 3000", 3000)] {
        for name in ["storm.pcap", "storm.pcapng"] {
            let folder = Folder::new();
            let copies = Folder::new();
            let line = format!("run --auto --json - {options} --pcap {}", folder.file(name).display());
            let mut command = on_a_tiny_disk(&folder, "16k", &line)?;
            command.env("COPIES", copies.path());
            let done = run(command).exits(3);
            let complaint = format!("rst-storm: cannot write {}: No space left on device", folder.file(name).display());
            let incomplete = "The capture is incomplete: No space left on device";
            for part in ["Capture: ", incomplete, "VERDICT [", &complaint] {
                assert!(done.err.contains(part), "{part}: {done}");
            }
            let document = done.json();
            check_schema("run", &document);
            check_all_reset(&document, count);
            let (segments, missing) =
                (number(&document, "/observer/capture/segments"), number(&document, "/observer/capture/missing"));
            assert_eq!(segments + missing, number(&document, "/observer/segments"));
            assert!(missing > 0, "16 KiB do not hold them all: {done}");
            assert_eq!(segments, read_capture(&copies.file(name)).frames, "what is said to lie in the file lies there");
            assert!(document["observer"]["capture"]["error"].is_string());
        }
    }
    Ok(())
}

fn a_full_disk_under_the_result() -> Outcome {
    let folder = Folder::new();
    let line = format!("run --auto --rate 100 --duration 0.3 --json {}", folder.file("run.json").display());
    let done = run(on_a_tiny_disk(&folder, "4k", &line)?).exits(3);
    assert!(done.out.contains("VERDICT [") && done.out.contains("Total connection attempts: 30"), "{done}");
    assert!(done.err.contains("run.json") && done.err.contains("No space left on device"), "{done}");
    Ok(())
}

/// In a namespace where every address has a route, the kernel's counter shows whether a SYN was sent.
fn a_refused_target_gets_no_packet() -> Outcome {
    let player = if is_root() { Player::Root } else { Player::Rootless };
    can_play(player)?;
    need(&["ip"])?;
    let attempts = |options: &str| {
        let script = "ip link set lo up && ip link add d0 type veth peer name d1 && ip link set d0 up && ip link set d1 up && \
                      ip address add 10.9.9.9/24 dev d0 && ip route add default dev d0 && \
                      ip -6 route add default dev d0; \
                      \"$BIN\" client --duration 0.1 --timeout 0.1 --rate 100 $OPTIONS; \
                      echo \"exit $?\"; cat /proc/net/snmp";
        let mut command = by(player, "unshare");
        command.args(["-Urn", "sh", "-c", script]).env("OPTIONS", options).env("BIN", program_of(player));
        let done = run(command);
        let tcp: Vec<Vec<&str>> =
            done.out.lines().filter(|line| line.starts_with("Tcp: ")).map(|line| line.split(' ').collect()).collect();
        let place = tcp[0].iter().position(|name| *name == "ActiveOpens").expect("the counter ActiveOpens");
        assert!(tcp.len() == 2, "the kernel's counters: {done}");
        let code = done.out.lines().find_map(|line| line.strip_prefix("exit ")).expect("an exit code").to_owned();
        (tcp[1][place].parse::<u64>().expect("a count"), code)
    };
    assert_eq!(
        attempts("--host 10.9.9.1"),
        (10, "1".to_owned()),
        "a permitted target gets its SYNs: the counter works"
    );
    for host in ["8.8.8.8", "::ffff:8.8.8.8", "239.1.1.1", "255.255.255.255", "0.0.0.0", "::", "2001:db8::1"] {
        assert_eq!(attempts(&format!("--host {host}")), (0, "2".to_owned()), "{host}");
    }
    assert_eq!(attempts(""), (0, "3".to_owned()), "no --host, and this is not the lab's source");
    Ok(())
}

// ---- the wrapper script and terminals

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
    fs::copy(BINARY, target.file("release/rst-storm")).expect("copy the program");
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

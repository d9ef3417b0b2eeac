//! What is typed: help texts, wrong options, refused targets, files and streams that can't be written.

mod common;

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::Stdio;

use assert_cmd::Command;
use common::{Done, Folder, number, read_json, run, shell, storm, storm_line};

/// A command that must fail with `code` before it does anything: no text, one line of what went wrong.
#[track_caller]
fn fails_at_once(line: &str, code: i32) -> String {
    let done = run(storm_line(line)).exits(code);
    assert_eq!(done.out, "", "rst-storm {line} must not begin\n{done}");
    assert!(!done.err.is_empty(), "rst-storm {line} must say why");
    done.err
}

/// The same where the line is the program's own and not the option parser's.
#[track_caller]
fn fails_with_one_line(line: &str, code: i32) -> String {
    let text = fails_at_once(line, code);
    assert_eq!(text.lines().count(), 1, "rst-storm {line}: {text}");
    assert!(text.starts_with("rst-storm: "), "rst-storm {line}: {text}");
    text
}

/// A port at 127.0.0.2 where nothing listens, for as long as the listener at 127.0.0.1 lives.
fn closed_port() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port on loopback");
    let port = listener.local_addr().expect("its address").port();
    (listener, port)
}

#[test]
fn help_of_every_subcommand_is_as_it_was() {
    for (name, line) in [
        ("rst-storm", "--help"),
        ("run", "run --help"),
        ("server", "server --help"),
        ("client", "client --help"),
        ("compare", "compare --help"),
        ("explain", "explain --help"),
        ("causes", "causes --help"),
        ("trace", "trace --help"),
        ("lab", "lab --help"),
        ("lab-up", "lab up --help"),
        ("lab-down", "lab down --help"),
        ("lab-status", "lab status --help"),
    ] {
        let done = run(storm_line(line)).exits(0);
        assert_eq!(done.err, "", "{done}");
        insta::assert_snapshot!(format!("help-{name}"), done.out);
    }
}

#[test]
fn help_is_never_wider_than_the_terminal_and_a_hundred_columns() {
    for width in ["60", "100", "300"] {
        for line in [
            "--help",
            "run --help",
            "server --help",
            "client --help",
            "compare --help",
            "explain --help",
            "causes --help",
            "trace --help",
            "lab --help",
        ] {
            let mut command = storm_line(line);
            command.env("COLUMNS", width);
            let widest = run(command).exits(0).out.lines().map(|line| line.chars().count()).max().unwrap_or(0);
            let bound = width.parse().unwrap_or(100).min(100);
            assert!(widest <= bound, "{line} at {width} columns is {widest} wide");
        }
    }
}

#[test]
fn every_option_of_the_specification_is_in_the_help() {
    for (subcommand, options) in [
        ("server", &["--port", "-p", "--duration", "-d", "--read-first", "--bind", "--close", "--json"][..]),
        (
            "client",
            &[
                "--host",
                "-H",
                "--port",
                "-p",
                "--duration",
                "-d",
                "--rate",
                "-r",
                "--send-data",
                "--concurrency",
                "--count",
                "--timeout",
                "--source",
                "--allow-public-target",
                "--json",
            ][..],
        ),
        (
            "run",
            &[
                "--auto",
                "--duration",
                "--rate",
                "--count",
                "--concurrency",
                "--timeout",
                "--read-first",
                "--send-data",
                "--port",
                "--close",
                "--pcap",
                "--json",
                "--keep",
                "--named",
            ][..],
        ),
        (
            "explain",
            &[
                "--merge",
                "--format",
                "--all",
                "--only",
                "--host",
                "--port",
                "--cause",
                "--frame",
                "--from",
                "--to",
                "--annotate",
                "--fail-on",
                "--strict",
                "--max-flows",
            ][..],
        ),
        ("causes", &["--format"][..]),
        ("trace", &["--pid", "--host", "--port", "--reason", "--stack", "--duration", "-d", "--count", "--format"][..]),
        ("compare", &["--count", "--bytes", "--rounds", "--format"][..]),
    ] {
        let help = run(storm([subcommand, "--help"])).exits(0).out;
        for option in options.iter().chain(&["-v", "--verbose", "-q", "--quiet", "--color"]) {
            let is_there = help.split([' ', ',', '\n']).any(|word| word == *option);
            assert!(is_there, "rst-storm {subcommand} --help lacks {option}:\n{help}");
        }
    }
}

#[test]
fn the_version_is_printed_by_both_its_options() {
    for option in ["--version", "-V"] {
        Command::new(common::BINARY)
            .arg(option)
            .assert()
            .success()
            .stdout(format!("rst-storm {}\n", env!("CARGO_PKG_VERSION")));
    }
}

#[test]
fn a_rate_duration_or_timeout_that_is_no_positive_number_is_wrong_usage() {
    for command in ["client --host 127.0.0.1", "run --auto"] {
        for option in ["--rate", "--duration", "--timeout"] {
            for value in ["0", "0.0", "-1", "-0.5", "nan", "NaN", "inf", "-inf", "infinity", "1e3", "ten", "", "1,5"] {
                let text = fails_at_once(&format!("{command} {option}={value}"), 2);
                assert!(text.contains(option), "{command} {option}={value}: {text}");
            }
        }
    }
    for command in ["server", "trace"] {
        for value in ["0", "-1", "nan", "inf", "ten"] {
            let text = fails_at_once(&format!("{command} --duration={value}"), 2);
            assert!(text.contains("--duration"), "{command} --duration={value}: {text}");
        }
    }
}

/// Whether the kernel has a reason is known to those alone who may read its tracepoints; what can be none is told to all.
#[test]
fn what_can_be_no_reason_of_the_kernels_is_told_before_any_privilege_is() {
    for reason in ["", "tcp_state", "TCP-STATE", "TCP STATE", "TCP_STATE,NO_SOCKET", "*", "TCP_STÄTE"] {
        let done = run(storm(["trace", "--duration", "0.1", "--reason", reason])).exits(2);
        assert!(done.err.contains("--reason") && done.err.contains("as TCP_STATE has"), "{reason:?}: {done}");
        assert_eq!(done.out, "", "{reason:?}: {done}");
    }
}

#[test]
fn a_count_port_or_concurrency_out_of_range_is_wrong_usage() {
    for (line, option) in [
        ("client --host 127.0.0.1 --count 0", "--count"),
        ("client --host 127.0.0.1 --count=-1", "--count"),
        ("client --host 127.0.0.1 --count 1.5", "--count"),
        ("client --host 127.0.0.1 --rate max --concurrency 0", "--concurrency"),
        ("client --host 127.0.0.1 --rate max --concurrency=-2", "--concurrency"),
        ("client --host 127.0.0.1 --port 0", "--port"),
        ("client --host 127.0.0.1 --port 65536", "--port"),
        ("client --host 127.0.0.1 --source nowhere", "--source"),
        ("run --port 0", "--port"),
        ("run --port 65536", "--port"),
        ("run --count 0", "--count"),
        ("run --close gently", "--close"),
        ("run --backlog=-1", "--backlog"),
        ("trace --pid 0", "--pid"),
        ("trace --pid=-1", "--pid"),
        ("trace --host nowhere", "--host"),
        ("trace --port 65536", "--port"),
        ("trace --count 0", "--count"),
        ("trace --format xml", "--format"),
        ("server --port 65536", "--port"),
        ("server --close gently", "--close"),
        ("server --bind nowhere", "--bind"),
        ("server --backlog=-1", "--backlog"),
        ("server --color sometimes", "--color"),
    ] {
        let text = fails_at_once(line, 2);
        assert!(text.contains(option), "rst-storm {line}: {text}");
    }
}

#[test]
fn an_unknown_close_mode_is_told_the_known_ones() {
    for command in ["server", "run"] {
        let text = fails_at_once(&format!("{command} --close gently"), 2);
        assert!(text.contains("rst, fin, hold"), "{text}");
    }
}

#[test]
fn concurrency_goes_with_the_rate_max_alone() {
    for line in [
        "client --host 127.0.0.1 --concurrency 4",
        "client --host 127.0.0.1 --rate 10 --concurrency 4",
        "run --auto --rate 10 --concurrency 4",
    ] {
        assert!(fails_with_one_line(line, 2).contains("--rate max"));
    }
}

#[test]
fn an_unknown_scenario_is_told_what_exists() {
    for scenario in ["tcp-lifecycle/rst-storms", "nonsense", "../tcp-lifecycle/rst-storm"] {
        let text = fails_with_one_line(&format!("run {scenario} --auto"), 2);
        assert!(text.contains(scenario) && text.contains("tcp-lifecycle/rst-storm"), "{text}");
    }
}

#[test]
fn a_missing_or_unknown_subcommand_is_wrong_usage() {
    for line in ["", "storm", "lab", "lab sideways", "client --host 127.0.0.1 --quiet --verbose", "server extra"] {
        fails_at_once(line, 2);
    }
}

#[test]
fn what_may_not_be_stormed_is_refused() {
    for (host, word) in [
        ("8.8.8.8", "public"),
        ("172.32.0.1", "public"),
        ("100.128.0.1", "public"),
        ("2001:db8::1", "public"),
        ("::ffff:8.8.8.8", "public"),
        ("[::ffff:8.8.8.8]", "public"),
        ("224.0.0.1", "multicast"),
        ("239.255.255.250", "multicast"),
        ("ff02::1", "multicast"),
        ("::ffff:224.0.0.1", "multicast"),
        ("255.255.255.255", "broadcast"),
        ("0.0.0.0", "unspecified"),
        ("0.1.2.3", "unspecified"),
        ("::", "unspecified"),
        ("::ffff:0.0.0.0", "unspecified"),
    ] {
        let text = fails_with_one_line(&format!("client --host {host} --duration 0.1"), 2);
        assert!(text.contains(host) && text.contains(word), "{host}: {text}");
        assert_eq!(text.contains("--allow-public-target"), word == "public", "{host}: {text}");
    }
}

/// Only kinds that no flag permits are tried here: with the flag a public address would be stormed.
#[test]
fn the_flag_for_public_targets_permits_no_other_kind() {
    for host in ["224.0.0.1", "255.255.255.255", "0.0.0.0", "::", "ff02::1", "::ffff:255.255.255.255"] {
        fails_with_one_line(&format!("client --host {host} --allow-public-target --duration 0.1"), 2);
    }
}

#[test]
fn a_host_that_does_not_resolve_is_wrong_usage() {
    for host in ["256.256.256.256", "no-such-host.invalid", "1.2.3.4.5"] {
        let text = fails_with_one_line(&format!("client --host {host}"), 2);
        assert!(text.contains(host), "{text}");
    }
}

#[test]
fn a_client_without_a_host_outside_the_lab_sends_nothing_and_names_the_lab() {
    for options in ["", "--port 1234", "--allow-public-target"] {
        let text = fails_with_one_line(&format!("client {options}"), 3);
        for part in ["10.0.1.2", "lab up", "ip netns exec pp-source", "--host"] {
            assert!(text.contains(part), "{part} is missing: {text}");
        }
    }
}

#[test]
fn a_source_that_is_not_ours_or_of_another_family_is_wrong_usage() {
    for source in ["192.0.2.1", "::1"] {
        let text = fails_with_one_line(&format!("client --host 127.0.0.1 --source {source}"), 2);
        assert!(text.contains("--source") && text.contains(source), "{text}");
    }
}

#[test]
fn a_bind_address_that_is_not_ours_is_wrong_usage() {
    let text = fails_with_one_line("server --bind 192.0.2.1 --port 0", 2);
    assert!(text.contains("--bind") && text.contains("192.0.2.1"), "{text}");
}

#[test]
fn a_file_that_cannot_be_written_is_told_before_anything_begins() {
    let folder = Folder::new();
    let directory = folder.path().display();
    for path in [format!("{directory}/missing/result"), directory.to_string()] {
        for line in [
            format!("client --host 127.0.0.1 --json {path}"),
            format!("server --port 0 --json {path}"),
            format!("run --auto --json {path}"),
            format!("run --auto --pcap {path}"),
        ] {
            assert!(fails_with_one_line(&line, 2).contains(&path));
        }
    }
}

#[test]
fn a_full_disk_under_standard_output_is_told() {
    let (_kept, port) = closed_port();
    for line in [
        format!("client --host 127.0.0.2 --port {port} --rate 100 --duration 0.1"),
        "server --port 0 --duration 0.1".to_owned(),
    ] {
        let done = run(shell(&format!("exec \"$BIN\" {line} > /dev/full"))).exits(3);
        assert!(done.err.contains("No space left on device"), "{done}");
    }
}

#[test]
fn a_full_disk_under_the_json_file_is_told_after_the_report() {
    let (_kept, port) = closed_port();
    let client = format!("client --host 127.0.0.2 --port {port} --rate 100 --duration 0.2");
    let done = run(storm_line(&format!("{client} --json /dev/full"))).exits(3);
    assert!(done.out.contains("Total connection attempts: 20"), "the report is still printed\n{done}");
    assert!(done.err.contains("/dev/full"), "{done}");
    let done = run(shell(&format!("exec \"$BIN\" {client} --json - > /dev/full"))).exits(3);
    assert!(done.err.contains("Total connection attempts: 20"), "the text goes to standard error\n{done}");
}

/// With few descriptors there is a warning to be printed too.
#[test]
fn a_standard_error_that_cannot_be_written_changes_nothing_else() {
    let (_kept, port) = closed_port();
    let client = format!("client --host 127.0.0.2 --port {port} --rate 1000 --duration 0.02 --timeout 2");
    let told = run(shell(&format!("ulimit -n 256; exec \"$BIN\" {client}"))).exits(1);
    assert!(told.err.contains("warning"), "this test needs a warning to print\n{told}");
    for closing in ["2> /dev/full", "2>&-"] {
        let done = run(shell(&format!("ulimit -n 256; exec \"$BIN\" {client} {closing}"))).exits(1);
        assert!(done.out.contains("Total connection attempts: 20"), "{closing}: {done}");
    }
    run(shell("exec \"$BIN\" client --host 8.8.8.8 2> /dev/full")).exits(2);
}

#[test]
fn a_reader_that_goes_away_ends_the_storm_without_a_word() {
    let (_kept, port) = closed_port();
    let folder = Folder::new();
    let json = folder.file("result.json");
    let mut command = storm_line(&format!("client --host 127.0.0.2 --port {port} --rate 50 --duration 50"));
    command.arg("--json").arg(&json).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("start the client");
    let mut first = String::new();
    // The reader takes one line and goes.
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut first).expect("a first line");
    assert!(first.starts_with("Connecting to 127.0.0.2"), "{first}");
    let output = child.wait_with_output().expect("its end");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "a broken pipe is silent");
    assert_eq!(output.status.code(), Some(1), "the checks decide: every connection was refused");
    let document = read_json(&json);
    assert_eq!(document["interrupted"], true, "{document:#}");
    let attempts = number(&document, "/outcomes/attempts");
    assert!((1..2500).contains(&attempts), "{attempts} attempts, though nobody read any more");
    common::check_client_sums(&document);
}

#[test]
fn a_help_text_that_nobody_reads_is_no_error() {
    let done = run(shell("\"$BIN\" run --help | true")).exits(0);
    assert_eq!(done.err, "", "{done}");
}

fn escapes(done: &Done) -> (usize, usize) {
    (done.out.matches("\x1b[").count(), done.err.matches("\x1b[").count())
}

#[test]
fn colour_comes_only_where_it_is_wanted() {
    let (_kept, port) = closed_port();
    let client = format!("client --host 127.0.0.2 --port {port} --rate 100 --duration 0.02");
    let with = |options: &str, setting: Option<&str>| {
        let mut command = storm_line(&format!("{client} {options}"));
        if let Some(value) = setting {
            command.env("NO_COLOR", value);
        }
        run(command).exits(1)
    };
    assert_eq!(escapes(&with("", None)), (0, 0), "auto, and no terminal");
    assert_eq!(escapes(&with("--color auto", None)), (0, 0), "auto, and no terminal");
    assert_eq!(escapes(&with("--color never", None)), (0, 0));
    assert_eq!(escapes(&with("", Some("1"))), (0, 0));
    let coloured = with("--color always", None);
    assert_eq!(escapes(&coloured), (6, 0), "three marks, each on and off\n{coloured}");
    assert!(coloured.out.contains("[\x1b[31mFAIL\x1b[0m] RST received: No RSTs received"), "{coloured}");
    assert_eq!(escapes(&with("--color always", Some("1"))), (6, 0), "what is typed goes before NO_COLOR");
    assert_eq!(escapes(&with("--color always --json -", None)), (0, 6), "the text is on standard error");
}

#[test]
fn quiet_says_only_what_failed_and_verbose_says_more() {
    let (_kept, port) = closed_port();
    let client = format!("client --host 127.0.0.2 --port {port} --rate 100 --duration 0.02");
    let quiet = run(storm_line(&format!("{client} -q"))).exits(1);
    let lines: Vec<&str> = quiet.out.lines().collect();
    assert_eq!(lines.len(), 3, "{quiet}");
    assert!(lines.iter().all(|line| line.starts_with("  [FAIL] ")), "{quiet}");
    assert_eq!(quiet.err, "");
    let plain = run(storm_line(&client)).exits(1);
    let verbose = run(storm_line(&format!("-v {client}"))).exits(1);
    for extra in ["Address: 127.0.0.2", "Processor time: "] {
        assert!(verbose.out.contains(extra) && !plain.out.contains(extra), "{extra}: {verbose}");
    }
}

#[test]
fn no_home_and_an_empty_environment_are_enough() {
    let (_kept, port) = closed_port();
    let mut command = storm_line(&format!("client --host 127.0.0.2 --port {port} --rate 100 --duration 0.02"));
    command.env_clear();
    let done = run(command).exits(1);
    assert!(done.out.contains("Total connection attempts: 2"), "{done}");
    assert_eq!(done.err, "");
    let mut command = storm_line("server --port 0 --duration 0.1");
    command.env_clear();
    let done = run(command).exits(1);
    assert!(done.out.contains("Total connections: 0"), "{done}");
}

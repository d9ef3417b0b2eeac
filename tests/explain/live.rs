//! Standard input: verdicts while it is still open, and every way in which it ends.

use std::io::{BufRead, BufReader, PipeWriter, Write, pipe};
use std::process::Stdio;

use rustix::process::Signal;
use serde_json::Value;

use crate::captures::{Captures, check_width, plain};
use crate::common::{Done, Running, run};
use crate::encode::{Framed, frames, gzip, pcap};
use crate::turns::{CLOSED, RESET, mixed, storm};

/// A reset, and a minute later the SYN of another connection.
fn reset_and_a_minute() -> String {
    format!("{RESET}\n+1m\nclient 10.0.0.9:50000\n> S 100\n")
}

/// The octets of one frame in a pcap file that is already begun.
fn records(frames: &[Framed]) -> Vec<u8> {
    pcap(frames).split_off(24)
}

/// The program with standard input open, and the end to write to.
fn start(words: &str) -> (Running, PipeWriter) {
    let (reader, writer) = pipe().expect("a pipe");
    let mut command = Captures::new().command(words);
    command.current_dir("/").stdin(reader);
    (Running::start(command), writer)
}

#[test]
fn a_verdict_comes_before_the_input_ends() {
    let made = frames(&reset_and_a_minute());
    for (words, verdict) in [("-", "by responder (likely): linger-zero"), ("--format ndjson -", "\"linger-zero\"")] {
        let (mut running, mut writer) = start(words);
        writer.write_all(&pcap(&made[..2])).expect("it reads");
        writer.write_all(&records(&made[2..4])).expect("it reads");
        writer.write_all(&records(&made[4..])).expect("it reads");
        running.await_line(verdict);
        assert!(!running.has_ended(), "{words}: the pipe is still open");
        drop(writer);
        let done = running.finish().exits(0);
        assert_eq!(done.err, "", "{done}");
        assert!(done.out.contains(if words == "-" { "\nConnections 2, reset 1" } else { "\"summary\"" }), "{done}");
    }
}

#[test]
fn what_comes_in_pieces_is_what_comes_whole() {
    let captures = Captures::of(&mixed());
    let octets = captures.octets("a.pcap");
    let renamed = |text: String| text.replace("a.pcap", "-");
    for (words, octets) in [
        ("--all", octets.clone()),
        ("--all", gzip(&octets)),
        ("--format ndjson", octets.clone()),
        ("--format json", octets),
    ] {
        let (running, mut writer) = start(&format!("{words} -"));
        for piece in octets.chunks(97) {
            writer.write_all(piece).expect("it reads");
        }
        drop(writer);
        let done = running.finish().exits(0);
        assert_eq!(done.out, renamed(captures.text(&format!("{words} a.pcap"))), "{words}");
        assert_eq!(done.err, "");
    }
}

#[test]
fn text_from_standard_input_lists_each_reset() {
    let (running, mut writer) = start("-");
    writer.write_all(&pcap(&frames(&storm(3)))).expect("it reads");
    drop(writer);
    let text = running.finish().exits(0).out;
    assert_eq!(text, Captures::of(&storm(3)).text("--all a.pcap").replace("a.pcap", "-"));
    check_width(&text);
}

#[test]
fn an_interrupt_ends_with_the_summary() {
    for signal in [Signal::INT, Signal::TERM] {
        // The line of a document ends when the next one begins: the first is what there is to wait for.
        for (words, line, end) in [
            ("-", "linger-zero", "\nConnections 2, reset 1 (50 %); resets 1\n"),
            ("--format json -", "\"records\":[", "\n]}\n"),
        ] {
            let (mut running, mut writer) = start(words);
            writer.write_all(&pcap(&frames(&reset_and_a_minute()))).expect("it reads");
            running.await_line(line);
            running.signal(signal);
            let done = running.finish().exits(0);
            assert!(done.out.contains(end) && done.err.is_empty(), "{words}: {done}");
            if words != "-" {
                assert_eq!(done.json()["records"][0]["type"], "connection");
            }
            drop(writer);
        }
    }
}

/// Nothing at all has come yet.
#[test]
fn an_interrupt_before_the_first_octet_is_a_clean_end() {
    for (words, out) in [("-", ""), ("--format json -", "{\"schema\":\"rst-storm/explain/1\",\"records\":[\n]}\n")] {
        let (reader, writer) = pipe().expect("a pipe");
        let mut command = Captures::new().command(words);
        command.current_dir("/").stdin(reader);
        let running = Running::start(command);
        wait_until_signals_are_watched(running.id());
        running.signal(Signal::INT);
        let done = running.finish().exits(0);
        assert_eq!((plain(&done.out).as_str(), done.err.as_str()), (out, ""), "{done}");
        drop(writer);
    }
}

/// Waits until the process has handlers for SIGINT and SIGTERM, or blocks them.
fn wait_until_signals_are_watched(id: u32) {
    let watches = |status: &str| {
        let mask = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("0");
            u64::from_str_radix(line.trim(), 16).unwrap_or(0)
        };
        (mask("SigCgt:") | mask("SigBlk:")) & (1 << 1) != 0
    };
    let until = std::time::Instant::now() + crate::common::PATIENCE;
    while !std::fs::read_to_string(format!("/proc/{id}/status")).is_ok_and(|status| watches(&status)) {
        assert!(std::time::Instant::now() < until, "it never watches for signals");
        std::thread::yield_now();
    }
}

#[test]
fn a_reader_that_goes_away_ends_it_without_a_word() {
    let captures = Captures::of(&storm(2_000));
    for words in ["--all a.pcap", "--format ndjson a.pcap", "--format json a.pcap"] {
        let mut command = captures.command(words);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("start it");
        let mut first = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut first).expect("a first line");
        assert!(!first.is_empty());
        let output = child.wait_with_output().expect("its end");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{words}: a broken pipe is silent");
        assert_eq!(output.status.code(), Some(0), "{words}");
    }
}

/// Whoever writes must be told by a broken pipe that nobody reads any more.
#[test]
fn a_reader_that_goes_away_ends_a_live_one_too() {
    let (reader, mut writer) = pipe().expect("a pipe");
    let mut command = Captures::new().command("--format ndjson -");
    command.current_dir("/").stdin(reader).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("start it");
    drop(command);
    drop(child.stdout.take());
    let made = frames(&reset_and_a_minute());
    writer.write_all(&pcap(&made)).expect("it reads");
    let mut later = made[4].clone();
    let mut written = 0_u64;
    // More than any pipe holds: it goes on only while somebody reads.
    while written < 1 << 24 {
        later.at.0 += 60_000_000_000;
        let octets = records(&[later.clone()]);
        match writer.write_all(&octets) {
            Ok(()) => written += octets.len() as u64,
            Err(error) => {
                assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
                break;
            }
        }
    }
    drop(writer);
    let output = child.wait_with_output().expect("its end");
    assert_eq!((String::from_utf8_lossy(&output.stderr).as_ref(), output.status.code()), ("", Some(0)));
    assert!(written < 1 << 24, "it read on though nobody wanted to know");
}

#[test]
fn standard_input_that_is_no_capture_is_told() {
    for (octets, says) in [(&b""[..], "- is empty"), (b"nonsense", "- is neither pcap nor pcapng")] {
        let (running, mut writer) = start("-");
        writer.write_all(octets).expect("it reads");
        drop(writer);
        let done = running.finish().exits(2);
        assert!(done.out.is_empty() && done.err.contains(says), "{done}");
    }
}

#[test]
fn standard_input_is_one_of_several() {
    let captures = Captures::of(CLOSED);
    captures.put("b.pcap", &pcap(&frames(RESET)));
    let told = |words: &str| -> Done {
        let mut command = captures.command(words);
        command.stdin(std::fs::File::open(captures.path("b.pcap")).expect("a file"));
        run(command).exits(0)
    };
    let both = told("--format ndjson a.pcap -").out;
    let types: Vec<Value> = crate::captures::lines(&both).iter().map(|record| record["file"].clone()).collect();
    assert_eq!((&types[0], types.contains(&"-".into())), (&"a.pcap".into(), true));
    assert_eq!(both, captures.text("--format ndjson a.pcap b.pcap").replace("b.pcap", "-"));
}

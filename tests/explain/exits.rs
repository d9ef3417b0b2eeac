//! Exit codes, and the one line that says why: 1 where nothing was found or a check failed, 2 where it was asked wrongly.

use std::os::unix::fs::symlink;

use crate::captures::Captures;
use crate::common::{run, shell};
use crate::encode::{frames, gzip, pcap};
use crate::turns::{CLOSED, REFUSED, RESET, UNANSWERED, mixed};

/// It must fail with `code`, with no text and one line about it.
#[track_caller]
fn fails(captures: &Captures, words: &str, code: i32) -> String {
    let done = captures.explain(words, code);
    assert_eq!(done.out, "", "{words}: {done}");
    let is_one = done.err.lines().count() == 1 && done.err.starts_with("rst-storm: ");
    assert!(is_one, "{words}: {done}");
    done.err
}

/// A Linux that resets although data lies unread, whatever the causes are called that say so.
const ODD: &str = "
    > S 100
    < SA 300 ack 101
    > A 101 ack 301
    < R 9999999 ack 7 win 5";

#[test]
fn what_was_found_decides_nothing_unless_that_is_asked_for() {
    for conversation in [RESET, REFUSED, CLOSED, UNANSWERED, ODD] {
        Captures::of(conversation).text("a.pcap");
    }
}

#[test]
fn fail_on_fails_on_what_it_names() {
    for (conversation, any, harmful, unexplained) in
        [(CLOSED, 0, 0, 0), (REFUSED, 1, 0, 0), (RESET, 1, 0, 0), (UNANSWERED, 1, 1, 0)]
    {
        let captures = Captures::of(conversation);
        for (what, code) in [("any", any), ("harmful", harmful), ("unexplained", unexplained)] {
            let done = captures.explain(&format!("--fail-on {what} a.pcap"), code);
            assert_eq!(done.err, "", "{done}");
            assert_eq!(done.out, captures.text("a.pcap"), "the text is the same");
        }
    }
}

#[test]
fn fail_on_unexplained_goes_by_the_sum_of_the_records() {
    for conversation in [ODD, RESET] {
        let captures = Captures::of(conversation);
        let sum = captures.records_of("summary", "a.pcap")[0]["unexplained"].as_u64().expect("a sum");
        captures.explain("--fail-on unexplained a.pcap", i32::from(sum > 0));
    }
}

#[test]
fn several_captures_fail_if_one_does() {
    let captures = Captures::of(REFUSED);
    captures.put("b.pcap", &pcap(&frames(CLOSED)));
    for words in ["a.pcap b.pcap", "b.pcap a.pcap", "--merge a.pcap b.pcap"] {
        captures.explain(&format!("--fail-on any {words}"), 1);
        captures.explain(&format!("--fail-on harmful {words}"), 0);
    }
}

#[test]
fn a_filter_that_finds_nothing_is_told() {
    let captures = Captures::of(CLOSED);
    let filters = [
        "--only resets",
        "--host 10.9.9.9",
        "--host 2001:db8::9",
        "--port 1",
        "--cause linger-zero",
        "--to 2000-01-01T00:00:00Z",
    ];
    for filter in filters {
        for format in ["", "--format json", "--format ndjson"] {
            let done = captures.explain(&format!("{filter} {format} a.pcap"), 1);
            assert_eq!(done.err, "rst-storm: warning: nothing in the capture is such as was asked for\n", "{filter}");
        }
    }
    captures.put("empty.pcap", &pcap(&[]));
    captures.explain("empty.pcap", 0);
}

#[test]
fn a_frame_that_is_no_reset_is_told() {
    let captures = Captures::of(RESET);
    let told = fails(&captures, "--frame 3 a.pcap", 1);
    assert!(told.contains("frame 3 is no reset") && told.contains("10.0.0.1:40000"), "{told}");
    let told = fails(&captures, "--frame 5 a.pcap", 1);
    assert!(told.contains("frame 5 is not there: a.pcap has 4 frames"), "{told}");
    let mut other = frames(RESET);
    other[1].data[12..14].copy_from_slice(&[0x08, 0x06]);
    captures.put("arp.pcap", &pcap(&other));
    let told = fails(&captures, "--frame 2 arp.pcap", 1);
    assert!(told.contains("frame 2 holds no TCP segment"), "{told}");
    captures.explain("--frame 0 a.pcap", 2);
    captures.explain("--frame -1 a.pcap", 2);
    let done = captures.explain("--frame 4 --host 10.9.9.9 a.pcap", 1);
    assert_eq!(done.out, "", "it is none of that host's");
}

#[test]
fn inputs_that_cannot_be_read_are_told() {
    let captures = Captures::of(RESET);
    captures.put("empty", b"");
    captures.put("text", b"no capture at all");
    captures.put("twice.gz", &gzip(&gzip(&captures.octets("a.pcap"))));
    captures.put("short.gz", &gzip(&captures.octets("a.pcap"))[..12]);
    for (name, says) in [
        ("missing", "No such file"),
        (".", "is a directory"),
        ("empty", "is empty"),
        ("text", "neither pcap nor pcapng"),
        ("twice.gz", "gzip"),
        ("short.gz", "short.gz"),
    ] {
        for others in ["", "a.pcap", "--merge a.pcap", "--format json a.pcap", "--frame 4", "--annotate out"] {
            let told = fails(&captures, &format!("{others} {name}"), 2);
            let is_about_two = others.starts_with("--") && others.len() < 20 && told.contains("goes with one");
            assert!(told.contains(says) || is_about_two, "{others} {name}: {told}");
        }
        assert!(!captures.path("out").exists(), "{name}");
    }
}

#[test]
fn what_is_typed_wrongly_is_told() {
    let captures = Captures::of(RESET);
    for (words, says) in [
        ("--cause nonsense", "linger-zero"),
        ("--from yesterday", "not a time"),
        ("--to +", "not a time"),
        ("--from 2026-13-01T00:00:00Z", "not a time"),
        ("--host nowhere", "--host"),
        ("--port 65536", "--port"),
        ("--only fins", "resets"),
        ("--fail-on nothing", "harmful"),
        ("--format xml", "ndjson"),
        ("--max-flows 0", "at least one"),
        ("--max-flows many", "not a number"),
        ("--from +2 --to +1", "--from lies after --to"),
        ("--from 1000000001 --to 1000000000", "--from lies after --to"),
        ("--from 2001-09-09T01:46:41Z --to +0.5", "--from lies after --to"),
        ("-q -v", "--verbose"),
    ] {
        let done = captures.explain(&format!("{words} a.pcap"), 2);
        assert!(done.out.is_empty() && done.err.contains(says), "{words}: {done}");
    }
    captures.explain("", 2);
    // Nothing is wrong with it, and nothing in it.
    captures.explain("--from +1 --to +1 a.pcap", 1);
}

#[test]
fn what_has_to_be_read_twice_is_one_file() {
    let captures = Captures::of(RESET);
    for option in ["--frame 4", "--annotate out.pcapng"] {
        assert!(fails(&captures, &format!("{option} -"), 2).contains("standard input"));
        assert!(fails(&captures, &format!("{option} a.pcap a.pcap"), 2).contains("goes with one capture"));
    }
    assert!(fails(&captures, "--from +1 -", 2).contains("standard input"));
    assert!(fails(&captures, "- -", 2).contains("more than once"));
    assert!(!captures.path("out.pcapng").exists());
}

#[test]
fn the_capture_itself_is_never_written_over() {
    let captures = Captures::of(RESET);
    let before = captures.octets("a.pcap");
    std::fs::hard_link(captures.path("a.pcap"), captures.path("hard.pcap")).expect("a link");
    symlink("a.pcap", captures.path("soft.pcap")).expect("a link");
    for out in ["a.pcap", "./a.pcap", "hard.pcap", "soft.pcap"] {
        let told = fails(&captures, &format!("--annotate {out} a.pcap"), 2);
        assert!(told.contains("is the capture itself"), "{out}: {told}");
        assert_eq!(captures.octets("a.pcap"), before, "{out}");
    }
    let told = fails(&captures, "--annotate a.pcap soft.pcap", 2);
    assert!(told.contains("is the capture itself") && captures.octets("a.pcap") == before, "{told}");
}

#[test]
fn an_output_that_cannot_be_written_is_told_first() {
    let captures = Captures::of(RESET);
    for out in ["missing/out.pcapng", "."] {
        assert!(fails(&captures, &format!("--annotate {out} a.pcap"), 2).contains("cannot write"), "{out}");
    }
    let done = captures.explain("--annotate /dev/full a.pcap", 3);
    assert!(done.err.contains("No space left on device"), "{done}");
}

/// A capture that is not written is not begun either.
#[test]
fn wrong_usage_leaves_no_empty_output() {
    let captures = Captures::of(RESET);
    fails(&captures, "--annotate out.pcapng --from +2 --to +1 a.pcap", 2);
    assert!(!captures.path("out.pcapng").exists());
}

#[test]
fn a_cut_capture_is_explained_and_under_strict_refused() {
    let captures = Captures::of(&mixed());
    let whole = captures.octets("a.pcap");
    captures.put("cut.pcap", &whole[..whole.len() - 3]);
    assert!(captures.text("cut.pcap").contains("damaged at octet"));
    let done = captures.explain("--strict cut.pcap", 2);
    assert!(done.out.contains("damaged at octet") && done.err.contains("cut.pcap is damaged"), "{done}");
    assert_eq!(done.err.lines().count(), 1, "{done}");
    captures.explain("--strict a.pcap", 0);
    captures.explain("--strict a.pcap cut.pcap", 2);
    captures.explain("--strict --merge cut.pcap a.pcap", 2);
    captures.put("cut.gz", &gzip(&whole)[..whole.len() / 8]);
    captures.explain("--strict --format json cut.gz", 2);
    captures.explain("cut.gz", 0);
}

#[test]
fn a_full_disk_under_the_text_is_told() {
    let captures = Captures::of(&mixed());
    let folder = captures.path("");
    for words in ["a.pcap", "--all a.pcap", "--frame 4 a.pcap", "--format ndjson a.pcap", "--format json a.pcap"] {
        let script = format!("cd {} && exec \"$BIN\" explain {words} > /dev/full", folder.display());
        let done = run(shell(&script)).exits(3);
        let is_one = done.err.lines().count() == 1 && done.err.contains("No space left on device");
        assert!(is_one, "{words}: {done}");
    }
}

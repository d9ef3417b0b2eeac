//! A trace beside a capture: what `--kernel` adds to each form, when it fails, and what it can't be.

use std::io::Write;
use std::process::Stdio;

use rst_storm::report::explain::kernel::{HeardTally, TraceSums};
use rst_storm::report::explain::layout::Page;
use rst_storm::report::style::Style;
use rst_storm::watch::KernelEvents;
use rst_storm_core::explain::{KernelWitness, Watched};
use rst_storm_core::testing::BEGINNING;
use serde_json::{Value, json};

use crate::captures::Captures;
use crate::common::{check_schema, run, schema_faults, storm_line};
use crate::encode::{Framed, frames, pcap, pcapng};
use crate::turns::{CLOSED, REFUSED, RESET};

/// A moment, so many nanoseconds after the conversations' beginning, as a trace has it.
fn moment(after: i64) -> String {
    let at = BEGINNING.checked_add_signed(after).expect("a time");
    humantime::format_rfc3339_nanos(std::time::UNIX_EPOCH + std::time::Duration::from_nanos(at)).to_string()
}

const HOUR: i64 = 3_600_000_000_000;
const SECOND: i64 = 1_000_000_000;
const MILLISECOND: i64 = 1_000_000;

/// What was watched, from a second before the conversations on.
fn head() -> Value {
    json!({"type": "trace", "schema": "rst-storm/trace/1", "kernel": "6.18.44", "since": moment(-SECOND),
        "clock": {"source": "CLOCK_MONOTONIC", "error_ns": 46},
        "watched": {"taken": false, "deaths": true, "stacks": true, "reasons": ["NOT_SPECIFIED", "TCP_STATE"]},
        "filter": null})
}

/// A reset by SO_LINGER 0, sent by the server of the conversations so much after their beginning.
fn lingered(port: u16, after: i64) -> Value {
    json!({"type": "reset", "schema": "rst-storm/trace/1", "at": moment(after), "cpu": 1, "direction": "sent",
        "source_h": "10.0.1.2", "source_p": 9999, "destination_h": "10.0.0.1", "destination_p": port,
        "reason": "TCP_STATE", "state": "TCP_CLOSE", "kind": "active", "has_socket": true, "context": "task",
        "pid": 41, "tid": 42, "comm": "server", "dying": false, "signal": null,
        "stack": ["tcp_disconnect", "__tcp_close"], "mechanisms": ["close-linger-zero"]})
}

/// Its end, an hour after the conversations' beginning.
fn tail() -> Value {
    json!({"type": "summary", "schema": "rst-storm/trace/1", "until": moment(HOUR), "sent": 1, "taken": 0,
        "left_out": 0, "lost": 0, "by_mechanism": []})
}

fn text(lines: &[Value]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn changed(mut record: Value, changes: &[(&str, Value)]) -> Value {
    for (pointer, value) in changes {
        *record.pointer_mut(pointer).expect("a member") = value.clone();
    }
    record
}

/// The conversation as a.pcap with these events of its server as events.ndjson.
fn traced(conversation: &str, events: &[Value]) -> Captures {
    let captures = Captures::of(conversation);
    put(&captures, events);
    captures
}

fn put(captures: &Captures, events: &[Value]) {
    let lines = [&[head()][..], events, &[tail()]].concat();
    captures.put("events.ndjson", text(&lines).as_bytes());
}

/// The words on all resets of a run.
#[track_caller]
fn words(captures: &Captures, line: &str) -> Vec<Value> {
    let records = captures.records(line);
    for record in &records {
        check_schema("explain", record);
    }
    let resets = records.iter().filter_map(|record| record["resets"].as_array()).flatten();
    resets.map(|reset| reset["kernel"].clone()).collect()
}

#[track_caller]
fn word(captures: &Captures) -> Value {
    let words = words(captures, "a.pcap --kernel events.ndjson");
    assert_eq!(words.len(), 1, "{words:#?}");
    words[0].clone()
}

/// The storm's reset comes three milliseconds after its SYN.
const SENT: i64 = 3 * MILLISECOND - 60_000;

/// The words that each case of the text and of the records is about.
fn cases() -> [(&'static str, Captures); 5] {
    let destroyed =
        changed(lingered(40000, SENT), &[("/state", json!("TCP_ESTABLISHED")), ("/stack", json!(["tcp_abort"]))]);
    let unread = changed(lingered(40000, SENT), &[("/reason", json!("TCP_ABORT_ON_CLOSE")), ("/stack", json!([]))]);
    let unknown = changed(lingered(40000, SENT), &[("/reason", json!("OF_NEXT_YEAR"))]);
    [
        ("agrees", traced(RESET, &[lingered(40000, SENT)])),
        ("narrows", traced(RESET, &[destroyed])),
        ("disagrees", traced(RESET, &[unread])),
        ("not-watched", traced(RESET, &[unknown])),
        ("silence", traced(RESET, &[lingered(50000, SENT)])),
    ]
}

#[test]
fn each_word_as_a_record() {
    let [(_, agrees), (_, narrows), (_, disagrees), (_, unknown), (_, silence)] = cases();
    assert_eq!(
        word(&agrees),
        json!({"check": "agrees", "reason": "TCP_STATE", "state": "TCP_CLOSE", "mechanisms": ["close-linger-zero"],
            "process": "server, pid 41", "allows": ["linger-zero"], "fused": ["linger-zero"],
            "fused_confidence": "certain", "why_not": null})
    );
    let word_of = |captures: &Captures| {
        let word = word(captures);
        (word["check"].clone(), word["fused"].clone(), word["fused_confidence"].clone())
    };
    assert_eq!(word_of(&narrows), (json!("narrows"), json!(["administrative-kill"]), json!("certain")));
    assert_eq!(word_of(&disagrees), (json!("disagrees"), json!([]), json!(null)));
    assert!(word(&disagrees)["allows"].as_array().expect("names").contains(&json!("abort-on-close")));
    assert_eq!(word_of(&unknown), (json!("not-watched"), json!([]), json!(null)));
    assert!(word(&unknown)["why_not"].as_str().expect("a reason").contains("OF_NEXT_YEAR"));
    assert_eq!(word_of(&silence), (json!("disagrees"), json!([]), json!(null)));
    assert!(word(&silence)["allows"].as_array().expect("names").contains(&json!("forged-exact")));
    let several = changed(lingered(40000, SENT), &[("/stack", json!([]))]);
    let several = traced(RESET, &[several]);
    assert_eq!(word_of(&several), (json!("narrows"), json!(["disconnect", "linger-zero"]), json!("likely")));
}

#[test]
fn each_word_in_text() {
    let mut told = String::new();
    for (name, captures) in cases() {
        let text = captures.text("--all a.pcap --kernel events.ndjson");
        let each = &text[..text.find("\na.pcap\n").expect("the input's heading")];
        let section = &text[text.find("THE KERNEL'S WORD").expect("a section of its own")..];
        assert!(text.ends_with(&captures.text("a.pcap --kernel events.ndjson")), "{text}");
        let story = captures.text("--frame 4 a.pcap --kernel events.ndjson");
        let at = story.find("  kernel").expect("the kernel's word in the story");
        let end = story[at..].find("\n\n").map_or(story.len(), |end| at + end);
        told.push_str(&format!("--- {name}\n{each}...\n{section}...\n{}\n\n", &story[at..end]));
    }
    insta::assert_snapshot!(told);
}

#[test]
fn events_that_belong_to_no_reset_are_counted() {
    let captures = traced(RESET, &[lingered(40000, SENT), lingered(50000, SENT), lingered(50001, SENT)]);
    for files in ["a.pcap", "a.pcap a.pcap"] {
        let line = format!("{files} --kernel events.ndjson");
        let summaries = captures.records_of("summary", &line);
        let last = summaries.last().expect("a summary");
        check_schema("explain", last);
        assert_eq!(last["kernel"], json!({"events": 3, "unclaimed": 2, "not_kept": 0}), "{line}");
        let text = captures.text(&line);
        let flowing = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flowing.contains("events 2 of the trace's 3 belong to no reset that is told here"), "{line}: {text}");
        let without = json!({"events": 3, "unclaimed": 2});
        let negative = json!({"events": 3, "unclaimed": 2, "not_kept": -1});
        for wrong in [without, negative, json!({"events": 3, "unclaimed": -1, "not_kept": 0}), json!(null)] {
            let mut record = last.clone();
            record["kernel"] = wrong;
            assert_ne!(schema_faults("explain", &record), [""; 0], "{record:#}");
        }
    }
    let none_left = traced(RESET, &[lingered(40000, SENT)]);
    let summaries = none_left.records_of("summary", "a.pcap --kernel events.ndjson");
    assert_eq!(summaries[0]["kernel"], json!({"events": 1, "unclaimed": 0, "not_kept": 0}));
    assert!(!none_left.text("a.pcap --kernel events.ndjson").contains("belong to no reset"));
}

/// A trace of more events than are kept, as text and as JSON.
#[test]
fn what_is_not_kept_of_a_trace_is_said() {
    let lines = [head(), lingered(40000, SENT), lingered(40001, 2 * SECOND), lingered(40002, SECOND), tail()];
    let events = KernelEvents::read_up_to(1, text(&lines).as_bytes()).expect("a trace");
    let watched = Watched { beyond: events.beyond, ..Watched::default() };
    let witness = KernelWitness::new(watched, events.resets, None);
    let told = HeardTally::default().text(&witness, &Page::new(Style::Plain));
    let flowing = told.split_whitespace().collect::<Vec<_>>().join(" ");
    let since = moment(SECOND).replace("000Z", "Z");
    let said = format!("2 more of the trace, from {since} on, are not kept: no silence from then on is a word");
    assert!(flowing.contains(&said), "{told}");
    let sums = serde_json::to_value(TraceSums::of(&witness)).expect("JSON");
    assert_eq!(sums, json!({"events": 1, "unclaimed": 1, "not_kept": 2}));
}

#[test]
fn without_a_trace_nothing_is_said_of_the_kernel() {
    let captures = Captures::of(RESET);
    assert!(!captures.text("--all a.pcap").contains("KERNEL'S WORD"));
    assert!(words(&captures, "a.pcap").iter().all(Value::is_null));
    let told = traced(CLOSED, &[lingered(40000, SENT)]).text("a.pcap --kernel events.ndjson");
    assert!(told.contains("THE KERNEL'S WORD") && told.contains("no reset"), "{told}");
}

#[test]
fn the_wires_verdict_is_the_same_with_and_without_a_trace() {
    for (name, captures) in cases() {
        let mut with = captures.records("a.pcap --kernel events.ndjson");
        for reset in with.iter_mut().filter_map(|record| record.get_mut("resets")?.as_array_mut()).flatten() {
            assert!(reset.as_object_mut().expect("a reset").remove("kernel").is_some(), "{name}");
        }
        for summary in with.iter_mut().filter(|record| record["type"] == "summary") {
            assert!(summary.as_object_mut().expect("a summary").remove("kernel").is_some(), "{name}");
        }
        assert_eq!(with, captures.records("a.pcap"), "{name}");
    }
}

#[test]
fn the_document_has_the_same_records() {
    for (_, captures) in cases() {
        let text = captures.text("a.pcap --kernel events.ndjson --format json");
        let document: Value = serde_json::from_str(&text).expect("one document");
        check_schema("explain", &document);
        assert_eq!(document["records"], json!(captures.records("a.pcap --kernel events.ndjson")));
    }
}

#[test]
fn a_word_that_was_tampered_with_is_found() {
    let [(_, captures), ..] = cases();
    let records = captures.records("a.pcap --kernel events.ndjson");
    let record = records.iter().find(|record| record["type"] == "connection").expect("a connection");
    assert_eq!(schema_faults("explain", record), [""; 0]);
    let members: Vec<String> = word(&captures).as_object().expect("an object").keys().cloned().collect();
    for member in members {
        let mut missing = record.clone();
        missing["resets"][0]["kernel"].as_object_mut().expect("an object").remove(&member);
        assert_ne!(schema_faults("explain", &missing), [""; 0], "without {member}");
        let mut wrong = record.clone();
        wrong["resets"][0]["kernel"][&member] = json!([[1]]);
        assert_ne!(schema_faults("explain", &wrong), [""; 0], "with a wrong {member}");
    }
    for (member, value) in [
        ("extra", json!(null)),
        ("check", json!("perhaps")),
        ("check", json!("not-watched")),
        ("fused_confidence", json!("likely")),
        ("fused", json!([])),
        ("fused", json!(["linger-zero", "disconnect"])),
        ("mechanisms", json!(["Close Linger"])),
    ] {
        let mut wrong = record.clone();
        wrong["resets"][0]["kernel"][member] = value.clone();
        assert_ne!(schema_faults("explain", &wrong), [""; 0], "{member} = {value}");
    }
}

#[test]
fn fail_on_disagrees_goes_by_the_kernels_word_alone() {
    for (name, captures) in cases() {
        let code = i32::from(["disagrees", "silence"].contains(&name));
        for form in ["", " --all", " --format json", " --format ndjson", " -q", " --frame 4"] {
            let line = format!("--fail-on disagrees a.pcap --kernel events.ndjson{form}");
            let done = captures.explain(&line, code);
            assert_eq!(done.err, "", "{name}: {done}");
        }
        captures.explain("--fail-on any a.pcap --kernel events.ndjson", 1);
        captures.explain("a.pcap --kernel events.ndjson", 0);
    }
}

#[track_caller]
fn fails(captures: &Captures, line: &str) -> String {
    let done = captures.explain(line, 2);
    assert_eq!(done.out, "", "{line}: {done}");
    assert!(done.err.lines().count() == 1 && done.err.starts_with("rst-storm: "), "{line}: {done}");
    done.err
}

#[test]
fn fail_on_disagrees_without_a_trace_is_wrong_usage() {
    assert!(fails(&Captures::of(RESET), "--fail-on disagrees a.pcap").contains("--kernel"));
}

#[test]
fn a_trace_that_cannot_be_read_is_told_before_anything_is() {
    let captures = Captures::of(RESET);
    let good = text(&[head(), lingered(40000, SENT), tail()]);
    for (octets, part) in [
        (String::new(), "is empty"),
        ("nonsense\n".to_owned(), "line 1"),
        (text(&[lingered(40000, SENT)]), "line 1"),
        (good.replacen("\"sent\"", "\"up\"", 1), "line 2"),
        (good.clone() + &good, "line 4"),
        (format!("{{\"schema\":\"rst-storm/trace/1\",\"records\":[\n{good}]}}\n"), "one document"),
    ] {
        captures.put("events.ndjson", octets.as_bytes());
        let told = fails(&captures, "a.pcap --kernel events.ndjson --annotate out.pcapng");
        assert!(told.contains("events.ndjson") && told.contains(part), "{part}: {told}");
        assert!(!captures.path("out.pcapng").exists(), "what is not written is not begun: {part}");
    }
    for (name, part) in [("missing.ndjson", "cannot read"), (".", "directory"), ("a.pcap", "line 1")] {
        let told = fails(&captures, &format!("a.pcap --kernel {name}"));
        assert!(told.contains(part), "{name}: {told}");
    }
    fails(&captures, "missing.pcap --kernel events.ndjson");
}

/// The word on the storm's reset, of a trace in which it has no event.
#[track_caller]
fn silent_because(lines: &[Value], part: &str) {
    let captures = Captures::of(RESET);
    captures.put("events.ndjson", text(lines).as_bytes());
    let word = word(&captures);
    assert_eq!(word["check"], "not-watched", "{word:#}");
    assert!(word["why_not"].as_str().expect("a reason").contains(part), "{word:#}");
    let told = captures.text("a.pcap --kernel events.ndjson");
    let flowing = told.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flowing.contains(part), "{told}");
    captures.explain("--fail-on disagrees a.pcap --kernel events.ndjson", 0);
}

#[test]
fn where_a_trace_can_say_nothing_it_says_why() {
    let other = lingered(50000, SENT);
    let filter = json!({"pids": [7], "hosts": [], "ports": [], "reasons": []});
    silent_because(&[head(), other.clone()], "cut off");
    silent_because(&[head(), other.clone(), changed(tail(), &[("/lost", json!(7))])], "lost 7 events");
    silent_because(&[changed(head(), &[("/filter", filter)]), other.clone(), tail()], "filtered");
    silent_because(&[changed(head(), &[("/watched/reasons", json!([]))]), other.clone(), tail()], "no reasons");
    silent_because(&[head(), other.clone(), changed(tail(), &[("/until", json!(moment(0)))])], "cover");
    silent_because(&[changed(head(), &[("/since", json!(moment(SECOND)))]), other, tail()], "cover");
    silent_because(&[head(), tail()], "10.0.1.2");
    let of_another = changed(lingered(50000, SENT), &[("/source_h", json!("10.9.9.9"))]);
    silent_because(&[head(), of_another, tail()], "10.0.1.2");
}

/// A writer that was killed leaves half a line: what came before counts still.
#[test]
fn of_a_trace_that_was_cut_the_events_count() {
    let captures = Captures::of(RESET);
    let whole = text(&[head(), lingered(40000, SENT), lingered(50000, SENT)]);
    captures.put("events.ndjson", &whole.as_bytes()[..whole.len() - 20]);
    assert_eq!(word(&captures)["check"], "agrees");
}

#[test]
fn clocks_that_are_hours_apart_are_made_even_and_told() {
    for (apart, told_as) in [(3 * HOUR, "behind"), (-3 * HOUR, "ahead of")] {
        let captures = Captures::of(RESET);
        let lines = [
            changed(head(), &[("/since", json!(moment(apart - SECOND)))]),
            lingered(40000, apart + SENT),
            changed(tail(), &[("/until", json!(moment(apart + HOUR)))]),
        ];
        captures.put("events.ndjson", text(&lines).as_bytes());
        assert_eq!(word(&captures)["check"], "agrees");
        let text = captures.text("a.pcap --kernel events.ndjson");
        let flowing = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flowing.contains(&format!("{told_as} the trace's")), "{text}");
    }
}

/// From a pipe a capture can be read only once, so that the clocks can't be compared.
#[test]
fn standard_input_is_taken_to_have_the_traces_clock() {
    let captures = traced(RESET, &[lingered(40000, SENT)]);
    let mut command = captures.command("- --kernel events.ndjson");
    command.stdin(Stdio::from(std::fs::File::open(captures.path("a.pcap")).expect("the capture")));
    let done = run(command).exits(0);
    let flowing = done.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flowing.contains("together: linger-zero (certain)"), "{done}");
    assert!(flowing.contains("unknown offset"), "{done}");
    let mut cat = captures.command("- --kernel events.ndjson --format ndjson --fail-on disagrees");
    cat.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = cat.spawn().expect("start it");
    child.stdin.take().expect("a pipe").write_all(&captures.octets("a.pcap")).expect("write");
    let done = child.wait_with_output().expect("its end");
    assert!(done.status.success() && String::from_utf8_lossy(&done.stdout).contains("\"check\":\"agrees\""));
}

#[test]
fn a_trace_does_not_go_with_two_vantages() {
    let captures = traced(RESET, &[lingered(40000, SENT)]);
    captures.put("b.pcap", &captures.octets("a.pcap"));
    for option in ["--kernel events.ndjson", "--fail-on disagrees", "--kernel events.ndjson --fail-on disagrees"] {
        let told = fails(&captures, &format!("--two-vantage a.pcap b.pcap {option}"));
        assert!(told.contains("--two-vantage doesn't go with") && told.contains(&option[..8]), "{told}");
    }
    assert!(run(storm_line("explain --kernel")).exits(2).err.contains("--kernel"));
}

/// The same ends again and again, with events out of order: each use has its own.
#[test]
fn a_tuple_that_is_used_again_has_an_event_for_each_use() {
    let again =
        format!("{RESET}\n+10s{}", RESET.trim_start_matches("linux").replace("100", "900").replace("101", "901"));
    let second = 4 * MILLISECOND + 10 * SECOND + SENT;
    let destroyed =
        changed(lingered(40000, second), &[("/state", json!("TCP_ESTABLISHED")), ("/stack", json!(["tcp_abort"]))]);
    let captures = traced(&again, &[destroyed, lingered(40000, SENT)]);
    let fused: Vec<Value> =
        words(&captures, "a.pcap --kernel events.ndjson").iter().map(|word| word["fused"].clone()).collect();
    assert_eq!(fused, [json!(["linger-zero"]), json!(["administrative-kill"])]);
}

#[test]
fn a_refusal_that_no_event_tells_of_was_a_firewalls() {
    let captures = traced(REFUSED, &[lingered(50000, SENT)]);
    let word = word(&captures);
    assert_eq!((&word["check"], &word["fused"]), (&json!("narrows"), &json!(["firewall-reject"])), "{word:#}");
    assert_eq!((&word["reason"], &word["mechanisms"]), (&json!(null), &json!([])), "{word:#}");
}

/// Two taps of one host, as one timeline and one after the other: an event belongs to the reset, at whichever tap it is seen.
#[test]
fn a_reset_that_two_taps_show_is_one_reset_of_the_kernels() {
    let captures = Captures::new();
    let near = frames(RESET);
    let far: Vec<Framed> = near
        .iter()
        .cloned()
        .map(|mut frame| {
            frame.at.0 += 20_000;
            frame
        })
        .collect();
    captures.put("near.pcapng", &pcapng("eth0", near.iter().map(|frame| (frame, None))));
    captures.put("far.pcapng", &pcapng("eth1", far.iter().map(|frame| (frame, None))));
    captures.put("near.pcap", &pcap(&near));
    captures.put("far.pcap", &pcap(&far));
    put(&captures, &[lingered(40000, SENT)]);
    for files in ["--merge near.pcapng far.pcapng", "near.pcapng far.pcapng", "near.pcap far.pcap"] {
        let words = words(&captures, &format!("{files} --kernel events.ndjson"));
        let checks: Vec<&Value> = words.iter().map(|word| &word["check"]).collect();
        assert!(checks.contains(&&json!("agrees")), "{files}: {words:#?}");
        // The second sighting has no event of its own, and that is no silence.
        let others = checks.iter().filter(|check| ***check != "agrees");
        assert!(files.starts_with("--merge") || others.clone().count() == 0, "each capture asks anew: {words:#?}");
        assert!(others.clone().all(|check| **check == "not-watched") && others.count() <= 1, "{files}: {words:#?}");
    }
}

/// One of two resets of the same ends is in the captures. Taken together, two sightings of it would be a pair with both events, clocks
/// seconds apart, and the second sighting would claim the second event.
#[test]
fn each_capture_asks_for_all_events_and_has_a_clock_of_its_own() {
    let destroyed = changed(
        lingered(40000, SENT + 5 * SECOND),
        &[("/state", json!("TCP_ESTABLISHED")), ("/stack", json!(["tcp_abort"]))],
    );
    let captures = traced(RESET, &[lingered(40000, SENT), destroyed]);
    let late: Vec<Framed> = frames(RESET)
        .into_iter()
        .map(|mut frame| {
            frame.at.0 += HOUR.unsigned_abs();
            frame
        })
        .collect();
    captures.put("late.pcap", &pcap(&late));
    for files in ["a.pcap a.pcap", "a.pcap a.pcap a.pcap"] {
        let line = format!("{files} --kernel events.ndjson");
        for word in words(&captures, &line) {
            assert_eq!(word["fused"], json!(["linger-zero"]), "{files}: {word:#}");
        }
        let sums = captures.records_of("summary", &line);
        assert!(sums.iter().all(|sum| sum["kernel"]["unclaimed"] == 1), "{files}: {sums:#?}");
    }
    put(&captures, &[lingered(40000, SENT)]);
    let words = words(&captures, "a.pcap late.pcap a.pcap --kernel events.ndjson");
    let checks: Vec<&Value> = words.iter().map(|word| &word["check"]).collect();
    assert_eq!(checks, ["agrees", "agrees", "agrees"], "{words:#?}");
    let told = captures.text("a.pcap late.pcap --kernel events.ndjson");
    assert_eq!(told.matches("ahead of the trace's").count(), 2, "{told}");
}

//! Records: what is written is valid by the schema and is read back as it was; what is damaged is told by line.

use proptest::prelude::*;
use rst_storm::report::trace::records::record;
use rst_storm::watch::{
    Clock, EventsError, Filter, KernelEvents, KernelTally, Line, MOST_EVENTS, ResetRecord, TRACE_SCHEMA, TraceRecord,
    Watched,
};
use rst_storm_core::capture::Timestamp;
use rst_storm_core::explain::Beyond;
use rst_storm_core::kernel::{Context, Direction, KernelReset, Kind, Life, Name, Process};
use serde_json::{Value, json};

use crate::common::{check_schema, schema_faults};
use crate::{end, linger_zero, refusal, taken};

const END: Timestamp = Timestamp(1_795_432_200_000_000_001);

fn head(filter: Option<Filter>) -> Line<'static> {
    Line::Trace(TraceRecord {
        schema: TRACE_SCHEMA.into(),
        kernel: "6.18.44".into(),
        since: Timestamp(1_795_432_100_000_000_000),
        clock: Clock { source: "CLOCK_MONOTONIC".to_owned(), error_ns: 46 },
        watched: Watched {
            taken: true,
            deaths: true,
            stacks: true,
            reasons: vec!["NOT_SPECIFIED".to_owned(), "NO_SOCKET".to_owned()],
        },
        filter,
    })
}

fn lines(resets: &[KernelReset], lost: u64, filter: Option<Filter>) -> Vec<String> {
    let mut tally = KernelTally::default();
    resets.iter().for_each(|reset| tally.tell(reset));
    let mut lines = vec![record(&head(filter))];
    lines.extend(resets.iter().map(|reset| record(&Line::Reset(ResetRecord::new(reset)))));
    lines.push(record(&Line::Summary(tally.summary(END, lost))));
    lines
}

fn whole(resets: &[KernelReset]) -> String {
    lines(resets, 0, None).join("\n") + "\n"
}

fn read(text: &str) -> Result<KernelEvents, EventsError> {
    KernelEvents::read(text.as_bytes())
}

#[track_caller]
fn complaint(text: &str) -> String {
    let error = read(text).expect_err("it must not be taken").to_string();
    assert_eq!(error.lines().count(), 1, "{error}");
    error
}

#[test]
fn what_is_written_is_read_back() {
    let resets = [linger_zero(), refusal(), taken()];
    let events = read(&whole(&resets)).expect("a whole trace");
    assert_eq!(events.resets, resets);
    let summary = events.summary.as_ref().expect("a summary");
    assert_eq!((summary.sent, summary.taken, summary.left_out, summary.lost, summary.until), (2, 1, 0, 0, END));
    assert_eq!(events.trace.since, Timestamp(1_795_432_100_000_000_000));
    assert!(events.is_complete());
}

#[test]
fn records_and_document_are_valid() {
    let filter = Filter {
        pids: vec![7],
        hosts: vec!["::1".parse().expect("an address")],
        ports: vec![80],
        reasons: vec!["NO_SOCKET".to_owned()],
    };
    let mut dying = linger_zero();
    dying.life = Life::Dying { signal: Some(9) };
    let lines = lines(&[linger_zero(), refusal(), taken(), dying], 3, Some(filter));
    let values: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    for value in &values {
        check_schema("trace", value);
    }
    check_schema("trace", &json!({"schema": TRACE_SCHEMA, "records": values}));
    assert_eq!(values[1]["at"], "2026-11-23T11:08:43.123456789Z");
    assert_eq!(values[1]["mechanisms"], json!(["close-linger-zero"]));
    for (place, member, value) in [
        (1, "direction", json!("received")),
        (1, "pid", json!(0)),
        (1, "source_p", json!(65536)),
        (1, "at", json!(1.5)),
        (1, "extra", json!(1)),
        (0, "schema", json!("rst-storm/trace/2")),
        (5, "lost", json!(-1)),
        (5, "by_mechanism", json!([{"mechanisms": []}])),
    ] {
        let mut value_of = values[place].clone();
        value_of[member] = value;
        assert_ne!(schema_faults("trace", &value_of), [""; 0], "{member}");
    }
}

#[test]
fn the_sums_are_by_what_each_allows() {
    let mut unnamed = linger_zero();
    unnamed.reason = Some(Name::from("NOT_SPECIFIED"));
    let text = whole(&[refusal(), linger_zero(), refusal(), unnamed, taken()]);
    let summary = read(&text).expect("a whole trace").summary.expect("a summary");
    let sums: Vec<(String, u64)> =
        summary.by_mechanism.iter().map(|count| (count.mechanisms.join("+"), count.resets)).collect();
    assert_eq!(sums, [("no-socket".into(), 2), (String::new(), 1), ("close-linger-zero".into(), 1)]);
}

#[test]
fn a_trace_that_was_cut_was_not_watched_to_the_end() {
    let text = whole(&[linger_zero(), refusal()]);
    let summary = text.trim_end().rfind('\n').expect("lines") + 1;
    for length in [summary, summary - 1, summary - 10, text.len() - 2, summary + 1] {
        let events = read(&text[..length]).expect("what there is");
        assert!(events.summary.is_none() && !events.is_complete(), "{length}");
        assert_eq!(events.resets.len(), if length < summary - 1 { 1 } else { 2 }, "{length}");
    }
}

#[test]
fn only_a_trace_without_loss_filter_or_ignorance_is_complete() {
    let text = |lost, filter| lines(&[refusal()], lost, filter).join("\n") + "\n";
    assert!(read(&text(0, None)).expect("a trace").is_complete());
    assert!(!read(&text(1, None)).expect("a trace").is_complete());
    assert!(!read(&text(0, Some(Filter { ports: vec![1], ..Filter::default() }))).expect("a trace").is_complete());
    let without = text(0, None).replace("[\"NOT_SPECIFIED\",\"NO_SOCKET\"]", "[]");
    assert!(!read(&without).expect("a trace").is_complete());
}

#[test]
fn what_is_wrong_is_told_by_its_line() {
    let good = whole(&[linger_zero(), refusal()]);
    let replaced = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        good.replacen(from, to, 1)
    };
    for (text, parts) in [
        (String::new(), &["is empty"][..]),
        ("{\"schema\":\"rst-storm/trace/1\",\"records\":[\n{}".into(), &["one document", "ndjson"]),
        ("not a trace\n".into(), &["line 1", "no record"]),
        (good.lines().nth(1).unwrap_or_default().to_owned() + "\n", &["line 1", "out of place"]),
        (replaced("\"direction\":\"sent\"", "\"direction\":\"up\""), &["line 2", "`up`"]),
        (replaced("rst-storm/trace/1", "rst-storm/trace/9"), &["line 1", "rst-storm/trace/9"]),
        (replaced("10.0.1.2", "10.0.1.256"), &["line 2", "IP address"]),
        (replaced("T11:08:43.123456789Z", " noon"), &["line 2"]),
        (replaced("2026-11-23T11:08:43", "1926-11-23T11:08:43"), &["line 2"]),
        (good.clone() + &good, &["line 5", "summary is the last"]),
        (replaced("\n", &format!("\n{}\n", good.lines().next().unwrap_or_default())), &["line 2", "second trace"]),
        (format!("{}\n", " ".repeat(2 << 20)), &["line 1", "longer"]),
        (replaced("\n", "\n\u{1}\n"), &["line 2"]),
    ] {
        let complaint = complaint(&text);
        for part in parts {
            assert!(complaint.contains(part), "{part}: {complaint}");
        }
    }
    let mut octets = good.into_bytes();
    octets[20] = 0xff;
    assert!(KernelEvents::read(octets.as_slice()).is_err());
}

#[test]
fn of_a_trace_without_end_as_many_as_fit_are_kept_and_the_rest_is_counted() {
    let text = whole(&[linger_zero(), refusal(), taken()]);
    let kept = |most| KernelEvents::read_up_to(most, text.as_bytes()).expect("a trace");
    assert_eq!((kept(3).beyond, kept(3).is_complete()), (None, true));
    let events = kept(1);
    assert_eq!((events.resets.len(), events.resets.capacity() < 8, events.is_complete()), (1, true, false));
    let since = refusal().at.min(taken().at);
    assert_eq!(events.beyond, Some(Beyond { events: 2, since }));
    assert_eq!(events.summary, kept(3).summary, "it is read to its end");
    assert!(KernelEvents::read_up_to(1, text.replace("\"taken\"", "\"up\"").as_bytes()).is_err());
    assert!(read(&text).expect("a trace").beyond.is_none() && MOST_EVENTS > 3);
}

fn any_name() -> impl Strategy<Value = Option<Name>> {
    proptest::option::of(".{0,20}".prop_map(Name::from))
}

fn any_reset() -> impl Strategy<Value = KernelReset> {
    let words = (any_name(), any_name(), any_name(), proptest::collection::vec(".{0,9}".prop_map(Name::from), 0..4));
    let choices = (0..2usize, 0..3usize, 0..4usize, 0..4usize, any::<bool>());
    let process = proptest::option::of((1..i32::MAX, 1..i32::MAX));
    let ends = (any::<std::net::IpAddr>(), any::<u16>(), any::<std::net::IpAddr>(), any::<u16>());
    (0..2_500_000_000_000_000_000u64, any::<u32>(), words, choices, process, ends).prop_map(
        |(at, cpu, (reason, state, comm, stack), (direction, kind, context, life, has_socket), process, ends)| {
            let process = process.map(|(pid, tid)| Process { pid, tid, comm });
            KernelReset {
                at: Timestamp(at),
                cpu,
                direction: [Direction::Sent, Direction::Taken][direction],
                source: end(&ends.0.to_string(), ends.1),
                destination: end(&ends.2.to_string(), ends.3),
                reason,
                state,
                kind: [None, Some(Kind::Active), Some(Kind::Reply)][kind],
                has_socket,
                context: [Context::Task, Context::TaskBhOff, Context::SoftInterrupt, Context::HardInterrupt][context],
                process,
                life: [Life::NotWatched, Life::Living, Life::Dying { signal: None }, Life::Dying { signal: Some(11) }]
                    [life],
                stack,
            }
        },
    )
}

proptest! {
    #[test]
    fn any_reset_comes_back_as_it_was(resets in proptest::collection::vec(any_reset(), 0..5)) {
        prop_assert_eq!(read(&whole(&resets)).expect("a whole trace").resets, resets);
    }

    #[test]
    fn a_trace_with_any_octet_changed_is_survived(
        place in any::<prop::sample::Index>(), octet in any::<u8>(), cut in any::<prop::sample::Index>(),
    ) {
        let mut octets = whole(&[linger_zero(), refusal(), taken()]).into_bytes();
        let place = place.index(octets.len());
        octets[place] = octet;
        octets.truncate(cut.index(octets.len() + 1));
        if let Ok(events) = KernelEvents::read(octets.as_slice()) {
            prop_assert!(events.resets.len() <= 3);
        }
    }
}

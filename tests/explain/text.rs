//! What is said to people.

use crate::captures::{Captures, plain, without_twins};
use crate::common::{run, storm_line};
use crate::encode::pcap;
use crate::turns::{REFUSED, mixed, storm};

#[test]
fn a_small_storm() {
    insta::assert_snapshot!(without_twins(&Captures::of(&storm(60)).text("a.pcap")));
}

#[test]
fn each_reset_of_a_small_storm() {
    insta::assert_snapshot!(without_twins(&Captures::of(&storm(3)).text("--all a.pcap")));
}

#[test]
fn a_refused_syn() {
    insta::assert_snapshot!(without_twins(&Captures::of(REFUSED).text("a.pcap")));
}

#[test]
fn nothing_at_all() {
    let captures = Captures::new();
    captures.put("a.pcap", &pcap(&[]));
    insta::assert_snapshot!(captures.text("a.pcap"));
}

#[test]
fn colour_is_all_that_colour_adds() {
    let captures = Captures::of(&mixed());
    for words in ["a.pcap", "--all a.pcap", "--frame 4 a.pcap", "--frame 22 a.pcap"] {
        let coloured = captures.text(&format!("{words} --color always"));
        assert!(coloured.contains("\x1b["), "{words}");
        assert_eq!(plain(&coloured), captures.text(words), "{words}");
    }
    let coloured = captures.text("a.pcap --format ndjson --color always");
    assert_eq!(coloured, captures.text("a.pcap --format ndjson"), "records have no colour");
}

/// Where nothing is listed, connections that look the same are judged once: that must not show.
#[test]
fn a_list_comes_before_the_same_summary() {
    for conversation in [mixed(), storm(60), REFUSED.to_owned()] {
        let captures = Captures::of(&conversation);
        let (summary, listed) = (captures.text("a.pcap"), captures.text("--all a.pcap"));
        assert!(listed.ends_with(&summary), "{listed}\n--- must end with\n{summary}");
    }
}

#[test]
fn quiet_says_nothing_and_answers_by_its_exit_code() {
    let captures = Captures::of(&mixed());
    for (words, code) in [("a.pcap", 0), ("--all a.pcap", 0), ("--frame 4 a.pcap", 0), ("--fail-on any a.pcap", 1)] {
        let done = captures.explain(&format!("-q {words}"), code);
        assert_eq!((done.out.as_str(), done.err.as_str()), ("", ""), "{words}");
    }
    assert_eq!(captures.text("-q a.pcap --format ndjson"), captures.text("a.pcap --format ndjson"));
}

#[test]
fn verbose_says_no_less() {
    let captures = Captures::of(&mixed());
    let verbose = captures.text("-v a.pcap");
    for line in captures.text("a.pcap").lines() {
        assert!(verbose.contains(line), "{line} is missing in\n{verbose}");
    }
}

#[test]
fn several_captures_are_told_of_one_after_the_other() {
    let captures = Captures::of(REFUSED);
    captures.put("b.pcap", &captures.octets("a.pcap"));
    let text = captures.text("a.pcap b.pcap");
    let (first, second) = text.split_once("b.pcap\n").expect("a heading of its own");
    assert_eq!(first.replace("a.pcap", ""), format!("\n{second}"));
}

#[test]
fn every_cause_has_its_line_and_its_page() {
    let list = run(storm_line("causes")).exits(0).out;
    for id in ["accept-queue-overflow", "linger-zero", "no-listener"] {
        let line = list.lines().find(|line| line.split(' ').next() == Some(id)).expect("a line");
        let page = run(storm_line(&format!("causes {id}"))).exits(0).out;
        crate::captures::check_width(&page);
        let title = line.trim_start_matches(id).trim();
        assert!(page.starts_with(&format!("{id}: {title}\n")), "{page}");
    }
    crate::captures::check_width(&list);
    let unknown = run(storm_line("causes nonsense")).exits(2);
    assert!(unknown.out.is_empty() && unknown.err.contains("linger-zero"), "{unknown}");
}

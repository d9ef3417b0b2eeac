//! One reset, told with the segments around it.

use crate::captures::{Captures, without_twins};
use crate::turns::{IPV6, RESET, mixed};

/// The numbers of the frames in the story's table, the reset's with its mark.
fn rows(story: &str) -> Vec<String> {
    let table = story.split("\n\n").nth(1).expect("a table");
    table.lines().skip(1).map(|line| line[..11].split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn the_story_of_a_reset_in_ipv6() {
    let conversation = RESET.replacen("linux", IPV6, 1);
    insta::assert_snapshot!(without_twins(&Captures::of(&conversation).text("--frame 4 a.pcap")));
}

#[test]
fn the_story_has_the_segments_of_its_connection_alone() {
    let captures = Captures::of(&mixed());
    assert_eq!(rows(&captures.text("--frame 12 a.pcap")), ["9", "10", "11", "> 12"]);
    assert_eq!(rows(&captures.text("--frame 22 a.pcap")), ["21", "> 22"]);
}

#[test]
fn of_a_long_connection_the_beginning_and_the_nearest_are_told() {
    let mut conversation = "linux\n> S 100\n< SA 300 ack 101\n> A 101 ack 301\n".to_owned();
    for number in 0..50 {
        conversation.push_str(&format!("> PA {} ack 301 len 10\n", 101 + number * 10));
    }
    conversation.push_str("< R 301\n");
    for number in 50..70 {
        conversation.push_str(&format!("> PA {} ack 301 len 10\n", 101 + number * 10));
    }
    let story = Captures::of(&conversation).text("--frame 54 a.pcap");
    let before = (46..54).map(|frame: u32| frame.to_string());
    let after = (55..63).map(|frame: u32| frame.to_string());
    let first = ["1", "2", "3", "4", "..."].map(str::to_owned).into_iter();
    let expected: Vec<String> =
        first.chain(before).chain(["> 54".to_owned()]).chain(after).chain(["...".to_owned()]).collect();
    assert_eq!(rows(&story), expected);
    assert!(story.contains("... 41 segments left out\n") && story.contains("... 12 later segments left out\n"));
}

#[test]
fn of_many_resets_in_one_connection_each_can_be_told() {
    let mut conversation = "linux\n> S 100\n< SA 300 ack 101\n> A 101 ack 301\n".to_owned();
    conversation.push_str(&"< R 301\n".repeat(100));
    let captures = Captures::of(&conversation);
    for frame in [4, 35, 36, 103] {
        let story = captures.text(&format!("--frame {frame} a.pcap"));
        assert!(story.contains(&format!("\nframe {frame}: 10.0.1.2:9999 > 10.0.0.1:40000 ")), "{story}");
        assert!(rows(&story).contains(&format!("> {frame}")), "{story}");
    }
}

#[test]
fn a_row_of_wide_fields_is_no_wider_than_the_page() {
    let story = Captures::of("> S 100\n+200000h\n< FSRPAUEW 300 ack 101").text("--frame 2 a.pcap");
    let row = story.lines().find(|line| line.starts_with('>')).expect("the reset's row");
    assert!(row.contains("FSRPAUEW") && row.len() <= 80, "{row}");
}

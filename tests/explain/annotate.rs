//! Captures written again with the verdicts as comments: every frame stays, and only resets get one.

use rst_storm_core::capture::CaptureReader;

use crate::captures::Captures;
use crate::encode::{Framed, HEADERS, frames, gzip, pcapng};
use crate::turns::{CLOSED, mixed};

/// A frame as it stands in a file, with its comments.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Kept {
    at: u64,
    interface: Option<String>,
    original_len: u32,
    data: Vec<u8>,
    comments: Vec<String>,
}

fn kept(octets: &[u8]) -> Vec<Kept> {
    let mut reader = CaptureReader::open(octets).expect("a capture");
    let mut kept = Vec::new();
    while let Some(record) = reader.next_record().expect("no end") {
        kept.push(Kept {
            at: record.frame.at.0,
            interface: record.interfaces[record.frame.interface].name.clone(),
            original_len: record.frame.original_len,
            data: record.frame.data.to_vec(),
            comments: record.comments().map(|comment| comment.into_owned()).collect(),
        });
    }
    assert_eq!(reader.damage(), None);
    kept
}

/// Annotates `name` and gives what was there before and what is there now.
#[track_caller]
fn annotated(captures: &Captures, words: &str, name: &str, before: &[u8]) -> [Vec<Kept>; 2] {
    let said = captures.text(&format!("--annotate out.pcapng {words} {name}"));
    assert_eq!(said, captures.text(&format!("{words} {name}")), "the text is the same");
    [kept(before), kept(&captures.octets("out.pcapng"))]
}

/// Everything but the comments must be as it was; gives the numbers of the frames with a new comment, and these.
#[track_caller]
fn commented([before, after]: [Vec<Kept>; 2]) -> Vec<(usize, String)> {
    assert_eq!(before.len(), after.len());
    let mut commented = Vec::new();
    for (number, (before, mut after)) in (1..).zip(before.into_iter().zip(after)) {
        if after.comments.len() > before.comments.len() {
            commented.push((number, after.comments.pop().expect("one more")));
        }
        assert_eq!(before, after, "frame {number}");
    }
    commented
}

/// The numbers of the frames with RST, which stands in the octet of the flags, behind the headers before it.
fn resets(frames: &[Framed]) -> Vec<usize> {
    let flags = |framed: &Framed| framed.data[14 + if framed.data[12] == 8 { 20 } else { 40 } + 13];
    (1..).zip(frames).filter(|(_, framed)| flags(framed) & 4 != 0).map(|(number, _)| number).collect()
}

#[test]
fn every_frame_is_kept_and_every_reset_has_its_verdict() {
    let captures = Captures::of(&mixed());
    let comments = commented(annotated(&captures, "", "a.pcap", &captures.octets("a.pcap")));
    let numbers: Vec<usize> = comments.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, resets(&frames(&mixed())));
    assert_eq!(numbers.len(), 7);
    let first = &comments[0].1;
    assert!(first.starts_with("Reset by responder (likely), linger-zero (likely): the application closed"), "{first}");
    assert!(first.ends_with(". Harm: an established connection was cut; nothing was under way."), "{first}");
    let refusal = &comments.iter().find(|(number, _)| *number == 22).expect("the refusal").1;
    assert!(refusal.starts_with("Reset by responder (possible), no-listener (likely): "), "{refusal}");
}

#[test]
fn a_capture_without_resets_is_copied() {
    let captures = Captures::of(CLOSED);
    assert_eq!(commented(annotated(&captures, "", "a.pcap", &captures.octets("a.pcap"))), []);
}

#[test]
fn comments_that_were_there_stay_before_the_verdict() {
    let captures = Captures::new();
    let made = frames(&mixed());
    let comments = [Some("an engineer's note"), None, Some(""), Some("another \u{201c}note\u{201d}\nin two lines")];
    let octets = pcapng("eth7", made.iter().zip(comments.into_iter().cycle()));
    captures.put("b.pcapng", &octets);
    let [before, after] = annotated(&captures, "", "b.pcapng", &octets);
    assert_eq!(before[3].comments, ["another \u{201c}note\u{201d}\nin two lines"]);
    assert_eq!(after[3].comments.len(), 2);
    assert_eq!(after[0].interface.as_deref(), Some("eth7"));
    assert_eq!(commented([before, after]).len(), 7);
}

#[test]
fn a_packed_capture_is_written_unpacked() {
    let captures = Captures::of(&mixed());
    let octets = captures.octets("a.pcap");
    captures.put("a.pcap.gz", &gzip(&octets));
    assert_eq!(commented(annotated(&captures, "", "a.pcap.gz", &octets)).len(), 7);
}

#[test]
fn a_snap_length_is_kept() {
    let captures = Captures::new();
    let mut made = frames(&mixed());
    for framed in &mut made {
        framed.data.truncate(HEADERS);
    }
    let octets = crate::encode::pcap(&made);
    captures.put("snap.pcap", &octets);
    assert_eq!(commented(annotated(&captures, "", "snap.pcap", &octets)).len(), 7);
}

#[test]
fn of_a_cut_capture_what_is_there_is_written() {
    let captures = Captures::of(&mixed());
    let whole = captures.octets("a.pcap");
    captures.put("cut.pcap", &whole[..whole.len() - 1]);
    captures.text("--annotate out.pcapng cut.pcap");
    let (before, after) = (kept(&whole), kept(&captures.octets("out.pcapng")));
    assert_eq!(commented([before[..35].to_vec(), after]).len(), 7);
}

#[test]
fn only_what_was_asked_for_is_commented_on() {
    let captures = Captures::of(&mixed());
    let octets = captures.octets("a.pcap");
    let numbers = |words: &str| -> Vec<usize> {
        commented(annotated(&captures, words, "a.pcap", &octets)).into_iter().map(|(number, _)| number).collect()
    };
    assert_eq!(numbers("--cause no-listener"), [22]);
    assert_eq!(numbers("--frame 8"), [8]);
    assert_eq!(numbers("--to +0.01"), [4, 8]);
}

#[test]
fn what_was_in_the_output_before_is_gone() {
    let captures = Captures::of(CLOSED);
    captures.put("out.pcapng", &[b'x'; 100_000]);
    let octets = captures.octets("a.pcap");
    assert_eq!(commented(annotated(&captures, "", "a.pcap", &octets)), []);
}

#[test]
fn explained_again_it_is_the_same_capture() {
    let captures = Captures::of(&mixed());
    let again = |name: &str| captures.text(&format!("--format ndjson --only resets {name}")).replace(name, "NAME");
    captures.text("--annotate out.pcapng a.pcap");
    let connections = |text: String| text.lines().filter(|line| line.contains("\"uid\"")).collect::<String>();
    assert_eq!(connections(again("a.pcap")), connections(again("out.pcapng")));
}

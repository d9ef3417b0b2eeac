//! The golden ring: a conversation for each cause, explained whole and cut in every way in which captures are cut.
//!
//! What tests/golden/README.md says of the files is what this file reads.

use std::path::Path;

use rst_storm_core::causes::{self, CATALOGUE};
use rst_storm_core::tcp::Segment;
use rst_storm_core::testing::segments;
use serde_json::Value;

use crate::captures::{Captures, lines};
use crate::encode::{Framed, frames, pcap};
use crate::told::{USUAL, tell};

/// How much of a frame is captured where a snap length cuts it.
const SNAP_LENGTH: usize = 64;

/// How sure a finding is, the least first.
const SURENESS: [&str; 3] = ["possible", "likely", "certain"];

/// A conversation with what is to be found of it.
struct Golden {
    name: String,
    causes: Vec<String>,
    least: usize,
    conversation: String,
}

impl Golden {
    fn read(path: &Path) -> Golden {
        let name = path.file_stem().and_then(|stem| stem.to_str()).expect("a name").to_owned();
        let conversation = std::fs::read_to_string(path).expect("a conversation");
        let first = conversation.lines().next().and_then(|line| line.strip_prefix("# ")).unwrap_or_default();
        let (causes, least) = first.split_once(", at least ").unwrap_or_else(|| panic!("{name}: what is to be found?"));
        let causes: Vec<String> = causes.split(" or ").map(str::to_owned).collect();
        for cause in &causes {
            assert!(causes::find(cause).is_some(), "{name}: there is no cause {cause}");
        }
        Golden { least: sureness(least), name, causes, conversation }
    }

    /// Checks what is said of the whole of it.
    fn check_whole(&self, frames: &[Framed]) -> Option<String> {
        let found = Found::of(&pcap(frames));
        let is_it = |(cause, sure): &(String, usize)| self.causes.contains(cause) && *sure >= self.least;
        let is_found = found.causes.iter().any(is_it);
        (!is_found).then(|| format!("{self} is to be found, and not {:?}", found.causes))
    }

    /// Checks what is said of a part of it.
    fn check_cut(&self, cut: &str, octets: &[u8]) -> Option<String> {
        let found = Found::of(octets);
        let is_wrong = |(cause, sure): &(String, usize)| *sure == sureness("certain") && !self.causes.contains(cause);
        let wrong = found.causes.iter().find(|found| is_wrong(found));
        wrong.map(|(cause, _)| format!("{self}, {cut}: it can't be certain that it is {cause}"))
    }
}

impl std::fmt::Display for Golden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}, at least {}", self.name, self.causes.join(" or "), SURENESS[self.least])
    }
}

/// What is found: the causes of resets and the occasions of groups.
struct Found {
    causes: Vec<(String, usize)>,
}

impl Found {
    fn of(octets: &[u8]) -> Found {
        let captures = Captures::new();
        captures.put("a.pcap", octets);
        let told = tell(&[captures.path("a.pcap")], USUAL).expect("a capture");
        let records = lines(&told.lines.join("\n"));
        let of_type = |kind: &'static str| records.iter().filter(move |record| record["type"] == kind);
        let list = |value: &Value| value.as_array().expect("a list").clone();
        let resets =
            of_type("connection").flat_map(|record| list(&record["resets"])).map(|reset| reset["cause"].clone());
        let occasions = of_type("group").flat_map(|group| list(&group["occasions"]));
        Found { causes: resets.chain(occasions).filter_map(|one| cause(&one)).collect() }
    }
}

fn cause(value: &Value) -> Option<(String, usize)> {
    Some((value["id"].as_str()?.to_owned(), sureness(value["confidence"].as_str()?)))
}

#[track_caller]
fn sureness(word: &str) -> usize {
    SURENESS.iter().position(|known| *known == word).unwrap_or_else(|| panic!("{word:?} is no confidence"))
}

/// The frames whose segments are wanted.
fn only(frames: &[Framed], segments: &[Segment], wanted: impl Fn(&Segment) -> bool) -> Vec<u8> {
    let kept: Vec<Framed> =
        frames.iter().zip(segments).filter(|(_, segment)| wanted(segment)).map(|(framed, _)| framed.clone()).collect();
    pcap(&kept)
}

/// Every way in which captures are cut, with its name.
fn cuts(frames: &[Framed], segments: &[Segment]) -> Vec<(String, Vec<u8>)> {
    let client = segments[0].source;
    let is_opening = |segment: &Segment| segment.flags.is_syn();
    let is_first_ack = |segment: &Segment| segment.frame == 3 && segment.payload_len == 0 && !segment.flags.is_rst();
    let mut cuts = vec![
        ("the client alone".to_owned(), only(frames, segments, |segment| segment.source == client)),
        ("the server alone".to_owned(), only(frames, segments, |segment| segment.source != client)),
        (
            "without its SYN".to_owned(),
            only(frames, segments, |segment| !is_opening(segment) || segment.flags.is_ack()),
        ),
        (
            "without its handshake".to_owned(),
            only(frames, segments, |segment| !is_opening(segment) && !is_first_ack(segment)),
        ),
    ];
    let mut short = frames.to_vec();
    short.iter_mut().for_each(|framed| framed.data.truncate(SNAP_LENGTH));
    cuts.push(("with a snap length".to_owned(), pcap(&short)));
    for place in 1..frames.len() {
        let (mut exchanged, name) = (frames.to_vec(), format!("frames {place} and {} exchanged", place + 1));
        exchanged.swap(place - 1, place);
        cuts.push((format!("{name} in the file"), pcap(&exchanged)));
        (exchanged[place - 1].at, exchanged[place].at) = (frames[place - 1].at, frames[place].at);
        cuts.push((format!("{name} on the wire"), pcap(&exchanged)));
    }
    let whole = pcap(frames);
    let last = frames.last().map_or(0, |framed| framed.data.len());
    cuts.push(("cut in its last frame".to_owned(), whole[..whole.len() - last / 2].to_vec()));
    cuts
}

#[test]
fn every_golden_conversation_is_explained_whole_and_never_wrongly_cut() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let entries = std::fs::read_dir(folder).expect("the golden conversations");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "txt"));
    paths.sort();
    let (mut known, mut faults) = (Vec::new(), Vec::new());
    for path in paths {
        let golden = Golden::read(&path);
        let (frames, segments) = (frames(&golden.conversation), segments(&golden.conversation));
        faults.extend(golden.check_whole(&frames));
        let cuts = cuts(&frames, &segments);
        faults.extend(cuts.iter().filter_map(|(cut, octets)| golden.check_cut(cut, octets)));
        known.extend(golden.causes);
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
    for cause in CATALOGUE {
        assert!(known.iter().any(|known| *known == cause.id.0), "{} has no golden conversation", cause.id);
    }
}

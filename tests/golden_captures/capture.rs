//! The captures, and their frames in the hand.

use std::fs;
use std::path::Path;

use rst_storm_core::capture::{CaptureReader, Direction, Frame, FrameSource, LinkType, PcapWriter, Timestamp};
use rst_storm_core::tcp::Segment;
use rst_storm_core::wire::decode;

/// A capture of which it is known what happened.
pub struct Golden {
    /// Its file's name without the ending.
    pub name: String,
    /// The whole file.
    pub octets: Vec<u8>,
}

/// One frame, kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    pub at: Timestamp,
    pub link: LinkType,
    pub original_len: u32,
    pub data: Vec<u8>,
}

impl Golden {
    /// What was really done: the cause, or `control` where nothing was reset.
    pub fn truth(&self) -> &str {
        self.name.split_once("--").expect("a name with the truth before --").0
    }

    pub fn is_control(&self) -> bool {
        self.truth() == "control"
    }

    /// Whether the reset that it is about was sent by neither end.
    pub fn is_from_between(&self) -> bool {
        let truth = self.truth();
        truth.starts_with("forged-") || truth == "firewall-reject" || self.name == "connection-limit--of-a-firewall"
    }

    pub fn frames(&self) -> Vec<Kept> {
        frames(&self.octets)
    }
}

impl Kept {
    pub fn segment(&self) -> Segment {
        decode(&self.as_frame(), 1).expect("a frame with a segment")
    }

    pub fn as_frame(&self) -> Frame<'_> {
        Frame {
            at: self.at,
            interface: 0,
            direction: Direction::Unknown,
            link: self.link,
            original_len: self.original_len,
            data: &self.data,
        }
    }
}

/// Those that were recorded by hand, by name.
pub fn all() -> Vec<Golden> {
    folder("captures", "pcap")
}

/// Those of the atlas's plays, by name.
pub fn atlas() -> Vec<Golden> {
    folder("atlas", "pcapng")
}

fn folder(name: &str, ending: &str) -> Vec<Golden> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    let entries = fs::read_dir(&folder).expect("the folder of captures").map(|entry| entry.expect("an entry").path());
    let mut paths: Vec<_> = entries.filter(|path| path.extension().is_some_and(|end| end == ending)).collect();
    paths.sort();
    let name = |path: &Path| path.file_stem().expect("a name").to_string_lossy().into_owned();
    paths.iter().map(|path| Golden { name: name(path), octets: fs::read(path).expect("a capture") }).collect()
}

/// The frames of a file.
pub fn frames(octets: &[u8]) -> Vec<Kept> {
    let mut reader = CaptureReader::open(octets).expect("a capture");
    let mut frames = Vec::new();
    while let Some(frame) = reader.next_frame().expect("a slice can always be read") {
        let Frame { at, link, original_len, data, .. } = frame;
        frames.push(Kept { at, link, original_len, data: data.to_vec() });
    }
    frames
}

/// A file of these frames.
pub fn file(frames: &[Kept]) -> Vec<u8> {
    let link = frames.first().map_or(LinkType::Ethernet, |first| first.link);
    let mut writer = PcapWriter::new(Vec::new(), link).expect("memory can be written");
    for kept in frames {
        writer.write(&kept.as_frame()).expect("memory can be written");
    }
    writer.into_inner()
}

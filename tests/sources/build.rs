//! Captures of TCP segments, and a sink that writes down how it is called.

use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use rst_storm::watch::{Batch, FileReport, Input, Sink, SourceError, SourcePlan, Workers, run};
use rst_storm_core::capture::{Direction, Frame, Interface, LinkType, PcapWriter, PcapngWriter, Timestamp};
use rst_storm_core::explain::FrameNumber;
use rst_storm_linux::signals::Stop;

pub const START: u64 = 1_700_000_000_000_000_000;
pub const MS: u64 = 1_000_000;

pub const ACK: u8 = 0x10;
pub const RST: u8 = 0x04;

/// One segment from 10.0.0.1:40000 to 10.0.0.2:443.
#[derive(Clone, Copy)]
pub struct Sent<'a> {
    pub at: u64,
    pub flags: u8,
    pub seq: u32,
    pub payload: &'a [u8],
    /// Its checksum, where it isn't the right one.
    pub checksum: Option<u16>,
}

impl Default for Sent<'_> {
    fn default() -> Self {
        Sent { at: START, flags: ACK, seq: 1000, payload: &[], checksum: None }
    }
}

impl Sent<'_> {
    /// The IPv4 packet.
    pub fn packet(&self) -> Vec<u8> {
        let (source, destination) = ([10, 0, 0, 1], [10, 0, 0, 2]);
        let tcp_len = (20 + self.payload.len()) as u16;
        let mut tcp = [40_000_u16.to_be_bytes(), 443_u16.to_be_bytes()].concat();
        tcp.extend(self.seq.to_be_bytes());
        tcp.extend(5000_u32.to_be_bytes());
        tcp.extend([0x50, self.flags, 2, 0, 0, 0, 0, 0]);
        tcp.extend(self.payload);
        let pseudo = [&source[..], &destination, &[0, 6], &tcp_len.to_be_bytes()].concat();
        let checksum = self.checksum.unwrap_or_else(|| !sum(&[pseudo, tcp.clone()].concat()));
        tcp[16..18].copy_from_slice(&checksum.to_be_bytes());

        let mut packet = vec![0x45, 0];
        packet.extend((20 + tcp_len).to_be_bytes());
        packet.extend([0, 7, 0x40, 0, 64, 6, 0, 0]);
        packet.extend([source, destination].concat());
        let checksum = !sum(&packet);
        packet[10..12].copy_from_slice(&checksum.to_be_bytes());
        packet.extend(tcp);
        packet
    }

    /// The Ethernet frame.
    pub fn ethernet(&self) -> Vec<u8> {
        [&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0][..], &self.packet()].concat()
    }
}

/// The one's complement sum (RFC 1071).
fn sum(octets: &[u8]) -> u16 {
    let words = octets.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)));
    let sum: u32 = words.sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    (folded + (folded >> 16)) as u16
}

/// A frame of Ethernet at the first interface.
pub fn frame(at: u64, data: &[u8]) -> Frame<'_> {
    Frame {
        at: Timestamp(at),
        interface: 0,
        direction: Direction::Unknown,
        link: LinkType::Ethernet,
        original_len: data.len() as u32,
        data,
    }
}

/// A pcap file of these segments.
pub fn pcap<'a>(sent: impl IntoIterator<Item = Sent<'a>>) -> Vec<u8> {
    let mut writer = PcapWriter::new(Vec::new(), LinkType::Ethernet).expect("memory");
    for sent in sent {
        writer.write(&frame(sent.at, &sent.ethernet())).expect("memory");
    }
    writer.into_inner()
}

/// So many segments, a millisecond apart, numbered from 0 by their sequence numbers.
pub fn row(start: u64, count: u32) -> impl Iterator<Item = Sent<'static>> {
    (0..count).map(move |number| Sent { at: start + u64::from(number) * MS, seq: number, ..Sent::default() })
}

/// A pcapng file of Ethernet frames at interfaces of these names.
pub fn pcapng(names: &[&str], frames: &[(usize, Sent<'_>)]) -> Vec<u8> {
    let describe = |name| Interface { name, link: LinkType::Ethernet, description: None };
    let interfaces: Vec<Interface<'_>> = names.iter().copied().map(describe).collect();
    let mut writer = PcapngWriter::new(Vec::new(), &interfaces).expect("memory");
    for (interface, sent) in frames {
        let data = sent.ethernet();
        writer.write(&Frame { interface: *interface, ..frame(sent.at, &data) }, None).expect("memory");
    }
    writer.into_inner()
}

pub fn gzip(octets: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(octets).expect("memory");
    encoder.finish().expect("memory")
}

/// What was called, in order.
#[derive(Debug, Default)]
pub struct Recorder {
    /// One line a call; of a batch, one line a segment.
    pub calls: Vec<String>,
    pub reports: Vec<FileReport>,
    pub batches: usize,
    /// Takes no more batches than this.
    pub most_batches: Option<usize>,
}

impl Sink for Recorder {
    fn begin_file(&mut self, file: usize) {
        self.calls.push(format!("begin {file}"));
    }

    fn take(&mut self, batch: &Batch) -> ControlFlow<()> {
        assert!(!batch.segments.is_empty() && batch.segments.len() <= 2048);
        self.batches += 1;
        for segment in &batch.segments {
            let frame = FrameNumber(segment.frame);
            self.calls.push(format!("{}: {} seq {}", frame.input(), frame.number(), segment.seq.0));
        }
        for (index, aside) in &batch.asides {
            let segment = batch.segments[*index];
            let number = FrameNumber(segment.frame).number();
            self.calls.push(format!("aside {number} {:?} {}", aside.checksum, aside.carried.is_some()));
        }
        if self.most_batches.is_some_and(|most| self.batches >= most) {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn end_file(&mut self, report: FileReport) {
        self.calls.push(format!("end {} of {} frames", report.file, report.frames));
        check_sums(&report);
        self.reports.push(report);
    }

    fn idle(&mut self, _: Timestamp) -> ControlFlow<()> {
        self.calls.push("idle".to_owned());
        ControlFlow::Continue(())
    }
}

/// What holds of every report.
#[track_caller]
pub fn check_sums(report: &FileReport) {
    let accounted = report.segments + report.skips.total() + report.outside_time + report.duplicates;
    assert_eq!(accounted, report.frames, "{report:#?}");
}

pub fn plan<'a>(files: impl IntoIterator<Item = &'a Path>) -> SourcePlan {
    let inputs = files.into_iter().map(Input::from).collect();
    SourcePlan { inputs, merge: false, from: None, to: None, workers: Workers::One }
}

/// Reads what `plan` says with one thread and with two, which must be the same.
#[track_caller]
pub fn read(plan: &SourcePlan) -> Recorder {
    let recorded = |workers| {
        let mut recorder = Recorder::default();
        try_read(&SourcePlan { workers, ..plan.clone() }, &mut recorder).expect("inputs that can be read");
        recorder
    };
    let (one, two) = (recorded(Workers::One), recorded(Workers::Two));
    assert_eq!(one.calls, two.calls);
    assert_eq!(one.batches, two.batches);
    assert_eq!(format!("{:?}", one.reports), format!("{:?}", two.reports));
    one
}

pub fn try_read(plan: &SourcePlan, sink: &mut impl Sink) -> Result<(), SourceError> {
    run(plan, &Stop::new().expect("an eventfd"), sink)
}

//! Inputs that one has to wait for: segments come out as they come in, silence is told, and stopping needs no input.

use std::io::{PipeReader, PipeWriter, Write, pipe};
use std::ops::ControlFlow;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::thread;

use rst_storm::watch::{Batch, FileReport, Input, Sink, SourcePlan, Workers, run};
use rst_storm_core::capture::Timestamp;
use rst_storm_linux::signals::Stop;

use crate::build::{MS, Recorder, START, gzip, pcap, plan, row, try_read};
use crate::common::Folder;

/// Both ways to work.
const WORKERS: [Workers; 2] = [Workers::One, Workers::Two];

/// The path by which this process can open the pipe once more.
fn path_of(pipe: &PipeReader) -> PathBuf {
    format!("/proc/self/fd/{}", pipe.as_raw_fd()).into()
}

/// Writes the next piece when the one before has been taken, and ends the input after the last.
struct Feeder {
    pieces: Vec<Vec<u8>>,
    pipe: Option<PipeWriter>,
    recorder: Recorder,
}

impl Feeder {
    fn new(pipe: PipeWriter, pieces: &[&[u8]]) -> Feeder {
        let pieces = pieces.iter().rev().map(|piece| piece.to_vec()).collect();
        let mut feeder = Feeder { pieces, pipe: Some(pipe), recorder: Recorder::default() };
        feeder.feed();
        feeder
    }

    fn feed(&mut self) {
        match (self.pieces.pop(), &mut self.pipe) {
            (Some(piece), Some(pipe)) => pipe.write_all(&piece).unwrap(),
            _ => self.pipe = None,
        }
    }
}

impl Sink for Feeder {
    fn begin_file(&mut self, file: usize) {
        self.recorder.begin_file(file);
    }

    fn take(&mut self, batch: &Batch) -> ControlFlow<()> {
        self.feed();
        self.recorder.take(batch)
    }

    fn end_file(&mut self, report: FileReport) {
        assert!(self.pipe.is_none(), "it ended before its input did");
        self.recorder.end_file(report);
    }

    fn idle(&mut self, _: Timestamp) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// The end of a capture of five segments: each piece ends with a segment, and can only be written once the one before
/// was handed over.
#[test]
fn segments_are_handed_over_while_the_input_is_still_open() {
    let whole = pcap(row(START, 5));
    let record = (whole.len() - 24) / 5;
    let ends = [24 + record, 24 + 3 * record, 24 + 5 * record];
    let pieces = [&whole[..ends[0]], &whole[ends[0]..ends[1]], &whole[ends[1]..]];
    let packed = pieces.map(gzip);
    let packed = [&packed[0][..], &packed[1], &packed[2]];
    for (workers, pieces) in [(0, pieces), (1, pieces), (0, packed), (1, packed)] {
        let (reader, writer) = pipe().unwrap();
        let mut feeder = Feeder::new(writer, &pieces);
        let plan = SourcePlan { workers: WORKERS[workers], ..plan([path_of(&reader).as_path()]) };
        try_read(&plan, &mut feeder).unwrap();
        assert_eq!(feeder.recorder.batches, 3);
        assert_eq!(feeder.recorder.reports[0].segments, 5);
        assert_eq!(feeder.recorder.reports[0].damage, None);
    }
}

#[test]
fn a_merged_input_is_waited_for_and_what_is_before_it_is_handed_over() {
    let folder = Folder::new();
    let file = folder.file("a.pcap");
    std::fs::write(&file, pcap(row(START, 10))).unwrap();
    let live = pcap(row(START + 5 * MS + 1, 3));
    let record = (live.len() - 24) / 3;
    for workers in WORKERS {
        let (reader, writer) = pipe().unwrap();
        let mut feeder = Feeder::new(writer, &[&live[..24 + record], &live[24 + record..]]);
        let plan = SourcePlan { merge: true, workers, ..plan([file.as_path(), &path_of(&reader)]) };
        try_read(&plan, &mut feeder).unwrap();
        let order: Vec<&str> = feeder.recorder.calls[2..15].iter().map(|call| &call[..1]).collect();
        assert_eq!(order.concat(), "0000001010100");
    }
}

#[test]
fn standard_input_is_one_of_them() {
    for octets in [pcap(row(START, 3)), gzip(&pcap(row(START, 3)))] {
        let (reader, mut writer) = pipe().unwrap();
        rustix::stdio::dup2_stdin(&reader).unwrap();
        writer.write_all(&octets).unwrap();
        drop(writer);
        let mut recorder = Recorder::default();
        try_read(&plan([Path::new("-")]), &mut recorder).unwrap();
        assert_eq!(recorder.reports[0].name, "-");
        assert_eq!(recorder.reports[0].segments, 3);
    }
}

#[test]
fn a_fifo_is_waited_for_until_somebody_writes() {
    let folder = Folder::new();
    let path = folder.file("fifo");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    for workers in WORKERS {
        let mut recorder = Recorder::default();
        thread::scope(|scope| {
            // Opening it for writing waits for the reader.
            scope.spawn(|| std::fs::write(&path, pcap(row(START, 3))).unwrap());
            try_read(&SourcePlan { workers, ..plan([path.as_path()]) }, &mut recorder).unwrap();
        });
        assert_eq!(recorder.reports[0].segments, 3);
    }
}

/// Makes the wish to stop when it is told the time.
struct Waiting {
    stop: Stop,
    times: Vec<Timestamp>,
    recorder: Recorder,
}

impl Sink for Waiting {
    fn begin_file(&mut self, file: usize) {
        self.recorder.begin_file(file);
    }

    fn take(&mut self, batch: &Batch) -> ControlFlow<()> {
        self.recorder.take(batch)
    }

    fn end_file(&mut self, report: FileReport) {
        self.recorder.end_file(report);
    }

    fn idle(&mut self, now: Timestamp) -> ControlFlow<()> {
        self.times.push(now);
        if self.times.len() == 2 {
            self.stop.request();
        }
        ControlFlow::Continue(())
    }
}

#[test]
fn silence_is_told_by_the_clock_and_stopping_needs_no_input() {
    for (merge, workers) in [(false, Workers::One), (false, Workers::Two), (true, Workers::One), (true, Workers::Two)] {
        let (reader, mut writer) = pipe().unwrap();
        writer.write_all(&pcap(row(START, 3))).unwrap();
        let stop = Stop::new().unwrap();
        let mut sink = Waiting { stop: stop.clone(), times: Vec::new(), recorder: Recorder::default() };
        let plan = SourcePlan { merge, workers, ..plan([path_of(&reader).as_path()]) };
        run(&plan, &stop, &mut sink).unwrap();
        let calls = ["begin 0", "0: 1 seq 0", "0: 2 seq 1", "0: 3 seq 2", "end 0 of 3 frames"];
        assert_eq!(sink.recorder.calls, calls);
        assert!(sink.times[0] > Timestamp(START + 2 * MS), "{:?}", sink.times);
        assert!(sink.times[1] > sink.times[0], "{:?}", sink.times);
        drop(writer);
    }
}

#[test]
fn stopping_before_the_first_octet_begins_nothing() {
    let (reader, _writer) = pipe().unwrap();
    for (merge, workers) in [(false, Workers::One), (true, Workers::Two)] {
        let stop = Stop::new().unwrap();
        stop.request();
        let mut recorder = Recorder::default();
        let plan = SourcePlan { merge, workers, ..plan([path_of(&reader).as_path()]) };
        run(&plan, &stop, &mut recorder).unwrap();
        assert_eq!(recorder.calls, [""; 0]);
    }
}

#[test]
fn stopping_within_a_file_ends_it_soon() {
    let folder = Folder::new();
    let file = folder.file("a.pcap");
    std::fs::write(&file, pcap(row(START, 10_000))).unwrap();
    for workers in WORKERS {
        let stop = Stop::new().unwrap();
        stop.request();
        let mut recorder = Recorder::default();
        run(&SourcePlan { workers, ..plan([file.as_path(), &file]) }, &stop, &mut recorder).unwrap();
        assert_eq!(recorder.reports.len(), 1);
        assert_eq!(recorder.reports[0].frames, 2048);
        assert_eq!(recorder.calls.len(), 2050);
    }
}

#[test]
fn an_input_is_displayed_as_it_was_typed() {
    for typed in ["-", "./a b.pcap", "/x/y.pcapng.gz"] {
        assert_eq!(Input::from(Path::new(typed)).to_string(), typed);
    }
    assert_eq!(Input::from(Path::new("-")), Input::Stdin);
}

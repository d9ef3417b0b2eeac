//! One input while it is read: its frames decoded, filtered and counted.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use rst_storm_core::capture::{CaptureReader, Frame, LinkType, OpenError, Timestamp};
use rst_storm_core::explain::{Aside, FrameNumber};
use rst_storm_core::flow::Duplicates;
use rst_storm_core::reset::payload::Carried;
use rst_storm_core::tcp::Checksum;
use rst_storm_core::wire::{decode_onto, inspect};
use rst_storm_linux::input::{self, Woken};
use rst_storm_linux::signals::Stop;

use super::batch::Batch;
use super::error::SourceError;
use super::file_report::{FileReport, LARGEST_PAYLOAD};
use super::octets::Octets;
use super::plan::{Input, SourcePlan};

/// How long a wait for the first octets of a live input may be before it is begun again.
const ROUND: Duration = Duration::from_secs(3600);

/// What reading has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// There is more.
    More,
    /// There is no more at hand, and more may come.
    Waiting,
    /// It has ended.
    Ended,
}

/// One input while it is read.
#[derive(Debug)]
pub(super) struct Source {
    file: Arc<File>,
    reader: CaptureReader<Octets>,
    intake: Intake,
}

/// What is done with each frame.
#[derive(Debug)]
struct Intake {
    from: Timestamp,
    to: Timestamp,
    report: FileReport,
    previous: Timestamp,
    latest: Timestamp,
    duplicates: Option<Duplicates>,
}

impl Source {
    /// Opens an input and looks at what it begins with; `None` if the wish to stop came before.
    pub(super) fn open(plan: &SourcePlan, file: usize, stop: &Stop) -> Result<Option<Source>, SourceError> {
        let input = &plan.inputs[file];
        let name = input.to_string();
        let (opened, is_live) = open_file(input)?;
        let opened = Arc::new(opened);
        let mut octets = Octets::new(Arc::clone(&opened), is_live);
        let no_capture = |error| SourceError::NoCapture { name: name.clone(), error };
        while let Err(error) = octets.look() {
            if error.kind() != ErrorKind::WouldBlock {
                return Err(no_capture(OpenError::Read(error)));
            }
            let woken = input::wait(&opened, stop, ROUND);
            if woken.map_err(|error| no_capture(OpenError::Read(error)))? == Woken::Stop {
                return Ok(None);
            }
        }
        let reader = CaptureReader::open(octets).map_err(no_capture)?;
        Ok(Some(Source {
            file: opened,
            reader,
            intake: Intake {
                from: plan.from.unwrap_or(Timestamp(0)),
                to: plan.to.unwrap_or(Timestamp(u64::MAX)),
                report: FileReport { file, name, ..FileReport::default() },
                previous: Timestamp(0),
                latest: Timestamp(0),
                duplicates: None,
            },
        }))
    }

    /// The latest time of a frame.
    pub(super) fn latest(&self) -> Option<Timestamp> {
        self.intake.latest()
    }

    /// Reads so many frames, or until there are no more at hand, and appends the segments that are wanted.
    pub(super) fn fill(&mut self, batch: &mut Batch, frames: usize) -> State {
        let before = batch.segments.len();
        let state = self.read(batch, frames);
        self.intake.report.segments += (batch.segments.len() - before) as u64;
        state
    }

    fn read(&mut self, batch: &mut Batch, frames: usize) -> State {
        let Source { reader, intake, .. } = self;
        let mut left = frames;
        while left > 0 {
            left -= reader.take_at_hand(left, |frame| intake.take(batch, frame, 1));
            if left == 0 {
                break;
            }
            left -= 1;
            match reader.next_record() {
                Ok(Some(record)) => intake.take_apart(batch, &record.frame, record.interfaces.len()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return State::Waiting,
                // `Octets` gives no other error that the reader doesn't take for damage.
                Ok(None) | Err(_) => return State::Ended,
            }
        }
        State::More
    }

    /// Waits until there is more at hand, the wish to stop is made, or `longest` is over.
    pub(super) fn wait(&self, stop: &Stop, longest: Duration) -> Woken {
        // What is wrong with the input is told by reading it.
        input::wait(&self.file, stop, longest).unwrap_or(Woken::Input)
    }

    /// What it was.
    pub(super) fn into_report(self) -> FileReport {
        let latest = self.intake.latest();
        let mut report = FileReport { last: latest, ..self.intake.report };
        report.interfaces = self.reader.interfaces().to_vec();
        report.clamped_times = self.reader.clamped_times();
        report.untimed = self.reader.untimed();
        report.damage = self.reader.damage().cloned();
        report
    }
}

impl Intake {
    /// The latest time of a frame.
    fn latest(&self) -> Option<Timestamp> {
        (self.report.frames > 0).then_some(self.latest)
    }

    /// Takes a frame of a capture that has so many interfaces.
    #[inline(always)]
    fn take(&mut self, batch: &mut Batch, frame: &Frame<'_>, interfaces: usize) {
        let report = &mut self.report;
        report.frames += 1;
        if report.first.is_none() || frame.at < self.previous {
            note_start_or_step_back(report, frame.at);
        }
        self.previous = frame.at;
        self.latest = self.latest.max(frame.at);
        if frame.at < self.from || frame.at > self.to {
            report.outside_time += 1;
            return;
        }
        let number = FrameNumber::new(report.file as u16, report.frames);
        if let Err(skip) = decode_onto(&mut batch.segments, frame, number.0) {
            report.skips.record(skip);
            return;
        }
        let Some(segment) = batch.segments.last() else { return };
        let is_cut = frame.original_len as usize > frame.data.len();
        let is_super = segment.payload_len > LARGEST_PAYLOAD;
        let reset = if segment.flags.is_rst() { Some(look_at_reset(*frame)) } else { None };
        let place = Place::of(frame);
        if place.is_cooked || interfaces > 1 {
            let duplicates = self.duplicates.get_or_insert_default();
            if duplicates.is_duplicate(segment, place.number) {
                report.duplicates += 1;
                batch.segments.pop();
                return;
            }
        }
        if let Some((checksum, carried)) = reset {
            add_reset(report, batch, checksum, carried, is_cut);
        }
        if is_cut || is_super {
            report.cut_segments += u64::from(is_cut);
            report.super_segments += u64::from(is_super);
        }
    }

    /// The same, out of the way of those that come by the million.
    #[inline(never)]
    fn take_apart(&mut self, batch: &mut Batch, frame: &Frame<'_>, interfaces: usize) {
        self.take(batch, frame, interfaces);
    }
}

/// Looks at every file of the plan before any is read: a name that was mistyped is told at once. What can be read only
/// once is not touched.
pub(super) fn look_at_files(plan: &SourcePlan, stop: &Stop) -> Result<(), SourceError> {
    for (file, input) in plan.inputs.iter().enumerate() {
        let Input::File(path) = input else { continue };
        let is_once = fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir());
        if !is_once {
            Source::open(plan, file, stop)?;
        }
    }
    Ok(())
}

/// Opens an input; whether one may have to wait for it.
pub(super) fn open_file(input: &Input) -> Result<(File, bool), SourceError> {
    let opened = match input {
        Input::File(path) => input::open(path),
        Input::Stdin => io::stdin().as_fd().try_clone_to_owned().map(File::from),
    };
    let opened = opened.and_then(|file| Ok((file.metadata()?, file)));
    let (metadata, file) = opened.map_err(|error| SourceError::Open { name: input.to_string(), error })?;
    if metadata.is_dir() {
        return Err(SourceError::Directory(input.to_string()));
    }
    Ok((file, !metadata.is_file()))
}

/// Where a frame was seen.
struct Place {
    is_cooked: bool,
    number: u64,
}

impl Place {
    /// A Linux cooked capture is one interface in its file and several in truth: its header tells the kernel's index
    /// (version 2) and whether the frame came, went, or was for another (both).
    #[inline(always)]
    fn of(frame: &Frame<'_>) -> Place {
        let interface = (frame.interface as u64) << 40;
        let detail = match (frame.link, frame.data) {
            (LinkType::LinuxCooked2, &[_, _, _, _, a, b, c, d, _, _, packet_type, ..]) => {
                u64::from(u32::from_be_bytes([a, b, c, d])) << 8 | u64::from(packet_type)
            }
            (LinkType::LinuxCooked, &[_, packet_type, ..]) => u64::from(packet_type),
            _ => return Place { is_cooked: false, number: interface },
        };
        Place { is_cooked: true, number: interface | detail }
    }
}

/// The first frame, or one whose time lies before that of the frame before.
#[cold]
fn note_start_or_step_back(report: &mut FileReport, at: Timestamp) {
    report.backward_steps += u64::from(report.first.is_some());
    report.first = Some(report.first.map_or(at, |first| first.min(at)));
}

/// By value, so that no other frame has to stand in memory for it.
#[inline(never)]
fn look_at_reset(frame: Frame<'_>) -> (Checksum, Option<Carried>) {
    match inspect(&frame) {
        Some(contents) => (contents.checksum, Carried::of(&contents)),
        None => (Checksum::NotChecked, None),
    }
}

/// Counts a reset that is the batch's last segment, and says what there is to say of it.
#[inline(never)]
fn add_reset(report: &mut FileReport, batch: &mut Batch, checksum: Checksum, carried: Option<Carried>, is_cut: bool) {
    match checksum {
        Checksum::Bad => report.bad_reset_checksums += 1,
        Checksum::NotChecked if !is_cut => report.unfinished_checksums += 1,
        Checksum::NotChecked | Checksum::Good => {}
    }
    if checksum == Checksum::Bad || carried.is_some() {
        batch.asides.push((batch.segments.len() - 1, Aside { checksum, carried }));
    }
}

//! An explanation under way: segments go to the explainer, what it finds goes out in the form that was asked for.

use std::ops::ControlFlow;
use std::sync::Arc;

use rst_storm_core::capture::Timestamp;
use rst_storm_core::explain::{
    Ended, Explainer, Judged, Limits, Lookalike, Pattern, Record, Selection, Summary, check,
};
use serde::Serialize;

use super::scribe::{Frame, Pen, Scribe};
use super::witness::Witness;
use crate::report::explain::comment::Comments;
use crate::report::explain::compact;
use crate::report::explain::document::{GroupRecord, Input, ServiceRecord, SummaryRecord};
use crate::report::explain::filling::Filling;
use crate::report::explain::kernel::{Heard, HeardTally, TraceSums};
use crate::report::explain::layout::Page;
use crate::report::explain::names::Names;
use crate::report::explain::text::Detail;
use crate::report::explain::{block, text};
use crate::report::output::{Loudness, Output};
use crate::watch::{Batch, FileReport, Sink};

/// Text is handed over in pieces of about this size.
const PIECE: usize = 1 << 16;

/// In what form it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people; `each` reset in a line as it is judged, before the summary.
    Text {
        /// Whether each reset is listed.
        each: bool,
    },
    /// One document.
    Json,
    /// A line for each thing.
    Ndjson,
    /// One reset as a story, told by whoever asked.
    Story,
}

impl Format {
    /// What stands around records, where they are told of.
    fn frame(self) -> Option<Frame> {
        match self {
            Format::Json => Some(Frame::Document),
            Format::Ndjson => Some(Frame::Lines),
            Format::Text { .. } | Format::Story => None,
        }
    }
}

/// What the exit code depends on.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Connections that were told of.
    pub connections: u64,
    /// Resets.
    pub resets: u64,
    /// Resets that did harm.
    pub harmful: u64,
    /// Resets without a cause.
    pub unexplained: u64,
    /// The record of a story, and the kernel's word on its resets.
    pub record: Option<Box<Record>>,
    /// The kernel's word on the resets of a story.
    pub heard: Vec<Heard>,
    /// Resets on which the kernel's word contradicts the wire's verdict.
    pub disagreeing: u64,
    /// The verdicts as comments, where they are wanted.
    pub comments: Option<Comments>,
    /// The damage of each damaged input.
    pub damage: Vec<String>,
}

/// Takes segments and tells what they mean.
#[derive(Debug)]
pub struct Telling<'a> {
    teller: Teller<'a>,
    explainer: Option<Explainer>,
    limits: Limits,
    selection: Selection,
    merge: bool,
    reports: Vec<FileReport>,
}

#[derive(Debug)]
struct Teller<'a> {
    output: &'a mut Output,
    format: Format,
    names: &'a Names,
    page: Page,
    witness: Option<Witness>,
    heard: HeardTally,
    piece: Vec<u8>,
    /// What writes records, where they are told of.
    pen: Option<Pen<'a>>,
    /// Who writes records, where that is another thread.
    scribe: Option<Scribe>,
    begun: bool,
    /// Room for a connection that is told by a pattern, where no other thread writes it.
    lookalike: Lookalike,
    outcome: Outcome,
}

impl<'a> Telling<'a> {
    /// Tells to this output.
    pub fn new(
        output: &'a mut Output,
        format: Format,
        names: &'a Names,
        limits: Limits,
        selection: Selection,
        merge: bool,
    ) -> Telling<'a> {
        let page = Page::new(output.style());
        let outcome = Outcome::default();
        let (witness, heard) = (None, HeardTally::default());
        let (piece, scribe) = (Vec::new(), None);
        let pen = format.frame().map(|frame| Pen::new(names, frame));
        let (begun, lookalike) = (false, Lookalike::default());
        let teller =
            Teller { output, format, names, page, witness, heard, piece, pen, scribe, begun, lookalike, outcome };
        Telling { teller, explainer: None, limits, selection, merge, reports: Vec::new() }
    }

    /// Asks a trace about each reset too.
    pub fn with_witness(mut self, witness: Witness) -> Telling<'a> {
        self.teller.witness = Some(witness);
        self
    }

    /// Keeps the verdicts as comments too.
    pub fn with_comments(mut self) -> Telling<'a> {
        self.teller.outcome.comments = Some(Comments::default());
        self
    }

    /// Writes records in a thread of their own, where one can be had.
    pub fn in_threads(mut self) -> Telling<'a> {
        self.teller.scribe =
            self.teller.format.frame().and_then(|frame| Scribe::start(frame, self.teller.names.clone()));
        self
    }

    /// Whether anything was told.
    pub fn has_told(&self) -> bool {
        self.teller.begun
    }

    /// Ends what was begun, and says how it came out.
    pub fn conclude(mut self) -> Outcome {
        self.finish();
        let teller = &mut self.teller;
        if teller.format == Format::Json {
            teller.hand_over();
            if !teller.begun {
                teller.push(Frame::Document.before(false).trim_end());
            }
            teller.push("\n]}\n");
        }
        teller.hand_over();
        self.teller.outcome
    }

    /// Tells what the explainer has left, and what the inputs read so far show together.
    fn finish(&mut self) {
        let Some(explainer) = self.explainer.take() else { return };
        let teller = &mut self.teller;
        let summary = explainer.finish(teller);
        teller.conclude(&summary, &self.reports);
        self.reports.clear();
    }
}

impl Sink for Telling<'_> {
    fn begin_file(&mut self, file: usize) {
        if self.explainer.is_none() {
            self.teller.begin_capture(file);
            let each = self.teller.outcome.comments.is_some() || self.teller.witness.is_some();
            let only_sums = self.teller.format == Format::Text { each: false } && !each;
            self.explainer = Some(if only_sums && self.selection.is_empty() {
                Explainer::of_sums(self.limits)
            } else {
                Explainer::new(self.limits, self.selection.clone())
            });
        }
    }

    fn take(&mut self, batch: &Batch) -> ControlFlow<()> {
        let Some(explainer) = &mut self.explainer else { return ControlFlow::Break(()) };
        let teller = &mut self.teller;
        explainer.take(&batch.segments, &batch.asides, &batch.briefs, teller);
        teller.hand_over_pieces()
    }

    fn end_file(&mut self, report: FileReport) {
        if let Some(damage) = &report.damage {
            self.teller.outcome.damage.push(format!("{} is damaged {damage}", report.name));
        }
        self.reports.push(report);
        if !self.merge {
            self.finish();
        }
    }

    fn idle(&mut self, now: Timestamp) -> ControlFlow<()> {
        let Some(explainer) = &mut self.explainer else { return ControlFlow::Break(()) };
        let teller = &mut self.teller;
        explainer.expire(now, teller);
        teller.hand_over();
        ControlFlow::Continue(())
    }
}

impl Ended for Teller<'_> {
    fn record(&mut self, record: &mut Record) {
        self.tell(record);
    }

    /// Comments and a trace ask for each record.
    fn room(&mut self) -> Option<&mut Lookalike> {
        if self.pen.is_none() || self.witness.is_some() || self.outcome.comments.is_some() {
            return None;
        }
        match &mut self.scribe {
            Some(scribe) => scribe.room(),
            None => Some(&mut self.lookalike),
        }
    }

    fn learn(&mut self, pattern: &Pattern) -> bool {
        let Some(filling) = Filling::of(pattern, self.names).map(Arc::new) else { return false };
        let Some(pen) = &mut self.pen else { return false };
        let number = pattern.seen.lookalike.pattern;
        if let Some(scribe) = &mut self.scribe {
            scribe.learn(number, Arc::clone(&filling), self.begun);
        }
        pen.learn(number, filling);
        true
    }

    fn lookalike(&mut self) {
        let begun = std::mem::replace(&mut self.begun, true);
        match (&mut self.scribe, &mut self.pen) {
            (Some(scribe), _) => {
                scribe.take_lookalike(begun, &mut |lines| self.output.insist_octets(lines));
            }
            (None, Some(pen)) => {
                pen.append_lookalike(&mut self.piece, &self.lookalike, begun);
                self.hand_over_whole();
            }
            (None, None) => {}
        }
    }

    fn agrees(&self, lookalike: &Lookalike, record: &Record) -> bool {
        let filling = self.pen.as_ref().and_then(|pen| pen.filling(lookalike));
        filling.is_some_and(|filling| filling.agrees(lookalike, record, self.names))
    }
}

impl Teller<'_> {
    fn tell(&mut self, record: &mut Record) {
        if let Some(comments) = &mut self.outcome.comments {
            comments.add(record);
        }
        let heard = self.hear(record);
        match self.format {
            Format::Text { each: true } => {
                for (place, judged) in record.resets.iter().enumerate() {
                    self.push(&block::brief(judged, heard.get(place), self.names, &self.page));
                }
            }
            Format::Text { each: false } => {}
            Format::Story => {
                self.outcome.record = Some(Box::new(record.clone()));
                self.outcome.heard = heard;
            }
            Format::Json | Format::Ndjson => self.tell_record(record, &heard),
        }
        self.hand_over_whole();
    }

    fn hand_over_whole(&mut self) {
        if self.piece.len() >= PIECE {
            self.hand_over();
        }
    }

    /// The trace is asked about another capture, or about several that are one timeline.
    fn begin_capture(&mut self, file: usize) {
        if let Some(witness) = &mut self.witness {
            witness.trace.begin_capture(witness.clocks.get(file).copied().flatten());
        }
    }

    /// What the trace says of a record's resets; nothing without a trace.
    fn hear(&mut self, record: &Record) -> Vec<Heard> {
        let Some(witness) = &mut self.witness else { return Vec::new() };
        let hear = |judged: &Judged| {
            let (said, event) = witness.trace.said(&judged.reset.segment);
            Heard { event, checked: check(&judged.verdict, &said) }
        };
        let heard: Vec<Heard> = record.resets.iter().map(hear).collect();
        heard.iter().for_each(|heard| self.heard.add(heard));
        self.outcome.disagreeing = self.heard.disagreeing();
        heard
    }

    fn tell_record(&mut self, record: &mut Record, heard: &[Heard]) {
        let begun = std::mem::replace(&mut self.begun, true);
        match (&mut self.scribe, &mut self.pen) {
            (Some(scribe), _) => scribe.take(record, begun, &mut |lines| self.output.insist_octets(lines)),
            (None, Some(pen)) => pen.append(&mut self.piece, record, heard, begun),
            (None, None) => {}
        }
    }

    fn conclude(&mut self, summary: &Summary, reports: &[FileReport]) {
        let tally = &summary.tally;
        self.outcome.connections += tally.connections;
        self.outcome.resets += tally.resets;
        self.outcome.harmful += tally.harmful();
        self.outcome.unexplained += tally.unexplained();
        match self.format {
            Format::Text { .. } => self.conclude_text(summary, reports),
            Format::Json | Format::Ndjson => self.conclude_records(summary, reports),
            Format::Story => {}
        }
        self.hand_over();
    }

    fn conclude_text(&mut self, summary: &Summary, reports: &[FileReport]) {
        let verbose = self.output.loudness() == Loudness::Verbose;
        let detail = if verbose { Detail::Interfaces } else { Detail::Sums };
        for report in reports {
            self.push(&text::input(report, detail, &self.page));
        }
        self.push(&text::summary(summary, &self.page));
        self.push(&text::services(summary, &self.page));
        self.push(&text::groups(summary, self.names, &self.page));
        if let Some(witness) = &self.witness {
            let said = self.heard.text(&witness.trace, &self.page);
            self.push(&said);
        }
    }

    fn conclude_records(&mut self, summary: &Summary, reports: &[FileReport]) {
        self.hand_over();
        let names = self.names;
        for report in reports {
            self.write(&Input::new(report));
        }
        for group in &summary.groups {
            self.write(&GroupRecord::new(group, summary, names));
        }
        for service in summary.services.iter().filter(|service| service.connections > 0) {
            self.write(&ServiceRecord::new(service));
        }
        let files: Vec<String> = reports.iter().map(|report| report.name.clone()).collect();
        let trace = self.witness.as_ref().map(|witness| TraceSums::of(&witness.trace));
        self.write(&SummaryRecord::new(summary, &files, trace));
    }

    /// What is no connection, in the frame of the others.
    fn write(&mut self, record: &impl Serialize) {
        let Some(frame) = self.format.frame() else { return };
        self.push(&frame.before(self.begun));
        self.begun = true;
        // As with records, nothing in it can fail to be written.
        let _ = compact::append(&mut self.piece, record);
        self.push(frame.after());
    }

    fn push(&mut self, text: &str) {
        self.piece.extend_from_slice(text.as_bytes());
    }

    fn hand_over_pieces(&mut self) -> ControlFlow<()> {
        if self.piece.len() >= PIECE || !self.piece.is_empty() && matches!(self.format, Format::Text { .. }) {
            self.hand_over();
        }
        ControlFlow::Continue(())
    }

    fn hand_over(&mut self) {
        if let Some(scribe) = &mut self.scribe {
            scribe.flush(&mut |lines| self.output.insist_octets(lines));
        }
        match self.format {
            Format::Text { .. } if self.output.loudness() == Loudness::Quiet => {}
            _ if self.piece.is_empty() => {}
            _ => self.output.insist_octets(&self.piece),
        }
        self.piece.clear();
    }
}

//! Reading a trace back: `trace --format ndjson`, line by line.

use std::collections::HashSet;
use std::io::{self, BufRead, Read};

use rst_storm_core::explain::Beyond;
use rst_storm_core::kernel::{KernelReset, Name};
use thiserror::Error;

use super::kernel_record::{Line, SummaryRecord, TRACE_SCHEMA, TraceRecord};

/// No line is longer; one reset takes less than a thousandth of it.
const LONGEST_LINE: u64 = 1 << 20;

/// The most resets of a trace that are kept in memory.
pub const MOST_EVENTS: usize = 1 << 20;

/// The most names that are kept once for all resets that have them; there are some dozens.
const MOST_NAMES: usize = 4096;

/// Why a trace can't be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EventsError {
    /// It can't be read on.
    #[error("line {line} cannot be read: {error}")]
    Read {
        /// Counted from 1.
        line: u64,
        /// The system's word.
        error: io::Error,
    },
    /// There is nothing in it.
    #[error("is empty; record one with: rst-storm trace --format ndjson")]
    Empty,
    /// It is one document.
    #[error("is one document; record it with: rst-storm trace --format ndjson")]
    Document,
    /// A line is no record of a trace.
    #[error("line {line} is no record of a trace: {why}")]
    Malformed {
        /// Counted from 1.
        line: u64,
        /// What is wrong.
        why: String,
    },
    /// A line isn't where it belongs.
    #[error("line {line} is out of place: {why}")]
    Misplaced {
        /// Counted from 1.
        line: u64,
        /// What is wrong.
        why: &'static str,
    },
}

/// A whole trace.
#[derive(Clone, Debug, PartialEq)]
pub struct KernelEvents {
    /// What was watched.
    pub trace: TraceRecord<'static>,
    /// The resets, in the order of the file.
    pub resets: Vec<KernelReset>,
    /// Resets that come after as many as are kept.
    pub beyond: Option<Beyond>,
    /// The last line; `None` where the trace was cut off, so that it was not watched to the end.
    pub summary: Option<SummaryRecord<'static>>,
}

impl KernelEvents {
    /// Reads a trace to its end, and keeps its first [`MOST_EVENTS`] resets.
    pub fn read(input: impl BufRead) -> Result<KernelEvents, EventsError> {
        KernelEvents::read_up_to(MOST_EVENTS, input)
    }

    /// Reads a trace to its end, and keeps its first `most` resets.
    pub fn read_up_to(most: usize, input: impl BufRead) -> Result<KernelEvents, EventsError> {
        let mut reader = KernelEventsReader::open(input)?;
        let mut names = HashSet::new();
        let (mut resets, mut beyond) = (Vec::new(), None);
        for reset in reader.by_ref() {
            let mut reset = reset?;
            if resets.len() < most {
                names_of(&mut reset).for_each(|name| share(name, &mut names));
                resets.push(reset);
            } else {
                beyond = Some(Beyond::and(beyond, reset.at));
            }
        }
        Ok(KernelEvents { trace: reader.trace, resets, beyond, summary: reader.summary })
    }

    /// Whether a reset that isn't in it was not sent by this machine, from `trace.since` to the summary's `until`: all was
    /// told, to the end, and nothing lost.
    pub fn is_complete(&self) -> bool {
        let all_told = self.trace.filter.is_none() && !self.trace.watched.reasons.is_empty() && self.beyond.is_none();
        all_told && self.summary.as_ref().is_some_and(|summary| summary.lost == 0)
    }
}

/// All names in a reset.
fn names_of(reset: &mut KernelReset) -> impl Iterator<Item = &mut Name> {
    let comm = reset.process.as_mut().and_then(|process| process.comm.as_mut());
    reset.reason.iter_mut().chain(&mut reset.state).chain(comm).chain(&mut reset.stack)
}

/// Replaces a name by the same one that was read before: the kernel's are few, and a stack has some twenty of them.
fn share(name: &mut Name, known: &mut HashSet<Name>) {
    match known.get(name) {
        Some(same) => *name = Name::clone(same),
        None if known.len() < MOST_NAMES => {
            known.insert(Name::clone(name));
        }
        None => {}
    }
}

/// A trace that is read reset by reset.
#[derive(Debug)]
pub struct KernelEventsReader<R> {
    input: R,
    line: u64,
    text: Vec<u8>,
    trace: TraceRecord<'static>,
    summary: Option<SummaryRecord<'static>>,
    ended: bool,
}

impl<R: BufRead> KernelEventsReader<R> {
    /// Reads the first line.
    pub fn open(mut input: R) -> Result<KernelEventsReader<R>, EventsError> {
        let mut text = Vec::new();
        if read_line(&mut input, &mut text, 1)? == End::OfFile {
            return Err(EventsError::Empty);
        }
        if !text.contains(&b'}') && text.ends_with(b"\"records\":[\n") {
            return Err(EventsError::Document);
        }
        match parse(&text, 1)? {
            Line::Trace(trace) => {
                let trace =
                    TraceRecord { schema: TRACE_SCHEMA.into(), kernel: trace.kernel.into_owned().into(), ..trace };
                Ok(KernelEventsReader { input, line: 1, text, trace, summary: None, ended: false })
            }
            _ => Err(EventsError::Misplaced { line: 1, why: "a trace begins with what was watched" }),
        }
    }

    /// What was watched.
    pub fn trace(&self) -> &TraceRecord<'static> {
        &self.trace
    }

    /// The last line, when all is read; `None` where the trace was cut off.
    pub fn summary(&self) -> Option<&SummaryRecord<'static>> {
        self.summary.as_ref()
    }

    fn read_reset(&mut self) -> Result<Option<KernelReset>, EventsError> {
        self.line += 1;
        let line = self.line;
        let end = read_line(&mut self.input, &mut self.text, line)?;
        if end == End::OfFile {
            return Ok(None);
        }
        if self.summary.is_some() {
            return Err(EventsError::Misplaced { line, why: "the summary is the last" });
        }
        match parse(&self.text, line) {
            Ok(Line::Reset(record)) => Ok(Some(record.reset())),
            Ok(Line::Summary(summary)) => {
                self.summary = Some(SummaryRecord { schema: TRACE_SCHEMA.into(), ..summary });
                self.read_reset()
            }
            Ok(Line::Trace(_)) => Err(EventsError::Misplaced { line, why: "a second trace begins here" }),
            // A writer that was killed leaves half a line.
            Err(EventsError::Malformed { .. }) if end == End::Cut => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl<R: BufRead> Iterator for KernelEventsReader<R> {
    type Item = Result<KernelReset, EventsError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let read = self.read_reset().transpose();
        self.ended = !matches!(read, Some(Ok(_)));
        read
    }
}

/// How a line ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// As it should.
    OfLine,
    /// The file ended in it.
    Cut,
    /// There is no line any more.
    OfFile,
}

fn read_line(input: &mut impl BufRead, text: &mut Vec<u8>, line: u64) -> Result<End, EventsError> {
    text.clear();
    let read = input.take(LONGEST_LINE).read_until(b'\n', text).map_err(|error| EventsError::Read { line, error })?;
    if text.ends_with(b"\n") {
        Ok(End::OfLine)
    } else if read as u64 == LONGEST_LINE {
        Err(EventsError::Malformed { line, why: format!("it is longer than {LONGEST_LINE} octets") })
    } else if read == 0 {
        Ok(End::OfFile)
    } else {
        Ok(End::Cut)
    }
}

fn parse(text: &[u8], line: u64) -> Result<Line<'_>, EventsError> {
    let parsed: Line<'_> = serde_json::from_slice(text).map_err(|error| {
        // "at line 1 column 7" counts lines within this one.
        let why = error.to_string();
        let why = why.split(" at line ").next().unwrap_or_default().to_owned();
        EventsError::Malformed { line, why }
    })?;
    let schema = match &parsed {
        Line::Trace(trace) => &*trace.schema,
        Line::Reset(reset) => reset.schema(),
        Line::Summary(summary) => &*summary.schema,
    };
    if schema != TRACE_SCHEMA {
        let why = format!("its schema is {schema:?}, and {TRACE_SCHEMA:?} is known");
        return Err(EventsError::Malformed { line, why });
    }
    Ok(parsed)
}

//! What a capture shows by itself: its records and its summary, from the file as anybody would read it.

use std::ops::ControlFlow;
use std::path::PathBuf;

use rst_storm_core::capture::Timestamp;
use rst_storm_core::explain::{Explainer, Limits, Record, Selection, Summary};
use rst_storm_linux::signals::Stop;

use crate::watch::{self, Batch, FileReport, Input, Sink, SourceError, SourcePlan, Workers};

/// What a capture shows.
#[derive(Debug)]
pub struct Shown {
    /// Its connections.
    pub records: Vec<Record>,
    /// All of them together.
    pub summary: Summary,
}

/// Explains capture files of one time, as one.
pub fn explain(files: &[PathBuf], stop: &Stop) -> Result<Shown, SourceError> {
    let plan = SourcePlan {
        inputs: files.iter().cloned().map(Input::File).collect(),
        merge: files.len() > 1,
        from: None,
        to: None,
        workers: Workers::One,
    };
    let mut taking = Taking { explainer: Explainer::new(Limits::default(), Selection::default()), records: Vec::new() };
    watch::run(&plan, stop, &mut taking)?;
    let Taking { explainer, mut records } = taking;
    let summary = explainer.finish(&mut |record: &mut Record| records.push(record.clone()));
    Ok(Shown { records, summary })
}

struct Taking {
    explainer: Explainer,
    records: Vec<Record>,
}

impl Sink for Taking {
    fn begin_file(&mut self, _: usize) {}

    fn take(&mut self, batch: &Batch) -> ControlFlow<()> {
        let mut asides = batch.asides.iter().peekable();
        let records = &mut self.records;
        for (index, segment) in batch.segments.iter().enumerate() {
            let aside = asides.next_if(|(place, _)| *place == index).map(|(_, aside)| aside);
            self.explainer.push(segment, aside, &mut |record: &mut Record| records.push(record.clone()));
        }
        ControlFlow::Continue(())
    }

    fn end_file(&mut self, _: FileReport) {}

    fn idle(&mut self, _: Timestamp) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

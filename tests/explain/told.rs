//! Captures explained in this process, without the program around it.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use rst_storm::report::explain::document::{GroupRecord, Input as InputRecord, ServiceRecord, SummaryRecord};
use rst_storm::report::explain::json::Connection;
use rst_storm::report::explain::layout::Page;
use rst_storm::report::explain::names::Names;
use rst_storm::report::explain::story::story;
use rst_storm::report::explain::{block, text};
use rst_storm::report::style::Style;
use rst_storm::watch::{Batch, FileReport, Input, Sink, SourceError, SourcePlan, Workers, around, run};
use rst_storm_core::capture::Timestamp;
use rst_storm_core::explain::{Explainer, Limits, Record, Selection};
use rst_storm_linux::signals::Stop;
use serde::Serialize;

/// What is told of captures.
#[derive(Debug, Default)]
pub struct Told {
    /// Every record as a line of JSON, in order.
    pub lines: Vec<String>,
    /// Every reset in full, the story of each one of one file, and the summary, for people.
    pub text: String,
    /// The connections with resets.
    reset: Vec<Record>,
}

/// Takes segments as the program does, for one timeline.
struct Taker {
    explainer: Explainer,
    names: Names,
    page: Page,
    reports: Vec<FileReport>,
    told: Told,
}

/// How captures are explained.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    pub workers: Workers,
    pub max_flows: usize,
    /// Whether only the sums are wanted.
    pub sums: bool,
}

/// As the program does it on several cores.
pub const USUAL: Way = Way { workers: Workers::Two, max_flows: 1 << 17, sums: false };

/// Explains files as one timeline. Their names are told as `a`, `b`, and so on.
pub fn tell(files: &[PathBuf], way: Way) -> Result<Told, SourceError> {
    let names: Vec<String> = ('a'..='z').map(String::from).take(files.len()).collect();
    let limits = Limits { max_flows: way.max_flows };
    let mut taker = Taker {
        explainer: if way.sums { Explainer::of_sums(limits) } else { Explainer::new(limits, Selection::default()) },
        names: Names::new(names.clone(), true),
        page: Page::new(Style::Plain),
        reports: Vec::new(),
        told: Told::default(),
    };
    let inputs = files.iter().map(|path| Input::from(Path::new(path))).collect();
    let plan = SourcePlan { inputs, merge: files.len() > 1, from: None, to: None, workers: way.workers };
    run(&plan, &Stop::new().expect("an eventfd"), &mut taker)?;
    for (report, name) in taker.reports.iter_mut().zip(&names) {
        report.name.clone_from(name);
    }
    let (names_of_frames, page) = (taker.names.clone(), taker.page);
    let mut told = taker.finish(&names);
    if let [file] = files {
        told.stories(&Input::from(file.as_path()), &names_of_frames, &page);
    }
    Ok(told)
}

impl Taker {
    fn finish(self, files: &[String]) -> Told {
        let Taker { explainer, names, page, reports, mut told } = self;
        let summary = explainer.finish(&mut |record: &mut Record| told.connection(record, &names, &page));
        for report in &reports {
            told.line(&InputRecord::new(report));
            told.text.push_str(&text::input(report, text::Detail::Interfaces, &page));
        }
        summary.groups.iter().for_each(|group| told.line(&GroupRecord::new(group, &summary, &names)));
        let services = summary.services.iter().filter(|service| service.connections > 0);
        services.for_each(|service| told.line(&ServiceRecord::new(service)));
        told.line(&SummaryRecord::new(&summary, files, None));
        told.text.push_str(&text::summary(&summary, &page));
        told.text.push_str(&text::services(&summary, &page));
        told.text.push_str(&text::groups(&summary, &names, &page));
        told
    }
}

impl Told {
    fn line(&mut self, record: &impl Serialize) {
        self.lines.push(serde_json::to_string(record).expect("words and numbers"));
    }

    fn connection(&mut self, record: &Record, names: &Names, page: &Page) {
        self.line(&Connection::new(record, names));
        if !record.resets.is_empty() {
            self.reset.push(record.clone());
        }
        for judged in &record.resets {
            self.text.push_str(&block::brief(judged, None, names, page));
            self.text.push_str(&block::full(judged, record, names, page));
        }
    }
}

impl Told {
    fn stories(&mut self, input: &Input, names: &Names, page: &Page) {
        for record in std::mem::take(&mut self.reset) {
            for judged in &record.resets {
                let around = around(input, &judged.reset.segment, record.connection.first_frame);
                let around = around.expect("it was read before");
                assert!(around.segments.contains(&judged.reset.segment), "a story has its reset");
                self.text.push_str(&story(judged, None, &record, &around, names, page));
            }
        }
    }
}

impl Sink for Taker {
    fn begin_file(&mut self, _: usize) {}

    fn take(&mut self, batch: &Batch) -> ControlFlow<()> {
        let Taker { explainer, names, page, told, .. } = self;
        let mut asides = batch.asides.iter().peekable();
        for (index, segment) in batch.segments.iter().enumerate() {
            let aside = asides.next_if(|(place, _)| *place == index).map(|(_, aside)| aside);
            explainer.push(segment, aside, &mut |record: &mut Record| told.connection(record, names, page));
        }
        ControlFlow::Continue(())
    }

    fn end_file(&mut self, report: FileReport) {
        self.reports.push(report);
    }

    fn idle(&mut self, _: Timestamp) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

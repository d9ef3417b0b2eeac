//! `rst-storm explain --two-vantage`: two captures of the same traffic, held against each other.

use std::net::IpAddr;
use std::ops::ControlFlow;

use rst_storm_core::capture::Timestamp;
use rst_storm_core::causes::CauseId;
use rst_storm_core::explain::{Explainer, Limits, Record, Selection};
use rst_storm_core::vantages::{Bounds, Cover, Pairing, Tap, compare};
use rst_storm_core::wire::Skip;

use super::Common;
use super::exit::Failure;
use super::session::{self, Session};
use super::typed::TypedFormat;
use crate::report::explain::layout::Page;
use crate::report::explain::names::Names;
use crate::report::explain::vantages::{self, Detail};
use crate::report::explain::vantages_json::{self, Frame};
use crate::report::output::Loudness;
use crate::watch::{self, Batch, FileReport, Input, Sink, SourcePlan, Workers};

/// What was asked for.
#[derive(Debug)]
pub struct Asked {
    /// The files.
    pub inputs: Vec<Input>,
    /// In what form it is told.
    pub format: TypedFormat,
    /// Whether each reset is listed.
    pub each: bool,
    /// What bounds the explanation of each file.
    pub limits: Limits,
    /// Only resets of these addresses, if any are named.
    pub hosts: Vec<IpAddr>,
    /// Only resets with these ports, if any are named.
    pub ports: Vec<u16>,
    /// Only resets of these causes, if any are named.
    pub causes: Vec<CauseId>,
    /// Whether damage is an error.
    pub is_strict: bool,
    /// Who does the work.
    pub workers: Workers,
}

/// What the exit code depends on.
#[derive(Clone, Copy, Debug)]
pub struct Counts {
    /// Resets that were told of.
    pub resets: u64,
    /// Those that did harm.
    pub harmful: u64,
    /// Those without a cause.
    pub unexplained: u64,
}

/// Reads both files and tells what they say together. `None` if filters left nothing.
pub fn run(asked: Asked, common: Common) -> Result<Option<Counts>, Failure> {
    check_inputs(&asked.inputs)?;
    let names = Names::new(asked.inputs.iter().map(Input::to_string).collect(), true);
    let plan = SourcePlan { inputs: asked.inputs.clone(), merge: false, from: None, to: None, workers: asked.workers };
    let mut session = Session::open(common, None)?;
    let mut tapping = Tapping::new(asked.limits);
    watch::run(&plan, &session.stop, &mut tapping).map_err(Failure::usage)?;
    let Tapping { taps, reports, .. } = tapping;
    let [Some(first), Some(second)] = [taps.first(), taps.get(1)] else {
        return Err(Failure::Nothing("stopped before both files were read; nothing is told of one alone".to_owned()));
    };
    let mut comparison = compare(first, second);
    comparison.pairings.retain(|pairing| asked.takes(pairing));
    match asked.format {
        TypedFormat::Text => {
            let page = Page::new(session.output.style());
            let verbose = session.output.loudness() == Loudness::Verbose;
            let detail = Detail { each: asked.each, interfaces: verbose };
            session.output.say(&vantages::text(&comparison, &[first, second], &reports, detail, &names, &page));
        }
        TypedFormat::Json | TypedFormat::Ndjson => {
            let frame = if asked.format == TypedFormat::Json { Frame::Document } else { Frame::Lines };
            let octets = vantages_json::write(&comparison, &[first, second], &reports, frame, &names);
            session.output.insist_octets(&octets);
        }
    }
    session.close()?;
    let damaged = reports.iter().find_map(|report| Some((&report.name, report.damage.as_ref()?)));
    if let Some((name, damage)) = damaged.filter(|_| asked.is_strict) {
        return Err(Failure::usage(format!(
            "{name} is damaged {damage}; without --strict it is explained up to there"
        )));
    }
    if asked.filters() && comparison.pairings.is_empty() {
        session::warn("nothing in the captures is such as was asked for");
        return Ok(None);
    }
    let count = |is: fn(&Pairing) -> bool| comparison.pairings.iter().filter(|pairing| is(pairing)).count() as u64;
    Ok(Some(Counts {
        resets: comparison.pairings.len() as u64,
        harmful: count(Pairing::is_harmful),
        unexplained: count(Pairing::is_unexplained),
    }))
}

fn check_inputs(inputs: &[Input]) -> Result<(), Failure> {
    if inputs.contains(&Input::Stdin) {
        return Err(Failure::usage("--two-vantage reads two files, and '-' is none; save it to a file first"));
    }
    match inputs.len() {
        2 => Ok(()),
        1 => Err(Failure::usage("--two-vantage goes with two files, and one was named; name the other end's too")),
        more => Err(Failure::usage(format!("--two-vantage goes with two files, and {more} were named"))),
    }
}

impl Asked {
    fn filters(&self) -> bool {
        !(self.hosts.is_empty() && self.ports.is_empty() && self.causes.is_empty())
    }

    fn takes(&self, pairing: &Pairing) -> bool {
        let ends = pairing.seen.iter().flatten().flat_map(|seen| [seen.segment.source, seen.segment.destination]);
        let ends: Vec<_> = ends.collect();
        let alone = pairing.owns().filter_map(|own| own.verdict.cause());
        let together = pairing.conclusion.iter().filter_map(|conclusion| conclusion.cause.map(|(id, _)| id));
        (self.hosts.is_empty() || ends.iter().any(|end| self.hosts.contains(&end.addr)))
            && (self.ports.is_empty() || ends.iter().any(|end| self.ports.contains(&end.port)))
            && (self.causes.is_empty() || alone.chain(together).any(|id| self.causes.contains(&id)))
    }
}

/// Takes the segments of both files, one after the other.
#[derive(Debug)]
struct Tapping {
    limits: Limits,
    explainer: Option<Explainer>,
    taps: Vec<Tap>,
    reports: Vec<FileReport>,
}

impl Tapping {
    fn new(limits: Limits) -> Tapping {
        Tapping { limits, explainer: None, taps: Vec::new(), reports: Vec::new() }
    }
}

impl Sink for Tapping {
    fn begin_file(&mut self, _: usize) {
        self.explainer = Some(Explainer::new(self.limits, Selection::default()));
        self.taps.push(Tap::new(Bounds::default()));
    }

    fn take(&mut self, batch: &Batch) -> ControlFlow<()> {
        let (Some(explainer), Some(tap)) = (&mut self.explainer, self.taps.last_mut()) else {
            return ControlFlow::Break(());
        };
        let mut asides = batch.asides.iter().peekable();
        for (index, segment) in batch.segments.iter().enumerate() {
            let aside = asides.next_if(|(place, _)| *place == index).map(|(_, aside)| aside);
            tap.push(segment, aside);
            explainer.push(segment, aside, &mut |record: &mut Record| tap.note(record));
        }
        ControlFlow::Continue(())
    }

    fn end_file(&mut self, report: FileReport) {
        let (Some(explainer), Some(tap)) = (self.explainer.take(), self.taps.last_mut()) else { return };
        explainer.finish(&mut |record: &mut Record| tap.note(record));
        let short = report.skips.iter().filter(|(skip, _)| matches!(skip, Skip::Truncated(_)));
        tap.end(Cover {
            first: report.first,
            last: report.last,
            is_damaged: report.damage.is_some(),
            unreadable: short.map(|(_, count)| count).sum(),
        });
        self.reports.push(report);
    }

    fn idle(&mut self, now: Timestamp) -> ControlFlow<()> {
        if let (Some(explainer), Some(tap)) = (&mut self.explainer, self.taps.last_mut()) {
            explainer.expire(now, &mut |record: &mut Record| tap.note(record));
        }
        ControlFlow::Continue(())
    }
}

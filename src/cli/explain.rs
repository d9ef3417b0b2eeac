//! `rst-storm explain`.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

use clap::{Args, ValueEnum};
use rst_storm_core::causes;
use rst_storm_core::explain::{Limits, Record, Selection};

use super::Common;
use super::exit::{Failure, Verdict};
use super::moment::{self, TypedMoment};
use super::session::{self, Session};
use super::telling::{Format, Telling};
use super::two_vantage;
use super::typed::TypedFormat;
use super::witness;
use crate::report::explain::kernel::Heard;
use crate::report::explain::layout::Page;
use crate::report::explain::names::Names;
use crate::report::explain::story::story;
use crate::watch::{self, AnnotateError, Annotated, Held, Input, SourcePlan, Workers};

#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// Captures: pcap or pcapng, packed with gzip or not; '-' is standard input, live
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Read all files as one timeline, in the order of their times
    #[arg(long)]
    merge: bool,
    /// Two files are the same traffic, captured near either end: tell what became of each reset on the way
    #[arg(long)]
    two_vantage: bool,
    /// How to tell it
    #[arg(long, value_enum, default_value_t = TypedFormat::Text)]
    format: TypedFormat,
    /// List each reset (text); the summary comes last then
    #[arg(long)]
    all: bool,
    /// Tell only of connections with resets
    #[arg(long, value_enum, value_name = "WHAT")]
    only: Option<Only>,
    /// Tell only of connections of this address (may be repeated)
    #[arg(long, value_name = "ADDRESS")]
    host: Vec<IpAddr>,
    /// Tell only of connections with this port at either end (may be repeated)
    #[arg(long, value_name = "PORT")]
    port: Vec<u16>,
    /// Tell only of connections with a reset of this cause (may be repeated)
    #[arg(long, value_name = "ID", value_parser = parse_cause)]
    cause: Vec<causes::CauseId>,
    /// Tell all about the reset in this frame, with the segments around it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    frame: Option<u64>,
    /// Leave out frames before this time: 2026-11-23T08:00:00Z, seconds since 1970, or +SECONDS from the first frame
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    from: Option<TypedMoment>,
    /// Leave out frames after this time
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    to: Option<TypedMoment>,
    /// Ask a trace too, of a host that took part: the output of 'rst-storm trace --format ndjson'
    #[arg(long, value_name = "EVENTS")]
    kernel: Option<PathBuf>,
    /// Write the capture again as pcapng, with each verdict as a comment on its packet
    #[arg(long, value_name = "OUT")]
    annotate: Option<PathBuf>,
    /// Exit with 1 if there is such a reset
    #[arg(long, value_enum, value_name = "WHAT")]
    fail_on: Option<FailOn>,
    /// Exit with 2 if a capture is damaged or cut
    #[arg(long)]
    strict: bool,
    /// The most connections followed at once; the oldest are let go and counted
    #[arg(long, value_name = "N", default_value_t = Limits::default().max_flows, value_parser = parse_max_flows)]
    max_flows: usize,
}

/// `--only`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Only {
    Resets,
}

/// `--fail-on`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FailOn {
    Unexplained,
    Harmful,
    Any,
    // Of the kernel's word with the wire's verdict; not documented for clap, which would turn the whole help into its long form.
    Disagrees,
}

pub fn run(args: ExplainArgs, common: Common) -> Result<Verdict, Failure> {
    if args.two_vantage {
        return run_two_vantage(args, common);
    }
    let inputs: Vec<Input> = args.files.iter().map(|path| Input::from(path.as_path())).collect();
    let names = Names::new(inputs.iter().map(Input::to_string).collect(), args.merge);
    if let Some(number) = args.frame {
        check_frame(the_only(&inputs, "--frame")?, number)?;
    }
    if args.fail_on == Some(FailOn::Disagrees) && args.kernel.is_none() {
        return Err(Failure::usage("--fail-on disagrees needs a trace that may disagree: give one with --kernel"));
    }
    let plan = source_plan(&args, &inputs)?;
    let selection = Selection {
        only_resets: args.only == Some(Only::Resets),
        hosts: args.host,
        ports: args.port,
        frame: args.frame,
        causes: args.cause,
    };
    let filtered = !selection.is_empty() || args.from.is_some() || args.to.is_some();
    let format = match args.format {
        TypedFormat::Text if args.frame.is_some() => Format::Story,
        TypedFormat::Text => Format::Text { each: args.all || inputs.contains(&Input::Stdin) },
        TypedFormat::Json => Format::Json,
        TypedFormat::Ndjson => Format::Ndjson,
    };
    let mut session = Session::open(common, None)?;
    let stop = session.stop.clone();
    let witness = args.kernel.as_deref().map(|events| witness::open(events, &plan, &stop)).transpose()?;
    let annotated = args.annotate.as_deref().map(|out| open_annotated(out, &inputs)).transpose()?;
    let limits = Limits { max_flows: args.max_flows };
    let mut telling = Telling::new(&mut session.output, format, &names, limits, selection, args.merge);
    if annotated.is_some() {
        telling = telling.with_comments();
    }
    if let Some(witness) = witness {
        telling = telling.with_witness(witness);
    } else if plan.workers == Workers::Two {
        telling = telling.in_threads();
    }
    if let Err(error) = watch::run(&plan, &stop, &mut telling) {
        if telling.has_told() {
            // What was told before is a whole document still.
            telling.conclude();
        }
        return Err(Failure::usage(error));
    }
    let outcome = telling.conclude();
    if let Some(record) = &outcome.record {
        let input = &inputs[0];
        let page = Page::new(session.output.style());
        tell_story(record, &outcome.heard, args.frame, input, &names, &page, &mut session)?;
    }
    if let (Some(annotated), Some(comments)) = (annotated, &outcome.comments) {
        annotated.write(&inputs[0], |frame| comments.on(frame)).map_err(explain_annotate)?;
    }
    session.close()?;
    if args.strict
        && let Some(damage) = outcome.damage.first()
    {
        return Err(Failure::usage(format!("{damage}; without --strict it is explained up to there")));
    }
    if filtered && outcome.connections == 0 {
        session::warn("nothing in the capture is such as was asked for");
        return Ok(Verdict::Fails);
    }
    if args.fail_on == Some(FailOn::Disagrees) && outcome.disagreeing > 0 {
        return Ok(Verdict::Fails);
    }
    Ok(fails(args.fail_on, outcome.resets, outcome.harmful, outcome.unexplained))
}

/// The exit code by what was found.
fn fails(fail_on: Option<FailOn>, resets: u64, harmful: u64, unexplained: u64) -> Verdict {
    let fails = match fail_on {
        Some(FailOn::Unexplained) => unexplained > 0,
        Some(FailOn::Harmful) => harmful > 0,
        Some(FailOn::Any) => resets > 0,
        Some(FailOn::Disagrees) | None => false,
    };
    if fails { Verdict::Fails } else { Verdict::Holds }
}

/// `--two-vantage`: what both files say together.
fn run_two_vantage(args: ExplainArgs, common: Common) -> Result<Verdict, Failure> {
    for (is_asked, option) in [
        (args.merge, "--merge"),
        (args.annotate.is_some(), "--annotate"),
        (args.kernel.is_some(), "--kernel"),
        (args.fail_on == Some(FailOn::Disagrees), "--fail-on disagrees"),
        (args.frame.is_some(), "--frame"),
        (args.from.is_some() || args.to.is_some(), "--from and --to"),
    ] {
        if is_asked {
            return Err(Failure::usage(format!(
                "--two-vantage doesn't go with {option}: it holds two whole files against each other"
            )));
        }
    }
    let inputs: Vec<Input> = args.files.iter().map(|path| Input::from(path.as_path())).collect();
    let asked = two_vantage::Asked {
        inputs,
        format: args.format,
        each: args.all,
        limits: Limits { max_flows: args.max_flows },
        hosts: args.host,
        ports: args.port,
        causes: args.cause,
        is_strict: args.strict,
        workers: workers(),
    };
    let counts = two_vantage::run(asked, common)?;
    Ok(match counts {
        Some(counts) => fails(args.fail_on, counts.resets, counts.harmful, counts.unexplained),
        None => Verdict::Fails,
    })
}

fn source_plan(args: &ExplainArgs, inputs: &[Input]) -> Result<SourcePlan, Failure> {
    let start = || moment::first_frame(inputs);
    let plan = SourcePlan {
        from: args.from.map(|from| from.resolve(start)).transpose()?,
        to: args.to.map(|to| to.resolve(start)).transpose()?,
        merge: args.merge,
        workers: workers(),
        inputs: inputs.to_vec(),
    };
    match (plan.from, plan.to) {
        (Some(from), Some(to)) if from > to => {
            Err(Failure::usage("--from lies after --to: no frame can be between them; exchange the two"))
        }
        _ => Ok(plan),
    }
}

/// The one input that this option works with.
fn the_only<'a>(inputs: &'a [Input], option: &str) -> Result<&'a Input, Failure> {
    match inputs {
        [Input::Stdin] => Err(Failure::usage(format!(
            "{option} reads the capture twice, and standard input can be read only once; save it to a file first"
        ))),
        [input] => Ok(input),
        _ => Err(Failure::usage(format!("{option} goes with one capture, and {} were named", inputs.len()))),
    }
}

/// Sees to it that the frame holds a reset, before the whole capture is read.
fn check_frame(input: &Input, number: u64) -> Result<(), Failure> {
    let wrong = match watch::held(input, number).map_err(Failure::usage)? {
        Held::Segment(segment) if segment.flags.is_rst() => return Ok(()),
        Held::Segment(segment) => format!(
            "is no reset: it is {} from {} to {}; --host {} --only resets finds theirs",
            segment.flags, segment.source, segment.destination, segment.source.addr
        ),
        Held::Skipped(skip) => format!("holds no TCP segment ({skip}); --only resets finds the resets"),
        Held::Beyond(frames) => format!("is not there: {input} has {frames} frames"),
    };
    Err(Failure::Nothing(format!("frame {number} {wrong}")))
}

fn open_annotated(out: &Path, inputs: &[Input]) -> Result<Annotated, Failure> {
    Annotated::open(out, the_only(inputs, "--annotate")?).map_err(explain_annotate)
}

fn explain_annotate(error: AnnotateError) -> Failure {
    match error {
        AnnotateError::Open { path, error } | AnnotateError::Write { path, error } => {
            session::unwritable(&path, &error)
        }
        other => Failure::usage(other),
    }
}

fn tell_story(
    record: &Record,
    heard: &[Heard],
    frame: Option<u64>,
    input: &Input,
    names: &Names,
    page: &Page,
    session: &mut Session,
) -> Result<(), Failure> {
    let place = record.resets.iter().position(|judged| Some(judged.reset.segment.frame) == frame);
    let Some((place, judged)) = place.map(|place| (place, &record.resets[place])) else { return Ok(()) };
    let around = watch::around(input, &judged.reset.segment, record.connection.first_frame).map_err(Failure::usage)?;
    session.output.say(&story(judged, heard.get(place), record, &around, names, page));
    Ok(())
}

/// One core gains nothing from a second thread.
fn workers() -> Workers {
    match available_parallelism() {
        Ok(cores) if cores.get() > 1 => Workers::Two,
        _ => Workers::One,
    }
}

fn parse_cause(text: &str) -> Result<causes::CauseId, String> {
    match causes::find(text) {
        Some(card) => Ok(card.id),
        None => {
            let known: Vec<&str> = causes::CATALOGUE.iter().map(|card| card.id.0).collect();
            Err(format!("there is no such cause; there are: {}", known.join(", ")))
        }
    }
}

fn parse_max_flows(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("at least one connection has to be followed".to_owned()),
        Ok(number) => Ok(number),
        Err(_) => Err("not a number of connections".to_owned()),
    }
}

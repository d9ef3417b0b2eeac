//! `rst-storm explain`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::thread::available_parallelism;

use clap::{Args, ValueEnum};
use rst_storm_core::capture::Timestamp;
use rst_storm_core::causes;
use rst_storm_core::explain::{Limits, Selection};

use super::Common;
use super::exit::{Failure, Verdict};
use super::moment::{self, TypedMoment};
use super::session::Session;
use super::telling::{Format, Telling};
use crate::report::explain::names::Names;
use crate::watch::{self, Input, SourcePlan, Workers};

#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// Captures: pcap or pcapng, packed with gzip or not; '-' is standard input, live
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Read all files as one timeline, in the order of their times
    #[arg(long)]
    merge: bool,
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
    /// Leave out frames before this time: 2026-11-23T08:00:00Z, seconds since 1970, or +SECONDS from the first frame
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    from: Option<TypedMoment>,
    /// Leave out frames after this time
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    to: Option<TypedMoment>,
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

/// `--format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum TypedFormat {
    Text,
    Json,
    Ndjson,
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
}

pub fn run(args: ExplainArgs, common: Common) -> Result<Verdict, Failure> {
    let inputs: Vec<Input> = args.files.iter().map(|path| Input::from(path.as_path())).collect();
    let live = inputs.contains(&Input::Stdin);
    let names = Names::new(inputs.iter().map(Input::to_string).collect(), args.merge);
    let selection = Selection {
        only_resets: args.only == Some(Only::Resets),
        hosts: args.host,
        ports: args.port,
        causes: args.cause,
    };
    let filtered = !selection.is_empty();
    let mut session = Session::open(common, None)?;
    let format = match args.format {
        TypedFormat::Text => Format::Text { each: args.all || live },
        TypedFormat::Json => Format::Json,
        TypedFormat::Ndjson => Format::Ndjson,
    };
    let limits = Limits { max_flows: args.max_flows };
    let start = || moment::first_frame(&inputs);
    let plan = SourcePlan {
        from: args.from.map(|from| from.resolve(start)).transpose()?,
        to: args.to.map(|to| to.resolve(start)).transpose()?,
        merge: args.merge,
        workers: workers(),
        inputs: inputs.clone(),
    };
    check_order(plan.from, plan.to)?;
    let stop = session.stop.clone();
    let mut telling = Telling::new(&mut session.output, format, names, limits, selection, args.merge);
    watch::run(&plan, &stop, &mut telling).map_err(Failure::usage)?;
    let outcome = telling.conclude();
    session.close()?;
    if args.strict
        && let Some(damage) = outcome.damage.first()
    {
        return Err(Failure::usage(damage));
    }
    let fails = match args.fail_on {
        Some(FailOn::Unexplained) => outcome.unexplained > 0,
        Some(FailOn::Harmful) => outcome.harmful > 0,
        Some(FailOn::Any) => outcome.resets > 0,
        None => false,
    };
    if filtered && outcome.connections == 0 {
        super::session::warn("no connection of the capture is such as was asked for");
        return Ok(Verdict::Fails);
    }
    Ok(if fails { Verdict::Fails } else { Verdict::Holds })
}

/// One core gains nothing from a second thread.
fn workers() -> Workers {
    match available_parallelism() {
        Ok(cores) if cores.get() > 1 => Workers::Two,
        _ => Workers::One,
    }
}

fn check_order(from: Option<Timestamp>, to: Option<Timestamp>) -> Result<(), Failure> {
    match (from, to) {
        (Some(from), Some(to)) if from > to => {
            Err(Failure::usage("--from lies after --to: no frame can be between them; exchange the two"))
        }
        _ => Ok(()),
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

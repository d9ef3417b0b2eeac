//! `rst-storm run CAUSE[/PLAY]` and `rst-storm run all`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use rst_storm_core::capture::Timestamp;
use rst_storm_core::kernel::KernelReset;
use rst_storm_core::scenario::IpVersion;

use super::Common;
use super::exit::{Failure, Verdict};
use super::session::{self, Session};
use crate::atlas::choice::{Chosen, choose};
use crate::atlas::folder::Folder;
use crate::atlas::listener::Listener;
use crate::atlas::matrix::{Matrix, SCHEMA};
use crate::atlas::schedule::{self, Played, Programme};
use crate::report::atlas as report;
use crate::report::output::{Loudness, Output};
use crate::watch::{KernelWatch, KernelWatchPlan, TraceRecord};

/// The options that belong to plays, by their ids.
pub const OPTIONS: [&str; 7] = ["plan", "seed", "ip", "jobs", "out", "format", "against"];

/// The options of `run` that plays understand too.
const BOTH: [&str; 2] = ["scenario", "auto"];

/// The heading of these options.
const HEADING: &str = "Options for plays of causes";

#[derive(Debug, Args)]
pub struct AtlasArgs {
    /// Print what would be done, and do nothing
    #[arg(long, help_heading = HEADING, conflicts_with_all = ["format", "against"])]
    plan: bool,
    /// Draw addresses by this number; the same seed gives a play the same [default: drawn]
    #[arg(long, help_heading = HEADING, value_name = "N")]
    seed: Option<u64>,
    /// In which version of IP
    #[arg(long, help_heading = HEADING, value_enum, default_value_t = TypedIp::Both, value_name = "VERSION")]
    ip: TypedIp,
    /// The most plays at once
    #[arg(long, help_heading = HEADING, default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=64), value_name = "N")]
    jobs: u8,
    /// Keep a bundle of each play in DIR: captures, kernel events, manifest
    #[arg(long, help_heading = HEADING, value_name = "DIR")]
    out: Option<PathBuf>,
    /// In what form the matrix is printed
    #[arg(long, help_heading = HEADING, value_enum, default_value_t = TypedForm::Text)]
    format: TypedForm,
    /// Compare with the matrix in FILE (JSON), as of another kernel
    #[arg(long, help_heading = HEADING, value_name = "FILE")]
    against: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum TypedIp {
    #[value(name = "4")]
    V4,
    #[value(name = "6")]
    V6,
    Both,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum TypedForm {
    Text,
    Json,
    Junit,
}

/// Plays what was typed.
pub fn run(scenario: &str, args: AtlasArgs, typed: &[String], common: Common) -> Result<Verdict, Failure> {
    let versions: &[IpVersion] = match args.ip {
        TypedIp::V4 => &[IpVersion::V4],
        TypedIp::V6 => &[IpVersion::V6],
        TypedIp::Both => &[IpVersion::V4, IpVersion::V6],
    };
    let plays = choose(scenario, versions).map_err(Failure::usage)?;
    let known = |option: &String| OPTIONS.contains(&option.as_str()) || BOTH.contains(&option.as_str());
    if let Some(other) = typed.iter().find(|option| !known(option)) {
        let other = other.replace('_', "-");
        return Err(Failure::usage(format!("--{other} is for the storm, not for plays of causes")));
    }
    let mut session = Session::open(common, None)?;
    if args.plan {
        for chosen in &plays {
            session.output.insist(&report::plan(chosen));
        }
        session.close()?;
        return Ok(Verdict::Holds);
    }
    let other = args.against.as_deref().map(read_matrix).transpose()?;
    let folder = match &args.out {
        Some(path) => Folder::kept(path),
        None => Folder::passing(),
    };
    let folder = folder.map_err(|(path, error)| session::unwritable(&path, &error))?;
    play_all(plays, scenario == "all", &args, &folder, other, session)
}

fn play_all(
    plays: Vec<Chosen>,
    is_all: bool,
    args: &AtlasArgs,
    folder: &Folder,
    other: Option<Matrix>,
    mut session: Session,
) -> Result<Verdict, Failure> {
    let program = std::env::current_exe().map_err(|error| Failure::lacks(format!("find this program: {error}")))?;
    let programme = Programme {
        seed: args.seed.unwrap_or_else(drawn),
        jobs: args.jobs.into(),
        folder: folder.path().to_owned(),
        plays,
        program,
    };
    let mut listener = listen();
    let played = play_and_tell(&programme, &mut listener, args.format, &mut session)?;
    let interrupted = session.stop.is_requested();
    // What a part of the plays makes says nothing of the kernel's whole list.
    let reasons = match &listener {
        Ok(listener) if is_all && !interrupted => listener.describe(None).watched.reasons,
        _ => Vec::new(),
    };
    let matrix = Matrix::new(played.rows.clone(), crate::lab::play::kernel()).with_reasons(&reasons);
    if args.out.is_some() {
        let file = folder.path().join("matrix.json");
        std::fs::write(&file, report::json(&matrix)).map_err(|error| session::unwritable(&file, &error))?;
    }
    let differences = other.map(|other| matrix.against(&other));
    let output = &mut session.output;
    tell(&matrix, &played, differences.as_deref(), args.format, output);
    if interrupted && args.format == TypedForm::Text {
        output.say(&report::interrupted(&matrix, programme.plays.len()));
    }
    session.close()?;
    complain(&played.failures)?;
    let holds = matrix.holds() && !interrupted && differences.is_none_or(|differences| differences.is_empty());
    Ok(if holds { Verdict::Holds } else { Verdict::Fails })
}

/// Plays, and tells each row as it comes, where rows are for people.
fn play_and_tell(
    programme: &Programme,
    listener: &mut Result<KernelWatch, String>,
    format: TypedForm,
    session: &mut Session,
) -> Result<Played, Failure> {
    let output = &mut session.output;
    let style = output.style();
    let is_text = format == TypedForm::Text;
    if is_text {
        output.say(&report::beginning(programme, listener.as_ref().err()));
    }
    let played = schedule::play(programme, listener, &session.stop, &mut |row| {
        if is_text {
            output.say(&report::row(row, style));
            output.detail(&report::columns(row));
            output.say(&report::probes(row));
            if output.loudness() == Loudness::Quiet && !row.holds() {
                output.insist(&report::row(row, style));
            }
        }
    });
    played.map_err(|error| Failure::lacks(format!("play: {error}")))
}

/// Tells all rows together, and what is otherwise than in another matrix.
fn tell(matrix: &Matrix, played: &Played, differences: Option<&[String]>, format: TypedForm, output: &mut Output) {
    match format {
        TypedForm::Text => output.say(&report::matrix(matrix, played, output.style())),
        TypedForm::Json => output.insist(&report::json(matrix)),
        TypedForm::Junit => output.insist(&report::junit(matrix)),
    }
    match (differences, format) {
        (Some(differences), TypedForm::Text) => output.say(&report::differences(differences)),
        // A document has no place for them.
        (Some(differences), _) => differences.iter().for_each(|line| session::warn(format!("otherwise there: {line}"))),
        (None, _) => {}
    }
}

/// Plays that left no bundle are a failure, of which the first is told.
fn complain(failures: &[(Chosen, String)]) -> Result<(), Failure> {
    let Some((chosen, why)) = failures.first() else { return Ok(()) };
    let which = format!("{chosen} (IPv{}): {why}", chosen.ip());
    Err(Failure::lacks(match failures.len() {
        1 => which,
        count => format!("{count} plays could not be played; the first: {which}"),
    }))
}

fn read_matrix(path: &Path) -> Result<Matrix, Failure> {
    let text =
        std::fs::read(path).map_err(|error| Failure::usage(format!("cannot read {}: {error}", path.display())))?;
    let wrong = |why: String| Failure::usage(format!("{} is no matrix of rst-storm's: {why}", path.display()));
    let matrix: Matrix = serde_json::from_slice(&text).map_err(|error| wrong(error.to_string()))?;
    if matrix.schema != SCHEMA {
        return Err(wrong(format!("its schema is {:?}, and {SCHEMA:?} is known", matrix.schema)));
    }
    Ok(matrix)
}

/// A seed that nobody chose.
fn drawn() -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    RandomState::new().build_hasher().finish()
}

impl Listener for KernelWatch {
    fn hear(&mut self) -> Vec<KernelReset> {
        self.drain()
    }

    fn lost(&self) -> u64 {
        KernelWatch::lost(self)
    }

    fn describe(&self) -> TraceRecord<'static> {
        KernelWatch::describe(self, None)
    }

    fn now(&self) -> Timestamp {
        KernelWatch::now(self)
    }
}

/// Listens to the kernel, with stacks: a play makes few resets. Processors are kept awake where it takes that to hear all.
fn listen() -> Result<KernelWatch, String> {
    let plan = KernelWatchPlan { stacks: true, deaths: true, taken: false, awake: true };
    KernelWatch::open(&plan).map_err(|error| error.to_string())
}

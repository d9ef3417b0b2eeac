//! What was typed, turned into what is meant: one subcommand a file, one policy for exit codes.

mod apart;
mod atlas;
mod causes;
mod client;
mod compare;
mod exit;
mod explain;
mod lab;
mod moment;
mod run;
mod scribe;
mod server;
mod session;
mod telling;
mod trace;
mod two_vantage;
mod typed;
mod witness;

use std::process::ExitCode;

use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::actor::process;
use crate::atlas::schedule;
use crate::report::output::Loudness;

pub use exit::{Failure, Verdict};
use typed::TypedColor;

/// Makes TCP resets, explains them, and proves what it saw.
///
/// `rst-storm explain` tells from a capture who reset each connection, and why. `rst-storm run` shows a storm in eleven seconds: a lab of three network namespaces, a server that closes every
/// connection with RST, a client that meets them, an observer on the wire between, and a ledger in which the
/// applications, the wire and the kernel must agree.
#[derive(Debug, Parser)]
#[command(name = "rst-storm", version, disable_version_flag = true, max_term_width = 100, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    common: Common,
}

const EXIT_CODES: &str = "Exit codes: 0 all checks hold; 1 a check failed, or a filter found nothing; 2 wrong usage, a refused target, or a file \
                          that can't be opened; 3 the machine lacks something (a privilege, a port, space), named \
                          with its remedy";

#[derive(Debug, Subcommand)]
enum Command {
    /// The demonstration: lab, server, client, observer and verdict in one command
    Run(run::RunArgs),
    /// The half that closes every connection with RST
    Server(server::ServerArgs),
    /// The half that connects and counts how each connection ends
    Client(client::ClientArgs),
    /// RST against FIN, measured in the lab: the same load, only the close differs
    Compare(compare::CompareArgs),
    /// Who reset each connection, and why, from a capture
    Explain(explain::ExplainArgs),
    /// The catalogue of causes; with ID, one of them in full
    Causes(causes::CausesArgs),
    /// The kernel's own word on each reset, live
    Trace(trace::TraceArgs),
    /// The named network namespaces pp-source, pp-observer and pp-dest
    Lab(lab::LabArgs),
    /// One play in a process of its own; started by run
    #[command(name = schedule::SUBCOMMAND, hide = true)]
    PlayApart(apart::PlayArgs),
    /// Holds an inherited socket until a signal comes; started by a play
    #[command(name = process::SUBCOMMAND, hide = true)]
    HoldASocket,
}

/// The heading of the options below.
const COMMON: &str = "Common options";

/// What every subcommand understands.
#[derive(Clone, Copy, Debug, Args)]
struct Common {
    /// Say more: addresses, limits, processor time
    #[arg(short, long, global = true, help_heading = COMMON, conflicts_with = "quiet")]
    verbose: bool,
    /// Say only what failed
    #[arg(short, long, global = true, help_heading = COMMON)]
    quiet: bool,
    /// When to colour the text; auto: on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, help_heading = COMMON, value_enum, default_value_t = TypedColor::Auto, value_name = "WHEN")]
    color: TypedColor,
    /// Print the version
    #[arg(short = 'V', long, help_heading = COMMON, action = ArgAction::Version)]
    version: Option<bool>,
}

impl Common {
    fn loudness(self) -> Loudness {
        match (self.quiet, self.verbose) {
            (true, _) => Loudness::Quiet,
            (_, true) => Loudness::Verbose,
            _ => Loudness::Normal,
        }
    }
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let parsed = Cli::command().try_get_matches();
    let parsed = parsed.and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, typed(&matches))));
    let (cli, typed) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            // A help text that nobody reads to its end is no error.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let result = match cli.command {
        Command::Run(args) => run::run(args, &typed, cli.common),
        Command::Server(args) => server::run(args, cli.common),
        Command::Client(args) => client::run(args, cli.common),
        Command::Compare(args) => compare::run(args, cli.common),
        Command::Explain(args) => explain::run(args, cli.common),
        Command::Causes(args) => causes::run(args, cli.common),
        Command::Trace(args) => trace::run(args, cli.common),
        Command::Lab(args) => lab::run(args, cli.common),
        Command::PlayApart(args) => apart::play(args),
        Command::HoldASocket => apart::hold(),
    };
    match result {
        Ok(verdict) => verdict.into(),
        Err(failure) => failure.report(),
    }
}

/// The ids of the subcommand's arguments that were typed, and not left to their defaults.
fn typed(matches: &ArgMatches) -> Vec<String> {
    let command = Cli::command();
    let known = matches.subcommand().and_then(|(name, matches)| Some((command.find_subcommand(name)?, matches)));
    let Some((command, matches)) = known else { return Vec::new() };
    let ids = command.get_arguments().map(|argument| argument.get_id().as_str());
    ids.filter(|id| matches.value_source(id) == Some(ValueSource::CommandLine)).map(str::to_owned).collect()
}

/// The whole command line as data, for completions, man pages and the tests of the help texts.
pub fn command() -> clap::Command {
    Cli::command()
}

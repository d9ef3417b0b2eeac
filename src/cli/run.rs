//! `rst-storm run`.

use std::io::{IsTerminal, Read, stdin};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use rst_storm_linux::signals::{Stop, wait_for_input};

use super::Common;
use super::atlas::{self, AtlasArgs};
use super::exit::{Failure, Verdict};
use super::server::{DEFAULT_BACKLOG, explain_listen};
use super::session::{self, Session};
use super::typed::{self, StormArgs, TypedClose};
use crate::lab::capture_file::CaptureFile;
use crate::lab::namespaces::{self, Found, Kind, Owner};
use crate::lab::network::Hosts;
use crate::lab::run::{self, RunEvent, RunPlan};
use crate::lab::topology;
use crate::report::json::RunDocument;
use crate::report::run::{self as report, WayIn};
use crate::report::text;
use crate::storm::plan::{ClientPlan, Listing};
use crate::storm::target::{PermittedTarget, PublicTargets};

/// The scenarios that can be run.
const SCENARIOS: [&str; 1] = ["tcp-lifecycle/rst-storm"];

#[derive(Debug, Args)]
pub struct RunArgs {
    /// What to run: the storm, a cause, a play of it (cause/play), or all causes
    #[arg(default_value = SCENARIOS[0])]
    scenario: String,
    /// Start at once, without waiting for ENTER
    #[arg(long)]
    auto: bool,
    #[command(flatten)]
    storm: StormArgs,
    /// The server reads what the client sends before closing (waits at most 0.5 s for it)
    #[arg(long)]
    read_first: bool,
    /// The server's port
    #[arg(short, long, default_value_t = 9999, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
    /// How the server ends connections: SO_LINGER {1,0} and close, a plain close, or not at all
    #[arg(long, value_enum, default_value_t = TypedClose::Rst)]
    close: TypedClose,
    /// Length of the server's accept queue
    #[arg(long, default_value_t = DEFAULT_BACKLOG, value_name = "N")]
    backlog: u16,
    /// Write the counted segments to FILE (pcapng; plain pcap if it ends in .pcap)
    #[arg(long, value_name = "FILE")]
    pcap: Option<PathBuf>,
    /// Write the whole result as JSON to FILE ('-': standard output, and the text to standard error)
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Leave the lab standing afterwards (implies --named)
    #[arg(long)]
    keep: bool,
    /// Use the named namespaces pp-source, pp-observer and pp-dest (root)
    #[arg(long)]
    named: bool,
    #[command(flatten)]
    atlas: AtlasArgs,
}

/// A lab that stands. A named one that this run made for itself goes when this does, on every way out.
struct Lab {
    hosts: Hosts,
    kind: Kind,
    goes: bool,
}

impl Drop for Lab {
    fn drop(&mut self) {
        if self.goes
            && let Err(error) = namespaces::remove_named()
        {
            session::warn(format!("cannot remove the lab: {error}; 'rst-storm lab down' tries again"));
        }
    }
}

pub fn run(args: RunArgs, typed: &[String], common: Common) -> Result<Verdict, Failure> {
    if !SCENARIOS.contains(&args.scenario.as_str()) {
        return atlas::run(&args.scenario, args.atlas, typed, common);
    }
    if let Some(other) = atlas::OPTIONS.iter().find(|option| typed.iter().any(|typed| typed == *option)) {
        return Err(Failure::usage(format!(
            "--{other} is for plays of causes, such as 'run linger-zero' or 'run all'"
        )));
    }
    let client = client_plan(&args)?;
    let warning = typed::check_descriptors(client.rate, client.timeout)?;
    // Files are opened before the lab: inside a user namespace another owner's would be out of reach.
    let mut session = Session::open(common, args.json.as_deref())?;
    let capture = args.pcap.as_deref().map(open_capture).transpose()?;
    if let Some(warning) = warning {
        session::warn(warning);
    }
    let output = &mut session.output;
    let began = Instant::now();
    let lab = raise(&args)?;
    let up_in = began.elapsed();
    output.say(&report::lab_is_up(lab.kind, up_in));
    if !args.auto && stdin().is_terminal() && output.is_terminal() {
        output.say(&report::how_to_watch(&way_in(&lab), args.port));
        output.say("\nPress ENTER to start, Ctrl-C to leave.\n");
        if !typed_enter(&session.stop)? {
            return Ok(Verdict::Holds);
        }
    }
    let start = text::server_start_in_lab(args.port, args.close.into()) + &text::client_start(&client);
    let plan = RunPlan {
        client,
        close: args.close.into(),
        read_first: args.read_first,
        backlog: args.backlog.into(),
        capture,
    };
    let mut result = run::play(&lab.hosts, plan, &session.stop, &mut |event| match event {
        RunEvent::Ready => output.say(&start),
        RunEvent::Progress(progress) => output.say(&report::tick(progress)),
    })
    .map_err(|error| explain_listen(error, args.port))?;
    let capture = result.wire.capture.take();
    output.say(&report::results(&result, output.style()));
    output.detail(&report::cost(&result));
    output.say(&capture.as_ref().map(report::capture).unwrap_or_default());
    output.say(&report::verdict(&result, output.style()));
    let document = RunDocument::new(&args.scenario, lab.kind, up_in, &result, capture.as_ref());
    let verdict = session.conclude(&result.checks(), &result.hints(), &document)?;
    drop(lab);
    match capture.and_then(|capture| capture.error.map(|error| (capture.path, error))) {
        Some((path, error)) => Err(session::unwritable(&path, &error)),
        None => Ok(verdict),
    }
}

fn client_plan(args: &RunArgs) -> Result<ClientPlan, Failure> {
    let destination = topology::DESTINATION.to_string();
    Ok(ClientPlan {
        target: PermittedTarget::resolve(&destination, args.port, PublicTargets::Refused).map_err(Failure::usage)?,
        source: None,
        rate: args.storm.rate()?,
        extent: args.storm.extent(),
        timeout: args.storm.timeout(),
        talk: args.storm.talk(),
        listing: Listing::Roll,
    })
}

fn open_capture(path: &Path) -> Result<CaptureFile, Failure> {
    CaptureFile::create(path).map_err(|error| session::unwritable(path, &error))
}

fn raise(args: &RunArgs) -> Result<Lab, Failure> {
    if !args.named && !args.keep {
        let (hosts, kind) = namespaces::create_nameless()?;
        return Ok(Lab { hosts, kind, goes: false });
    }
    let owner = if args.keep { Owner::User } else { Owner::Run(std::process::id()) };
    let (hosts, found) = namespaces::create_named(owner)?;
    Ok(Lab { hosts, kind: Kind::Named, goes: found == Found::Made && !args.keep })
}

fn way_in(lab: &Lab) -> WayIn {
    match lab.kind {
        Kind::Named => WayIn::Named,
        Kind::Private => {
            WayIn::ByPath(format!("/proc/{}/fd/{}", std::process::id(), lab.hosts.observer.fd().as_raw_fd()))
        }
        Kind::User => WayIn::None,
    }
}

/// Waits for ENTER; false when it was Ctrl-C. An input that has ended starts the run too.
fn typed_enter(stop: &Stop) -> Result<bool, Failure> {
    let failed = |error| Failure::lacks(format!("cannot read the terminal: {error}"));
    let mut byte = [0];
    loop {
        if !wait_for_input(stdin(), stop).map_err(failed)? {
            return Ok(false);
        }
        if stdin().lock().read(&mut byte).map_err(failed)? == 0 || byte == *b"\n" {
            return Ok(true);
        }
    }
}

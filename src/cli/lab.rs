//! `rst-storm lab up|down|status`.

use clap::{Args, Subcommand};

use super::Common;
use super::exit::{Failure, Verdict};
use super::session::Session;
use crate::lab::namespaces::{self, Found, LabError, NAMES, Owner, Standing};
use crate::report::lab as report;
use crate::report::output::Output;

#[derive(Debug, Args)]
pub struct LabArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Clone, Copy, Debug, Subcommand)]
enum Action {
    /// Make pp-source, pp-observer and pp-dest and join them (root)
    Up,
    /// Remove them
    Down,
    /// Say what stands
    Status,
}

impl From<LabError> for Failure {
    fn from(error: LabError) -> Failure {
        match error {
            LabError::Foreign(_) | LabError::Busy(_) => Failure::usage(error),
            LabError::Forbidden(..) | LabError::NeedsRoot(_) | LabError::Failed(_) => Failure::lacks(error),
        }
    }
}

pub fn run(args: LabArgs, common: Common) -> Result<Verdict, Failure> {
    let mut session = Session::open(common, None)?;
    let output = &mut session.output;
    let verdict = match args.action {
        Action::Up => {
            let (_, found) = namespaces::create_named(Owner::User)?;
            output.say(&report::up(found == Found::Standing));
            Verdict::Holds
        }
        Action::Down => {
            let residents = namespaces::residents()?;
            let removed = namespaces::remove_named()?;
            output.say(&report::down(removed, &residents));
            Verdict::Holds
        }
        Action::Status => status(output)?,
    };
    session.close()?;
    Ok(verdict)
}

/// Holds when the whole lab stands and forwards.
fn status(output: &mut Output) -> Result<Verdict, Failure> {
    let mut standing = Vec::new();
    for name in NAMES {
        standing.push((name, namespaces::look(name)?));
    }
    let is_ours = |standing: &Standing| matches!(standing, Standing::Ours | Standing::OfRun(_));
    let whole = standing.iter().all(|(_, standing)| is_ours(standing));
    let fault = if whole {
        let hosts = namespaces::open_named().map_err(Failure::lacks)?;
        hosts.find_fault().map_err(Failure::lacks)?
    } else {
        None
    };
    output.say(&report::status(&standing, whole, fault.as_deref()));
    Ok(if whole && fault.is_none() { Verdict::Holds } else { Verdict::Fails })
}

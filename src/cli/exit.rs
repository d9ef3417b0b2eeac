//! Exit codes: 0 all checks hold, 1 a check failed, 2 wrong usage, 3 the machine lacks something.

use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use crate::report::visible::Visible;
use crate::storm::check::Check;

/// What a finished command says by its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All checks hold.
    Holds,
    /// At least one check failed.
    Fails,
}

impl Verdict {
    /// The verdict of `checks`.
    pub fn of<'a>(checks: impl IntoIterator<Item = &'a Check>) -> Verdict {
        if checks.into_iter().all(|check| check.holds) { Verdict::Holds } else { Verdict::Fails }
    }
}

impl From<Verdict> for ExitCode {
    fn from(verdict: Verdict) -> ExitCode {
        match verdict {
            Verdict::Holds => ExitCode::SUCCESS,
            Verdict::Fails => ExitCode::from(1),
        }
    }
}

/// A command that could not do what it was asked: one line that says what, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// What was asked for isn't there (exit code 1).
    Nothing(String),
    /// What was asked for is wrong (exit code 2).
    Usage(String),
    /// The machine lacks something (exit code 3).
    Lacks(String),
}

impl Failure {
    /// Wrong usage.
    pub fn usage(message: impl Display) -> Failure {
        Failure::Usage(message.to_string())
    }

    /// Something that the machine lacks.
    pub fn lacks(message: impl Display) -> Failure {
        Failure::Lacks(message.to_string())
    }

    /// Prints the line and gives the exit code.
    pub fn report(self) -> ExitCode {
        let (code, message) = match self {
            Failure::Nothing(message) => (1, message),
            Failure::Usage(message) => (2, message),
            Failure::Lacks(message) => (3, message),
        };
        // Where standard error is closed too, the exit code is all there is to say.
        let _ = writeln!(std::io::stderr(), "rst-storm: {}", Visible(&message));
        ExitCode::from(code)
    }
}

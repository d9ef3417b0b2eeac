//! What is to be read, and how.

use std::fmt;
use std::path::{Path, PathBuf};

use rst_storm_core::capture::Timestamp;

/// The most inputs of one run.
pub const MOST_INPUTS: usize = 1024;

/// What is to be read, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourcePlan {
    /// The inputs, in the order in which they were named; at most [`MOST_INPUTS`].
    pub inputs: Vec<Input>,
    /// Whether all are one timeline, in the order of their times. Else each is one by itself, in the order of the inputs.
    pub merge: bool,
    /// Frames before this time are left out.
    pub from: Option<Timestamp>,
    /// Frames after this time are left out; those of just this time are not.
    pub to: Option<Timestamp>,
    /// Who does the work.
    pub workers: Workers,
}

/// Where octets come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A file or fifo.
    File(PathBuf),
    /// Standard input.
    Stdin,
}

impl From<&Path> for Input {
    /// As it is typed: `-` is standard input.
    fn from(typed: &Path) -> Input {
        if typed == Path::new("-") { Input::Stdin } else { Input::File(typed.to_owned()) }
    }
}

impl fmt::Display for Input {
    /// As it was typed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Input::File(path) => path.display().fmt(f),
            Input::Stdin => f.write_str("-"),
        }
    }
}

/// Who reads and who judges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Workers {
    /// The calling thread does both.
    One,
    /// Another thread reads and decodes, the calling one judges.
    #[default]
    Two,
}

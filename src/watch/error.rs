//! Why an input can't be read: what, where, and what to do.

use std::io;

use rst_storm_core::capture::OpenError;
use thiserror::Error;

use super::plan::MOST_INPUTS;

/// Why an input can't be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SourceError {
    /// More inputs than are read in one run.
    #[error("{0} captures were named, and at most {MOST_INPUTS} are read at once; name fewer")]
    TooMany(usize),
    /// Standard input was named more than once.
    #[error("- was named more than once; standard input can be read only once")]
    StdinTwice,
    /// It would have to be read twice.
    #[error("{0} can be read only once, and this needs to read it again; save it to a file first")]
    Once(String),
    /// It can't be opened.
    #[error("cannot open {name}: {error}; {}", open_remedy(.error))]
    Open {
        /// As it was typed.
        name: String,
        /// The system's word.
        error: io::Error,
    },
    /// It is a directory.
    #[error("{0} is a directory; name the capture files in it")]
    Directory(String),
    /// It was opened and is no capture.
    #[error("{name} {error}; {}", capture_remedy(.error))]
    NoCapture {
        /// As it was typed.
        name: String,
        /// What it is instead.
        error: OpenError,
    },
    /// No thread can be started.
    #[error("cannot start the thread that reads: {0}; free some memory, or read with one thread")]
    Thread(io::Error),
}

fn open_remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "name a capture that exists",
        io::ErrorKind::PermissionDenied => "name a capture that you may read",
        // EMFILE and ENFILE have no kind of their own.
        _ => "name a capture that can be read, or fewer at once",
    }
}

fn capture_remedy(error: &OpenError) -> &'static str {
    match error {
        OpenError::Read(_) => "see whether it is whole",
        OpenError::Empty => "see whether anything was captured",
        OpenError::Gzip => "it is packed more than once: unpack it first",
        _ => "name a pcap or pcapng file, or one packed with gzip",
    }
}

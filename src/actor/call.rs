//! The ledger of system calls: who called what, and what the kernel answered.

use std::fmt;

use rst_storm_core::scenario::Told;
use rst_storm_linux::socket::{Errno, errno_name};
use serde::{Deserialize, Serialize};

/// One system call of a play.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Nanoseconds since the play began.
    pub at: u64,
    /// Whose: client, middle or server.
    pub host: String,
    /// On what: the name of the socket or process.
    pub on: String,
    /// The call.
    pub call: String,
    /// What the kernel answered.
    pub answer: Answer,
}

/// What a call came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// It was done.
    Done,
    /// So many octets.
    Octets(u64),
    /// recv() gave 0.
    Eof,
    /// It failed.
    Error {
        /// The raw errno.
        errno: i32,
        /// Its symbol.
        name: String,
    },
}

impl Answer {
    /// The answer of a call that gives nothing back.
    pub fn of<T>(result: Result<T, Errno>) -> Answer {
        result.map_or_else(Answer::error, |_| Answer::Done)
    }

    /// A failure.
    pub fn error(errno: Errno) -> Answer {
        Answer::Error { errno: errno.raw_os_error(), name: errno_name(errno) }
    }

    /// Whether this is what a play says must be told.
    pub fn is(&self, told: Told) -> bool {
        match (self, told) {
            (Answer::Eof, Told::Eof) => true,
            (Answer::Error { name, .. }, Told::Error(wanted)) => name == wanted,
            _ => false,
        }
    }

    /// Whether a program learns of a connection's end by it.
    pub fn is_telling(&self) -> bool {
        matches!(self, Answer::Eof | Answer::Error { .. })
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Answer::Done => f.write_str("done"),
            Answer::Octets(count) => write!(f, "{count}"),
            Answer::Eof => f.write_str("EOF"),
            Answer::Error { name, .. } => f.write_str(name),
        }
    }
}

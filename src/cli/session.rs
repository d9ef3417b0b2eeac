//! A command under way: the wish to stop, the text, the files that were opened first, and the end of it all.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use rst_storm_linux::signals::Stop;
use serde::Serialize;

use super::Common;
use super::exit::{Failure, Verdict};
use crate::report::json::Destination;
use crate::report::output::{Loudness, Output};
use crate::report::text;
use crate::storm::check::Check;

/// What every command holds while it works.
#[derive(Debug)]
pub struct Session {
    /// Made by SIGINT and SIGTERM, and by a reader of the text that goes away.
    pub stop: Stop,
    /// Where the text goes.
    pub output: Output,
    json: Option<Destination>,
}

impl Session {
    /// Opens what `--json` names before anything else is done, and watches for signals.
    pub fn open(common: Common, json: Option<&Path>) -> Result<Session, Failure> {
        let takes_stdout = json == Some(Path::new("-"));
        let json = json.map(|path| Destination::open(path).map_err(|error| unwritable(path, &error))).transpose()?;
        let stop = Stop::new().map_err(|error| Failure::lacks(format!("create eventfd: {error}")))?;
        stop.on_signals().map_err(|error| Failure::lacks(format!("watch for signals: {error}")))?;
        let output = Output::new(common.color.into(), common.loudness(), takes_stdout, &stop);
        Ok(Session { stop, output, json })
    }

    /// Says what is left to say, writes the JSON document and gives the verdict of `checks`.
    pub fn conclude(
        mut self,
        checks: &[Check],
        hints: &[String],
        document: &impl Serialize,
    ) -> Result<Verdict, Failure> {
        if self.output.loudness() == Loudness::Quiet {
            self.output.insist(&text::failures(checks, self.output.style()));
        }
        self.output.say(&text::hints(hints));
        if let Some(destination) = self.json.take() {
            let name = destination.name();
            destination.write(document).map_err(|error| {
                Failure::lacks(format!(
                    "cannot write the result to {name}: {error}; free some space or name another file"
                ))
            })?;
        }
        self.close()?;
        Ok(Verdict::of(checks))
    }

    /// Sees whether the text came through: to a full disk, say, it did not.
    pub fn close(self) -> Result<(), Failure> {
        match self.output.into_failure() {
            Some(error) => Err(Failure::lacks(format!("cannot write the text: {error}"))),
            None => Ok(()),
        }
    }
}

/// A path that can't be written: a wrong one, or a right one on a disk that is full.
pub fn unwritable(path: &Path, error: &io::Error) -> Failure {
    let message = format!("cannot write {}: {error}", path.display());
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            Failure::lacks(format!("{message}; free some space or name another file"))
        }
        _ => Failure::usage(format!("{message}; name a file that you may write")),
    }
}

/// Says something that is no failure. Where standard error can't be written there is nobody to say it to.
pub fn warn(message: impl Display) {
    let _ = writeln!(io::stderr(), "rst-storm: warning: {message}");
}

//! What the subcommands share: numbers with a range, files that are opened first, the end of the text.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::time::Duration;

use rst_storm_linux::signals::Stop;

use super::exit::Failure;
use crate::report::json::Destination;
use crate::report::output::Output;
use crate::report::style::ColorChoice;
use crate::storm::decimal::Decimal;
use crate::storm::outcome::Shortage;
use crate::storm::pacer::{Extent, Rate};
use crate::storm::plan::CloseBy;

/// `--rate`: a number, or `max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypedRate {
    /// Open loop.
    PerSecond(Decimal),
    /// Closed loop.
    Max,
}

/// `--close`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum TypedClose {
    Rst,
    Fin,
    Hold,
}

impl From<TypedClose> for CloseBy {
    fn from(typed: TypedClose) -> CloseBy {
        match typed {
            TypedClose::Rst => CloseBy::Rst,
            TypedClose::Fin => CloseBy::Fin,
            TypedClose::Hold => CloseBy::Hold,
        }
    }
}

/// `--color`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum TypedColor {
    Auto,
    Always,
    Never,
}

impl From<TypedColor> for ColorChoice {
    fn from(typed: TypedColor) -> ColorChoice {
        match typed {
            TypedColor::Auto => ColorChoice::Auto,
            TypedColor::Always => ColorChoice::Always,
            TypedColor::Never => ColorChoice::Never,
        }
    }
}

/// Connections in flight under `--rate max`, unless `--concurrency` says otherwise.
const DEFAULT_CONCURRENCY: u32 = 64;

/// The length of the storm where neither --duration nor --count is given.
const DEFAULT_DURATION: Decimal = Decimal::whole(10);

/// Parses `--rate`.
pub fn parse_rate(text: &str) -> Result<TypedRate, String> {
    if text == "max" {
        return Ok(TypedRate::Max);
    }
    text.parse().map(TypedRate::PerSecond).map_err(|error| format!("{error}, or max"))
}

/// The rate that is meant by --rate and --concurrency.
pub fn rate(typed: TypedRate, concurrency: Option<u32>) -> Result<Rate, Failure> {
    match (typed, concurrency) {
        (TypedRate::PerSecond(rate), None) => Ok(Rate::PerSecond(rate)),
        (TypedRate::PerSecond(_), Some(_)) => Err(Failure::usage(
            "--concurrency bounds a storm without a rate and goes with --rate max; at a fixed rate every attempt is \
             made when it is due",
        )),
        (TypedRate::Max, typed) => Ok(Rate::Max { concurrency: typed.unwrap_or(DEFAULT_CONCURRENCY) as usize }),
    }
}

/// The extent that is meant by --duration and --count.
pub fn extent(duration: Option<Decimal>, count: Option<u64>) -> Extent {
    match (duration, count) {
        (None, None) => Extent { duration: Some(DEFAULT_DURATION), count: None },
        (duration, count) => Extent { duration, count },
    }
}

/// The wish to stop, made by SIGINT and SIGTERM.
pub fn stop_on_signals() -> Result<Stop, Failure> {
    let stop = Stop::new().map_err(|error| Failure::lacks(format!("create eventfd: {error}")))?;
    stop.on_signals().map_err(|error| Failure::lacks(format!("watch for signals: {error}")))?;
    Ok(stop)
}

/// Opens what `--json` names, before anything else is done.
pub fn open_json(path: Option<&Path>) -> Result<Option<Destination>, Failure> {
    path.map(|path| Destination::open(path).map_err(|error| unwritable(path, &error))).transpose()
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

/// Whether `--json` takes standard output.
pub fn takes_stdout(path: Option<&Path>) -> bool {
    path == Some(Path::new("-"))
}

/// Writes the JSON document and sees whether the text came through; both were lost to a full disk, if to anything.
pub fn finish(
    output: Output,
    destination: Option<Destination>,
    document: &impl serde::Serialize,
) -> Result<(), Failure> {
    if let Some(destination) = destination {
        let name = destination.name();
        destination.write(document).map_err(|error| {
            Failure::lacks(format!("cannot write the result to {name}: {error}; free some space or name another file"))
        })?;
    }
    match output.into_failure() {
        Some(error) => Err(Failure::lacks(format!("cannot write the text: {error}"))),
        None => Ok(()),
    }
}

/// Says something that is no failure. Where standard error can't be written there is nobody to say it to.
pub fn warn(message: impl Display) {
    let _ = writeln!(io::stderr(), "rst-storm: warning: {message}");
}

/// Raises the limit on open descriptors as far as it goes, and says what of `rate` and `timeout` does not fit: an
/// error where the storm must run out, a warning where it would if nobody answered.
pub fn check_descriptors(rate: Rate, timeout: Duration) -> Result<Option<String>, Failure> {
    /// Standard streams, epoll, files, the lab's own descriptors.
    const RESERVE: u64 = 64;
    let limit = rst_storm_linux::privilege::raise_descriptor_limit().map_err(Failure::lacks)?;
    let Some(limit) = limit.soft else { return Ok(None) };
    let available = limit.saturating_sub(RESERVE);
    match rate {
        Rate::Max { concurrency } if concurrency as u64 > available => Err(Failure::lacks(format!(
            "--concurrency {concurrency} needs as many descriptors, and this process may open {limit}. {}",
            Shortage::Descriptors.remedy()
        ))),
        Rate::PerSecond(rate) if rate.to_f64() * timeout.as_secs_f64() > available as f64 => Ok(Some(format!(
            "if the target stays silent, {rate} attempts a second times --timeout {} s hold {:.0} descriptors, and \
             this process may open {limit}: attempts beyond that will count as out of descriptors",
            timeout.as_secs_f64(),
            rate.to_f64() * timeout.as_secs_f64(),
        ))),
        _ => Ok(None),
    }
}

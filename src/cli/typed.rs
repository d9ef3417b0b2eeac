//! What several commands understand: what is typed, and what is meant by it.

use std::time::Duration;

use clap::Args;

use super::exit::Failure;
use crate::report::style::ColorChoice;
use crate::storm::decimal::Decimal;
use crate::storm::outcome::Shortage;
use crate::storm::pacer::{Extent, Rate};
use crate::storm::plan::{CloseBy, Talk};

/// The client's part of a storm: the same options for `client` and `run`.
#[derive(Debug, Args)]
pub struct StormArgs {
    /// Test duration in seconds [default: 10, or until --count is reached]
    #[arg(short, long, value_name = "SECONDS")]
    duration: Option<Decimal>,
    /// Connections per second, or 'max' for as many as go
    #[arg(short, long, default_value = "10", value_parser = parse_rate, value_name = "RATE")]
    rate: TypedRate,
    /// The client sends data before expecting RST
    #[arg(long)]
    send_data: bool,
    /// Make this many attempts at most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Connections in flight under --rate max [default: 64]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    concurrency: Option<u32>,
    /// How long the client waits for the end of each connection, in seconds
    #[arg(long, default_value = "2", value_name = "SECONDS")]
    timeout: Decimal,
}

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

/// `--format` of the readers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum TypedFormat {
    Text,
    Json,
    Ndjson,
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

impl StormArgs {
    /// How fast.
    pub fn rate(&self) -> Result<Rate, Failure> {
        match (self.rate, self.concurrency) {
            (TypedRate::PerSecond(rate), None) => Ok(Rate::PerSecond(rate)),
            (TypedRate::PerSecond(_), Some(_)) => Err(Failure::usage(
                "--concurrency bounds a storm without a rate and goes with --rate max; at a fixed rate every attempt is \
                 made when it is due",
            )),
            (TypedRate::Max, typed) => Ok(Rate::Max { concurrency: typed.unwrap_or(DEFAULT_CONCURRENCY) as usize }),
        }
    }

    /// How long.
    pub fn extent(&self) -> Extent {
        match (self.duration, self.count) {
            (None, None) => Extent { duration: Some(DEFAULT_DURATION), count: None },
            (duration, count) => Extent { duration, count },
        }
    }

    /// How long each attempt is waited for.
    pub fn timeout(&self) -> Duration {
        self.timeout.as_seconds()
    }

    /// Whether the client sends.
    pub fn talk(&self) -> Talk {
        if self.send_data { Talk::SendData } else { Talk::Silent }
    }
}

/// Parses `--rate`.
pub fn parse_rate(text: &str) -> Result<TypedRate, String> {
    if text == "max" {
        return Ok(TypedRate::Max);
    }
    text.parse().map(TypedRate::PerSecond).map_err(|error| format!("{error}, or max"))
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

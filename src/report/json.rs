//! The same values as JSON documents; their schemas lie in schema/.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use crate::lab::capture_file::CaptureResult;
use crate::lab::ledger::{Equation, KernelCounts};
use crate::lab::namespaces::Kind;
use crate::lab::observer::{Observation, WireTally};
use crate::lab::run::RunReport;
use crate::storm::check::Check;
use crate::storm::outcome::{Shortage, Tally};
use crate::storm::pacer::Rate;
use crate::storm::plan::CloseBy;
use crate::storm::report::{ClientReport, Lateness, ServerReport};

/// Where a JSON document goes, opened before the storm so that a wrong path is told before and not after it.
#[derive(Debug)]
pub enum Destination {
    /// Standard output.
    Stdout,
    /// A file.
    File(File, PathBuf),
}

impl Destination {
    /// `-` is standard output, all else a path.
    pub fn open(path: &Path) -> io::Result<Destination> {
        if path == Path::new("-") {
            return Ok(Destination::Stdout);
        }
        // Not truncated yet: a command that fails at its start leaves the last result where it was.
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
        Ok(Destination::File(file, path.to_owned()))
    }

    /// What the destination is called in a message.
    pub fn name(&self) -> String {
        match self {
            Destination::Stdout => "standard output".to_owned(),
            Destination::File(_, path) => path.display().to_string(),
        }
    }

    /// Writes `document` and a newline. A reader of standard output that went away is no error.
    pub fn write(self, document: &impl Serialize) -> io::Result<()> {
        let mut text = serde_json::to_string_pretty(document)?;
        text.push('\n');
        match self {
            Destination::Stdout => match io::stdout().lock().write_all(text.as_bytes()) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                result => result,
            },
            Destination::File(mut file, _) => {
                // What is no regular file (a pipe, a device) has no length to set.
                if file.metadata()?.is_file() {
                    file.set_len(0)?;
                }
                file.write_all(text.as_bytes()).and_then(|()| file.flush())
            }
        }
    }
}

/// The document of `rst-storm server`.
#[derive(Debug, Serialize)]
pub struct ServerDocument<'a> {
    schema: &'static str,
    version: &'static str,
    close: CloseBy,
    duration_seconds: f64,
    connections: u64,
    resets_sent: u64,
    fins_sent: u64,
    held: u64,
    reset_by_peer: u64,
    octets_read: u64,
    silent: u64,
    rate_per_second: f64,
    short: &'a BTreeMap<Shortage, u64>,
    accept_errors: &'a BTreeMap<String, u64>,
    interrupted: bool,
    cpu_seconds: f64,
    checks: Vec<Check>,
    passed: bool,
    hints: Vec<String>,
}

impl<'a> ServerDocument<'a> {
    /// The document of `report`.
    pub fn new(report: &'a ServerReport) -> ServerDocument<'a> {
        let checks = report.checks();
        ServerDocument {
            schema: "rst-storm/server/1",
            version: env!("CARGO_PKG_VERSION"),
            close: report.close,
            duration_seconds: report.elapsed.as_secs_f64(),
            connections: report.connections,
            resets_sent: report.resets,
            fins_sent: report.fins,
            held: report.held,
            reset_by_peer: report.reset_by_peer,
            octets_read: report.octets_read,
            silent: report.silent,
            rate_per_second: report.rate(),
            short: &report.short,
            accept_errors: &report.accept_errors,
            interrupted: report.interrupted,
            cpu_seconds: report.cpu.as_secs_f64(),
            passed: checks.iter().all(|check| check.holds),
            checks,
            hints: report.hints(),
        }
    }
}

/// The document of `rst-storm client`.
#[derive(Debug, Serialize)]
pub struct ClientDocument<'a> {
    schema: &'static str,
    version: &'static str,
    target: &'a str,
    requested: Requested,
    window_seconds: f64,
    waited_seconds: f64,
    rate_per_second: f64,
    lateness: Option<Lateness>,
    outcomes: &'a Tally,
    reset_percent: Option<f64>,
    interrupted: bool,
    cpu_seconds: f64,
    checks: Vec<Check>,
    passed: bool,
    hints: Vec<String>,
}

/// What was asked of a client.
#[derive(Debug, Serialize)]
struct Requested {
    /// `null` is as fast as it goes.
    rate_per_second: Option<f64>,
    /// `null` is without a bound.
    concurrency: Option<usize>,
    duration_seconds: Option<f64>,
    count: Option<u64>,
    timeout_seconds: f64,
}

impl<'a> ClientDocument<'a> {
    /// The document of `report`.
    pub fn new(report: &'a ClientReport) -> ClientDocument<'a> {
        let checks = report.checks();
        let (rate_per_second, concurrency) = match report.requested {
            Rate::PerSecond(rate) => (Some(rate.to_f64()), None),
            Rate::Max { concurrency } => (None, Some(concurrency)),
        };
        ClientDocument {
            schema: "rst-storm/client/1",
            version: env!("CARGO_PKG_VERSION"),
            target: &report.target,
            requested: Requested {
                rate_per_second,
                concurrency,
                duration_seconds: report.extent.duration.map(|duration| duration.to_f64()),
                count: report.extent.count,
                timeout_seconds: report.timeout.as_secs_f64(),
            },
            window_seconds: seconds(report.window),
            waited_seconds: seconds(report.waited),
            rate_per_second: report.rate(),
            lateness: report.lateness,
            outcomes: &report.tally,
            reset_percent: report.tally.reset_percent(),
            interrupted: report.interrupted,
            cpu_seconds: seconds(report.cpu),
            passed: checks.iter().all(|check| check.holds),
            checks,
            hints: report.hints(),
        }
    }
}

/// The document of `rst-storm run`.
#[derive(Debug, Serialize)]
pub struct RunDocument<'a> {
    schema: &'static str,
    version: &'static str,
    scenario: &'a str,
    lab: LabDocument,
    client: ClientDocument<'a>,
    server: ServerDocument<'a>,
    observer: ObserverDocument<'a>,
    kernel: KernelDocument<'a>,
    indicators: &'a [Check],
    ledger: &'a [Equation],
    passed: bool,
    hints: Vec<String>,
}

#[derive(Debug, Serialize)]
struct LabDocument {
    namespaces: Kind,
    up_seconds: f64,
}

#[derive(Debug, Serialize)]
struct KernelDocument<'a> {
    source: &'a KernelCounts,
    destination: &'a KernelCounts,
}

#[derive(Debug, Serialize)]
struct ObserverDocument<'a> {
    segments: u64,
    dropped: u64,
    made_by_observer: u64,
    foreign_connections: u64,
    unfinished_connections: u64,
    frames_not_tcp: u64,
    connections: &'a WireTally,
    reset_delay_seconds: Option<DelayDocument>,
    flows_per_second: Option<f64>,
    cpu_seconds: f64,
    capture: Option<CaptureDocument>,
}

#[derive(Debug, Serialize)]
struct DelayDocument {
    p50: f64,
    p99: f64,
    max: f64,
}

#[derive(Debug, Serialize)]
struct CaptureDocument {
    path: String,
    segments: u64,
    missing: u64,
    error: Option<String>,
}

impl<'a> RunDocument<'a> {
    /// The document of `report`.
    pub fn new(
        scenario: &'a str,
        namespaces: Kind,
        up_in: Duration,
        report: &'a RunReport,
        capture: Option<&CaptureResult>,
    ) -> RunDocument<'a> {
        RunDocument {
            schema: "rst-storm/run/1",
            version: env!("CARGO_PKG_VERSION"),
            scenario,
            lab: LabDocument { namespaces, up_seconds: seconds(up_in) },
            client: ClientDocument::new(&report.client),
            server: ServerDocument::new(&report.server),
            observer: ObserverDocument::new(&report.wire, capture),
            kernel: KernelDocument { source: &report.source, destination: &report.destination },
            indicators: &report.indicators,
            ledger: &report.ledger,
            passed: report.checks().iter().all(|check| check.holds),
            hints: report.hints(),
        }
    }
}

impl<'a> ObserverDocument<'a> {
    fn new(wire: &'a Observation, capture: Option<&CaptureResult>) -> ObserverDocument<'a> {
        let indicators = &wire.indicators;
        let delay = |nanos: Option<u64>| nanos.map(|nanos| nanos as f64 / 1e9);
        let delays = (
            delay(indicators.reset_delay_p50()),
            delay(indicators.reset_delay_p99()),
            delay(indicators.reset_delay_max()),
        );
        ObserverDocument {
            segments: wire.segments,
            dropped: wire.dropped,
            made_by_observer: wire.made_here,
            foreign_connections: wire.foreign_flows,
            unfinished_connections: wire.evicted,
            frames_not_tcp: wire.skips.total(),
            connections: &wire.tally,
            reset_delay_seconds: match delays {
                (Some(p50), Some(p99), Some(max)) => Some(DelayDocument { p50, p99, max }),
                _ => None,
            },
            flows_per_second: indicators.flows_per_second(),
            cpu_seconds: seconds(wire.cpu),
            capture: capture.map(|capture| CaptureDocument {
                path: capture.path.display().to_string(),
                segments: capture.written,
                missing: capture.lost,
                error: capture.error.as_ref().map(ToString::to_string),
            }),
        }
    }
}

fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

//! The kernel's resets as records: what `trace` writes and what is read back, one shape for both.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rst_storm_core::capture::Timestamp;
use rst_storm_core::kernel::{Context, Direction, KernelReset, Kind, Life, Name, Process};
use rst_storm_core::tcp::Endpoint;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The name of this format.
pub const TRACE_SCHEMA: &str = "rst-storm/trace/1";

/// One line of a trace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Line<'a> {
    /// The first: what was watched.
    Trace(TraceRecord<'a>),
    /// A reset.
    #[serde(borrow)]
    Reset(ResetRecord<'a>),
    /// The last: what was told, and what was lost.
    Summary(SummaryRecord<'a>),
}

/// What was watched, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceRecord<'a> {
    /// [`TRACE_SCHEMA`].
    pub schema: Cow<'a, str>,
    /// The kernel's release.
    pub kernel: Cow<'a, str>,
    /// Since when.
    #[serde(with = "moment")]
    pub since: Timestamp,
    /// By which clock.
    pub clock: Clock,
    /// What was watched.
    pub watched: Watched,
    /// What was left out; none where all was told.
    pub filter: Option<Filter>,
}

/// How the times were had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// The clock of the records, to which the wall clock's distance was added.
    pub source: String,
    /// How far off that distance may be, in nanoseconds.
    pub error_ns: u64,
}

/// What was watched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watched {
    /// Resets that were taken in, beside those sent.
    pub taken: bool,
    /// Whether processes were ending.
    pub deaths: bool,
    /// The kernel's functions.
    pub stacks: bool,
    /// The reasons that this kernel knows; none where it has no reasons.
    pub reasons: Vec<String>,
}

/// What was told of alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    /// Processes.
    pub pids: Vec<i32>,
    /// Addresses, at either end.
    pub hosts: Vec<IpAddr>,
    /// Ports, at either end.
    pub ports: Vec<u16>,
    /// Reasons.
    pub reasons: Vec<String>,
}

/// One reset. Names as in `explain`'s records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResetRecord<'a> {
    schema: Cow<'a, str>,
    #[serde(with = "moment")]
    at: Timestamp,
    cpu: u32,
    #[serde(with = "DirectionWord")]
    direction: Direction,
    source_h: IpAddr,
    source_p: u16,
    destination_h: IpAddr,
    destination_p: u16,
    reason: Option<Cow<'a, str>>,
    state: Option<Cow<'a, str>>,
    #[serde(with = "kind")]
    kind: Option<Kind>,
    has_socket: bool,
    #[serde(with = "ContextWord")]
    context: Context,
    pid: Option<i32>,
    tid: Option<i32>,
    comm: Option<Cow<'a, str>>,
    dying: Option<bool>,
    signal: Option<i32>,
    stack: Vec<Cow<'a, str>>,
    #[serde(skip_deserializing)]
    mechanisms: Vec<&'static str>,
}

/// What was told, left out and lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SummaryRecord<'a> {
    /// [`TRACE_SCHEMA`].
    pub schema: Cow<'a, str>,
    /// Until when.
    #[serde(with = "moment")]
    pub until: Timestamp,
    /// Resets told that were sent.
    pub sent: u64,
    /// Resets told that were taken in.
    pub taken: u64,
    /// Resets that a filter left out.
    pub left_out: u64,
    /// Records that were lost for want of room, or counted by the kernel and never handed over, whatever they would have told.
    pub lost: u64,
    /// Resets told that were sent, by all mechanisms that each allows; the most first.
    pub by_mechanism: Vec<MechanismCount>,
}

/// So many resets that allow the same mechanisms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MechanismCount {
    /// The mechanisms' names; none where nothing known is named.
    pub mechanisms: Vec<String>,
    /// How many.
    pub resets: u64,
}

impl<'a> ResetRecord<'a> {
    /// The record of a reset.
    pub fn new(reset: &'a KernelReset) -> ResetRecord<'a> {
        let word = |name: &'a Option<Name>| name.as_deref().map(Cow::Borrowed);
        let process = reset.process.as_ref();
        let (dying, signal) = match reset.life {
            Life::NotWatched => (None, None),
            Life::Living => (Some(false), None),
            Life::Dying { signal } => (Some(true), signal),
        };
        ResetRecord {
            schema: TRACE_SCHEMA.into(),
            at: reset.at,
            cpu: reset.cpu,
            direction: reset.direction,
            source_h: reset.source.addr,
            source_p: reset.source.port,
            destination_h: reset.destination.addr,
            destination_p: reset.destination.port,
            reason: word(&reset.reason),
            state: word(&reset.state),
            kind: reset.kind,
            has_socket: reset.has_socket,
            context: reset.context,
            pid: process.map(|process| process.pid),
            tid: process.map(|process| process.tid),
            comm: process.and_then(|process| process.comm.as_deref()).map(Cow::Borrowed),
            dying,
            signal,
            stack: reset.stack.iter().map(|function| Cow::Borrowed(&**function)).collect(),
            mechanisms: reset.mechanisms().names().collect(),
        }
    }

    /// The name of the format that it says it has.
    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// The reset of this record.
    pub fn reset(&self) -> KernelReset {
        let name = |word: &Option<Cow<'_, str>>| word.as_deref().map(Name::from);
        let pid = self.pid.zip(self.tid);
        KernelReset {
            at: self.at,
            cpu: self.cpu,
            direction: self.direction,
            source: Endpoint::new(self.source_h, self.source_p),
            destination: Endpoint::new(self.destination_h, self.destination_p),
            reason: name(&self.reason),
            state: name(&self.state),
            kind: self.kind,
            has_socket: self.has_socket,
            context: self.context,
            process: pid.map(|(pid, tid)| Process { pid, tid, comm: name(&self.comm) }),
            life: match self.dying {
                None => Life::NotWatched,
                Some(false) => Life::Living,
                Some(true) => Life::Dying { signal: self.signal },
            },
            stack: self.stack.iter().map(|function| Name::from(&**function)).collect(),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Direction", rename_all = "kebab-case")]
enum DirectionWord {
    Sent,
    Taken,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Context", rename_all = "kebab-case")]
enum ContextWord {
    Task,
    TaskBhOff,
    SoftInterrupt,
    HardInterrupt,
}

/// `active`, `reply` or null.
mod kind {
    use super::{Deserialize, Deserializer, Kind, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Word {
        Active,
        Reply,
    }

    pub(super) fn serialize<S: Serializer>(kind: &Option<Kind>, serializer: S) -> Result<S::Ok, S::Error> {
        let word = kind.map(|kind| match kind {
            Kind::Active => Word::Active,
            Kind::Reply => Word::Reply,
        });
        word.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Kind>, D::Error> {
        let word = Option::<Word>::deserialize(deserializer)?;
        Ok(word.map(|word| match word {
            Word::Active => Kind::Active,
            Word::Reply => Kind::Reply,
        }))
    }
}

/// RFC 3339 to the nanosecond, UTC: a number of nanoseconds is more than many readers of JSON take exactly.
mod moment {
    use super::{Deserialize, Deserializer, Duration, Serializer, SystemTime, Timestamp, UNIX_EPOCH, de};

    pub(super) fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&humantime::format_rfc3339_nanos(UNIX_EPOCH + Duration::from_nanos(at.0)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time: SystemTime = humantime::parse_rfc3339(&text).map_err(de::Error::custom)?;
        let since = time.duration_since(UNIX_EPOCH).map_err(de::Error::custom)?;
        u64::try_from(since.as_nanos()).map(Timestamp).map_err(de::Error::custom)
    }
}

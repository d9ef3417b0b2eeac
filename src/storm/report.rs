//! What the two halves bring home: finished figures, their self-checks, and a hint where something everyday went wrong.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Serialize, Serializer};

use super::check::Check;
use super::outcome::{Outcome, ServerWord, Shortage, Tally};
use super::pacer::{Extent, Rate};
use super::plan::CloseBy;
use super::roll::Roll;
use super::units::short_time;

/// More connections than this make a storm: the first check on both sides.
pub const ENOUGH_CONNECTIONS: u64 = 10;

/// A schedule that is missed by more than this is not kept.
const LATE: Duration = Duration::from_millis(100);

/// More than this share of successful connects must be reset.
pub const DOMINANT_PERCENT: f64 = 80.0;

/// How late attempts started, after the instant at which they were due.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Lateness {
    /// Half of all attempts were no later than this.
    #[serde(rename = "p50_seconds", serialize_with = "seconds")]
    pub p50: Duration,
    /// 99 of 100.
    #[serde(rename = "p99_seconds", serialize_with = "seconds")]
    pub p99: Duration,
    /// All.
    #[serde(rename = "max_seconds", serialize_with = "seconds")]
    pub max: Duration,
}

impl Lateness {
    /// The percentiles of a histogram of nanoseconds.
    pub fn of(histogram: &Histogram<u64>) -> Lateness {
        let at = |quantile| Duration::from_nanos(histogram.value_at_quantile(quantile));
        Lateness { p50: at(0.5), p99: at(0.99), max: Duration::from_nanos(histogram.max()) }
    }
}

/// Serialises a length of time as seconds.
pub fn seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

/// What a client brings home.
#[derive(Clone, Debug)]
pub struct ClientReport {
    /// The target as it was typed, `host:port`.
    pub target: String,
    /// The rate that was asked for.
    pub requested: Rate,
    /// The extent that was asked for.
    pub extent: Extent,
    /// The count of outcomes.
    pub tally: Tally,
    /// The sending window.
    pub window: Duration,
    /// The time after it, waiting for the last answers.
    pub waited: Duration,
    /// How late attempts started; none in a closed loop, where nothing is due.
    pub lateness: Option<Lateness>,
    /// Whether a wish to stop ended it.
    pub interrupted: bool,
    /// How long each attempt was waited for.
    pub timeout: Duration,
    /// Processor time of the client's thread.
    pub cpu: Duration,
    /// Its connections one by one, if they were to be listed.
    pub roll: Roll<Outcome>,
}

impl ClientReport {
    /// Attempts a second, over the sending window.
    pub fn rate(&self) -> f64 {
        per_second(self.tally.attempts, self.window)
    }

    /// The client's three self-checks.
    pub fn checks(&self) -> Vec<Check> {
        let Tally { attempts, connected, reset, .. } = self.tally;
        let made = attempts > ENOUGH_CONNECTIONS;
        let dominant = self.tally.reset_percent().is_some_and(|percent| percent > DOMINANT_PERCENT);
        vec![
            Check::new("Connections made", made, only(made, attempts, "attempts")),
            Check::new(
                "RST received",
                reset > 0,
                if reset > 0 { format!("{reset} RSTs") } else { "No RSTs received".to_owned() },
            ),
            Check::new(
                "RST dominant",
                dominant,
                match (connected, dominant) {
                    (0, _) => "No successful connections".to_owned(),
                    (_, true) => format!("{reset}/{connected} ended with RST"),
                    (_, false) => format!("Only {reset}/{connected} ended with RST"),
                },
            ),
        ]
    }

    /// What to do about a failure of the everyday kind.
    pub fn hints(&self) -> Vec<String> {
        let Tally { attempts, refused, timeout, timeout_connected, connected, local_failures, .. } = self.tally;
        let port = self.target.rsplit(':').next().unwrap_or_default();
        let sent = attempts - local_failures;
        let mut hints = Vec::new();
        if sent > 0 && refused == sent {
            hints.push(format!(
                "Every connection was refused: nothing listens at {}. Start the server there first: rst-storm server \
                 --port {port}",
                self.target
            ));
        }
        if sent > 0 && timeout == sent && timeout_connected == 0 {
            hints.push(format!(
                "No SYN was answered: {} is filtered, or it is not reachable from this network namespace (the lab's \
                 destination answers in pp-source only: ip netns exec pp-source rst-storm client)",
                self.target
            ));
        }
        if connected > 0 && timeout_connected == connected {
            hints.push(format!(
                "Every connection was accepted and then left unanswered for {} s: that server neither resets nor closes",
                self.timeout.as_secs_f64()
            ));
        }
        if let Some(late) = self.lateness.filter(|lateness| lateness.p99 > LATE) {
            hints.push(format!(
                "This host could not keep the pace: one attempt in a hundred started more than {} late. Lower --rate, or \
                 leave the processor to the storm",
                short_time(late.p99)
            ));
        }
        hints.extend(self.tally.short.keys().map(|shortage| shortage.remedy().to_owned()));
        hints
    }
}

impl Shortage {
    /// What was lacking, in a word or two.
    pub fn name(self) -> &'static str {
        match self {
            Shortage::Ports => "Out of ports",
            Shortage::Descriptors => "Out of descriptors",
            Shortage::Memory => "Out of memory",
        }
    }

    /// What to do about it.
    pub fn remedy(self) -> &'static str {
        match self {
            Shortage::Ports => {
                "Out of ports: every port of net.ipv4.ip_local_port_range is in use towards this target; lower --rate \
                 or --timeout, widen that range, or use another --source"
            }
            Shortage::Descriptors => {
                "Out of descriptors: raise the hard limit (ulimit -Hn), or lower --rate, --timeout or --concurrency"
            }
            Shortage::Memory => {
                "Out of memory for sockets: see net.ipv4.tcp_mem and the memory limit of this process, or lower --rate \
                 or --concurrency"
            }
        }
    }
}

/// What a server brings home.
#[derive(Clone, Debug)]
pub struct ServerReport {
    /// How it closed connections.
    pub close: CloseBy,
    /// Connections taken from the accept queue.
    pub connections: u64,
    /// Of these, the ones that it closed with RST.
    pub resets: u64,
    /// Closed with FIN.
    pub fins: u64,
    /// Held open until the peer or the end came.
    pub held: u64,
    /// Found reset by the peer before the server could close them: no RST goes out for those.
    pub reset_by_peer: u64,
    /// Octets read from clients (`--read-first`).
    pub octets_read: u64,
    /// Connections from which nothing came within the wait of `--read-first`.
    pub silent: u64,
    /// From the first connection to the last plus one mean interval; the listening time under two connections.
    pub elapsed: Duration,
    /// accept() failures for want of something.
    pub short: BTreeMap<Shortage, u64>,
    /// Other accept() failures by errno.
    pub accept_errors: BTreeMap<String, u64>,
    /// Whether a wish to stop ended it.
    pub interrupted: bool,
    /// Processor time of the server's thread.
    pub cpu: Duration,
    /// Its connections one by one, if they were to be listed.
    pub roll: Roll<ServerWord>,
}

impl ServerReport {
    /// The report of a server that has met nobody yet.
    pub fn of(close: CloseBy) -> ServerReport {
        ServerReport {
            close,
            connections: 0,
            resets: 0,
            fins: 0,
            held: 0,
            reset_by_peer: 0,
            octets_read: 0,
            silent: 0,
            elapsed: Duration::ZERO,
            short: BTreeMap::new(),
            accept_errors: BTreeMap::new(),
            interrupted: false,
            cpu: Duration::ZERO,
            roll: Roll::default(),
        }
    }

    /// Connections a second, over the elapsed time.
    pub fn rate(&self) -> f64 {
        per_second(self.connections, self.elapsed)
    }

    /// The server's two self-checks.
    pub fn checks(&self) -> Vec<Check> {
        let ServerReport { connections, resets, .. } = *self;
        let handled = connections > ENOUGH_CONNECTIONS;
        let all = connections > 0 && resets == connections;
        let relation = if resets == connections { "=" } else { "<" };
        vec![
            Check::new("Connections handled", handled, only(handled, connections, "connections")),
            Check::new(
                "All RSTs sent",
                all,
                match connections {
                    0 => "No connections".to_owned(),
                    _ => format!("{resets} RSTs {relation} {connections} connections"),
                },
            ),
        ]
    }

    /// What to do about a failure of the everyday kind.
    pub fn hints(&self) -> Vec<String> {
        let mut hints: Vec<String> = self.short.keys().map(|shortage| shortage.remedy().to_owned()).collect();
        hints.extend(self.close.caution());
        if self.reset_by_peer > 0 {
            hints.push(format!(
                "{} connections had been reset by their client before the server closed them; those get no RST back",
                self.reset_by_peer
            ));
        }
        hints
    }
}

fn only(enough: bool, count: u64, what: &str) -> String {
    if enough { format!("{count} {what}") } else { format!("Only {count} {what}") }
}

/// `count` over `elapsed`, a second; 0 over no time.
pub fn per_second(count: u64, elapsed: Duration) -> f64 {
    if elapsed.is_zero() { 0.0 } else { count as f64 / elapsed.as_secs_f64() }
}

//! How long a client's ports last: connections one after the other, the client closing first, until connect() refuses.

use rst_storm_linux::signals::Stop;
use rst_storm_linux::{Cause, Error, Result, sysctl};
use serde::Serialize;

use super::ground::{Closer, Ground};
use super::pair::{Close, Pair};

/// TCP_TIMEWAIT_LEN of include/net/tcp.h, in seconds.
pub const TIME_WAIT_SECONDS: u64 = 60;

/// The client's ports.
const FIRST: u16 = 40_000;
const PORTS: u16 = 200;

/// So many connections are enough to say that ports don't run out.
const ENOUGH: u64 = 5 * PORTS as u64;

const EROFS: i32 = 30;
const EADDRNOTAVAIL: i32 = 99;

/// How the door calls what a read-only /proc/sys refuses.
const NARROW: &str = "write sysctl";

const RANGE: &str = "net/ipv4/ip_local_port_range";

/// Connections of one address to one server, its ports few.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ports {
    /// Ports that the client may use.
    pub ports: u64,
    /// The connections that were tried for.
    pub enough: u64,
    /// net.ipv4.tcp_tw_reuse of the client's namespace; 1 lets ports in TIME_WAIT be used again after a second.
    pub tcp_tw_reuse: String,
    /// How far it went; `None` where the settings of the client's namespace can't be written (/proc/sys is read-only).
    pub runs: Option<Pair<Lasting>>,
    /// TCP_TIMEWAIT_LEN, in seconds.
    pub time_wait_seconds: u64,
    /// Computed: what these ports sustain where each waits out TIME_WAIT, in connections a second.
    pub computed_per_second: f64,
    /// Ports of a namespace that nobody narrowed.
    pub default_ports: u64,
    /// Computed: what those would sustain, in connections a second.
    pub computed_default_per_second: f64,
}

/// How many connections the ports lasted for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lasting {
    /// Connections made.
    pub connections: u64,
    /// What connect() then answered; `None` where it was still connecting when it was enough.
    pub refused: Option<String>,
    /// Sockets in TIME_WAIT at the client afterwards.
    pub time_waits: u64,
}

/// Connects and closes until it is refused or enough.
pub fn measure(stop: &Stop) -> Result<Option<Ports>> {
    let ground = Ground::raise()?;
    let default_ports = width(&ground.client_setting(RANGE)?)?;
    let tcp_tw_reuse = ground.client_setting("net/ipv4/tcp_tw_reuse")?;
    let runs = match Pair::measure(|close| last(close, stop)) {
        Ok(None) => return Ok(None),
        Err(error) if error.operation() == NARROW && error.errno() == Some(EROFS) => None,
        runs => runs?,
    };
    let sustained = |ports: u64| ports as f64 / TIME_WAIT_SECONDS as f64;
    Ok(Some(Ports {
        ports: PORTS.into(),
        enough: ENOUGH,
        tcp_tw_reuse,
        runs,
        time_wait_seconds: TIME_WAIT_SECONDS,
        computed_per_second: sustained(PORTS.into()),
        default_ports,
        computed_default_per_second: sustained(default_ports),
    }))
}

fn last(close: Close, stop: &Stop) -> Result<Option<Lasting>> {
    let ground = Ground::raise()?;
    ground.hosts.source.run(|| sysctl::write(RANGE, &format!("{FIRST} {}", FIRST + PORTS - 1)))??;
    let listener = ground.listen()?;
    let (mut connections, mut refused) = (0, None);
    while connections < ENOUGH && refused.is_none() {
        if stop.is_requested() {
            return Ok(None);
        }
        match ground.connect(&listener) {
            Ok(connection) => {
                connections += 1;
                let source = connection.source;
                connection.close(Closer::Client, close)?;
                ground.await_closed(source)?;
            }
            Err(error) if error.errno() == Some(EADDRNOTAVAIL) => refused = Some("EADDRNOTAVAIL".to_owned()),
            Err(error) => return Err(error),
        }
    }
    Ok(Some(Lasting { connections, refused, time_waits: ground.time_waits()?.client }))
}

/// The number of ports in a range as the kernel prints it.
fn width(range: &str) -> Result<u64> {
    let bounds: Vec<u64> = range.split_whitespace().filter_map(|bound| bound.parse().ok()).collect();
    match bounds[..] {
        [first, last] if first <= last => Ok(last - first + 1),
        _ => Err(Error::from_cause("read sysctl", RANGE, Cause::Malformed(range.to_owned()))),
    }
}

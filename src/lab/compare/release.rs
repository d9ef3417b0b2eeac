//! How long the kernel keeps a connection after close(), at either end.

use std::time::Instant;

use rst_storm_linux::Result;
use rst_storm_linux::signals::Stop;
use rst_storm_linux::tcp_state::TcpState;
use serde::Serialize;

use super::PROBES;
use super::ground::{Closer, Ground};
use super::pair::{Pair, Spread};

/// From the server's close() on. The client reads the end and closes at once.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Release {
    /// Connections that were released.
    pub connections: u64,
    /// Seconds until neither end has the connection any more, a TIME_WAIT aside.
    pub closed_seconds: Spread<f64>,
    /// Of these, how many left a TIME_WAIT at the server.
    pub time_waits: u64,
    /// What the kernel's timer then said is left of those, in seconds; `None` where there were none.
    pub time_wait_seconds: Option<Spread<f64>>,
}

/// Closes both ways, and looks at the kernel's tables until the connection is gone.
pub fn measure(stop: &Stop) -> Result<Option<Pair<Release>>> {
    Pair::measure(|close| {
        let ground = Ground::raise()?;
        let listener = ground.listen()?;
        let (mut closed, mut waits) = (Vec::new(), Vec::new());
        for _ in 0..PROBES {
            if stop.is_requested() {
                return Ok(None);
            }
            let connection = ground.connect(&listener)?;
            connection.talk()?;
            let source = connection.source;
            let began = Instant::now();
            connection.close(Closer::Server, close)?;
            ground.await_closed(source)?;
            closed.push(began.elapsed().as_secs_f64());
            let left = ground.found_at_server(source)?.filter(|found| found.state == TcpState::TimeWait);
            waits.extend(left.map(|found| found.timer_left.as_secs_f64()));
        }
        let time_waits = waits.len() as u64;
        let time_wait_seconds = Spread::of(waits);
        let release = |closed_seconds| Release { connections: PROBES, closed_seconds, time_waits, time_wait_seconds };
        Ok(Spread::of(closed).map(release))
    })
}

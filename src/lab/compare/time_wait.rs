//! Who is left in TIME_WAIT, by who closed first.

use rst_storm_linux::Result;
use rst_storm_linux::signals::Stop;
use serde::Serialize;

use super::PROBES;
use super::ground::{AtEnds, Closer, Ground};
use super::pair::{Close, Pair};

/// Sockets in TIME_WAIT when all connections are closed at both ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct TimeWaits {
    /// Connections that were closed, by each end.
    pub connections: u64,
    /// Left when the server closed first.
    pub server_closed: AtEnds,
    /// Left when the client closed first.
    pub client_closed: AtEnds,
}

/// Closes connections both ways and from both ends, and counts.
pub fn measure(stop: &Stop) -> Result<Option<Pair<TimeWaits>>> {
    Pair::measure(|close| {
        let Some(server_closed) = left(Closer::Server, close, stop)? else { return Ok(None) };
        let client_closed = left(Closer::Client, close, stop)?;
        Ok(client_closed.map(|client_closed| TimeWaits { connections: PROBES, server_closed, client_closed }))
    })
}

fn left(closer: Closer, close: Close, stop: &Stop) -> Result<Option<AtEnds>> {
    let ground = Ground::raise()?;
    let listener = ground.listen()?;
    for _ in 0..PROBES {
        if stop.is_requested() {
            return Ok(None);
        }
        let connection = ground.connect(&listener)?;
        let source = connection.source;
        connection.close(closer, close)?;
        ground.await_closed(source)?;
    }
    ground.time_waits().map(Some)
}

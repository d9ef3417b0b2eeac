//! Time where no frames come: a live input that is silent, told of by the clock.

use std::time::{Duration, Instant};

use rst_storm_core::capture::Timestamp;
use rst_storm_linux::input::Woken;
use rst_storm_linux::signals::Stop;

use super::sink::Outlet;
use super::source::Source;

/// After so long without a call the sink is told the time.
const SILENCE: Duration = Duration::from_millis(250);

/// The time of the last frame, and when it came. It is the only clock that meets packet time.
#[derive(Debug)]
pub(super) struct Idleness {
    heard: Option<(Timestamp, Instant)>,
    told: Instant,
}

impl Idleness {
    pub(super) fn new() -> Idleness {
        Idleness { heard: None, told: Instant::now() }
    }

    /// Waits until `source` has more, and tells the time if that takes long. `latest` is the time that was come to.
    pub(super) fn wait(
        &mut self,
        source: &Source,
        latest: Option<Timestamp>,
        stop: &Stop,
        out: &mut impl Outlet,
    ) -> Woken {
        if let Some(latest) = latest
            && self.heard.is_none_or(|(at, _)| at != latest)
        {
            self.heard = Some((latest, Instant::now()));
        }
        let woken = source.wait(stop, SILENCE);
        // Segments of other connections may come all the time, so that it is never silent.
        if woken != Woken::Stop && self.told.elapsed() >= SILENCE {
            self.told = Instant::now();
            if let Some((at, came)) = self.heard {
                let passed = u64::try_from(came.elapsed().as_nanos()).unwrap_or(u64::MAX);
                out.idle(Timestamp(at.0.saturating_add(passed)));
            }
        }
        woken
    }
}

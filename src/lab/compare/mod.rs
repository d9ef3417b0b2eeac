//! RST against FIN, measured: the same load in fresh labs, of which only the close differs.

pub mod cost;
pub mod delivery;
pub mod errors;
pub mod finding;
#[cfg(test)]
pub mod fixture;
pub mod ground;
pub mod handshake;
pub mod pair;
pub mod ports;
pub mod release;
pub mod reuse;
pub mod tap;
pub mod theory;
pub mod time_wait;

use rst_storm_linux::Result;
use rst_storm_linux::signals::Stop;

use finding::Finding;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct ComparePlan {
    /// Connections of each storm whose processor time is measured.
    pub count: u64,
    /// Octets written before the close of the delivery.
    pub bytes: u64,
    /// Rounds of four storms each, and transfers of each close.
    pub rounds: u64,
}

/// Connections whose end is looked at one by one, for each close.
pub const PROBES: u64 = 20;

/// Measures what is to be compared, one thing after the other, and tells each as soon as it is known; whether all of it
/// was measured. `stop` ends it after the connection under way, and what is half measured isn't told.
///
/// Namespaces must be allowed to this thread. It moves through them and ends up in one of them.
pub fn measure(plan: &ComparePlan, stop: &Stop, tell: &mut dyn FnMut(Finding)) -> Result<bool> {
    type Measurement = fn(&ComparePlan, &Stop) -> Result<Option<Finding>>;
    let measurements: [Measurement; 8] = [
        |_, stop| Ok(handshake::measure(stop)?.map(Finding::Handshake)),
        |plan, stop| Ok(delivery::measure(plan, stop)?.map(Finding::Delivery)),
        |_, stop| Ok(errors::measure(stop)?.map(Finding::Errors)),
        |_, stop| Ok(time_wait::measure(stop)?.map(Finding::TimeWait)),
        |_, stop| Ok(reuse::measure(stop)?.map(Finding::Reuse)),
        |_, stop| Ok(release::measure(stop)?.map(Finding::Release)),
        |plan, stop| Ok(cost::measure(plan, stop)?.map(Finding::Cost)),
        |_, stop| Ok(ports::measure(stop)?.map(Finding::Ports)),
    ];
    for measure in measurements {
        match measure(plan, stop)? {
            Some(finding) if !stop.is_requested() => tell(finding),
            _ => return Ok(false),
        }
    }
    Ok(true)
}

//! JitterTrap's indicators: what the wire of a reset storm must look like, against what it looked like.

use std::time::Duration;

use super::observer::Observation;
use crate::storm::check::Check;
use crate::storm::pacer::Rate;
use crate::storm::plan::READ_WAIT;
use crate::storm::report::ENOUGH_CONNECTIONS;
use crate::storm::units::short_time;

/// A connection that is closed at once lives no longer than this, from SYN to RST.
const SHORT_LIVED: Duration = Duration::from_millis(100);

/// This share of the requested rate must be seen as new connections, in percent. It parts a storm from a trickle; whether
/// every connection was made is the ledger's business, and a machine that stalls for a moment is no finding.
const RATE_PERCENT: f64 = 50.0;

/// The four indicators, each judged from the wire alone.
pub fn judge(wire: &Observation, rate: Rate, read_first: bool) -> Vec<Check> {
    let indicators = &wire.indicators;
    let flows = indicators.syn_flows();
    let (reset, fin) = (indicators.reset_flows(), indicators.fin_flows());
    vec![
        Check::new("RST flag", flows > 0 && reset == flows, format!("on {reset} of {flows} flows (expected: on all)")),
        Check::new("FIN flag", flows > 0 && fin == 0, format!("on {fin} of {flows} flows (expected: on none)")),
        duration(wire, read_first),
        flow_count(wire, rate),
    ]
}

fn duration(wire: &Observation, read_first: bool) -> Check {
    const NAME: &str = "Connection duration";
    let bound = if read_first { SHORT_LIVED + READ_WAIT } else { SHORT_LIVED };
    let expected = format!("(expected: p99 under {} ms)", bound.as_millis());
    let indicators = &wire.indicators;
    let percentiles = (indicators.reset_delay_p50(), indicators.reset_delay_p99(), indicators.reset_delay_max());
    let (Some(p50), Some(p99), Some(max)) = percentiles else {
        return Check::new(NAME, false, format!("no flow was reset {expected}"));
    };
    let [p50, p99, max] = [p50, p99, max].map(Duration::from_nanos);
    Check::new(
        NAME,
        p99 < bound,
        format!("SYN to RST p50 {}, p99 {}, max {} {expected}", short_time(p50), short_time(p99), short_time(max)),
    )
}

fn flow_count(wire: &Observation, rate: Rate) -> Check {
    let flows = wire.indicators.syn_flows();
    let seen = wire.indicators.flows_per_second();
    let enough = flows > ENOUGH_CONNECTIONS;
    let (fast_enough, bound) = match rate {
        Rate::PerSecond(rate) => {
            let bound = rate.to_f64() * RATE_PERCENT / 100.0;
            (seen.is_some_and(|seen| seen >= bound), format!(", at least {bound:.1}/s"))
        }
        Rate::Max { .. } => (true, String::new()),
    };
    let seen = seen.map_or_else(|| "no rate".to_owned(), |seen| format!("{seen:.1} flows/s"));
    Check::new(
        "Flow count",
        enough && fast_enough,
        format!("{flows} flows, {seen} (expected: more than {ENOUGH_CONNECTIONS}{bound})"),
    )
}

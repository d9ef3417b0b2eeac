//! Packet times for people and for records.

use std::time::{Duration, UNIX_EPOCH};

use rst_storm_core::capture::Timestamp;

/// A day of packet time, in seconds.
const DAY: u64 = 86_400;

/// The date and the time, UTC, to the microsecond.
pub fn full(at: Timestamp) -> String {
    humantime::format_rfc3339_micros(UNIX_EPOCH + Duration::from_nanos(at.0)).to_string()
}

/// The time of day, UTC, to the microsecond.
pub fn time_of_day(at: Timestamp) -> String {
    let seconds = at.0 / 1_000_000_000 % DAY;
    let micros = at.0 % 1_000_000_000 / 1_000;
    format!("{:02}:{:02}:{:02}.{micros:06}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// Seconds since 1970 to the microsecond, as other tools' logs have them.
pub fn seconds(at: Timestamp) -> f64 {
    (at.0 / 1_000) as f64 / 1e6
}

/// A span in seconds to the microsecond.
pub fn span_seconds(nanos: u64) -> f64 {
    (nanos / 1_000) as f64 / 1e6
}

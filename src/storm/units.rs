//! Figures with their units, for people.

use std::time::Duration;

/// A time in the unit that suits it: `85 us`, `1.2 ms`, `2.0 s`.
pub fn short_time(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds >= 1.0 {
        format!("{seconds:.1} s")
    } else if seconds >= 0.001 {
        format!("{:.1} ms", seconds * 1e3)
    } else {
        format!("{:.0} us", seconds * 1e6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_take_the_unit_that_suits_them() {
        assert_eq!(short_time(Duration::from_micros(85)), "85 us");
        assert_eq!(short_time(Duration::from_micros(1_234)), "1.2 ms");
        assert_eq!(short_time(Duration::from_millis(2_040)), "2.0 s");
    }
}

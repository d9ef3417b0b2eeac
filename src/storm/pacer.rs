//! When each attempt is due: open loop, in exact decimal arithmetic, by a clock that is handed in.

use std::time::Duration;

use super::decimal::Decimal;

/// How attempts are spread over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// This many a second, whatever the answers (open loop).
    PerSecond(Decimal),
    /// As many as go, with this many in flight (closed loop).
    Max {
        /// Connections in flight at once.
        concurrency: usize,
    },
}

/// How long attempts are made: until the duration is over or the count is reached, whichever comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The sending window; `None` leaves it to the count.
    pub duration: Option<Decimal>,
    /// The number of attempts; `None` leaves it to the duration.
    pub count: Option<u64>,
}

/// The schedule of a storm: attempt `i` (from 0) is due at `i / rate` after the start, for all `i / rate < duration`.
///
/// Attempts that are late are made at once, as many as are due: a slow server shows as timeouts, not as a lower rate.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    rate: Rate,
    total: Option<u64>,
    window: Option<Duration>,
}

impl Schedule {
    /// The schedule of `rate` over `extent`.
    pub fn new(rate: Rate, extent: Extent) -> Schedule {
        let within_duration = match (rate, extent.duration) {
            (Rate::PerSecond(rate), Some(duration)) => Some(attempts_before(rate, duration)),
            _ => None,
        };
        let total = match (within_duration, extent.count) {
            (Some(timed), Some(count)) => Some(timed.min(count)),
            (one, other) => one.or(other),
        };
        let window = extent.duration.map(Decimal::as_seconds);
        let window = match (rate, total) {
            (Rate::PerSecond(rate), Some(total)) => {
                // The last attempt stands for the interval it opens, so that 100 at 10/s fill 10 s.
                let counted = due_after(rate, total);
                Some(window.map_or(counted, |window| window.min(counted)))
            }
            _ => window,
        };
        Schedule { rate, total, window }
    }

    /// How many attempts there are in all, where that is known before.
    pub fn total(&self) -> Option<u64> {
        self.total
    }

    /// How long attempts are made, where that is known before.
    pub fn window(&self) -> Option<Duration> {
        self.window
    }

    /// When attempt `index` is due, after the start; `None` when there is no such attempt. In a closed loop every
    /// attempt is due at once.
    pub fn due(&self, index: u64) -> Option<Duration> {
        if self.total.is_some_and(|total| index >= total) {
            return None;
        }
        match self.rate {
            Rate::PerSecond(rate) => Some(due_after(rate, index)),
            Rate::Max { .. } => Some(Duration::ZERO),
        }
    }

    /// How many may be in flight at once; `None` without a bound.
    pub fn concurrency(&self) -> Option<usize> {
        match self.rate {
            Rate::PerSecond(_) => None,
            Rate::Max { concurrency } => Some(concurrency),
        }
    }
}

/// The number of all i >= 0 with i / rate < duration.
fn attempts_before(rate: Decimal, duration: Decimal) -> u64 {
    let (rate, rate_unit) = rate.fraction();
    let (duration, duration_unit) = duration.fraction();
    // Both are below 10^18 over at most 10^9: the product fits 128 bits.
    u64::try_from((rate * duration).div_ceil(rate_unit * duration_unit)).unwrap_or(u64::MAX)
}

fn due_after(rate: Decimal, index: u64) -> Duration {
    let (rate, unit) = rate.fraction();
    let nanos = u128::from(index) * 1_000_000_000 * unit / rate;
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().expect(text)
    }

    fn paced(rate: &str, duration: &str) -> Schedule {
        let extent = Extent { duration: Some(decimal(duration)), count: None };
        Schedule::new(Rate::PerSecond(decimal(rate)), extent)
    }

    /// Plays a schedule against a made-up clock that ticks every `step` and returns when each attempt was made.
    fn play(schedule: &Schedule, step: Duration) -> Vec<Duration> {
        let mut made = Vec::new();
        let mut now = Duration::ZERO;
        while let Some(due) = schedule.due(made.len() as u64) {
            if due <= now {
                made.push(now);
            } else {
                now += step;
            }
        }
        made
    }

    #[test]
    fn ten_seconds_at_ten_a_second_is_exactly_a_hundred() {
        for (rate, duration, attempts) in [
            ("10", "10", 100),
            ("10.0", "10.0", 100),
            ("0.1", "10", 1),
            ("0.1", "10.1", 2),
            ("3", "1", 3),
            ("0.3", "10", 3),
            ("0.7", "10", 7),
            ("500", "30", 15_000),
            ("2", "30", 60),
            ("100", "0.001", 1),
        ] {
            assert_eq!(paced(rate, duration).total(), Some(attempts), "{rate}/s for {duration} s");
        }
    }

    #[test]
    fn the_last_attempt_is_due_before_the_end_and_the_next_would_not_be() {
        let schedule = paced("3", "10");
        assert_eq!(schedule.due(29), Some(Duration::from_nanos(9_666_666_666)));
        assert_eq!(schedule.due(30), None);
    }

    #[test]
    fn a_late_clock_makes_all_that_are_due_at_once() {
        let made = play(&paced("10", "1"), Duration::from_millis(450));
        assert_eq!(made.len(), 10);
        assert_eq!(made.iter().filter(|at| **at == Duration::from_millis(450)).count(), 4);
    }

    #[test]
    fn a_count_bounds_the_window() {
        let extent = Extent { duration: None, count: Some(50) };
        let schedule = Schedule::new(Rate::PerSecond(decimal("10")), extent);
        assert_eq!((schedule.total(), schedule.window()), (Some(50), Some(Duration::from_secs(5))));
        let extent = Extent { duration: Some(decimal("2")), count: Some(50) };
        let schedule = Schedule::new(Rate::PerSecond(decimal("10")), extent);
        assert_eq!((schedule.total(), schedule.window()), (Some(20), Some(Duration::from_secs(2))));
    }

    #[test]
    fn the_closed_loop_has_no_due_times() {
        let extent = Extent { duration: None, count: Some(3) };
        let schedule = Schedule::new(Rate::Max { concurrency: 64 }, extent);
        assert_eq!(schedule.due(2), Some(Duration::ZERO));
        assert_eq!(schedule.due(3), None);
        assert_eq!(schedule.window(), None);
    }

    proptest! {
        #[test]
        fn every_attempt_is_made_once_and_never_early(rate in 1u32..2000, tenths in 1u32..30, step in 1u64..50) {
            let schedule = paced(&rate.to_string(), &format!("{}.{}", tenths / 10, tenths % 10));
            let expected = (u64::from(rate) * u64::from(tenths)).div_ceil(10);
            let made = play(&schedule, Duration::from_millis(step));
            prop_assert_eq!(made.len() as u64, expected);
            for (index, at) in made.iter().enumerate() {
                prop_assert!(schedule.due(index as u64).unwrap() <= *at);
            }
        }

        #[test]
        fn any_decimals_give_a_schedule(rate in 1u64..=999_999_999_999, duration in 1u64..=999_999_999_999) {
            let text = |value: u64| format!("{}.{:06}", value / 1_000_000, value % 1_000_000);
            let schedule = paced(&text(rate), &text(duration));
            let total = schedule.total().unwrap();
            prop_assert!(total >= 1);
            prop_assert!(schedule.due(total - 1).unwrap() < decimal(&text(duration)).as_seconds());
            prop_assert_eq!(schedule.due(total), None);
        }
    }
}

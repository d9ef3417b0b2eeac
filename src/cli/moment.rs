//! Times as they are typed: a date, seconds since 1970, or seconds from the first frame.

use std::time::UNIX_EPOCH;

use rst_storm_core::capture::Timestamp;

use super::exit::Failure;
use crate::watch::{self, Input};

const SECOND: f64 = 1e9;

/// A time that was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypedMoment {
    /// A time of its own.
    At(Timestamp),
    /// So many nanoseconds after the first frame.
    After(u64),
}

impl TypedMoment {
    /// What is meant, where the capture's first frame is at `start`.
    pub fn resolve(self, start: impl FnOnce() -> Result<Timestamp, Failure>) -> Result<Timestamp, Failure> {
        match self {
            TypedMoment::At(at) => Ok(at),
            TypedMoment::After(nanos) => Ok(Timestamp(start()?.0.saturating_add(nanos))),
        }
    }
}

/// Parses a time.
pub fn parse(text: &str) -> Result<TypedMoment, String> {
    let wrong =
        || "not a time: name one like 2026-11-23T08:00:00Z, 1795420800.5, or +12.5 from the first frame".to_owned();
    let nanos = |text: &str| {
        let seconds: f64 = text.parse().ok().filter(|seconds| (0.0..1.8e10).contains(seconds))?;
        Some((seconds * SECOND).round() as u64)
    };
    if let Some(span) = text.strip_prefix('+') {
        return nanos(span).map(TypedMoment::After).ok_or_else(wrong);
    }
    if let Some(at) = nanos(text) {
        return Ok(TypedMoment::At(Timestamp(at)));
    }
    let date = humantime::parse_rfc3339_weak(text).map_err(|_| wrong())?;
    let since = date.duration_since(UNIX_EPOCH).map_err(|_| wrong())?;
    u64::try_from(since.as_nanos()).map(|nanos| TypedMoment::At(Timestamp(nanos))).map_err(|_| wrong())
}

/// When the first frame of the first input was captured.
pub fn first_frame(inputs: &[Input]) -> Result<Timestamp, Failure> {
    match inputs.first() {
        Some(input @ Input::File(_)) => watch::first_frame(input).map_err(Failure::usage),
        _ => Err(Failure::usage(
            "a time from the first frame needs a file: standard input can be read only once; name a time of its own",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::{TypedMoment, parse};
    use rst_storm_core::capture::Timestamp;

    #[test]
    fn times_are_typed_in_three_ways() {
        let at = |nanos| Ok(TypedMoment::At(Timestamp(nanos)));
        assert_eq!(parse("1.5"), at(1_500_000_000));
        assert_eq!(parse("1970-01-01T00:00:02.25Z"), at(2_250_000_000));
        assert_eq!(parse("1970-01-01 00:01:00"), at(60_000_000_000));
        assert_eq!(parse("+0.001"), Ok(TypedMoment::After(1_000_000)));
        for wrong in ["", "+", "-1", "yesterday", "1969-12-31T23:59:59Z", "nan", "inf", "1e300", "2026-13-01"] {
            assert!(parse(wrong).is_err_and(|error| error.starts_with("not a time")), "{wrong}");
        }
    }
}

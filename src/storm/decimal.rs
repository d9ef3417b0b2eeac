//! A positive decimal number exactly as it was typed.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A positive decimal fraction: `digits / 10^scale`, so that 10 s at 0.1/s is one attempt and not 0.9999999.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal {
    digits: u64,
    scale: u32,
}

/// Why a text is no [`Decimal`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// Not digits with at most one point.
    #[error("must be a positive decimal number such as 10 or 0.5")]
    NotANumber,
    /// Zero.
    #[error("must be more than 0")]
    Zero,
    /// Outside of what the arithmetic holds.
    #[error("must be at most 999999999 with at most 9 digits after the point")]
    TooLong,
}

impl Decimal {
    /// The whole number `value`, which must not be 0.
    pub const fn whole(value: u32) -> Decimal {
        assert!(value > 0);
        Decimal { digits: value as u64, scale: 0 }
    }

    /// The exact fraction as numerator and denominator.
    pub fn fraction(self) -> (u128, u128) {
        (self.digits.into(), 10u128.pow(self.scale))
    }

    /// As a length of time in seconds, rounded down to the nanosecond.
    pub fn as_seconds(self) -> Duration {
        let (numerator, denominator) = self.fraction();
        let nanos = numerator * 1_000_000_000 / denominator;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// The nearest floating-point number, for display and reports.
    pub fn to_f64(self) -> f64 {
        self.digits as f64 / 10f64.powi(self.scale as i32)
    }

    /// With at least one digit after the point: `10.0`, `0.25`.
    pub fn with_a_decimal(self) -> String {
        if self.scale == 0 { format!("{self}.0") } else { self.to_string() }
    }
}

impl FromStr for Decimal {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Decimal, DecimalError> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let is_number = (!whole.is_empty() || !fraction.is_empty())
            && whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
        if !is_number {
            return Err(DecimalError::NotANumber);
        }
        let whole = whole.trim_start_matches('0');
        let fraction = fraction.trim_end_matches('0');
        if whole.len() > 9 || fraction.len() > 9 {
            return Err(DecimalError::TooLong);
        }
        let digits = format!("0{whole}{fraction}").parse().map_err(|_| DecimalError::TooLong)?;
        if digits == 0 {
            return Err(DecimalError::Zero);
        }
        Ok(Decimal { digits, scale: fraction.len() as u32 })
    }
}

impl fmt::Display for Decimal {
    /// As typed, without idle zeroes: `12`, `12.5`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = 10u64.pow(self.scale);
        let whole = self.digits / unit;
        if self.scale == 0 {
            return whole.fmt(f);
        }
        write!(f, "{whole}.{:0width$}", self.digits % unit, width = self.scale as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::{Decimal, DecimalError};

    fn parsed(text: &str) -> Result<Decimal, DecimalError> {
        text.parse()
    }

    #[test]
    fn prints_what_was_typed_without_idle_zeroes() {
        for (typed, plain, decimal) in [
            ("12", "12", "12.0"),
            ("12.0", "12", "12.0"),
            ("12.5", "12.5", "12.5"),
            ("0.25", "0.25", "0.25"),
            (".5", "0.5", "0.5"),
            ("007", "7", "7.0"),
            ("1.05", "1.05", "1.05"),
        ] {
            let value = parsed(typed).expect(typed);
            assert_eq!(value.to_string(), plain);
            assert_eq!(value.with_a_decimal(), decimal);
        }
    }

    #[test]
    fn refuses_what_is_no_positive_decimal() {
        for typed in ["", ".", "-1", "+1", "NaN", "inf", "1e3", "1,5", "1.2.3", " 1", "0x10"] {
            assert_eq!(parsed(typed), Err(DecimalError::NotANumber), "{typed}");
        }
        for typed in ["0", "0.0", ".0", "000"] {
            assert_eq!(parsed(typed), Err(DecimalError::Zero), "{typed}");
        }
        for typed in ["1234567890", "0.1234567891"] {
            assert_eq!(parsed(typed), Err(DecimalError::TooLong), "{typed}");
        }
    }

    #[test]
    fn seconds_are_exact_to_the_nanosecond() {
        assert_eq!(parsed("0.000000001").map(Decimal::as_seconds).unwrap().as_nanos(), 1);
        assert_eq!(parsed("999999999.999999999").map(Decimal::as_seconds).unwrap().as_nanos(), 999_999_999_999_999_999);
    }
}

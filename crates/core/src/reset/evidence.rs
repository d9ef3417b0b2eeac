//! Grounds for a finding: typed, with the frames that they rest on, for or against.

use core::fmt;

/// Whether it speaks for the finding or against it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stance {
    /// For it.
    For,
    /// Against it.
    Against,
}

/// A measured value in the sentence of an [`Evidence`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Value {
    /// A number of things, or a field as it stands.
    Count(u64),
    /// A number that may be negative.
    Signed(i64),
    /// A time in nanoseconds.
    Nanos(u64),
    /// A number of octets.
    Octets(u64),
    /// A share in percent.
    Percent(u64),
    /// Words.
    Words(&'static str),
}

/// A sentence about the wire, with the values measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sentence {
    /// Each `{}` stands for the next value.
    says: &'static str,
    values: [Option<Value>; 2],
}

/// One observation: a sentence about the wire, and the frames it rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Evidence {
    /// For or against.
    pub stance: Stance,
    /// What was observed.
    pub sentence: Sentence,
    frames: [u64; 2],
}

impl Sentence {
    const fn plain(says: &'static str) -> Sentence {
        Sentence { says, values: [None; 2] }
    }

    /// Whether a time was measured in it: times differ where all else is the same.
    #[inline]
    pub fn is_timed(&self) -> bool {
        let is_time = |value| matches!(value, Some(Value::Nanos(_)));
        is_time(self.values[0]) || is_time(self.values[1])
    }

    /// Whether it is the same but for the times that were measured.
    #[inline]
    fn is_like(&self, other: &Sentence) -> bool {
        let is_like = |value, other| match (value, other) {
            (Some(Value::Nanos(_)), Some(Value::Nanos(_))) => true,
            (None, None) => true,
            (value, other) => value == other,
        };
        let [first, second] = self.values;
        // The same sentence is mostly the same constant.
        (core::ptr::eq(self.says, other.says) || self.says == other.says)
            && is_like(first, other.values[0])
            && is_like(second, other.values[1])
    }
}

impl Evidence {
    /// An observation that speaks for the finding.
    pub const fn supports(says: &'static str) -> Evidence {
        Evidence { stance: Stance::For, sentence: Sentence::plain(says), frames: [0; 2] }
    }

    /// An observation that speaks against it.
    pub const fn opposes(says: &'static str) -> Evidence {
        Evidence { stance: Stance::Against, sentence: Sentence::plain(says), frames: [0; 2] }
    }

    /// The same observation, where it speaks against the finding.
    pub const fn opposing(mut self) -> Evidence {
        self.stance = Stance::Against;
        self
    }

    /// Fills the next `{}`. There are at most two.
    pub const fn with(mut self, value: Value) -> Evidence {
        let values = &mut self.sentence.values;
        values[if values[0].is_none() { 0 } else { 1 }] = Some(value);
        self
    }

    /// Names a frame that it rests on; at most two are kept.
    pub const fn on(mut self, frame: u64) -> Evidence {
        if self.frames[0] == 0 {
            self.frames[0] = frame;
        } else if self.frames[1] == 0 && self.frames[0] != frame {
            self.frames[1] = frame;
        }
        self
    }

    /// Whether the other says the same, of as many frames, but for the times that were measured.
    #[inline]
    pub fn is_like(&self, other: &Evidence) -> bool {
        self.stance == other.stance
            && self.sentence.is_like(&other.sentence)
            && (0..2).all(|frame| (self.frames[frame] == 0) == (other.frames[frame] == 0))
    }

    /// The frames that it rests on.
    #[inline]
    pub fn frames(&self) -> impl Iterator<Item = u64> + '_ {
        self.frames.iter().copied().filter(|frame| *frame != 0)
    }
}

impl fmt::Display for Evidence {
    /// The sentence, without the frames.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sentence.fmt(f)
    }
}

impl fmt::Display for Sentence {
    /// With its values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.says;
        for value in self.values.iter().flatten() {
            // A brace alone is never meant: a search for one octet is much faster than one for two.
            let brace = rest.bytes().position(|octet| octet == b'{');
            let Some((before, after)) = brace.and_then(|brace| rest.split_at_checked(brace)) else { break };
            f.write_str(before)?;
            value.fmt(f)?;
            rest = after.strip_prefix("{}").unwrap_or(after);
        }
        f.write_str(rest)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Value::Count(number) => number.fmt(f),
            Value::Signed(number) => write!(f, "{number:+}"),
            Value::Nanos(nanos) => Span(nanos).fmt(f),
            Value::Octets(1) => f.write_str("1 octet"),
            Value::Octets(number) => write!(f, "{number} octets"),
            Value::Percent(number) => write!(f, "{number} %"),
            Value::Words(words) => f.write_str(words),
        }
    }
}

/// A time in nanoseconds, as people say it: three digits that count and a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub u64);

/// The most octets that a [`Span`] is told in, where whole numbers tell it.
pub const SPAN_LEN: usize = 32;

/// The units of a span, and their names.
const UNITS: [(u64, &str); 3] = [(1_000_000_000, " s"), (1_000_000, " ms"), (1_000, " us")];

impl Span {
    /// The largest unit of which it has one.
    fn unit(self) -> Option<(u64, &'static str)> {
        UNITS.into_iter().find(|(unit, _)| self.0 >= *unit)
    }

    /// The decimals that stay.
    fn decimals(self, unit: u64) -> u32 {
        match self.0 / unit {
            0..10 => 2,
            10..100 => 1,
            _ => 0,
        }
    }

    /// Its text, in ASCII, where no float decides; put into the end of `room`.
    #[inline]
    pub fn octets(self, room: &mut [u8; SPAN_LEN]) -> Option<&[u8]> {
        let nanos = self.0;
        let (unit, name) = self.unit()?;
        // Rounded to so many decimals that three digits stay, in whole numbers: floating point takes ten times as long.
        let (whole, fraction, decimals) = (nanos / unit, nanos % unit, self.decimals(unit));
        let scale = 10_u64.pow(decimals);
        let scaled = fraction * scale;
        let (below, left) = (scaled / unit, scaled % unit);
        if 2 * left == unit || nanos > EXACT {
            // Just in the middle, or beyond what a float holds exactly: the float decides.
            return None;
        }
        let rounded = whole * scale + below + u64::from(2 * left > unit);
        // From the last letter to the first: a format string takes ten times as long.
        let mut first = room.len();
        let mut put = |letters: &[u8]| {
            first -= letters.len();
            room[first..first + letters.len()].copy_from_slice(letters);
        };
        put(name.as_bytes());
        let (mut left, mut place) = (rounded, 0);
        while left > 0 || place <= decimals {
            if place == decimals && decimals > 0 {
                put(b".");
            }
            put(&[b'0' + (left % 10) as u8]);
            left /= 10;
            place += 1;
        }
        Some(&room[first..])
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((unit, name)) = self.unit() else {
            self.0.fmt(f)?;
            return f.write_str(" ns");
        };
        match self.octets(&mut [0; SPAN_LEN]) {
            Some(octets) => f.write_str(core::str::from_utf8(octets).unwrap_or_default()),
            None => write!(f, "{:.*}{name}", self.decimals(unit) as usize, self.0 as f64 / unit as f64),
        }
    }
}

/// The largest number up to which a float holds every whole one.
const EXACT: u64 = 1 << 53;

/// The most observations that are kept for one finding.
const MOST: usize = 4;

/// The observations behind one finding, the most telling first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Grounds {
    list: [Option<Evidence>; MOST],
}

impl Grounds {
    /// No observations yet.
    pub const NONE: Grounds = Grounds { list: [None; MOST] };

    /// Adds one; what comes after the fourth is dropped.
    pub fn add(&mut self, evidence: Evidence) {
        if let Some(free) = self.list.iter_mut().find(|place| place.is_none()) {
            *free = Some(evidence);
        }
    }

    /// With one more.
    pub fn and(mut self, evidence: Evidence) -> Grounds {
        self.add(evidence);
        self
    }

    /// With one more where there is one.
    pub fn and_if(self, holds: bool, evidence: Evidence) -> Grounds {
        if holds { self.and(evidence) } else { self }
    }

    /// Each, the most telling first.
    pub fn iter(&self) -> impl Iterator<Item = &Evidence> {
        self.list.iter().flatten()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list[0].is_none()
    }
}

impl From<Evidence> for Grounds {
    fn from(evidence: Evidence) -> Grounds {
        Grounds::NONE.and(evidence)
    }
}

/// How sure a finding is. The order is that of certainty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Finding {
    /// The evidence allows it, and others too.
    Possible,
    /// The evidence points to it; something else could look the same.
    Likely,
    /// Nothing else that is known looks like this.
    Certain,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Finding::Possible => "possible",
            Finding::Likely => "likely",
            Finding::Certain => "certain",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Evidence, Grounds, Span, Value};

    #[test]
    fn values_stand_in_the_sentence_and_frames_beside_it() {
        let evidence = Evidence::supports("{} probes, {} apart, and no answer")
            .with(Value::Count(3))
            .with(Value::Nanos(1_020_000_000))
            .on(7)
            .on(7)
            .on(9);
        assert_eq!(evidence.to_string(), "3 probes, 1.02 s apart, and no answer");
        assert_eq!(evidence.frames().collect::<Vec<_>>(), [7, 9]);
    }

    #[test]
    fn times_have_three_digits() {
        for (nanos, text) in [(0, "0 ns"), (999, "999 ns"), (1_500, "1.50 us"), (60_000_000_000, "60.0 s")] {
            assert_eq!(Span(nanos).to_string(), text);
        }
        assert_eq!(Span(350_000_000_000).to_string(), "350 s");
    }

    /// Whole numbers round as floats do, at every border and beside it.
    #[test]
    fn times_round_as_floats_do() {
        let floats = |nanos: u64| {
            let (unit, name) = match nanos {
                1_000_000_000.. => (1e9, "s"),
                1_000_000.. => (1e6, "ms"),
                1_000.. => (1e3, "us"),
                _ => return format!("{nanos} ns"),
            };
            match nanos as f64 / unit {
                value if value < 10.0 => format!("{value:.2} {name}"),
                value if value < 100.0 => format!("{value:.1} {name}"),
                value => format!("{value:.0} {name}"),
            }
        };
        let mut checked = 0;
        for exponent in 0..20 {
            for start in [1, 2, 5, 9, 99, 999, 1_005, 1_015, 1_125, 9_995, 9_994, 99_950, 123_456_789] {
                let Some(middle) = 10_u64.checked_pow(exponent).and_then(|ten| ten.checked_mul(start)) else {
                    continue;
                };
                for nanos in middle.saturating_sub(600)..=middle.saturating_add(600) {
                    assert_eq!(Span(nanos).to_string(), floats(nanos));
                    checked += 1;
                }
            }
        }
        assert!(checked > 100_000);
    }

    #[test]
    fn a_fifth_observation_is_dropped() {
        let mut grounds = Grounds::NONE;
        for frame in 1..=5 {
            grounds.add(Evidence::opposes("x").on(frame));
        }
        assert_eq!(grounds.iter().flat_map(Evidence::frames).collect::<Vec<_>>(), [1, 2, 3, 4]);
    }
}

//! Numbers as digits, many at once: a storm's records have twenty million.

use std::num::NonZeroU8;

/// What eight digits tell apart.
const EIGHT_DIGITS: u64 = 100_000_000;

#[inline]
pub(super) fn append_number(out: &mut Vec<u8>, number: u64) {
    if number < 10 {
        out.push(b'0' + number as u8);
        return;
    }
    if number >= EIGHT_DIGITS {
        append_number(out, number / EIGHT_DIGITS);
        out.extend_from_slice(&eight_digits(number % EIGHT_DIGITS).to_le_bytes());
        return;
    }
    let digits = eight_digits(number);
    let zeros = (digits ^ ZEROS).trailing_zeros() / 8;
    append_first(out, digits >> (8 * zeros), 8 - zeros as usize);
}

/// A number as digits that are at hand.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Digits {
    /// The first in the lowest octet.
    octets: u64,
    /// None where there are more than eight.
    count: Option<NonZeroU8>,
    number: u64,
}

impl Digits {
    #[inline]
    pub(super) fn of(number: u64) -> Digits {
        if number >= EIGHT_DIGITS {
            return Digits { octets: 0, count: None, number };
        }
        let digits = eight_digits(number);
        // At least one digit stays.
        let zeros = ((digits ^ ZEROS) | 1 << 63).trailing_zeros() / 8;
        Digits { octets: digits >> (8 * zeros), count: NonZeroU8::new(8 - zeros as u8), number }
    }

    #[inline]
    pub(super) fn append(&self, out: &mut Vec<u8>) {
        match self.count {
            Some(count) => append_first(out, self.octets, count.get().into()),
            None => append_number(out, self.number),
        }
    }
}

/// The digits of each octet, and how many there are.
const OCTETS: [[u8; 4]; 256] = {
    let mut octets = [[0; 4]; 256];
    let mut number = 0;
    while number < 256 {
        let digits = [number / 100, number / 10 % 10, number % 10];
        let first = if number >= 100 {
            0
        } else if number >= 10 {
            1
        } else {
            2
        };
        let mut place = first;
        while place < 3 {
            octets[number][place - first] = b'0' + digits[place] as u8;
            place += 1;
        }
        octets[number][3] = 3 - first as u8;
        number += 1;
    }
    octets
};

#[inline]
pub(super) fn append_octet(out: &mut Vec<u8>, octet: u8) {
    let digits = OCTETS[usize::from(octet)];
    let end = out.len() + usize::from(digits[3]);
    out.extend_from_slice(&digits);
    out.truncate(end);
}

/// Appends the first octets of eight. All eight are copied, which takes less than to look how many.
#[inline]
fn append_first(out: &mut Vec<u8>, octets: u64, count: usize) {
    let end = out.len() + count;
    out.extend_from_slice(&octets.to_le_bytes());
    out.truncate(end);
}

/// `00000000`.
const ZEROS: u64 = 0x3030_3030_3030_3030;

/// The digits of a number that has so many at most, all at once and the first in the lowest octet: halves of four become pairs,
/// and pairs digits, by multiplications that stand for divisions.
#[inline]
fn eight_digits(number: u64) -> u64 {
    let halves = (number / 10_000) | ((number % 10_000) << 32);
    let hundreds = ((halves * 10_486) >> 20) & 0x7f_0000_007f;
    let pairs = ((halves - hundreds * 100) << 16) + hundreds;
    let tens = ((pairs * 103) >> 10) & 0xf_000f_000f_000f;
    tens + ((pairs - tens * 10) << 8) + ZEROS
}

/// Up to here floats lie closer together than millionths, so that one of these is the shortest text for its float. In millionths.
const MOST_MICROS: u64 = (1 << 32) * 1_000_000;

/// Fewer are written with an exponent.
const LEAST_MICROS: u64 = 10;

/// A number that is told to the millionth and has no more behind that, as packet times are, in millionths.
#[inline]
pub(super) fn whole_micros(value: f64) -> Option<u64> {
    let micros = (value * 1e6 + 0.5) as u64;
    let is_told_so = is_whole_micros(micros) && micros as f64 / 1e6 == value;
    is_told_so.then_some(micros)
}

/// Whether so many millionths are told as such.
#[inline]
pub(super) fn is_whole_micros(micros: u64) -> bool {
    (LEAST_MICROS..MOST_MICROS).contains(&micros)
}

pub(super) fn append_micros(out: &mut Vec<u8>, micros: u64) {
    append_number(out, micros / 1_000_000);
    // Six digits and two zeros; at least one digit stays.
    let digits = eight_digits(micros % 1_000_000 * 100);
    let zeros = ((digits ^ ZEROS) | 1).leading_zeros() / 8;
    out.push(b'.');
    append_first(out, digits, 8 - zeros as usize);
}

#[cfg(test)]
mod tests {
    use super::{Digits, append_number, append_octet};

    #[test]
    fn all_ways_write_the_same_digits() {
        let powers = (0..20).map(|exponent| 10_u64.pow(exponent));
        for number in powers.flat_map(|power| [power - 1, power, power + 1, power.saturating_mul(7)]).chain(0..1_000) {
            let mut written = Vec::new();
            append_number(&mut written, number);
            assert_eq!(written, number.to_string().as_bytes());
            Digits::of(number).append(&mut written);
            assert_eq!(written, number.to_string().repeat(2).as_bytes());
            if let Ok(octet) = u8::try_from(number) {
                append_octet(&mut written, octet);
                assert_eq!(written, number.to_string().repeat(3).as_bytes());
            }
        }
    }
}

//! Numbers as digits, many at once: a storm's records have twenty million.

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

//! The names of a connection that don't depend on who reads the capture, or when.

use core::net::IpAddr;

use sha1::{Digest, Sha1};

use super::Connection;
use crate::capture::Timestamp;
use crate::tcp::{Endpoint, SeqNumber};

/// TCP in the IP header.
const PROTOCOL: u8 = 6;

/// Octets of two IPv6 addresses, their ports, the seed and the protocol: the most that a Community ID is the sum of.
const MOST_OCTETS: usize = 40;

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// What five digits of base 62 tell apart.
const FIVE_DIGITS: u64 = 62_u64.pow(5);

/// What ten of them tell apart.
const TEN_DIGITS: u128 = 62_u128.pow(10);

/// The letters of a connection's name, see [`Connection::uid`].
pub type Uid = [u8; 18];

/// The letters of a Community ID: `1:`, then twenty octets in base 64.
pub type CommunityId = [u8; 30];

impl Connection {
    /// A name like those that Zeek gives, `C` and letters and digits, but always the same: made of the endpoints in either
    /// order, the time of the first segment and its sequence number. Two connections that agree in all of these share it.
    pub fn uid(&self) -> String {
        text(&uid(&self.originator, &self.responder, self.started, self.first_seq))
    }

    /// The Community ID of its endpoints (version 1, seed 0), by which other tools' records of them are found. None where
    /// one address is of IPv4 and the other of IPv6, which no packet can say.
    pub fn community_id(&self) -> Option<String> {
        community_id(&self.originator, &self.responder).as_ref().map(|name| text(name))
    }
}

/// The name of a connection between these two that began then, with this number.
pub(crate) fn uid(one: &Endpoint, other: &Endpoint, started: Timestamp, first_seq: SeqNumber) -> Uid {
    let [a, b, c] = words_of(one.min(other));
    let [d, e, f] = words_of(one.max(other));
    let words = [a, b, c, d, e, f, started.0, u64::from(first_seq.0)];
    // Two sums over the same words are 128 bits; 17 digits of base 62 hold 101 of them. Ten at a time fit into a word.
    let sum = u128::from(mix(&words, 1)) << 64 | u128::from(mix(&words, 2));
    let more = sum / TEN_DIGITS;
    let (first, second) = ((sum - more * TEN_DIGITS) as u64, (more % TEN_DIGITS) as u64);
    let mut name = [b'C'; 18];
    // Five at a time don't wait for the others.
    let fives = [first % FIVE_DIGITS, first / FIVE_DIGITS, second % FIVE_DIGITS, second / FIVE_DIGITS];
    for (letters, mut rest) in name[1..].chunks_mut(5).zip(fives.map(|five| five as u32)) {
        for letter in letters {
            *letter = DIGITS[(rest % 62) as usize];
            rest /= 62;
        }
    }
    name
}

/// The Community ID of these two.
pub(crate) fn community_id(one: &Endpoint, other: &Endpoint) -> Option<CommunityId> {
    let (low, high) = (one.min(other), one.max(other));
    // Two octets of seed come first.
    let (mut octets, mut len) = ([0; MOST_OCTETS], 2);
    let mut add = |more: &[u8]| {
        octets[len..len + more.len()].copy_from_slice(more);
        len += more.len();
    };
    match (low.addr, high.addr) {
        (IpAddr::V4(low), IpAddr::V4(high)) => [low, high].iter().for_each(|addr| add(&addr.octets())),
        (IpAddr::V6(low), IpAddr::V6(high)) => [low, high].iter().for_each(|addr| add(&addr.octets())),
        _ => return None,
    }
    add(&[PROTOCOL, 0]);
    add(&low.port.to_be_bytes());
    add(&high.port.to_be_bytes());
    let sum = Sha1::digest(&octets[..len]);
    let mut name = *b"1:                           =";
    for (letters, octets) in name[2..].chunks_mut(4).zip(sum.chunks(3)) {
        let bits = octets.iter().fold(0, |bits, octet| bits << 8 | u32::from(*octet)) << (24 - 8 * octets.len());
        for (place, letter) in letters.iter_mut().enumerate().take(octets.len() + 1) {
            *letter = BASE64[(bits >> (18 - 6 * place) & 63) as usize];
        }
    }
    Some(name)
}

/// Letters as they stand.
fn text(letters: &[u8]) -> String {
    core::str::from_utf8(letters).unwrap_or_default().to_owned()
}

fn words_of(endpoint: &Endpoint) -> [u64; 3] {
    let (version, addr) = match endpoint.addr {
        IpAddr::V4(addr) => (4, u128::from(addr.to_bits())),
        IpAddr::V6(addr) => (6, addr.to_bits()),
    };
    [(addr >> 64) as u64, addr as u64, version << 16 | u64::from(endpoint.port)]
}

/// A sum that every bit of every word changes (the finaliser of SplitMix64). Nobody's security rests on it.
fn mix(words: &[u64], seed: u64) -> u64 {
    words.iter().fold(seed, |sum, word| {
        let mut sum = (sum ^ word).wrapping_add(0x9e37_79b9_7f4a_7c15);
        sum = (sum ^ sum >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        sum = (sum ^ sum >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        sum ^ sum >> 31
    })
}

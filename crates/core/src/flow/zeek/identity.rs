//! The names of a connection that don't depend on who reads the capture, or when.

use core::net::IpAddr;

use community_id::calculate_community_id;

use super::Connection;
use crate::tcp::Endpoint;

/// TCP in the IP header.
const PROTOCOL: u8 = 6;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// What ten digits of base 62 tell apart.
const TEN_DIGITS: u128 = 62_u128.pow(10);

impl Connection {
    /// A name like those that Zeek gives, `C` and letters and digits, but always the same: made of the endpoints in either
    /// order, the time of the first segment and its sequence number. Two connections that agree in all of these share it.
    pub fn uid(&self) -> String {
        let (low, high) = (self.originator.min(self.responder), self.originator.max(self.responder));
        let [a, b, c] = words_of(low);
        let [d, e, f] = words_of(high);
        let words = [a, b, c, d, e, f, self.started.0, u64::from(self.first_seq.0)];
        // Two sums over the same words are 128 bits; 17 digits of base 62 hold 101 of them. Ten at a time fit into a word.
        let sum = u128::from(mix(&words, 1)) << 64 | u128::from(mix(&words, 2));
        let (more, mut rest) = (sum / TEN_DIGITS, (sum % TEN_DIGITS) as u64);
        let mut name = String::with_capacity(18);
        name.push('C');
        for digit in 0..17 {
            if digit == 10 {
                rest = (more % TEN_DIGITS) as u64;
            }
            name.push(char::from(DIGITS[(rest % 62) as usize]));
            rest /= 62;
        }
        name
    }

    /// The Community ID of its endpoints (version 1, seed 0), by which other tools' records of them are found. None where
    /// one address is of IPv4 and the other of IPv6, which no packet can say.
    pub fn community_id(&self) -> Option<String> {
        let (here, there) = (self.originator, self.responder);
        let (seed, without_base64) = (0, false);
        let (port, other_port) = (Some(here.port), Some(there.port));
        calculate_community_id(seed, here.addr, there.addr, port, other_port, PROTOCOL, without_base64).ok()
    }
}

fn words_of(endpoint: Endpoint) -> [u64; 3] {
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

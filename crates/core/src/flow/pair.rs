//! Two endpoints in either order, in the form in which they are compared and summed fastest.

use core::hash::BuildHasher;
use core::net::IpAddr;

use foldhash::fast::RandomState;

use crate::tcp::{Endpoint, FlowKey};

/// What pairs are summed with: drawn at random, because addresses and ports are the sender's to choose.
#[derive(Clone, Debug)]
pub(crate) struct Seed {
    words: [u64; 2],
    hasher: RandomState,
}

impl Default for Seed {
    fn default() -> Seed {
        let hasher = RandomState::default();
        Seed { words: [hasher.hash_one(0), hasher.hash_one(1)], hasher }
    }
}

/// Two endpoints; those of the other direction are an equal pair.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pair {
    /// Of IPv4, each in a word, the lesser first: to sort, sum and compare endpoints costs every segment more than all else
    /// that is done to find its flow.
    Words(u64, u64),
    /// Any other.
    Key(FlowKey),
}

impl Pair {
    #[inline(always)]
    pub(crate) fn of(one: Endpoint, other: Endpoint) -> Pair {
        match (word(one), word(other)) {
            (Some(one), Some(other)) => Pair::Words(one.min(other), one.max(other)),
            _ => Pair::Key(FlowKey::new(one, other)),
        }
    }

    /// The sum by which it is found.
    #[inline(always)]
    pub(crate) fn sum(&self, seed: &Seed) -> u32 {
        match *self {
            Pair::Words(one, other) => {
                // As foldhash does it, in one step: the halves of a product of which each factor is the sender's in part.
                let product = u128::from(one ^ seed.words[0]) * u128::from(other ^ seed.words[1]);
                product as u32 ^ (product >> 64) as u32
            }
            Pair::Key(key) => seed.hasher.hash_one(key) as u32,
        }
    }
}

impl PartialEq for Pair {
    /// Nearly all are of words, and differ seldom where they are compared.
    #[inline(always)]
    fn eq(&self, other: &Pair) -> bool {
        match (self, other) {
            (Pair::Words(a, b), Pair::Words(c, d)) => (a ^ c) | (b ^ d) == 0,
            (Pair::Key(one), Pair::Key(other)) => one == other,
            _ => false,
        }
    }
}

/// An endpoint of IPv4 in a word.
#[inline(always)]
fn word(endpoint: Endpoint) -> Option<u64> {
    match endpoint.addr {
        IpAddr::V4(addr) => Some(u64::from(addr.to_bits()) << 16 | u64::from(endpoint.port)),
        IpAddr::V6(_) => None,
    }
}

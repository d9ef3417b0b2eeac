//! Two endpoints in either order, in the form in which they are compared and summed fastest.

use core::hash::BuildHasher;
use core::net::IpAddr;

use foldhash::fast::{FixedState, RandomState};

use crate::tcp::Endpoint;

/// What pairs are summed with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seed([u64; 2]);

impl Default for Seed {
    /// Drawn at random, because addresses and ports are the sender's to choose.
    fn default() -> Seed {
        Seed::of(&RandomState::default())
    }
}

impl Seed {
    /// Always the same, for sums that must not differ from run to run.
    pub(crate) fn fixed() -> Seed {
        Seed::of(&FixedState::default())
    }

    fn of(hasher: &impl BuildHasher) -> Seed {
        Seed([hasher.hash_one(0), hasher.hash_one(1)])
    }
}

/// Two endpoints, the lesser first; those of the other direction are an equal pair.
///
/// To sort, sum and compare endpoints costs every segment more than all else that is done to find its flow. So a pair of IPv4 takes
/// two words, an address with its port in each, and the others are 0. Any other has its addresses in the first four, and its ports in
/// the last, where a bit beside each port tells the version: no such word is 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair([u64; 5]);

impl Pair {
    #[inline(always)]
    pub(crate) fn of(one: &Endpoint, other: &Endpoint) -> Pair {
        Pair::in_order(one, other).0
    }

    /// The pair, and whether the first is not the greater one.
    #[inline(always)]
    pub(crate) fn in_order(one: &Endpoint, other: &Endpoint) -> (Pair, bool) {
        let (IpAddr::V4(first), IpAddr::V4(second)) = (&one.addr, &other.addr) else {
            return Pair::of_any(one, other);
        };
        let first = u64::from(first.to_bits()) << 16 | u64::from(one.port);
        let second = u64::from(second.to_bits()) << 16 | u64::from(other.port);
        (Pair([first.min(second), first.max(second), 0, 0, 0]), first <= second)
    }

    #[inline(never)]
    fn of_any(one: &Endpoint, other: &Endpoint) -> (Pair, bool) {
        let in_order = one <= other;
        let (lesser, greater) = if in_order { (one, other) } else { (other, one) };
        let ([a, b, ports], [c, d, more_ports]) = (words(lesser), words(greater));
        (Pair([a, b, c, d, ports << 32 | more_ports]), in_order)
    }

    /// The sum by which it is found.
    #[inline(always)]
    pub(crate) fn sum(&self, seed: &Seed) -> u32 {
        let Pair([a, b, c, d, ports]) = *self;
        // As foldhash does it, in one step: the halves of a product of which each factor is the sender's in part.
        let fold = |one: u64, other: u64| {
            let product = u128::from(one) * u128::from(other);
            product as u64 ^ (product >> 64) as u64
        };
        let Seed([one, other]) = *seed;
        let mut sum = fold(a ^ one, b ^ other);
        if ports != 0 {
            sum = fold(fold(sum ^ c, d ^ other), ports ^ one);
        }
        sum as u32 ^ (sum >> 32) as u32
    }
}

impl PartialEq for Pair {
    /// In one go: nearly all are of IPv4, and differ seldom where they are compared.
    #[inline(always)]
    fn eq(&self, other: &Pair) -> bool {
        let words = self.0.iter().zip(&other.0);
        words.fold(0, |differs, (one, other)| differs | (one ^ other)) == 0
    }
}

/// The address in two words, and in the third the port with a bit for the version.
fn words(Endpoint { addr, port }: &Endpoint) -> [u64; 3] {
    let port = u64::from(*port);
    match addr {
        IpAddr::V4(addr) => [0, addr.to_bits().into(), 1 << 16 | port],
        IpAddr::V6(addr) => [(addr.to_bits() >> 64) as u64, addr.to_bits() as u64, 1 << 17 | port],
    }
}

#[cfg(test)]
mod tests {
    use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    use proptest::prelude::*;

    use super::{Pair, Seed};
    use crate::tcp::Endpoint;

    fn endpoint() -> impl Strategy<Value = Endpoint> {
        // Few of each, so that equal ones are met, and addresses of one version that are numbers of the other.
        let v4 = (0..3_u32).prop_map(|number| IpAddr::V4(Ipv4Addr::from_bits(number)));
        let v6 = (0..3_u128, any::<bool>())
            .prop_map(|(number, high)| IpAddr::V6(Ipv6Addr::from_bits(if high { number << 64 } else { number })));
        (prop_oneof![v4, v6], 0..3_u16).prop_map(|(addr, port)| Endpoint::new(addr, port))
    }

    proptest! {
        /// Pairs are equal where both endpoints are, in either order, and their sums then.
        #[test]
        fn a_pair_is_its_two_endpoints(one in (endpoint(), endpoint()), other in (endpoint(), endpoint())) {
            let same = one == other || one == (other.1, other.0);
            let ((pair, in_order), seed) = (Pair::in_order(&one.0, &one.1), Seed::default());
            prop_assert_eq!(pair == Pair::of(&other.0, &other.1), same);
            prop_assert_eq!(in_order, one.0 <= one.1);
            prop_assert_eq!(pair.sum(&seed), Pair::of(&one.1, &one.0).sum(&seed));
            prop_assert_eq!(pair.sum(&Seed::fixed()), pair.sum(&Seed::fixed()));
        }
    }
}

//! What may be stormed: the whole policy, in one type that cannot be made without passing it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};

/// An address that a storm may be aimed at. There is no other way into a storm than through [`PermittedTarget::resolve`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PermittedTarget {
    host: String,
    address: SocketAddr,
}

/// Whether public addresses are allowed too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublicTargets {
    /// Only loopback, link-local and private addresses.
    Refused,
    /// `--allow-public-target` was given.
    Allowed,
}

/// What kind of address one is, as far as the policy asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressKind {
    /// 127.0.0.0/8, ::1 (RFC 1122, RFC 4291).
    Loopback,
    /// 169.254.0.0/16, fe80::/10 (RFC 3927, RFC 4291).
    LinkLocal,
    /// RFC 1918, unique local fc00::/7 (RFC 4193), shared 100.64.0.0/10 (RFC 6598).
    Private,
    /// 0.0.0.0/8 and :: ("this host", RFC 1122).
    Unspecified,
    /// 224.0.0.0/4, ff00::/8.
    Multicast,
    /// 255.255.255.255 (RFC 919).
    Broadcast,
    /// All others.
    Public,
}

/// Why a target is refused.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// A public address without the flag.
    #[error(
        "{host}{address} is a public address, and a storm is not sent to other people's networks: aim at loopback, a \
         private address or the lab, or add --allow-public-target if that host is yours"
    )]
    Public {
        /// The name as it was typed.
        host: String,
        /// What it stands for, when that is not the same.
        address: Resolved,
    },
    /// An address that is no single host.
    #[error("{host}{address} is {kind} and can be no target: give the address of one host")]
    NoHost {
        /// The name as it was typed.
        host: String,
        /// What it stands for, when that is not the same.
        address: Resolved,
        /// What the address is.
        kind: AddressKind,
    },
    /// The name has no address.
    #[error("cannot resolve {host}: {error}")]
    Unresolved {
        /// The name as it was typed.
        host: String,
        /// What the resolver said.
        error: std::io::Error,
    },
}

/// The address a name stands for: printed only when it differs from the name.
#[derive(Debug)]
pub struct Resolved(Option<IpAddr>);

impl fmt::Display for Resolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |address| write!(f, " ({address})"))
    }
}

impl fmt::Display for AddressKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AddressKind::Loopback => "loopback",
            AddressKind::LinkLocal => "link-local",
            AddressKind::Private => "private",
            AddressKind::Unspecified => "the unspecified address",
            AddressKind::Multicast => "multicast",
            AddressKind::Broadcast => "broadcast",
            AddressKind::Public => "public",
        })
    }
}

impl PermittedTarget {
    /// Resolves `host` and judges every address that it stands for; one refused address refuses the name, since the
    /// next resolution may put it first.
    pub fn resolve(host: &str, port: u16, public: PublicTargets) -> Result<PermittedTarget, TargetError> {
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let unresolved = |error| TargetError::Unresolved { host: host.to_owned(), error };
        let addresses: Vec<SocketAddr> = (bare, port).to_socket_addrs().map_err(unresolved)?.collect();
        Self::judge(host, &addresses, public)
    }

    fn judge(host: &str, addresses: &[SocketAddr], public: PublicTargets) -> Result<PermittedTarget, TargetError> {
        for address in addresses {
            let kind = AddressKind::of(address.ip());
            let resolved = || Resolved((address.ip().to_string() != host).then_some(address.ip()));
            match kind {
                AddressKind::Loopback | AddressKind::LinkLocal | AddressKind::Private => {}
                AddressKind::Public if public == PublicTargets::Allowed => {}
                AddressKind::Public => {
                    return Err(TargetError::Public { host: host.to_owned(), address: resolved() });
                }
                AddressKind::Unspecified | AddressKind::Multicast | AddressKind::Broadcast => {
                    return Err(TargetError::NoHost { host: host.to_owned(), address: resolved(), kind });
                }
            }
        }
        // The server listens on 0.0.0.0 by default, so that of a name with both kinds of address IPv4 is the one meant.
        let address = addresses.iter().find(|address| address.is_ipv4()).or(addresses.first());
        let Some(address) = address else {
            let error = std::io::Error::other("the name has no address");
            return Err(TargetError::Unresolved { host: host.to_owned(), error });
        };
        Ok(PermittedTarget { host: host.to_owned(), address: *address })
    }

    /// The address to connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The host as it was typed.
    pub fn host(&self) -> &str {
        &self.host
    }
}

impl fmt::Display for PermittedTarget {
    /// `host:port` as it was typed, brackets around a bare IPv6 address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') && !self.host.starts_with('[') {
            write!(f, "[{}]:{}", self.host, self.address.port())
        } else {
            write!(f, "{}:{}", self.host, self.address.port())
        }
    }
}

impl AddressKind {
    /// The kind of `address`; one mapped into IPv6 (`::ffff:a.b.c.d`) is judged as what it is.
    pub fn of(address: IpAddr) -> AddressKind {
        match address {
            IpAddr::V4(address) => AddressKind::of_v4(address),
            IpAddr::V6(address) => address.to_ipv4_mapped().map_or_else(|| AddressKind::of_v6(address), Self::of_v4),
        }
    }

    fn of_v4(address: Ipv4Addr) -> AddressKind {
        let [first, second, ..] = address.octets();
        match (first, second) {
            (0, _) => AddressKind::Unspecified,
            (127, _) => AddressKind::Loopback,
            (10, _) | (172, 16..=31) | (192, 168) | (100, 64..=127) => AddressKind::Private,
            (169, 254) => AddressKind::LinkLocal,
            (224..=239, _) => AddressKind::Multicast,
            _ if address.is_broadcast() => AddressKind::Broadcast,
            _ => AddressKind::Public,
        }
    }

    fn of_v6(address: Ipv6Addr) -> AddressKind {
        match address.segments()[0] {
            _ if address.is_loopback() => AddressKind::Loopback,
            _ if address.is_unspecified() => AddressKind::Unspecified,
            0xfe80..=0xfebf => AddressKind::LinkLocal,
            0xfc00..=0xfdff => AddressKind::Private,
            0xff00..=0xffff => AddressKind::Multicast,
            _ => AddressKind::Public,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(address: &str) -> AddressKind {
        AddressKind::of(address.parse().expect(address))
    }

    #[test]
    fn every_range_is_judged_at_both_of_its_edges() {
        for (inside, outside, expected) in [
            (["127.0.0.0", "127.255.255.255"], ["126.255.255.255", "128.0.0.0"], AddressKind::Loopback),
            (["10.0.0.0", "10.255.255.255"], ["9.255.255.255", "11.0.0.0"], AddressKind::Private),
            (["172.16.0.0", "172.31.255.255"], ["172.15.255.255", "172.32.0.0"], AddressKind::Private),
            (["192.168.0.0", "192.168.255.255"], ["192.167.255.255", "192.169.0.0"], AddressKind::Private),
            (["100.64.0.0", "100.127.255.255"], ["100.63.255.255", "100.128.0.0"], AddressKind::Private),
            (["169.254.0.0", "169.254.255.255"], ["169.253.255.255", "169.255.0.0"], AddressKind::LinkLocal),
            (["fc00::", "fdff:ffff::1"], ["fbff::", "fe00::"], AddressKind::Private),
            (["fe80::1", "febf::1"], ["fe7f::1", "fec0::1"], AddressKind::LinkLocal),
        ] {
            for address in inside {
                assert_eq!(kind(address), expected, "{address}");
            }
            for address in outside {
                assert_eq!(kind(address), AddressKind::Public, "{address}");
            }
        }
        assert_eq!(kind("224.0.0.1"), AddressKind::Multicast);
        assert_eq!(kind("ff02::1"), AddressKind::Multicast);
        assert_eq!(kind("255.255.255.255"), AddressKind::Broadcast);
        assert_eq!(kind("0.0.0.0"), AddressKind::Unspecified);
        assert_eq!(kind("::"), AddressKind::Unspecified);
        assert_eq!(kind("::1"), AddressKind::Loopback);
        assert_eq!(kind("2001:db8::1"), AddressKind::Public);
    }

    #[test]
    fn a_mapped_address_is_judged_as_what_it_is() {
        assert_eq!(kind("::ffff:127.0.0.1"), AddressKind::Loopback);
        assert_eq!(kind("::ffff:8.8.8.8"), AddressKind::Public);
        assert_eq!(kind("::ffff:0.0.0.0"), AddressKind::Unspecified);
        assert_eq!(kind("::ffff:224.0.0.1"), AddressKind::Multicast);
    }

    #[test]
    fn one_refused_address_refuses_the_name() {
        let addresses = ["127.0.0.1:1".parse().unwrap(), "192.0.2.1:1".parse().unwrap()];
        let refusal = PermittedTarget::judge("both.example", &addresses, PublicTargets::Refused).unwrap_err();
        assert!(refusal.to_string().starts_with("both.example (192.0.2.1) is a public address"), "{refusal}");
        PermittedTarget::judge("both.example", &addresses, PublicTargets::Allowed).unwrap();
    }

    #[test]
    fn the_flag_allows_public_addresses_and_nothing_else() {
        for host in ["0.0.0.0", "224.0.0.1", "255.255.255.255", "::", "ff02::1"] {
            let refusal = PermittedTarget::resolve(host, 9, PublicTargets::Allowed).unwrap_err();
            assert!(matches!(refusal, TargetError::NoHost { .. }), "{refusal}");
        }
    }

    #[test]
    fn of_both_families_ipv4_is_meant_as_the_server_listens_there() {
        let addresses = ["[::1]:1".parse().unwrap(), "127.0.0.1:1".parse().unwrap()];
        let target = PermittedTarget::judge("localhost", &addresses, PublicTargets::Refused).unwrap();
        assert_eq!(target.address(), addresses[1]);
        assert_eq!(target.to_string(), "localhost:1");
    }

    #[test]
    fn ipv6_prints_with_brackets_however_it_was_typed() {
        for host in ["::1", "[::1]"] {
            let target = PermittedTarget::resolve(host, 9999, PublicTargets::Refused).unwrap();
            assert_eq!(target.to_string(), "[::1]:9999");
        }
    }
}

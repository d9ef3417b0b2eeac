//! Why a frame holds no segment that could be read, and how often each reason came up.

use core::fmt;

/// The layer at which decoding ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layer {
    /// The Ethernet header.
    Ethernet,
    /// An 802.1Q or 802.1ad tag.
    Vlan,
    /// A Linux cooked header, of version 1 or 2.
    LinuxCooked,
    /// The address family of a BSD loopback.
    Loopback,
    /// A packet without a link header.
    RawIp,
    /// PPP (RFC 1661).
    Ppp,
    /// PPP over Ethernet (RFC 2516).
    Pppoe,
    /// Cisco HDLC.
    CiscoHdlc,
    /// An MPLS label stack (RFC 3032).
    Mpls,
    /// The IPv4 header (RFC 791).
    Ipv4,
    /// The IPv6 header (RFC 8200).
    Ipv6,
    /// An IPv6 extension header (RFC 8200 section 4).
    Ipv6Extension,
    /// A GRE header (RFC 2784).
    Gre,
    /// An ERSPAN header (draft-foschiano-erspan).
    Erspan,
    /// A VXLAN header (RFC 7348).
    Vxlan,
    /// A Geneve header (RFC 8926).
    Geneve,
    /// A GTP-U header (3GPP TS 29.281).
    Gtp,
    /// The TCP header (RFC 9293 section 3.1).
    Tcp,
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Layer::Ethernet => "Ethernet header",
            Layer::Vlan => "VLAN tag",
            Layer::LinuxCooked => "Linux cooked header",
            Layer::Loopback => "loopback header",
            Layer::RawIp => "raw IP packet",
            Layer::Ppp => "PPP header",
            Layer::Pppoe => "PPPoE header",
            Layer::CiscoHdlc => "Cisco HDLC header",
            Layer::Mpls => "MPLS label stack",
            Layer::Ipv4 => "IPv4 header",
            Layer::Ipv6 => "IPv6 header",
            Layer::Ipv6Extension => "IPv6 extension header",
            Layer::Gre => "GRE header",
            Layer::Erspan => "ERSPAN header",
            Layer::Vxlan => "VXLAN header",
            Layer::Geneve => "Geneve header",
            Layer::Gtp => "GTP header",
            Layer::Tcp => "TCP header",
        })
    }
}

/// Why a frame gave no segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Skip {
    /// ARP (RFC 826).
    Arp,
    /// An 802.3 frame with a length in place of an EtherType, such as spanning tree.
    Llc,
    /// Another link type than those that are decoded, by its LINKTYPE number.
    OtherLinkType(u16),
    /// Another EtherType than those that are decoded.
    OtherEtherType(u16),
    /// Another address family than IPv4 and IPv6 in a loopback header.
    OtherFamily(u32),
    /// Another PPP protocol than IPv4, IPv6 and MPLS, such as link control.
    OtherPppProtocol(u16),
    /// Another IP protocol than TCP and tunnels, by its IANA number; in IPv6 the first header that isn't understood. A segment
    /// that an ICMP error quotes is none: it was seen before.
    OtherProtocol(u8),
    /// Another version of GRE than 0, such as PPTP's.
    GreVersion(u8),
    /// Another message of GTP-U than user data, by its number.
    GtpMessage(u8),
    /// A fragment that isn't the first of its datagram: it has no TCP header.
    Fragment,
    /// What this layer carries is not told by it, and doesn't look like IP.
    Unrecognised(Layer),
    /// Header within header, more than are followed.
    TooDeep,
    /// The captured bytes end within this header.
    Truncated(Layer),
    /// This header contradicts itself or its surroundings, above all in its lengths.
    Malformed(Layer),
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Skip::Arp => f.write_str("ARP"),
            Skip::Llc => f.write_str("802.3 LLC"),
            Skip::OtherLinkType(number) => write!(f, "link type {number}"),
            Skip::OtherFamily(number) => write!(f, "address family {number}"),
            Skip::OtherPppProtocol(number) => write!(f, "PPP protocol 0x{number:04x}"),
            Skip::Unrecognised(layer) => write!(f, "{layer} with unrecognised content"),
            Skip::TooDeep => f.write_str("too many headers"),
            Skip::OtherEtherType(number) => write!(f, "EtherType 0x{number:04x}"),
            Skip::OtherProtocol(number) => write!(f, "IP protocol {number}"),
            Skip::GreVersion(number) => write!(f, "GRE version {number}"),
            Skip::GtpMessage(number) => write!(f, "GTP message {number}"),
            Skip::Fragment => f.write_str("later IP fragment"),
            Skip::Truncated(layer) => write!(f, "{layer} cut off"),
            Skip::Malformed(layer) => write!(f, "{layer} malformed"),
        }
    }
}

/// The most reasons told apart. Real captures know a dozen; only a hostile one has more.
const MOST_REASONS: usize = 64;

/// How many frames were skipped, by reason.
#[derive(Clone, Debug, Default)]
pub struct SkipCounts {
    counts: Vec<(Skip, u64)>,
    others: u64,
}

impl SkipCounts {
    /// Counts one frame.
    pub fn record(&mut self, skip: Skip) {
        if let Some((_, count)) = self.counts.iter_mut().find(|(known, _)| *known == skip) {
            *count += 1;
        } else if self.counts.len() < MOST_REASONS {
            self.counts.push((skip, 1));
        } else {
            self.others += 1;
        }
    }

    /// Each reason with its count, in the order in which they first came up.
    pub fn iter(&self) -> impl Iterator<Item = (Skip, u64)> + '_ {
        self.counts.iter().copied()
    }

    /// Frames whose reason was not told apart because there were too many reasons.
    pub fn others(&self) -> u64 {
        self.others
    }

    /// All frames skipped.
    pub fn total(&self) -> u64 {
        self.others + self.iter().map(|(_, count)| count).sum::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use super::{Layer, Skip, SkipCounts};

    #[test]
    fn reasons_are_counted_up_to_a_bound() {
        let mut counts = SkipCounts::default();
        for number in 0..100 {
            counts.record(Skip::OtherEtherType(0x9999 + number));
        }
        counts.record(Skip::OtherEtherType(0x9999));
        assert_eq!(counts.iter().next(), Some((Skip::OtherEtherType(0x9999), 2)));
        assert_eq!((counts.iter().count(), counts.others()), (64, 36));
        assert_eq!(counts.total(), 101);
    }

    #[test]
    fn reasons_read_as_words() {
        assert_eq!(Skip::Truncated(Layer::Tcp).to_string(), "TCP header cut off");
        assert_eq!(Skip::OtherEtherType(0x88cc).to_string(), "EtherType 0x88cc");
    }
}

//! What a frame starts with, by the numbers of libpcap's registry (draft-ietf-opsawg-pcaplinktype).

/// What a frame starts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkType {
    /// LINKTYPE_ETHERNET, 1.
    Ethernet,
    /// LINKTYPE_NULL, 0: an address family in the byte order of the host that captured it.
    Null,
    /// LINKTYPE_LOOP, 108: the same in network byte order.
    Loop,
    /// LINKTYPE_RAW, 101: an IP packet of either version. Files that were written with a system's own DLT_RAW say 12 or 14.
    Raw,
    /// LINKTYPE_IPV4, 228.
    Ipv4,
    /// LINKTYPE_IPV6, 229.
    Ipv6,
    /// LINKTYPE_LINUX_SLL, 113: Linux's "any" device.
    LinuxCooked,
    /// LINKTYPE_LINUX_SLL2, 276: the same with the interface's index.
    LinuxCooked2,
    /// LINKTYPE_PPP, 9.
    Ppp,
    /// LINKTYPE_PPP_HDLC, 50: PPP in HDLC-like framing (RFC 1662), or Cisco's.
    PppHdlc,
    /// LINKTYPE_C_HDLC, 104.
    CiscoHdlc,
    /// Any other, by its number. Its frames are kept and not decoded.
    Other(u16),
}

impl LinkType {
    /// The link type of this number.
    pub const fn from_number(number: u16) -> LinkType {
        match number {
            0 => LinkType::Null,
            1 => LinkType::Ethernet,
            9 => LinkType::Ppp,
            12 | 14 | 101 => LinkType::Raw,
            50 => LinkType::PppHdlc,
            104 => LinkType::CiscoHdlc,
            108 => LinkType::Loop,
            113 => LinkType::LinuxCooked,
            228 => LinkType::Ipv4,
            229 => LinkType::Ipv6,
            276 => LinkType::LinuxCooked2,
            other => LinkType::Other(other),
        }
    }

    /// The number that capture files use.
    pub const fn number(self) -> u16 {
        match self {
            LinkType::Null => 0,
            LinkType::Ethernet => 1,
            LinkType::Ppp => 9,
            LinkType::PppHdlc => 50,
            LinkType::Raw => 101,
            LinkType::CiscoHdlc => 104,
            LinkType::Loop => 108,
            LinkType::LinuxCooked => 113,
            LinkType::Ipv4 => 228,
            LinkType::Ipv6 => 229,
            LinkType::LinuxCooked2 => 276,
            LinkType::Other(number) => number,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::LinkType;

    #[test]
    fn a_number_stands_for_one_link_type() {
        for number in 0..=u16::MAX {
            let link = LinkType::from_number(number);
            let expected = if matches!(number, 12 | 14) { 101 } else { number };
            assert_eq!(link.number(), expected);
            assert_eq!(LinkType::from_number(link.number()), link);
        }
    }
}

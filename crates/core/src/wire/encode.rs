//! Segments become bytes: a draft with every field that a sender may choose, its lengths and checksums filled in.

mod options;

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub use options::TcpOption;

use super::sum::{fold, sum};
use crate::tcp::{Endpoint, Flags, SeqNumber};

const TCP: u8 = 6;
const ETHERNET_LEN: usize = 14;
const IPV4_LEN: usize = 20;
const IPV6_LEN: usize = 40;
const TCP_LEN: usize = 20;
/// The header's length is told in four bits, in words of four octets.
const MOST_OPTIONS: usize = 40;

/// A segment that is to be sent, with all that its sender chooses. [`Draft::new`] gives one like a host's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Who is to have sent it.
    pub source: Endpoint,
    /// To whom; of the same version of IP.
    pub destination: Endpoint,
    /// The Ethernet address of the sender; zeroes if there is none.
    pub source_link: Option<[u8; 6]>,
    /// The Ethernet address of the receiver; zeroes if there is none.
    pub destination_link: Option<[u8; 6]>,
    /// Sequence number.
    pub seq: SeqNumber,
    /// Acknowledgment number; 0 in the header without it. The flag is [`Draft::flags`]'s.
    pub ack: Option<SeqNumber>,
    /// The control bits, just as they are to stand.
    pub flags: Flags,
    /// The window field.
    pub window: u16,
    /// Options in this order, padded with no-operations in front to a whole word.
    pub options: Vec<TcpOption>,
    /// What it carries.
    pub payload: Vec<u8>,
    /// Time to live, or hop limit.
    pub ttl: u8,
    /// Type of service, or traffic class.
    pub tos: u8,
    /// Identification; IPv6 has none.
    pub id: u16,
    /// The IPv4 don't-fragment bit.
    pub dont_fragment: bool,
    /// What is to be wrong with it.
    pub fault: Option<Fault>,
}

/// A deliberate fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The TCP checksum has its lowest bit turned over.
    TcpChecksum,
    /// The IPv4 header's checksum has its lowest bit turned over. IPv6 has none.
    IpChecksum,
}

/// Why a draft can't be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// One address is IPv4's, the other IPv6's.
    #[error("addresses of two versions of IP")]
    MixedVersions,
    /// More than 40 octets of options.
    #[error("{0} octets of options, and 40 have room")]
    Options(usize),
    /// The packet is longer than its header can tell.
    #[error("a packet of {0} octets, and 65535 are the most")]
    Length(usize),
}

impl Draft {
    /// A segment without options and payload, as a Linux host sends them: TTL 64, not to be fragmented.
    pub fn new(source: Endpoint, destination: Endpoint, flags: Flags, seq: SeqNumber) -> Draft {
        Draft {
            source,
            destination,
            source_link: None,
            destination_link: None,
            seq,
            ack: None,
            flags,
            window: 0,
            options: Vec::new(),
            payload: Vec::new(),
            ttl: 64,
            tos: 0,
            id: 0,
            dont_fragment: true,
            fault: None,
        }
    }

    /// The bytes of an Ethernet frame, without padding to its least length.
    pub fn to_frame(&self) -> Result<Vec<u8>, EncodeError> {
        let ether_type: u16 = if self.source.addr.is_ipv4() { 0x0800 } else { 0x86dd };
        let mut bytes = Vec::with_capacity(ETHERNET_LEN + IPV6_LEN + TCP_LEN + MOST_OPTIONS + self.payload.len());
        bytes.extend(self.destination_link.unwrap_or_default());
        bytes.extend(self.source_link.unwrap_or_default());
        bytes.extend(ether_type.to_be_bytes());
        self.append_packet(&mut bytes)?;
        Ok(bytes)
    }

    /// The bytes of an IP packet.
    pub fn to_packet(&self) -> Result<Vec<u8>, EncodeError> {
        let mut bytes = Vec::with_capacity(IPV6_LEN + TCP_LEN + MOST_OPTIONS + self.payload.len());
        self.append_packet(&mut bytes)?;
        Ok(bytes)
    }

    fn append_packet(&self, bytes: &mut Vec<u8>) -> Result<(), EncodeError> {
        let options = options::encode(&self.options);
        if options.len() > MOST_OPTIONS {
            return Err(EncodeError::Options(options.len()));
        }
        let tcp_len = TCP_LEN + options.len() + self.payload.len();
        let too_long = |length| move |_| EncodeError::Length(length);
        let addresses = match (self.source.addr, self.destination.addr) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                let length = IPV4_LEN + tcp_len;
                let total = u16::try_from(length).map_err(too_long(length))?;
                self.append_ipv4(bytes, source, destination, total);
                sum(&source.octets()) + sum(&destination.octets())
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                let length = u16::try_from(tcp_len).map_err(too_long(IPV6_LEN + tcp_len))?;
                self.append_ipv6(bytes, source, destination, length);
                sum(&source.octets()) + sum(&destination.octets())
            }
            _ => return Err(EncodeError::MixedVersions),
        };
        self.append_tcp(bytes, &options, addresses + u64::from(TCP) + tcp_len as u64);
        Ok(())
    }

    /// RFC 791 section 3.1.
    fn append_ipv4(&self, bytes: &mut Vec<u8>, source: Ipv4Addr, destination: Ipv4Addr, total_len: u16) {
        let mut header = [0; IPV4_LEN];
        header[0] = 0x45;
        header[1] = self.tos;
        header[2..4].copy_from_slice(&total_len.to_be_bytes());
        header[4..6].copy_from_slice(&self.id.to_be_bytes());
        header[6] = if self.dont_fragment { 0x40 } else { 0 };
        header[8] = self.ttl;
        header[9] = TCP;
        header[12..16].copy_from_slice(&source.octets());
        header[16..20].copy_from_slice(&destination.octets());
        let checksum = !fold(sum(&header)) ^ u16::from(self.fault == Some(Fault::IpChecksum));
        header[10..12].copy_from_slice(&checksum.to_be_bytes());
        bytes.extend(header);
    }

    /// RFC 8200 section 3.
    fn append_ipv6(&self, bytes: &mut Vec<u8>, source: Ipv6Addr, destination: Ipv6Addr, payload_len: u16) {
        bytes.extend((6 << 28 | u32::from(self.tos) << 20).to_be_bytes());
        bytes.extend(payload_len.to_be_bytes());
        bytes.extend([TCP, self.ttl]);
        bytes.extend(source.octets());
        bytes.extend(destination.octets());
    }

    /// RFC 9293 section 3.1; `pseudo_header` is the sum of the pseudo-header's words.
    fn append_tcp(&self, bytes: &mut Vec<u8>, options: &[u8], pseudo_header: u64) {
        let start = bytes.len();
        bytes.extend(self.source.port.to_be_bytes());
        bytes.extend(self.destination.port.to_be_bytes());
        bytes.extend(self.seq.0.to_be_bytes());
        bytes.extend(self.ack.unwrap_or_default().0.to_be_bytes());
        // Whole words, at most fifteen of them: the options were counted.
        let words = ((TCP_LEN + options.len()) / 4) as u8;
        bytes.extend([words << 4, self.flags.0]);
        bytes.extend(self.window.to_be_bytes());
        // Checksum and urgent pointer.
        bytes.extend([0; 4]);
        bytes.extend(options);
        bytes.extend(&self.payload);
        let checksum = !fold(pseudo_header + sum(&bytes[start..])) ^ u16::from(self.fault == Some(Fault::TcpChecksum));
        bytes[start + 16..start + 18].copy_from_slice(&checksum.to_be_bytes());
    }
}

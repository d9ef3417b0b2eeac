//! A conversation in text as the octets of a capture: Ethernet, IPv4 or IPv6, TCP with its options and right checksums.

use std::io::Write;
use std::net::IpAddr;

use flate2::Compression;
use flate2::write::GzEncoder;
use rst_storm_core::capture::{Direction, Frame, Interface, LinkType, PcapWriter, PcapngWriter, Timestamp};
use rst_storm_core::tcp::{Checksum, Segment};
use rst_storm_core::testing::sightings;

/// Ethernet and the longest headers that are made here: IPv6, TCP, timestamps.
pub const HEADERS: usize = 14 + 40 + 20 + 12;

/// One frame of a capture.
#[derive(Clone, Debug)]
pub struct Framed {
    pub at: Timestamp,
    pub original_len: u32,
    pub data: Vec<u8>,
}

/// The frames of a conversation. A payload is a row of letters.
pub fn frames(conversation: &str) -> Vec<Framed> {
    let letters = |segment: &Segment| (b'a'..=b'z').cycle().take(segment.payload_len as usize).collect::<Vec<u8>>();
    sightings(conversation).iter().map(|(segment, checksum)| framed(segment, *checksum, &letters(segment))).collect()
}

/// The frames of a conversation whose last segment carries this.
pub fn frames_ending_in(conversation: &str, payload: &[u8]) -> Vec<Framed> {
    let mut made = frames(conversation);
    let said = sightings(conversation);
    let (last, checksum) = said.last().expect("a conversation");
    *made.last_mut().expect("a conversation") = framed(last, *checksum, payload);
    made
}

/// The frame of a segment that carries this payload.
pub fn framed(segment: &Segment, checksum: Checksum, payload: &[u8]) -> Framed {
    let tcp = tcp(segment, checksum, payload);
    let (kind, ip) = match (segment.source.addr, segment.destination.addr) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            ([8, 0], ipv4(segment, source.octets(), destination.octets(), tcp.len()))
        }
        (source, destination) => ([0x86, 0xdd], ipv6(segment, &octets(source), &octets(destination), tcp.len())),
    };
    let mut data = [&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1][..], &kind, &ip, &tcp].concat();
    let original_len = data.len() as u32;
    if segment.cut {
        data.pop();
    }
    Framed { at: segment.at, original_len, data }
}

fn octets(addr: IpAddr) -> Vec<u8> {
    match addr {
        IpAddr::V4(addr) => addr.octets().to_vec(),
        IpAddr::V6(addr) => addr.octets().to_vec(),
    }
}

fn tcp(segment: &Segment, checksum: Checksum, payload: &[u8]) -> Vec<u8> {
    let options = segment
        .timestamp_value
        .map_or(Vec::new(), |value| [&[1, 1, 8, 10][..], &value.to_be_bytes(), &[0; 4]].concat());
    let mut tcp = [segment.source.port.to_be_bytes(), segment.destination.port.to_be_bytes()].concat();
    tcp.extend(segment.seq.0.to_be_bytes());
    tcp.extend(segment.ack.0.to_be_bytes());
    tcp.extend([(20 + options.len() as u8) << 2, segment.flags.0]);
    tcp.extend(segment.window.to_be_bytes());
    tcp.extend([0; 4]);
    tcp.extend(options);
    tcp.extend(payload);
    let length = (tcp.len() as u32).to_be_bytes();
    let pseudo = [octets(segment.source.addr), octets(segment.destination.addr), length.to_vec(), vec![0, 0, 0, 6]];
    let right = !sum(&[pseudo.concat(), tcp.clone()].concat());
    let sent = if checksum == Checksum::Bad { right.wrapping_add(1) } else { right };
    tcp[16..18].copy_from_slice(&sent.to_be_bytes());
    tcp
}

fn ipv4(segment: &Segment, source: [u8; 4], destination: [u8; 4], payload: usize) -> Vec<u8> {
    let facts = &segment.ip;
    let mut header = vec![0x45, facts.tos];
    header.extend((20 + payload as u16).to_be_bytes());
    header.extend(facts.id.unwrap_or(0).to_be_bytes());
    header.extend([if facts.dont_fragment { 0x40 } else { 0 }, 0, facts.ttl, 6, 0, 0]);
    header.extend([source, destination].concat());
    let checksum = !sum(&header);
    header[10..12].copy_from_slice(&checksum.to_be_bytes());
    header
}

fn ipv6(segment: &Segment, source: &[u8], destination: &[u8], payload: usize) -> Vec<u8> {
    let class = segment.ip.tos;
    let mut header = vec![0x60 | class >> 4, class << 4, 0, 0];
    header.extend((payload as u16).to_be_bytes());
    header.extend([6, segment.ip.ttl]);
    header.extend([source, destination].concat());
    header
}

/// The one's complement sum (RFC 1071).
fn sum(octets: &[u8]) -> u16 {
    let words = octets.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

/// As it is written to a file.
pub fn as_frame(framed: &Framed) -> Frame<'_> {
    Frame {
        at: framed.at,
        interface: 0,
        direction: Direction::Unknown,
        link: LinkType::Ethernet,
        original_len: framed.original_len,
        data: &framed.data,
    }
}

/// A pcap file of these frames.
pub fn pcap(frames: &[Framed]) -> Vec<u8> {
    let mut writer = PcapWriter::new(Vec::new(), LinkType::Ethernet).expect("memory");
    for framed in frames {
        writer.write(&as_frame(framed)).expect("memory");
    }
    writer.into_inner()
}

/// A pcapng file of these frames, each with its comment, at one interface of this name.
pub fn pcapng<'a>(name: &str, frames: impl IntoIterator<Item = (&'a Framed, Option<&'a str>)>) -> Vec<u8> {
    let interface = Interface { name, link: LinkType::Ethernet, description: None };
    let mut writer = PcapngWriter::new(Vec::new(), &[interface]).expect("memory");
    for (framed, comment) in frames {
        writer.write(&as_frame(framed), comment).expect("memory");
    }
    writer.into_inner()
}

/// Packed.
pub fn gzip(octets: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(octets).expect("memory");
    encoder.finish().expect("memory")
}

mod tests {
    use rst_storm_core::capture::{CaptureReader, FrameSource};
    use rst_storm_core::tcp::Checksum;
    use rst_storm_core::testing::sightings;
    use rst_storm_core::wire::{decode, inspect};

    use super::{frames, pcap};

    /// What is written is read back as it was said: so what the other tests feed to the program is what they say.
    #[test]
    fn a_capture_holds_the_segments_that_the_text_says() {
        let conversation = "linux
            > S 100 tos 32
            < SA 300 ack 101 ttl 61 nodf
            > A 101 ack 301
            > PA 101 ack 301 len 33
            < R 301 bad
            client [2001:db8::1]:40000
            server [2001:db8::2]:443
            > SEW 4294967295 win 7 ttl 3
            < FUA 4 ack 0 len 1
            < RA 4 ack 0";
        let octets = pcap(&frames(conversation));
        let mut reader = CaptureReader::open(octets.as_slice()).expect("a capture");
        for (number, (said, checksum)) in (1..).zip(sightings(conversation)) {
            let frame = reader.next_frame().expect("no end").expect("no end");
            let mut read = decode(&frame, number).expect("a segment");
            if said.source.addr.is_ipv6() {
                read.ip.id = said.ip.id;
            }
            assert_eq!(read, said);
            let expected = if checksum == Checksum::Bad { Checksum::Bad } else { Checksum::Good };
            assert_eq!(inspect(&frame).expect("a segment").checksum, expected, "frame {number}");
        }
        assert!(reader.next_frame().expect("an end").is_none());
    }
}

//! Captures made by hand, octet by octet, and what was read from one.

use std::io::Read;

use rst_storm_core::capture::{CaptureReader, Damage, Direction, Frame, FrameSource, LinkType, Timestamp};

/// A frame with its octets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) at: u64,
    pub(crate) interface: usize,
    pub(crate) direction: Direction,
    pub(crate) link: LinkType,
    pub(crate) original_len: u32,
    pub(crate) data: Vec<u8>,
}

impl Seen {
    pub(crate) fn new(at: u64, data: &[u8]) -> Seen {
        Seen {
            at,
            interface: 0,
            direction: Direction::Unknown,
            link: LinkType::Ethernet,
            original_len: data.len() as u32,
            data: data.to_vec(),
        }
    }

    pub(crate) fn frame(&self) -> Frame<'_> {
        Frame {
            at: Timestamp(self.at),
            interface: self.interface,
            direction: self.direction,
            link: self.link,
            original_len: self.original_len,
            data: &self.data,
        }
    }
}

impl From<Frame<'_>> for Seen {
    fn from(frame: Frame<'_>) -> Seen {
        Seen {
            at: frame.at.0,
            interface: frame.interface,
            direction: frame.direction,
            link: frame.link,
            original_len: frame.original_len,
            data: frame.data.to_vec(),
        }
    }
}

/// All frames, and why they end if it isn't at the end.
pub(crate) fn read_all(input: impl Read) -> (Vec<Seen>, Option<Damage>) {
    let mut reader = CaptureReader::open(input).expect("a capture");
    let seen = drain(&mut reader);
    (seen, reader.damage().cloned())
}

/// The frames that are left.
pub(crate) fn drain<R: Read>(reader: &mut CaptureReader<R>) -> Vec<Seen> {
    let mut seen = Vec::new();
    while let Some(frame) = reader.next_frame().expect("no errors in memory") {
        seen.push(frame.into());
    }
    assert!(reader.next_frame().expect("no errors in memory").is_none(), "the end stays the end");
    seen
}

/// The byte order of a file made by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Little,
    Big,
}

impl Order {
    pub(crate) fn u16(self, number: u16) -> [u8; 2] {
        match self {
            Order::Little => number.to_le_bytes(),
            Order::Big => number.to_be_bytes(),
        }
    }

    pub(crate) fn u32(self, number: u32) -> [u8; 4] {
        match self {
            Order::Little => number.to_le_bytes(),
            Order::Big => number.to_be_bytes(),
        }
    }

    fn words(self, numbers: &[u32]) -> Vec<u8> {
        numbers.iter().flat_map(|number| self.u32(*number)).collect()
    }

    pub(crate) fn pcap_header(self, magic: u32, snap_length: u32, link: u32) -> Vec<u8> {
        let mut bytes = self.u32(magic).to_vec();
        bytes.extend([self.u16(2), self.u16(4)].concat());
        bytes.extend(self.words(&[0, 0, snap_length, link]));
        bytes
    }

    pub(crate) fn pcap_record(self, seconds: u32, fraction: u32, original_len: u32, data: &[u8]) -> Vec<u8> {
        let mut bytes = self.words(&[seconds, fraction, data.len() as u32, original_len]);
        bytes.extend(data);
        bytes
    }

    /// A pcapng block of this body, which is padded.
    pub(crate) fn block(self, kind: u32, body: &[u8]) -> Vec<u8> {
        let body = padded(body);
        let total = body.len() as u32 + 12;
        [&self.words(&[kind, total])[..], &body, &self.u32(total)].concat()
    }

    pub(crate) fn section(self) -> Vec<u8> {
        let body = [&self.u32(0x1a2b_3c4d)[..], &self.u16(1), &self.u16(0), &[0xff; 8]].concat();
        self.block(0x0a0d_0d0a, &body)
    }

    pub(crate) fn interface(self, link: u16, snap_length: u32, options: &[(u16, &[u8])]) -> Vec<u8> {
        let body = [&self.u16(link)[..], &[0, 0], &self.u32(snap_length), &self.options(options)].concat();
        self.block(1, &body)
    }

    pub(crate) fn options(self, options: &[(u16, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (code, value) in options {
            bytes.extend([self.u16(*code), self.u16(value.len() as u16)].concat());
            bytes.extend(padded(value));
        }
        if !options.is_empty() {
            bytes.extend([0; 4]);
        }
        bytes
    }

    pub(crate) fn enhanced(self, interface: u32, units: u64, data: &[u8], options: &[(u16, &[u8])]) -> Vec<u8> {
        let length = data.len() as u32;
        let mut body = self.words(&[interface, (units >> 32) as u32, units as u32, length, length]);
        body.extend(padded(data));
        body.extend(self.options(options));
        self.block(6, &body)
    }

    pub(crate) fn obsolete(self, interface: u16, units: u64, data: &[u8], options: &[(u16, &[u8])]) -> Vec<u8> {
        let length = data.len() as u32;
        let mut body = [self.u16(interface), self.u16(9)].concat();
        body.extend(self.words(&[(units >> 32) as u32, units as u32, length, length]));
        body.extend(padded(data));
        body.extend(self.options(options));
        self.block(2, &body)
    }

    pub(crate) fn simple(self, original_len: u32, data: &[u8]) -> Vec<u8> {
        self.block(3, &[&self.u32(original_len)[..], data].concat())
    }
}

fn padded(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// Pieces of a file, each of which may be its last: with how many frames there are after each.
pub(crate) struct Pieces {
    pub(crate) bytes: Vec<u8>,
    /// The offset after each piece, and the frames up to it.
    pub(crate) boundaries: Vec<(usize, usize)>,
}

impl Pieces {
    /// The pieces that hold a frame are marked.
    pub(crate) fn new(pieces: &[(Vec<u8>, bool)]) -> Pieces {
        let (mut bytes, mut boundaries, mut frames) = (Vec::new(), Vec::new(), 0);
        for (piece, is_frame) in pieces {
            bytes.extend(piece);
            frames += usize::from(*is_frame);
            boundaries.push((bytes.len(), frames));
        }
        Pieces { bytes, boundaries }
    }

    /// A pcap file of four records.
    pub(crate) fn pcap(order: Order, magic: u32) -> Pieces {
        let mut pieces = vec![(order.pcap_header(magic, 65_535, 1), false)];
        for (number, length) in [60_u32, 0, 1, 1000].into_iter().enumerate() {
            let data = vec![number as u8; length as usize];
            pieces.push((order.pcap_record(1_700_000_000 + number as u32, 999_999, length, &data), true));
        }
        Pieces::new(&pieces)
    }

    /// A pcapng file of every kind of block, in two sections of different byte order.
    pub(crate) fn pcapng() -> Pieces {
        let mut pieces = Vec::new();
        for order in [Order::Big, Order::Little] {
            pieces.push((order.section(), false));
            pieces.push((order.interface(1, 0, &[(2, b"eth0"), (9, &[9])]), false));
            pieces.push((order.interface(101, 40, &[]), false));
            pieces.push((order.enhanced(0, 1_700_000_000_000_000_001, b"first", &[(2, &order.u32(1))]), true));
            pieces.push((order.block(0x0bad, &[7; 100]), false));
            pieces.push((order.enhanced(1, 1_700_000_000_000_002, b"", &[(1, b"a comment")]), true));
            pieces.push((order.block(5, &[0; 20]), false));
            pieces.push((order.simple(900, &[3; 900]), true));
            pieces.push((order.obsolete(1, 1_700_000_000_000_003, &[4; 41], &[]), true));
        }
        Pieces::new(&pieces)
    }
}

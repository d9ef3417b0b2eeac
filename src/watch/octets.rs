//! The octets of an input: packed or not, and never waited for.

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read};
use std::sync::Arc;

use flate2::bufread::MultiGzDecoder;
use rst_storm_linux::input;

/// What a gzip member begins with (RFC 1952 section 2.3.1).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The packed octets that are read at once.
const PACKED_OCTETS: usize = 1 << 17;

/// A file that is never waited for.
#[derive(Clone, Debug)]
struct Prompt {
    file: Arc<File>,
    /// Whether one may have to wait for more.
    is_live: bool,
}

impl Prompt {
    fn read_now(&self, room: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.is_live && !input::is_ready(&self.file)? {
                return Err(ErrorKind::WouldBlock.into());
            }
            match (&*self.file).read(room) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }
}

impl Read for Prompt {
    /// Where nothing is at hand, the error is `WouldBlock` and the same can be asked again. Any other is `InvalidData`:
    /// the input can't be read on, which is damage like what is wrong in it.
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.read_now(room).map_err(|error| match error.kind() {
            ErrorKind::WouldBlock => error,
            _ => io::Error::new(ErrorKind::InvalidData, error),
        })
    }
}

/// The first octets of a stream, which were taken off it and are given back.
#[derive(Debug)]
struct Head<const N: usize> {
    octets: [u8; N],
    count: usize,
    given: usize,
}

impl<const N: usize> Head<N> {
    const NONE: Head<N> = Head { octets: [0; N], count: 0, given: 0 };

    /// Reads until it is full or the stream ends. After an error it can be asked again.
    fn fill(&mut self, from: &mut impl Read) -> io::Result<()> {
        while self.count < N {
            match from.read(&mut self.octets[self.count..])? {
                0 => break,
                read => self.count += read,
            }
        }
        Ok(())
    }

    fn is_left(&self) -> bool {
        self.given < self.count
    }

    fn give(&mut self, room: &mut [u8]) -> usize {
        let left = &self.octets[self.given..self.count];
        let count = left.len().min(room.len());
        room[..count].copy_from_slice(&left[..count]);
        self.given += count;
        count
    }
}

/// A stream whose first octets were looked at before.
#[derive(Debug)]
struct LookedAt<const N: usize, R> {
    head: Head<N>,
    rest: R,
}

impl<const N: usize, R: Read> LookedAt<N, R> {
    fn look(&mut self) -> io::Result<()> {
        self.head.fill(&mut self.rest)
    }
}

impl<const N: usize, R: Read> Read for LookedAt<N, R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if self.head.is_left() { Ok(self.head.give(room)) } else { self.rest.read(room) }
    }
}

type Plain = LookedAt<2, Prompt>;

#[derive(Debug)]
enum Packing {
    Unknown(Plain),
    None(Plain),
    Gzip(Box<MultiGzDecoder<BufReader<Plain>>>),
}

impl Read for Packing {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        match self {
            Packing::Unknown(plain) | Packing::None(plain) => plain.read(room),
            Packing::Gzip(decoder) => decoder.read(room),
        }
    }
}

/// The octets of a capture, unpacked if they are packed with gzip, as the first two tell.
#[derive(Debug)]
pub(super) struct Octets(LookedAt<4, Packing>);

impl Octets {
    pub(super) fn new(file: Arc<File>, is_live: bool) -> Octets {
        let plain = LookedAt { head: Head::NONE, rest: Prompt { file, is_live } };
        Octets(LookedAt { head: Head::NONE, rest: Packing::Unknown(plain) })
    }

    /// Reads what tells the format, if there is so much; the next read has that at hand. After `WouldBlock` it can be
    /// asked again.
    pub(super) fn look(&mut self) -> io::Result<()> {
        if let Packing::Unknown(plain) = &mut self.0.rest {
            plain.look()?;
            let head = std::mem::replace(&mut plain.head, Head::NONE);
            let is_packed = head.octets == GZIP;
            let plain = LookedAt { head, rest: plain.rest.clone() };
            self.0.rest = if is_packed {
                Packing::Gzip(Box::new(MultiGzDecoder::new(BufReader::with_capacity(PACKED_OCTETS, plain))))
            } else {
                Packing::None(plain)
            };
        }
        self.0.look()
    }
}

impl Read for Octets {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.0.read(room)
    }
}

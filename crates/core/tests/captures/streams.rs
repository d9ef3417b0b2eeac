//! Inputs that come in pieces, stall, or fail for a while.

use std::io::{self, ErrorKind, Read};

use proptest::prelude::*;
use rst_storm_core::capture::{CaptureReader, FrameSource};

use crate::build::{Order, Pieces, Seen, read_all};

fn files() -> [Pieces; 3] {
    [Pieces::pcap(Order::Little, 0xa1b2_c3d4), Pieces::pcap(Order::Big, 0xa1b2_3c4d), Pieces::pcapng()]
}

/// Gives its octets in pieces of these lengths, over and over; a length of 0 is an error.
struct Pieced<'a> {
    octets: &'a [u8],
    lengths: &'a [usize],
    turn: usize,
    error: ErrorKind,
}

impl Read for Pieced<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let length = self.lengths[self.turn % self.lengths.len()];
        self.turn += 1;
        if length == 0 {
            return Err(self.error.into());
        }
        let length = length.min(room.len()).min(self.octets.len());
        let (piece, rest) = self.octets.split_at(length);
        room[..length].copy_from_slice(piece);
        self.octets = rest;
        Ok(length)
    }
}

#[test]
fn one_octet_at_a_time_gives_the_same() {
    for Pieces { bytes, .. } in files() {
        let pieced = Pieced { octets: &bytes, lengths: &[1], turn: 0, error: ErrorKind::Other };
        assert_eq!(read_all(pieced), read_all(&bytes[..]));
    }
}

/// Nothing but what has come so far; asking for more is the test's failure.
struct SoFar<'a>(&'a [u8]);

impl Read for SoFar<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        assert!(!self.0.is_empty(), "asked for more than it needs");
        self.0.read(room)
    }
}

#[test]
fn a_frame_is_given_as_soon_as_it_is_there() {
    for Pieces { bytes, boundaries } in files() {
        let (all, _) = read_all(&bytes[..]);
        for (end, frames) in boundaries.into_iter().filter(|(_, frames)| *frames > 0) {
            let mut reader = CaptureReader::open(SoFar(&bytes[..end])).expect("a capture");
            for expected in &all[..frames] {
                let frame = reader.next_frame().expect("no errors in memory").expect("a whole frame");
                assert_eq!(&Seen::from(frame), expected);
            }
        }
    }
}

proptest! {
    #[test]
    fn an_input_that_is_interrupted_gives_the_same(lengths in proptest::collection::vec(0..50_usize, 1..20)) {
        prop_assume!(lengths.iter().any(|length| *length > 0));
        for Pieces { bytes, .. } in files() {
            let pieced = Pieced { octets: &bytes, lengths: &lengths, turn: 0, error: ErrorKind::Interrupted };
            prop_assert_eq!(read_all(pieced), read_all(&bytes[..]));
        }
    }

    #[test]
    fn an_input_that_has_nothing_now_can_be_asked_again(lengths in proptest::collection::vec(0..50_usize, 1..20)) {
        prop_assume!(lengths.iter().any(|length| *length > 0));
        for Pieces { bytes, .. } in files() {
            // The format is told by the first piece.
            let mut first_four = vec![4];
            first_four.extend(&lengths);
            let pieced = Pieced { octets: &bytes, lengths: &first_four, turn: 0, error: ErrorKind::WouldBlock };
            let mut reader = CaptureReader::open(pieced).expect("a capture");
            let mut seen = Vec::new();
            loop {
                match reader.next_frame() {
                    Ok(Some(frame)) => seen.push(Seen::from(frame)),
                    Ok(None) => break,
                    Err(error) => prop_assert_eq!(error.kind(), ErrorKind::WouldBlock),
                }
            }
            prop_assert_eq!((seen, reader.damage().cloned()), read_all(&bytes[..]));
        }
    }
}

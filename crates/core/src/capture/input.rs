//! A window onto an input that is read as its octets come: a file, a pipe, something that unpacks.

use std::io::{self, ErrorKind, Read};
use std::ops::Range;

/// Large enough that a file is read in few calls.
const LEAST_ROOM: usize = 1 << 18;

/// The octets that were read and not yet taken, and where in the input they stand.
///
/// It holds at most four times what was asked for at once, and no octet is moved more than about once.
#[derive(Debug)]
pub(super) struct Input<R> {
    from: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// The offset in the input of the octet at `start`.
    at: u64,
    /// Octets after that which nobody wants.
    unwanted: u64,
    ended: bool,
}

impl<R: Read> Input<R> {
    pub(super) fn new(from: R) -> Input<R> {
        Input { from, buffer: vec![0; LEAST_ROOM], start: 0, end: 0, at: 0, unwanted: 0, ended: false }
    }

    /// Whether so many octets are at hand. It reads until they are, and no further; `false` is the input's end.
    ///
    /// After an error it can be asked again: nothing that was read is lost.
    #[inline(always)]
    pub(super) fn has(&mut self, count: usize) -> io::Result<bool> {
        if self.unwanted == 0 && self.end - self.start >= count {
            return Ok(true);
        }
        self.fill(count)
    }

    /// The octets at hand, from the first that wasn't taken.
    #[inline(always)]
    pub(super) fn at_hand(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// The offset in the input of the first octet that wasn't taken.
    #[inline(always)]
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// Takes so many octets, which must be at hand. They can be looked at by this range until `has` is called again.
    #[inline(always)]
    pub(super) fn take(&mut self, count: usize) -> Range<usize> {
        let taken = self.start..self.end.min(self.start + count);
        self.at += taken.len() as u64;
        self.start = taken.end;
        taken
    }

    /// The octets at hand, unless some that nobody wants come first.
    #[inline(always)]
    pub(super) fn window(&self) -> Option<&[u8]> {
        if self.unwanted == 0 { self.buffer.get(self.start..self.end) } else { None }
    }

    /// Octets that were taken.
    #[inline(always)]
    pub(super) fn taken(&self, range: Range<usize>) -> &[u8] {
        self.buffer.get(range).unwrap_or_default()
    }

    /// Passes over so many octets, whether they are at hand or not, without keeping them.
    pub(super) fn pass(&mut self, count: u64) {
        self.unwanted += count;
    }

    #[inline(never)]
    fn fill(&mut self, count: usize) -> io::Result<bool> {
        loop {
            self.drop_unwanted();
            if self.unwanted == 0 && self.end - self.start >= count {
                return Ok(true);
            }
            if self.ended {
                return Ok(false);
            }
            self.make_room(count);
            let room = &mut self.buffer[self.end..];
            match self.from.read(room) {
                Ok(0) => self.ended = true,
                Ok(read) => self.end += read.min(room.len()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn drop_unwanted(&mut self) {
        let dropped = usize::try_from(self.unwanted).unwrap_or(usize::MAX).min(self.end - self.start);
        self.start += dropped;
        self.at += dropped as u64;
        self.unwanted -= dropped as u64;
    }

    /// Room for at least one octet, and for `count` altogether. Twice of it, so that octets are seldom moved.
    fn make_room(&mut self, count: usize) {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
        if self.end < self.buffer.len() && self.start + count <= self.buffer.len() {
            return;
        }
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.buffer.len() < 2 * count {
            self.buffer.resize(2 * count.next_power_of_two(), 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Input, LEAST_ROOM};
    use std::io::{self, Read};

    /// Counts up, in pieces of one size, so many octets.
    struct Counting {
        next: u64,
        end: u64,
        piece: usize,
    }

    impl Read for Counting {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            assert!(!room.is_empty(), "asked for nothing");
            let left = usize::try_from(self.end - self.next).expect("a small test");
            let count = room.len().min(self.piece).min(left);
            for octet in &mut room[..count] {
                *octet = self.next as u8;
                self.next += 1;
            }
            Ok(count)
        }
    }

    #[test]
    fn octets_come_in_order_whatever_the_pieces() {
        let end = 3 * LEAST_ROOM as u64 + 5;
        for piece in [1, 7, 4096, usize::MAX] {
            let mut input = Input::new(Counting { next: 0, end, piece });
            let mut seen = 0;
            for count in [1, 3, 1000, 70_000, LEAST_ROOM, 9, 300_000].into_iter().cycle() {
                if !input.has(count).expect("no errors here") {
                    break;
                }
                assert_eq!(input.at(), seen);
                let taken = input.take(count);
                let expected = (seen..).map(|octet| octet as u8);
                assert!(input.taken(taken).iter().copied().eq(expected.take(count)));
                seen += count as u64;
                input.pass(13);
                seen += 13;
            }
            assert!(input.buffer.len() <= 4 * 300_000);
        }
    }

    #[test]
    fn no_more_is_read_than_is_needed() {
        let mut input = Input::new(Counting { next: 0, end: 100, piece: 10 });
        assert!(input.has(15).unwrap());
        assert_eq!(input.from.next, 20);
        assert!(input.has(20).unwrap());
        assert_eq!(input.from.next, 20);
        assert!(!input.has(101).unwrap());
        assert_eq!(input.at_hand().len(), 100);
    }

    #[test]
    fn what_is_passed_over_is_not_kept() {
        let mut input = Input::new(Counting { next: 0, end: 50_000_000, piece: usize::MAX });
        input.pass(49_999_999);
        assert!(input.has(1).unwrap());
        assert_eq!((input.at(), input.at_hand().len()), (49_999_999, 1));
        assert_eq!(input.buffer.len(), LEAST_ROOM);
    }
}

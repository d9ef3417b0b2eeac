//! The letters of a connection: Zeek's `history`, in the order in which things were first seen.

use core::fmt;

use crate::flow::PerSide;
use crate::tcp::Side;

/// Letters that fit into a history without memory of their own. Nearly all do.
const INLINE: usize = 20;

/// The most letters that are kept. Zeek keeps all, but whoever sends resets with ever new numbers makes one with each.
const MOST_LETTERS: usize = 1024;

/// Things that leave a letter once a direction; SYN and SYN-ACK are one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Syn = 1,
    Fin = 1 << 1,
    Rst = 1 << 2,
    FinRst = 1 << 3,
    Data = 1 << 4,
    Ack = 1 << 5,
    MultiFlag = 1 << 6,
}

/// Zeek's `history` of a connection: upper case is the originator's, lower case the responder's.
///
/// | letter | what | how often |
/// |--------|------|-----------|
/// | s, h   | SYN, SYN-ACK | again when its sequence number differs from the last one's |
/// | f, r   | FIN, RST | likewise |
/// | a, d   | pure ACK, payload | once |
/// | i, q   | FIN and RST together; SYN with FIN or RST | once |
/// | c, g, t, w | bad checksum, gap, retransmission, zero window | the 1st, the 10th, the 100th, ... |
/// | ^      | the roles were exchanged | each time |
#[derive(Clone, Default, PartialEq, Eq)]
pub struct History {
    inline: [u8; INLINE],
    len: u16,
    // Boxed twice so that the histories that don't need it pay for one word only.
    #[expect(clippy::box_collection, reason = "one word instead of three in every connection")]
    rest: Option<Box<Vec<u8>>>,
    /// Which kinds have been seen, by the role that their sender had then: Zeek doesn't exchange these with the roles.
    seen: PerSide<u8>,
}

impl History {
    /// The letters.
    pub fn letters(&self) -> impl Iterator<Item = char> + '_ {
        let inline = &self.inline[..usize::from(self.len).min(INLINE)];
        let rest = self.rest.as_deref().map_or(&[][..], Vec::as_slice);
        inline.iter().chain(rest).map(|letter| char::from(*letter))
    }

    /// Whether the roles were exchanged.
    pub fn is_flipped(&self) -> bool {
        self.letters().next() == Some('^')
    }

    /// Whether letters are missing at the end, because there were too many.
    pub fn is_cut(&self) -> bool {
        usize::from(self.len) > MOST_LETTERS
    }

    /// Adds the letter if this is the first of its kind from this side, and says whether it was.
    pub(super) fn add_once(&mut self, side: Side, kind: Kind, letter: u8) -> bool {
        let first = self.seen[side] & kind as u8 == 0;
        if first {
            self.seen[side] |= kind as u8;
            self.add(side, letter);
        }
        first
    }

    /// Adds an upper-case letter in the case of its sender.
    pub(super) fn add(&mut self, side: Side, letter: u8) {
        self.push(match side {
            Side::Originator => letter,
            Side::Responder => letter.to_ascii_lowercase(),
        });
    }

    /// The roles have been exchanged.
    pub(super) fn add_flip(&mut self) {
        self.push(b'^');
    }

    /// Whether a lone SYN-ACK of the originator is all there is.
    pub(super) fn is_lone_syn_ack(&self) -> bool {
        self.len == 1 && self.inline[0] == b'H'
    }

    /// That SYN-ACK is the responder's after all.
    pub(super) fn flip_lone_syn_ack(&mut self) {
        self.len = 0;
        self.push(b'^');
        self.push(b'h');
    }

    /// Whether this is an originator's SYN and RST without anything else of its own between: Zeek's `\^?S[^HAFGIQ]*R.*`.
    pub(super) fn is_reset_attempt(&self) -> bool {
        let mut letters = self.letters().skip_while({
            let mut first = true;
            move |letter| core::mem::take(&mut first) && *letter == '^'
        });
        letters.next() == Some('S')
            && letters.find(|letter| "RHAFGIQ".contains(*letter)).is_some_and(|letter| letter == 'R')
    }

    fn push(&mut self, letter: u8) {
        let at = usize::from(self.len);
        match self.inline.get_mut(at) {
            Some(free) => *free = letter,
            None if at < MOST_LETTERS => self.rest.get_or_insert_default().push(letter),
            // The length goes one beyond the bound, which marks the history as cut.
            None if at > MOST_LETTERS => return,
            None => {}
        }
        self.len += 1;
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.letters().try_for_each(|letter| fmt::Write::write_char(f, letter))
    }
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// A count that leaves a letter at 1, 10, 100, ...
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Scaled(u32);

impl Scaled {
    /// How many there were.
    pub(super) fn total(self) -> u32 {
        self.0
    }

    /// Counts one more and says whether it leaves a letter.
    pub(super) fn count(&mut self) -> bool {
        if self.0 == u32::MAX {
            return false;
        }
        self.0 += 1;
        self.0 == 10_u32.pow(self.0.ilog10())
    }
}

#[cfg(test)]
mod tests {
    use super::{History, INLINE, MOST_LETTERS, Scaled};
    use crate::tcp::Side;

    fn history(letters: &str) -> History {
        let mut history = History::default();
        for letter in letters.bytes() {
            history.push(letter);
        }
        history
    }

    #[test]
    fn an_attempt_that_its_originator_reset() {
        for letters in ["SR", "^SR", "SaR", "SrR", "STWR", "SRA", "SRHR", "SSRF", "SdfhR"] {
            assert!(history(letters).is_reset_attempt(), "{letters}");
        }
        for letters in ["", "R", "S", "^", "^^SR", "SAR", "SaFR", "HR", "SHR", "SGR", "SIR", "SQR", "sR", "^sSR"] {
            assert!(!history(letters).is_reset_attempt(), "{letters}");
        }
    }

    #[test]
    fn a_long_history_is_whole_up_to_its_bound_and_then_cut() {
        let letters = "ShADad".repeat(MOST_LETTERS);
        for length in [0, 1, INLINE - 1, INLINE, INLINE + 1, MOST_LETTERS - 1, MOST_LETTERS] {
            let history = history(&letters[..length]);
            assert_eq!(history.to_string(), letters[..length]);
            assert!(!history.is_cut());
        }
        for more in [1, 2, 3, MOST_LETTERS] {
            let history = history(&letters[..MOST_LETTERS + more]);
            assert_eq!(history.to_string(), letters[..MOST_LETTERS]);
            assert!(history.is_cut());
        }
    }

    #[test]
    fn the_case_is_the_side() {
        let mut history = History::default();
        history.add(Side::Originator, b'S');
        history.add(Side::Responder, b'H');
        history.add_flip();
        assert_eq!(history.to_string(), "Sh^");
    }

    #[test]
    fn scaled_letters_come_at_powers_of_ten() {
        let mut scaled = Scaled::default();
        let at: Vec<u32> = (1..=10_000).filter(|_| scaled.count()).collect();
        assert_eq!(at, [1, 10, 100, 1_000, 10_000]);
    }
}

//! A witness's roll: its connections one by one, in the order in which each source port was used.

/// How many connections a roll lists; those beyond are only counted, so that memory stays bounded.
pub const CAPACITY: usize = 1 << 18;

/// One connection by one witness: its source port and what the witness says of it.
///
/// A port is used again and again, in turn, so "the third use of port 40000" names one connection for all witnesses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<T> {
    /// The source port on the client's side.
    pub port: u16,
    /// What the witness says; `None` where it never learnt.
    pub word: Option<T>,
}

/// The first [`CAPACITY`] connections of a witness.
#[derive(Clone, Debug)]
pub struct Roll<T> {
    entries: Vec<Entry<T>>,
    beyond: u64,
}

impl<T> Default for Roll<T> {
    fn default() -> Roll<T> {
        Roll { entries: Vec::new(), beyond: 0 }
    }
}

impl<T: Copy> Roll<T> {
    /// Enters the next use of `port`; gives the place for [`Roll::tell`].
    pub fn enter(&mut self, port: u16, word: Option<T>) -> Option<usize> {
        if self.entries.len() >= CAPACITY {
            self.beyond += 1;
            return None;
        }
        self.entries.push(Entry { port, word });
        Some(self.entries.len() - 1)
    }

    /// Says how the connection at `place` ended.
    pub fn tell(&mut self, place: usize, word: T) {
        if let Some(entry) = self.entries.get_mut(place) {
            entry.word = Some(word);
        }
    }

    /// The listed connections in order.
    pub fn entries(&self) -> &[Entry<T>] {
        &self.entries
    }

    /// How many came after the list was full.
    pub fn beyond(&self) -> u64 {
        self.beyond
    }
}

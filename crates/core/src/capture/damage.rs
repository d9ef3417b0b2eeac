//! Where and why a capture could not be read on.

use core::fmt;

/// A place from which on a capture can't be read. What came before it was read whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The offset in octets of the file header, record or block that can't be read.
    pub at: u64,
    /// How many frames were read before it.
    pub frame: u64,
    /// What is wrong there.
    pub what: Flaw,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let frames = if self.frame == 1 { "frame" } else { "frames" };
        write!(f, "at octet {}, after {} {frames}: {}", self.at, self.frame, self.what)
    }
}

/// What is wrong with a record or block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// The input ends within it.
    Cut {
        /// So many of its octets are there.
        octets: u64,
    },
    /// The input itself can't be read on, such as a packed one that is cut or damaged; in its own words.
    Unreadable(String),
    /// A length that can't be right: too small for what must be there, or larger than anything of its kind.
    Length(u32),
    /// A pcapng block gives its length at both ends, and they differ.
    Lengths {
        /// At its beginning.
        first: u32,
        /// At its end.
        last: u32,
    },
    /// A pcapng section with a byte-order magic that is none, as big-endian octets.
    ByteOrder(u32),
    /// A pcapng section of another major version than 1.
    Version(u16),
    /// A packet of an interface that its section doesn't describe.
    UnknownInterface(u32),
    /// More interfaces than are told apart.
    TooManyInterfaces,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Flaw::Cut { octets } => write!(f, "cut off, {octets} octets of it are there"),
            Flaw::Unreadable(error) => write!(f, "can't be read on: {error}"),
            Flaw::Length(length) => write!(f, "a length of {length} octets can't be right"),
            Flaw::Lengths { first, last } => write!(f, "a block of {first} octets ends as one of {last}"),
            Flaw::ByteOrder(magic) => write!(f, "0x{magic:08x} is no byte-order magic"),
            Flaw::Version(major) => write!(f, "pcapng of version {major} is not known"),
            Flaw::UnknownInterface(interface) => write!(f, "interface {interface} was not described"),
            Flaw::TooManyInterfaces => f.write_str("too many interfaces"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Damage, Flaw};

    #[test]
    fn damage_reads_as_a_sentence() {
        let damage = Damage { at: 120, frame: 1, what: Flaw::Cut { octets: 7 } };
        assert_eq!(damage.to_string(), "at octet 120, after 1 frame: cut off, 7 octets of it are there");
    }
}

//! Whether a segment's checksum was looked at, and what came of it (RFC 9293 section 3.1).

/// What is known of a segment's checksum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Checksum {
    /// Nobody looked, or nobody could: the segment was cut, or its sender left the sum to its network card.
    #[default]
    NotChecked,
    /// It fits the segment.
    Good,
    /// It doesn't: no host will take the segment.
    Bad,
}

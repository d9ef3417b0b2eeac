//! What became of a reset between two captures.

/// What became of a reset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Both captures have it, unchanged.
    Arrived,
    /// The capture nearer to its sender has it, the other doesn't.
    Lost,
    /// The capture nearer to its victim has it, and the other one, which covers that time, has none.
    NeverSent,
    /// Both have it, and it isn't the same any more.
    Changed(Vec<Change>),
    /// It can't be told.
    NotComparable(Why),
}

/// A field that isn't the same in both captures, though the connection's other segments don't explain it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which.
    pub field: Field,
    /// In the first capture and in the second; of sequence numbers the second is counted as in the first.
    pub values: [u32; 2],
}

/// A field of a reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// Time to live, by another number of hops than the connection's other segments.
    Ttl,
    /// The IP identification.
    IpId,
    /// The control bits.
    Flags,
    /// The sequence number.
    Seq,
    /// The acknowledgment number.
    Ack,
    /// The window.
    Window,
    /// TSval of the timestamps option; 0 also where there is none.
    Timestamp,
    /// The length of the payload.
    Payload,
    /// What the payload or an MP_TCPRST option says; the values are digests.
    Content,
}

/// Why it can't be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// The other capture doesn't know the connection.
    UnknownConnection,
    /// The other capture doesn't cover that time.
    NotCovered,
    /// The other capture is damaged, and ends before.
    Damaged,
    /// The other capture shows nothing else of this direction.
    OneDirection,
    /// The other capture misses segments of this direction that were there.
    Gaps,
    /// Frames of the other capture are cut so short that a reset may hide in them.
    SnapLength,
    /// It isn't known which capture lies nearer to the sender.
    SidesUnclear,
    /// There were too many resets or connections to remember.
    TooMany,
}

impl Fate {
    /// The word for it in records.
    pub const fn word(&self) -> &'static str {
        match self {
            Fate::Arrived => "arrived",
            Fate::Lost => "lost",
            Fate::NeverSent => "never-sent",
            Fate::Changed(_) => "changed",
            Fate::NotComparable(_) => "not-comparable",
        }
    }
}

impl Field {
    /// The word for it in records.
    pub const fn word(self) -> &'static str {
        match self {
            Field::Ttl => "ttl",
            Field::IpId => "ip-id",
            Field::Flags => "flags",
            Field::Seq => "seq",
            Field::Ack => "ack",
            Field::Window => "window",
            Field::Timestamp => "timestamp",
            Field::Payload => "payload",
            Field::Content => "content",
        }
    }
}

impl Why {
    /// The word for it in records.
    pub const fn word(self) -> &'static str {
        match self {
            Why::UnknownConnection => "unknown-connection",
            Why::NotCovered => "not-covered",
            Why::Damaged => "damaged",
            Why::OneDirection => "one-direction",
            Why::Gaps => "gaps",
            Why::SnapLength => "snap-length",
            Why::SidesUnclear => "sides-unclear",
            Why::TooMany => "too-many",
        }
    }

    /// It as a sentence.
    pub const fn sentence(self) -> &'static str {
        match self {
            Why::UnknownConnection => "the other capture doesn't know its connection",
            Why::NotCovered => "the other capture doesn't surely cover that time",
            Why::Damaged => "the other capture is damaged before that time",
            Why::OneDirection => "the other capture shows nothing else of this direction",
            Why::Gaps => "the other capture misses other segments of this direction too",
            Why::SnapLength => "the other capture has frames cut so short that a reset may hide in them",
            Why::SidesUnclear => "it is unclear which capture lies nearer to which end",
            Why::TooMany => "there were too many resets or connections to remember",
        }
    }
}

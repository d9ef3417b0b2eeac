//! A reset in one capture or in both, and what became of it.

use super::conclusion::Conclusion;
use super::fate::Fate;
use super::sides::Place;
use super::tap::Own;
use crate::tcp::Segment;

/// A reset as one capture saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighted {
    /// The reset.
    pub segment: Segment,
    /// What that capture alone says of it; `None` where it isn't judged, since its connection had too many.
    pub own: Option<Own>,
    pub(super) course: u32,
    pub(super) end: u8,
    /// Of what it carried.
    pub(super) digest: u64,
}

/// One reset, brought together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pairing {
    /// In the first capture and in the second. At least one has it.
    pub seen: [Option<Sighted>; 2],
    /// What became of it.
    pub fate: Fate,
    /// Where each capture stands, as this connection shows it.
    pub places: [Place; 2],
    /// The capture that lies nearer to the end whose address it bears, if that is known: 0 or 1.
    pub near_sender: Option<usize>,
    /// Whether its connection bears other addresses or ports in the other capture.
    pub translated: bool,
    /// Whether its connection has other sequence numbers in the other capture.
    pub renumbered: bool,
    /// What both captures say of it together; `None` where they don't say more than each alone.
    pub conclusion: Option<Conclusion>,
}

impl Pairing {
    /// It, where it was seen; in the first capture if in both.
    pub fn any(&self) -> Option<&Sighted> {
        self.seen.iter().flatten().next()
    }

    /// Whether one of the captures alone, or both together, leave it without a cause.
    pub fn is_unexplained(&self) -> bool {
        match &self.conclusion {
            Some(conclusion) => conclusion.cause.is_none(),
            None => self.owns().all(|own| own.verdict.cause().is_none()),
        }
    }

    /// Whether it did harm, by what either capture shows. One that was lost did none to its victim.
    pub fn is_harmful(&self) -> bool {
        self.owns().any(|own| own.harm.is_harmful())
    }

    /// What the captures alone say.
    pub fn owns(&self) -> impl Iterator<Item = &Own> {
        self.seen.iter().flatten().filter_map(|sighted| sighted.own.as_ref())
    }
}

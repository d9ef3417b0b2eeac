//! What a reset cost: data that was lost or left unanswered, or nothing.

use super::facts::{Facts, Progress};
use super::shape::Shape;

/// What a reset cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Harm {
    /// Nothing.
    None(Why),
    /// An established connection was cut; nothing was under way.
    Cut,
    /// Octets were under way that their receiver hadn't acknowledged.
    Lost {
        /// Octets of the reset's sender.
        of_sender: u32,
        /// Octets of the victim.
        of_victim: u32,
    },
    /// All was acknowledged, and what one side had sent last (a request, perhaps) was never answered.
    Unanswered,
    /// The capture doesn't show enough: one direction is missing.
    Unknown,
}

/// Why a reset did no harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// A connection that was asked for was refused.
    Refused,
    /// The connection never came to be.
    NotEstablished,
    /// Both sides had closed, and all was acknowledged.
    BothClosed,
    /// The victim had closed, and all was acknowledged.
    VictimClosed,
    /// The victim went on: it didn't take the reset.
    NotTaken,
    /// It belongs to no connection that was open.
    Stray,
    /// An earlier reset had ended the connection.
    Repeated,
}

impl Harm {
    /// The harm of a reset, by what was measured. `taken` is false where the victim went on as if nothing had come, `first` where
    /// no other reset came before it in its connection.
    pub fn of(facts: &Facts, taken: bool, first: bool) -> Harm {
        if !taken {
            return Harm::None(Why::NotTaken);
        }
        if !first {
            return Harm::None(Why::Repeated);
        }
        if facts.shape == Shape::Refusal && facts.progress <= Progress::Opening {
            return Harm::None(Why::Refused);
        }
        let octets = |side: &super::facts::Before| {
            let fin = u32::from(side.fin.is_some() && !side.fin_acked);
            side.unacknowledged.map(|octets| octets.saturating_sub(fin))
        };
        let (of_sender, of_victim) = (octets(&facts.sender), octets(&facts.victim));
        match facts.progress {
            Progress::Opening | Progress::Answered => return Harm::None(Why::NotEstablished),
            Progress::Midstream if facts.sender.data_segments + facts.victim.data_segments == 0 => {
                return Harm::None(Why::Stray);
            }
            _ => {}
        }
        match (of_sender, of_victim) {
            (None, _) | (_, None) => Harm::Unknown,
            (Some(0), Some(0)) if facts.progress == Progress::Closed => Harm::None(Why::BothClosed),
            (Some(0), Some(0)) if facts.victim.fin.is_some() => Harm::None(Why::VictimClosed),
            (Some(0), Some(0)) if facts.victim.waits_for_answer_of(&facts.sender) => Harm::Unanswered,
            (Some(0), Some(0)) => Harm::Cut,
            (Some(of_sender), Some(of_victim)) => Harm::Lost { of_sender, of_victim },
        }
    }

    /// Whether data was lost or left unanswered.
    pub const fn is_harmful(self) -> bool {
        matches!(self, Harm::Lost { .. } | Harm::Unanswered)
    }

    /// The word for it in records.
    pub const fn word(self) -> &'static str {
        match self {
            Harm::None(_) => "none",
            Harm::Cut => "cut",
            Harm::Lost { .. } => "lost",
            Harm::Unanswered => "unanswered",
            Harm::Unknown => "unknown",
        }
    }
}

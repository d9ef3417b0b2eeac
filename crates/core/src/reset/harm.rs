//! What a reset cost: data that was lost or left unanswered, or nothing.

use super::facts::{Before, Progress};
use super::observed::Observed;
use super::shape::Shape;
use crate::tcp::Side;

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
    /// The harm of a reset; `by` is the side that its addresses name.
    pub fn of(reset: &Observed, by: Side) -> Harm {
        if !reset.was_taken() {
            return Harm::None(Why::NotTaken);
        }
        if !reset.first {
            return Harm::None(Why::Repeated);
        }
        let facts = &reset.facts;
        let moved = facts.sender.data_segments + facts.victim.data_segments > 0;
        match facts.progress {
            Progress::Opening if facts.shape == Shape::Refusal => return Harm::None(Why::Refused),
            // Only a live socket sends an active one: there was a connection, and the capture missed part of it.
            Progress::Opening | Progress::Answered if facts.shape == Shape::Active || facts.is_one_sided() => {
                return Harm::Unknown;
            }
            Progress::Opening | Progress::Answered => return Harm::None(Why::NotEstablished),
            Progress::Midstream if facts.shape == Shape::Refusal => return Harm::None(Why::Refused),
            Progress::Midstream if !moved && facts.shape == Shape::Active => return Harm::Unknown,
            Progress::Midstream if !moved => return Harm::None(Why::Stray),
            _ => {}
        }
        let octets = |side: &Before| {
            let fin = u32::from(side.fin.is_some() && !side.fin_acked);
            side.unacknowledged.map(|octets| octets.saturating_sub(fin))
        };
        let (Some(of_sender), Some(of_victim)) = (octets(&facts.sender), octets(&facts.victim)) else {
            return Harm::Unknown;
        };
        let of_sender = of_sender.saturating_add(reset.overtook().map_or(0, |late| late.len));
        if of_sender > 0 || of_victim > 0 {
            return Harm::Lost { of_sender, of_victim };
        }
        // A client waits for the answer to its request; what a server sent last is an answer itself. With its FIN, a client sends
        // a request if it is the first thing that it sent, and else rather its farewell.
        let asked = reset.is_by_server(by) && facts.victim.waits_for_answer_of(&facts.sender);
        let closed = facts.victim.fin.is_some();
        match facts.progress {
            Progress::Closed => Harm::None(Why::BothClosed),
            _ if asked && (!closed || facts.sender.last_data.is_none()) => Harm::Unanswered,
            _ if closed => Harm::None(Why::VictimClosed),
            _ => Harm::Cut,
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

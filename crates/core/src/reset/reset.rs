//! One reset with what is concluded of it before its cause: which side it bears, who sent it, what it cost.

use core::ops::Deref;

use super::harm::Harm;
use super::observed::Observed;
use super::sender::Sender;
use crate::tcp::Side;

/// A reset as the cards get it.
#[derive(Clone, Debug)]
pub struct Reset {
    observed: Box<Observed>,
    /// The side whose addresses it bears.
    pub by: Side,
    /// Who sent it.
    pub sender: Sender,
    /// What it cost.
    pub harm: Harm,
}

impl Reset {
    /// Concludes who sent it and what it cost.
    pub fn of(observed: Box<Observed>, by: Side) -> Reset {
        let sender = Sender::of(&observed, by);
        let harm = Harm::of(&observed.facts, observed.was_taken(), observed.first);
        Reset { observed, by, sender, harm }
    }
}

impl From<Reset> for Box<Observed> {
    /// What was observed, to be used again.
    fn from(reset: Reset) -> Box<Observed> {
        reset.observed
    }
}

impl Deref for Reset {
    type Target = Observed;

    fn deref(&self) -> &Observed {
        &self.observed
    }
}

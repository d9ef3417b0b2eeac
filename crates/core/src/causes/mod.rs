//! The catalogue of causes: one file each. Its order means nothing.

mod accept_queue_overflow;
mod card;
mod linger_zero;
mod no_listener;

pub use card::{CauseId, GroupFacts, Opinion, Recogniser, ResetCause};

/// All causes, by name.
pub static CATALOGUE: [&ResetCause; 3] = [&accept_queue_overflow::CARD, &linger_zero::CARD, &no_listener::CARD];

/// The card of this name.
pub fn find(id: &str) -> Option<&'static ResetCause> {
    CATALOGUE.into_iter().find(|card| card.id.0 == id)
}

/// Whether the two can't be told apart by the wire alone. Either may name the other.
pub fn are_twins(one: &ResetCause, other: &ResetCause) -> bool {
    one.twin_of.contains(&other.id) || other.twin_of.contains(&one.id)
}

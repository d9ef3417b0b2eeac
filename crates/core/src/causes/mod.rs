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

/// The causes that can't be told from this one by the wire alone, by name.
pub fn twins(card: &ResetCause) -> impl Iterator<Item = &'static ResetCause> {
    CATALOGUE.into_iter().filter(move |other| other.id != card.id && are_twins(card, other))
}

/// Whether the two can't be told apart by the wire alone. Either may name the other.
pub fn are_twins(one: &ResetCause, other: &ResetCause) -> bool {
    one.twin_of.contains(&other.id) || other.twin_of.contains(&one.id)
}

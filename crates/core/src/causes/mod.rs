//! The catalogue of causes: one file each. Its order means nothing.

mod abort_on_close;
mod abort_on_linger;
mod accept_queue_overflow;
mod administrative_kill;
mod bad_handshake_ack;
mod card;
mod connection_limit;
mod crash_with_unread_data;
mod data_after_close;
mod disconnect;
mod firewall_reject;
mod forged_both_ends;
mod forged_exact;
mod forged_in_window;
mod forged_out_of_window;
mod forged_stepped;
mod half_open;
mod idle_timeout;
mod keepalive_timeout;
mod linger_zero;
mod listener_closed;
mod nat_without_mapping;
mod no_listener;
mod reset_after_fin;
mod stray_segment;
mod syn_proxy;

pub use card::{CauseId, GroupFacts, KernelWord, Opinion, Recogniser, ResetCause};

/// All causes, by name.
pub static CATALOGUE: [&ResetCause; 25] = [
    &abort_on_close::CARD,
    &abort_on_linger::CARD,
    &accept_queue_overflow::CARD,
    &administrative_kill::CARD,
    &bad_handshake_ack::CARD,
    &connection_limit::CARD,
    &crash_with_unread_data::CARD,
    &data_after_close::CARD,
    &disconnect::CARD,
    &firewall_reject::CARD,
    &forged_both_ends::CARD,
    &forged_exact::CARD,
    &forged_in_window::CARD,
    &forged_out_of_window::CARD,
    &forged_stepped::CARD,
    &half_open::CARD,
    &idle_timeout::CARD,
    &keepalive_timeout::CARD,
    &linger_zero::CARD,
    &listener_closed::CARD,
    &nat_without_mapping::CARD,
    &no_listener::CARD,
    &reset_after_fin::CARD,
    &stray_segment::CARD,
    &syn_proxy::CARD,
];

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

//! Segments become flows: every TCP connection followed from its SYN to its end, by packet time only.

mod connection;
mod duplicates;
mod flow_table;
mod followed;
mod indicators;
mod outcome;
pub(crate) mod pair;
mod per_side;
mod places;
mod queue;
mod slots;
mod table;
pub mod zeek;

pub use connection::{Event, Flow, Resets, Sides, Sighting, SynAck};
pub use duplicates::Duplicates;
pub use flow_table::{FlowTable, Limits};
pub use indicators::Indicators;
pub use outcome::CloseKind;
pub use per_side::PerSide;
pub(crate) use slots::Place;
pub(crate) use table::AHEAD;

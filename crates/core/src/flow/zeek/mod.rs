//! Connections by Zeek's own rules, so that a record says what a `conn.log` of the same capture says.
//!
//! A [`Connection`] is one row: where it begins and ends, who is its originator, its state, its letters, its counts. The rules
//! are those of Zeek's sources (`TCPSessionAdapter.cc`, `TCP_Endpoint.cc`, `TCP_Reassembler.cc`, `IPBasedAnalyzer.cc`,
//! `base/protocols/conn`), with its default scripts. They differ from [`Flow`](super::Flow)'s in what a connection is: here a
//! RST ends one, and what comes more than five seconds after it is another one.

mod completeness;
mod connection;
mod half;
mod history;
mod identity;
mod lifetime;
mod roles;
mod state;
mod stream;
mod timers;
mod tracked;
mod young;

pub use completeness::Completeness;
pub use connection::Connection;
pub use history::History;
pub use identity::{CommunityId, Uid};
pub(crate) use identity::{community_id, uid};
pub use lifetime::{ConnectionTable, Limits};
pub use state::{ConnState, EndpointState};
pub use tracked::{Keep, Tracked, TrackedTable};
pub(crate) use young::MOST_LINES;
pub use young::{Line, Young};

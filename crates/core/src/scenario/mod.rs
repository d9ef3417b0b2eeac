//! An experiment as data: who stands where, what each does in turn, and what every witness must show.

mod cast;
mod filter;
mod forgery;
pub mod fragment;
mod plan;
mod play;
mod step;

pub use crate::tcp::IpVersion;
pub use cast::{Host, Tap, Topology};
pub use filter::{Conntrack, Hook, Match, Rule, Then};
pub use forgery::{Ack, Disguise, Forgery, Number, Replies};
pub use play::{Count, Ending, Play, Quantity, Shows, Told};
pub use step::{Condition, Connecting, Direction, Fate, Name, Peer, SocketOption, Step, Until};

/// The port that a play's server listens on.
pub const SERVICE: u16 = 8080;

/// A port that nobody listens on.
pub const CLOSED: u16 = 8081;

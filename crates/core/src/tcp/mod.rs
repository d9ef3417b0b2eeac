//! The nouns of TCP at rest: sequence numbers, flags, endpoints, segments (RFC 9293).

mod checksum;
mod endpoint;
mod flags;
mod segment;
mod seq;

pub use checksum::Checksum;
pub use endpoint::{Endpoint, FlowKey, Side};
pub use flags::Flags;
pub use segment::{IpFacts, Segment};
pub use seq::SeqNumber;

//! The nouns of TCP at rest: sequence numbers, flags, endpoints, segments (RFC 9293).

mod checksum;
mod endpoint;
mod flags;
mod ip_version;
mod segment;
mod seq;

pub use checksum::Checksum;
pub use endpoint::{Endpoint, FlowKey, Side};
pub use flags::Flags;
pub use ip_version::IpVersion;
pub use segment::{IpFacts, Segment};
pub use seq::SeqNumber;

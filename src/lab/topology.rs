//! Who stands where: source and destination, joined by a bridge in the observer.
//!
//! ```text
//!   pp-source             pp-observer                pp-dest
//!   veth-src 10.0.1.1 --- veth-src [br0] veth-dst --- veth-dst 10.0.1.2
//! ```

use std::net::Ipv4Addr;

/// The client's address.
pub const SOURCE: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 1);
/// The server's address.
pub const DESTINATION: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 2);
/// Both are in this network: 10.0.1.0/24.
pub const PREFIX: u8 = 24;

/// The source's link, and the bridge port at its other end.
pub const SOURCE_LINK: &str = "veth-src";
/// The destination's link, and the bridge port at its other end.
pub const DESTINATION_LINK: &str = "veth-dst";
/// The observer's bridge.
pub const BRIDGE: &str = "br0";

/// The named namespace of the source.
pub const SOURCE_NAME: &str = "pp-source";
/// The named namespace of the observer.
pub const OBSERVER_NAME: &str = "pp-observer";
/// The named namespace of the destination.
pub const DESTINATION_NAME: &str = "pp-dest";

/// What marks a named namespace as made by this program: the alias of its `lo`, so that the mark lives and dies with
/// the namespace. JitterTrap uses the same names, and theirs are neither used nor deleted.
pub const MARK: &str = "rst-storm lab";

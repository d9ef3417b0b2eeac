//! Decoding against an independent oracle: what etherparse builds, `decode` must read; and nothing may make it panic.

mod encode;
mod ethernet;
mod inspect;
mod links;
mod packets;
mod tunnels;

//! The Linux kernel's doors: namespaces, links, offloads, sysctls, counters, the packet ring, privileges.
//!
//! All of this project's `unsafe` and all of its privilege live here, in thin functions without policy: they know
//! no cause and decide nothing. What is refused comes back as an [`Error`] that names the operation, the object
//! and the errno. A network namespace belongs to a *thread*: whatever says "the calling thread's namespace" below
//! means just that, and [`netns::NetNamespace::run`] lends a thread that lives in another.

pub mod conntrack;
pub mod counters;
pub mod epoll;
pub mod error;
pub mod frames;
pub mod input;
pub mod link;
pub mod named;
pub mod netfilter;
mod netlink;
pub mod netns;
pub mod offload;
pub mod packet_socket;
pub mod privilege;
pub mod processors;
pub mod signals;
pub mod sock_diag;
pub mod socket;
pub mod sysctl;
pub mod tcp_socket;
pub mod tcp_state;
pub mod tracepoint;
pub mod usage;
pub mod user_namespace;
pub mod victim;

pub use error::{Cause, During, Error, Result};

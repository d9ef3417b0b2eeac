//! The nouns and judgements of rst-storm: segments, captures, flows. Nothing here touches the world.
//!
//! This crate opens no socket or file, reads no clock, starts no thread and looks at no environment variable:
//! bytes come in through a slice or an `impl Read`, time is packet time. `tests/purity.rs` keeps it so.

#![forbid(unsafe_code)]

pub mod capture;
pub mod causes;
pub mod explain;
pub mod flow;
pub mod kernel;
pub mod reset;
pub mod scenario;
pub mod tcp;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod vantages;
pub mod wire;

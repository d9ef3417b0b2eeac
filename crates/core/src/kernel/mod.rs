//! The kernel's own word on resets: the tracepoints tcp:tcp_send_reset and tcp:tcp_receive_reset, and what they allow.
//!
//! Bytes and texts come from outside. Numbers of reasons shift between kernels, so that all is known by name, as the
//! running kernel's format file has it.

mod coverage;
mod death;
mod decoder;
mod event;
mod format;
mod mechanism;
mod mechanism_set;

pub use coverage::{COVERAGE, Coverage, REASONS_SINCE};
pub use death::{Deaths, REMEMBERED_FOR, REMEMBERED_THREADS};
pub use decoder::{Decoder, ExitFields, SignalFields, Told};
pub use event::{Context, Direction, KernelReset, Kind, Life, Process};
pub use format::{Field, Format, FormatError, Name};
pub use mechanism::Mechanism;
pub use mechanism_set::MechanismSet;

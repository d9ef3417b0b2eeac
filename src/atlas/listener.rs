//! Who listens to the kernel while plays are played.

use rst_storm_core::capture::Timestamp;
use rst_storm_core::kernel::KernelReset;

use crate::watch::TraceRecord;

/// Who listens to the kernel.
pub trait Listener {
    /// What was sent since the last call.
    fn hear(&mut self) -> Vec<KernelReset>;
    /// How many events were lost, by what was known at the last call of [`Listener::hear`]; it never falls.
    fn lost(&self) -> u64;
    /// What is listened to, and how.
    fn describe(&self) -> TraceRecord<'static>;
    /// The time, by the clock of the events.
    fn now(&self) -> Timestamp;
}

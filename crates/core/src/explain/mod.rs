//! Segments in, verdicts out: every connection as a record, every reset with who sent it, why, and what it cost.
//!
//! An [`Explainer`] takes segments in the order of their capture and gives a [`Record`] for each connection when it ends. A reset is
//! judged then and not before, so that what followed it counts. What many resets have in common is judged once, on [`Group`]s.

mod alike;
mod aside;
mod brief;
mod check;
mod desk;
mod detail;
mod ended;
mod explainer;
mod frame_number;
mod group;
mod group_table;
mod hearing;
mod kept;
mod likeness;
mod lookalike;
mod memory;
mod opening;
mod radar;
mod record;
mod selection;
mod service;
mod standing;
mod summary;
mod tally;
mod vantage;
mod verdict;
mod witness;

pub use aside::Aside;
pub use brief::Briefs;
pub use check::{Checked, Fused, KernelCheck, KernelSaid, check};
pub use ended::Ended;
pub use explainer::{Explainer, Limits};
pub use frame_number::FrameNumber;
pub use group::{Group, GroupKey};
pub use hearing::{ClockOffset, Hearing, TOLERANCE, estimate_offset};
pub use lookalike::{Lookalike, Pattern, Sample};
pub use radar::{Signature, Stage};
pub use record::{GroupId, Judged, Record};
pub use selection::Selection;
pub use service::{STORM_RESETS, STORM_SHARE, STORM_WITHIN, Service, Storm};
pub use summary::Summary;
pub use tally::Tally;
pub use vantage::Vantage;
pub use verdict::{Verdict, judge};
pub use witness::{Beyond, KernelWitness, Watched};

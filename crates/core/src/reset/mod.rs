//! One reset and all that can be measured about it: who sent it is decided here, why is left to the cards.

mod aftermath;
mod diagnostic;
mod evidence;
mod facts;
mod harm;
mod marks;
mod neighbours;
mod observed;
pub mod payload;
#[expect(clippy::module_inception, reason = "the room's main noun")]
mod reset;
mod sender;
mod shape;
mod stack;
mod suspicion;
mod trace;
mod trail;
mod unread;
mod visible;

pub use aftermath::Aftermath;
pub use evidence::{Evidence, Finding, Grounds, SPAN_LEN, Sentence, Span, Stance, Value};
pub use facts::{Before, Facts, Progress, Timestamps};
pub use harm::{Harm, Why};
pub use neighbours::{Earlier, EarlierEnd, Neighbours, Service, Translated};
pub use observed::Observed;
pub use reset::Reset;
pub use sender::{Sender, Who};
pub use shape::Shape;
pub use stack::{IdStep, LinuxFit, Stack};
pub use trace::{REORDERING_NANOS, Trace};
pub use trail::{End, Probes, Trail};
pub use unread::Unread;

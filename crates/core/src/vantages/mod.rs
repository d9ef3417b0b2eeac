//! Two captures of the same traffic, each taken near another end: what became of every reset on the way.
//!
//! A [`Tap`] takes the segments of one capture and keeps compact facts of them. [`compare`] brings two taps together: connections by
//! their initial sequence numbers, resets by their numbers and order. Times decide nothing but ties, so that the two clocks may differ.

mod clock;
mod comparison;
mod conclusion;
mod course;
mod cover;
mod fate;
mod matching;
mod pairing;
mod same;
mod sides;
mod tap;

pub use clock::Clock;
pub use comparison::{Comparison, Tally, compare};
pub use conclusion::Conclusion;
pub use cover::Cover;
pub use fate::{Change, Fate, Field, Why};
pub use pairing::{Pairing, Sighted};
pub use sides::{Order, Place};
pub use tap::{Bounds, Own, Tap};

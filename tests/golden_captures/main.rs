//! Resets that were really made, each in a way that its capture's name tells, and what is told of them.
//!
//! The captures stand in `tests/golden/captures`; a README there says how each was made. A verdict may fall short of the truth,
//! never contradict it: the truth is the best finding or one of those that it can't be told from, and nothing else is certain.

mod atlas;
mod capture;
mod cuts;
mod fuzz;
mod mutate;
mod reports;
mod told;
mod truth;
mod variants;

//! `rst-storm explain` as it is used: conversations made into captures, and what the program says of them.

mod annotate;
mod captures;
#[path = "../common/mod.rs"]
mod common;
mod encode;
mod exits;
mod filters;
mod golden;
mod hostile;
mod kernel;
mod live;
mod lookalikes;
mod properties;
mod schema;
mod story;
mod sums;
mod text;
mod told;
mod turns;
mod vantages;

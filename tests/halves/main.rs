//! The two halves by themselves, on loopback: their text word for word, every option, every way to end.

mod attempts;
mod checks;
#[path = "../common/mod.rs"]
mod common;
mod endings;
mod json;
mod meeting;
mod refusals;
mod shortages;
mod talk;
mod text;

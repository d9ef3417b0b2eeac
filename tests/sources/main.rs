//! Where segments come from: files packed and plain, pipes, several at once, and what is wrong with them.

mod build;
#[path = "../common/mod.rs"]
mod common;
mod duplicates;
mod errors;
mod files;
mod live;
mod merged;

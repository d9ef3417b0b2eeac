//! rst-storm makes TCP resets, explains them, and proves what it saw.

#![forbid(unsafe_code)]

pub mod actor;
pub mod atlas;
pub mod cli;
pub mod lab;
pub mod report;
pub mod storm;
pub mod watch;

pub use cli::main;

//! The atlas: plays are played side by side, explained from the wire, checked against the kernel, and laid out as a matrix.

pub mod choice;
pub mod coverage;
pub mod events;
pub mod folder;
pub mod judge;
pub mod listener;
pub mod matrix;
pub mod row;
pub mod schedule;
pub mod wire;

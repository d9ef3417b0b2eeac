//! What trace tells: text for people, records for programs.

pub mod records;
pub mod text;

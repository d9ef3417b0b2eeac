//! The comparison of RST and FIN: a table for people, records for programs.

pub mod records;
pub mod text;

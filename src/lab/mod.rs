//! The lab: three network namespaces, an observer between two hosts, and the ledger in which all witnesses must agree.

pub mod capture_file;
pub mod compare;
#[cfg(test)]
pub mod fixture;
pub mod indicators;
pub mod ledger;
pub mod namespaces;
pub mod network;
pub mod observer;
pub mod play;
pub mod run;
pub mod topology;

//! The lab: three network namespaces, an observer between two hosts, and the ledger in which all witnesses must agree.

pub mod topology;

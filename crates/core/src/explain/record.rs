//! What is told of one connection.

use super::radar::{Signature, Stage};
use super::vantage::Vantage;
use super::verdict::Verdict;
use crate::flow::zeek::Connection;
use crate::reset::Reset;
use crate::tcp::Side;

/// One connection, with its resets judged.
#[derive(Clone, Debug)]
pub struct Record {
    /// The connection by Zeek's rules.
    pub connection: Connection,
    /// Its resets, up to a bound, in the order in which they were seen.
    pub resets: Vec<Judged>,
    /// Its resets beyond these.
    pub unlisted: u32,
    /// How far it came before it broke off.
    pub stage: Stage,
    /// How it broke off, as the responder saw it.
    pub signature: Option<Signature>,
    /// Where the capture was probably taken.
    pub vantage: Vantage,
    /// Whether one side sent more than a thousand resets with less than a second between them: Zeek's RST_storm.
    pub rst_storm: bool,
}

/// The number of a group, from 1 in the order in which they were first seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub u32);

/// A reset with its verdict.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The reset, who sent it, what it cost.
    pub reset: Reset,
    /// Why.
    pub verdict: Verdict,
    /// The group of resets like it.
    pub group: Option<GroupId>,
}

impl Record {
    /// The side whose reset was the first.
    pub fn rst_first(&self) -> Option<Side> {
        self.connection.rst_first.map(|(side, _)| side)
    }
}

//! Which connections are told of.

use core::net::IpAddr;

use super::record::Record;
use crate::causes::CauseId;

/// What a connection must have to be told of; all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// A reset.
    pub only_resets: bool,
    /// One of these addresses, if any are named.
    pub hosts: Vec<IpAddr>,
    /// One of these ports, if any are named.
    pub ports: Vec<u16>,
    /// A reset in this frame, if one is named.
    pub frame: Option<u64>,
    /// A reset with one of these causes as its best, if any are named.
    pub causes: Vec<CauseId>,
}

impl Selection {
    /// Whether this connection is told of.
    pub fn takes(&self, record: &Record) -> bool {
        let connection = &record.connection;
        let (orig, resp) = (connection.originator, connection.responder);
        let caused = |id: &CauseId| record.resets.iter().any(|judged| judged.verdict.cause() == Some(*id));
        let in_frame = |frame: u64| record.resets.iter().any(|judged| judged.reset.segment.frame == frame);
        self.frame.is_none_or(in_frame)
            && (!self.only_resets || !record.resets.is_empty())
            && (self.hosts.is_empty() || self.hosts.contains(&orig.addr) || self.hosts.contains(&resp.addr))
            && (self.ports.is_empty() || self.ports.contains(&orig.port) || self.ports.contains(&resp.port))
            && (self.causes.is_empty() || self.causes.iter().any(caused))
    }

    /// Whether it takes each connection that was reset.
    pub(super) fn takes_every_reset(&self) -> bool {
        *self == Selection { only_resets: self.only_resets, ..Selection::default() }
    }

    /// Whether it asks for anything.
    pub fn is_empty(&self) -> bool {
        *self == Selection::default()
    }
}

//! How far a connection came before it broke off, and its tampering signature, in the words of the literature.
//!
//! Stages are named by the keys of Cloudflare Radar's TCP reset and timeout statistics. Both look at no more than the first ten
//! packets that reached the responder, as a server's side sees them: what the responder itself sent doesn't show.

use core::fmt;

use crate::tcp::{Endpoint, Segment};

/// The packets of a connection that are looked at.
const MOST_PACKETS: u8 = 10;

/// How far a connection came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Its SYN came, and nothing else.
    PostSyn,
    /// The handshake was done.
    PostAck,
    /// One segment of data came.
    PostPsh,
    /// More than one came.
    LaterInFlow,
    /// None of these within ten packets, or it didn't break off.
    NoMatch,
}

impl Stage {
    /// Radar's key for it.
    pub const fn word(self) -> &'static str {
        match self {
            Stage::PostSyn => "post_syn",
            Stage::PostAck => "post_ack",
            Stage::PostPsh => "post_psh",
            Stage::LaterInFlow => "later_in_flow",
            Stage::NoMatch => "no_match",
        }
    }
}

/// What reached the responder, from its first packet on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Inbound {
    originator: Option<Endpoint>,
    packets: u8,
    syn: bool,
    ack: bool,
    data: u8,
    fin: bool,
    rst: u8,
    rst_ack: u8,
    acks: [u32; 2],
}

/// How a connection broke off: what reached the responder before, and which resets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Signature {
    stage: Stage,
    rst: u8,
    rst_ack: u8,
    acks: [u32; 2],
}

impl Inbound {
    /// Takes the connection's next segment.
    pub fn note(&mut self, segment: &Segment) {
        let originator = *self.originator.get_or_insert(segment.source);
        if segment.source != originator || self.packets > MOST_PACKETS {
            return;
        }
        self.packets += 1;
        if self.packets > MOST_PACKETS {
            return;
        }
        let flags = segment.flags;
        if flags.is_rst() {
            let seen = usize::from(self.rst + self.rst_ack);
            if let Some(ack) = self.acks.get_mut(seen) {
                *ack = segment.ack.0;
            }
            if flags.is_ack() { self.rst_ack += 1 } else { self.rst += 1 }
        } else if flags.is_syn() {
            self.syn |= !flags.is_ack();
        } else {
            self.fin |= flags.is_fin();
            self.ack |= flags.is_ack();
            self.data += u8::from(segment.payload_len > 0);
        }
    }

    /// The stage of a connection that broke off, with its signature. `ended` says that it is over or was given up, and not
    /// merely that the capture ends here.
    pub fn judge(&self, ended: bool, reset: bool, flipped: bool) -> (Stage, Option<Signature>) {
        let whole = self.syn && !self.fin && self.packets <= MOST_PACKETS && !flipped;
        if !whole || !(reset || ended) {
            return (Stage::NoMatch, None);
        }
        let stage = match (self.ack, self.data) {
            (false, 0) => Stage::PostSyn,
            (true, 0) => Stage::PostAck,
            (_, 1) => Stage::PostPsh,
            _ => Stage::LaterInFlow,
        };
        let signature = Signature { stage, rst: self.rst, rst_ack: self.rst_ack, acks: self.acks };
        (stage, Some(signature).filter(|signature| signature.is_known()))
    }
}

impl Signature {
    /// Whether the literature has a name for it.
    fn is_known(&self) -> bool {
        match (self.stage, self.rst, self.rst_ack) {
            (Stage::NoMatch, ..) => false,
            (Stage::LaterInFlow, rst, rst_ack) => (rst == 0) != (rst_ack == 0),
            (Stage::PostAck, rst, rst_ack) => rst == 0 || rst_ack == 0,
            _ => true,
        }
    }

    fn resets(&self) -> &'static str {
        let psh = self.stage == Stage::PostPsh;
        match (self.rst, self.rst_ack) {
            (0, 0) => "∅",
            (1, 0) => "RST",
            (_, 0) if psh && self.acks.contains(&0) => "RST; RST₀",
            (_, 0) if psh && self.acks[0] == self.acks[1] => "RST = RST",
            (_, 0) if psh => "RST ≠ RST",
            (_, 0) if self.stage == Stage::PostAck => "RST; RST",
            (_, 0) => "RST",
            (0, 1) => "RST+ACK",
            (0, _) if psh || self.stage == Stage::PostAck => "RST+ACK; RST+ACK",
            (0, _) => "RST+ACK",
            _ => "RST; RST+ACK",
        }
    }
}

impl fmt::Display for Signature {
    /// `⟨SYN; ACK → RST⟩`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let before = match self.stage {
            Stage::PostSyn => "SYN",
            Stage::PostAck => "SYN; ACK",
            Stage::PostPsh => "PSH+ACK",
            Stage::LaterInFlow | Stage::NoMatch => "PSH+ACK; Data",
        };
        write!(f, "⟨{before} → {}⟩", self.resets())
    }
}

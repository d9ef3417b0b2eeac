//! What Wireshark calls the completeness of a conversation.

use crate::tcp::Segment;

/// Which kinds of segment a connection has shown, in the bits of Wireshark's `tcp.completeness`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Completeness(pub u8);

impl Completeness {
    /// A SYN.
    pub const SYN: u8 = 1;
    /// A SYN-ACK.
    pub const SYN_ACK: u8 = 2;
    /// An acknowledgment beside neither SYN nor RST.
    pub const ACK: u8 = 4;
    /// Payload beside no RST.
    pub const DATA: u8 = 8;
    /// A FIN.
    pub const FIN: u8 = 16;
    /// A RST.
    pub const RST: u8 = 32;

    pub(super) fn add(&mut self, segment: &Segment) {
        let flags = segment.flags;
        let (syn, ack, rst) = (flags.is_syn(), flags.is_ack(), flags.is_rst());
        let shown = |seen: bool, bit: u8| if seen { bit } else { 0 };
        self.0 |= shown(syn && !ack, Completeness::SYN)
            | shown(syn && ack, Completeness::SYN_ACK)
            | shown(ack && !syn && !rst, Completeness::ACK)
            | shown(segment.payload_len > 0 && !rst, Completeness::DATA)
            | shown(flags.is_fin(), Completeness::FIN)
            | shown(rst, Completeness::RST);
    }
}

//! The control bits of a segment (RFC 9293 section 3.1, RFC 3168).

use core::fmt;

/// The eight control bits, as they stand in the header's 14th octet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags(pub u8);

impl Flags {
    /// No more data from the sender.
    pub const FIN: Flags = Flags(0x01);
    /// Synchronise sequence numbers.
    pub const SYN: Flags = Flags(0x02);
    /// Reset the connection.
    pub const RST: Flags = Flags(0x04);
    /// Push.
    pub const PSH: Flags = Flags(0x08);
    /// The acknowledgment field is significant.
    pub const ACK: Flags = Flags(0x10);
    /// The urgent pointer is significant.
    pub const URG: Flags = Flags(0x20);
    /// ECN echo (RFC 3168).
    pub const ECE: Flags = Flags(0x40);
    /// Congestion window reduced (RFC 3168).
    pub const CWR: Flags = Flags(0x80);

    /// Whether every bit of `other` is set here.
    pub const fn contains(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both sets together.
    pub const fn with(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }

    /// Whether RST is set.
    pub const fn is_rst(self) -> bool {
        self.contains(Flags::RST)
    }

    /// Whether SYN is set.
    pub const fn is_syn(self) -> bool {
        self.contains(Flags::SYN)
    }

    /// Whether FIN is set.
    pub const fn is_fin(self) -> bool {
        self.contains(Flags::FIN)
    }

    /// Whether ACK is set.
    pub const fn is_ack(self) -> bool {
        self.contains(Flags::ACK)
    }
}

impl fmt::Display for Flags {
    /// One letter a bit, in tcpdump's letters and order: `S`, `SA`, `RA`; `-` for none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LETTERS: [(Flags, &str); 8] = [
            (Flags::FIN, "F"),
            (Flags::SYN, "S"),
            (Flags::RST, "R"),
            (Flags::PSH, "P"),
            (Flags::ACK, "A"),
            (Flags::URG, "U"),
            (Flags::ECE, "E"),
            (Flags::CWR, "W"),
        ];
        if self.0 == 0 {
            return f.write_str("-");
        }
        for (flag, letter) in LETTERS {
            if self.contains(flag) {
                f.write_str(letter)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Flags;

    #[test]
    fn letters_follow_tcpdump() {
        assert_eq!(Flags::SYN.to_string(), "S");
        assert_eq!(Flags::RST.with(Flags::ACK).to_string(), "RA");
        assert_eq!(Flags::PSH.with(Flags::ACK).to_string(), "PA");
        assert_eq!(Flags::default().to_string(), "-");
    }
}

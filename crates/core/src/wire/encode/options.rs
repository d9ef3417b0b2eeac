//! The options of a segment that is to be sent.

const NO_OPERATION: u8 = 1;

/// One option (RFC 9293 section 3.2, RFC 7323, RFC 2018).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TcpOption {
    /// The maximum segment size.
    MaximumSegmentSize(u16),
    /// The shift of the window.
    WindowScale(u8),
    /// Selective acknowledgments may be sent.
    SackPermitted,
    /// TSval and TSecr.
    Timestamps {
        /// The sender's clock.
        value: u32,
        /// The peer's, as last seen.
        echo: u32,
    },
    /// Octets as they are, whether they make sense or not.
    Raw(Vec<u8>),
}

/// All of them, in whole words. The padding comes first, as hosts have it before timestamps: after octets that make no
/// sense it would be read as theirs.
pub(super) fn encode(options: &[TcpOption]) -> Vec<u8> {
    let mut octets = Vec::new();
    for option in options {
        match option {
            TcpOption::MaximumSegmentSize(size) => {
                octets.extend([2, 4]);
                octets.extend(size.to_be_bytes());
            }
            TcpOption::WindowScale(shift) => octets.extend([3, 3, *shift]),
            TcpOption::SackPermitted => octets.extend([4, 2]),
            TcpOption::Timestamps { value, echo } => {
                octets.extend([8, 10]);
                octets.extend(value.to_be_bytes());
                octets.extend(echo.to_be_bytes());
            }
            TcpOption::Raw(raw) => octets.extend(raw),
        }
    }
    let padding = octets.len().next_multiple_of(4) - octets.len();
    octets.splice(..0, std::iter::repeat_n(NO_OPERATION, padding));
    octets
}

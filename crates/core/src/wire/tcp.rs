//! The transport layer: the TCP header and its timestamps option.

use super::ip::Datagram;
use super::{Layer, Skip};
use crate::tcp::{Flags, SeqNumber};

const OPTION_END: u8 = 0;
const OPTION_NO_OPERATION: u8 = 1;
const OPTION_MSS: u8 = 2;
const OPTION_SACK_PERMITTED: u8 = 4;
const OPTION_TIMESTAMPS: u8 = 8;

/// A TCP header whose lengths have been checked against its datagram's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header<'a> {
    fixed: &'a [u8; 20],
    /// What was captured of the options.
    options: &'a [u8],
    payload_len: u32,
}

/// The TCP header of a datagram.
#[inline(always)]
pub(super) fn open<'a>(datagram: &Datagram<'a>) -> Result<Header<'a>, Skip> {
    if datagram.tcp_len < 20 {
        return Err(Skip::Malformed(Layer::Tcp));
    }
    let truncated = Skip::Truncated(Layer::Tcp);
    let (fixed, rest) = datagram.captured.split_first_chunk::<20>().ok_or(truncated)?;
    let header_len = u32::from(fixed[12] >> 4) * 4;
    if header_len < 20 || header_len > datagram.tcp_len {
        return Err(Skip::Malformed(Layer::Tcp));
    }
    Ok(Header {
        fixed,
        options: rest.get(..header_len as usize - 20).unwrap_or(rest),
        payload_len: datagram.tcp_len - header_len,
    })
}

impl<'a> Header<'a> {
    pub(super) fn source_port(&self) -> u16 {
        u16::from_be_bytes([self.fixed[0], self.fixed[1]])
    }

    pub(super) fn destination_port(&self) -> u16 {
        u16::from_be_bytes([self.fixed[2], self.fixed[3]])
    }

    pub(super) fn seq(&self) -> SeqNumber {
        let [_, _, _, _, a, b, c, d, ..] = *self.fixed;
        SeqNumber(u32::from_be_bytes([a, b, c, d]))
    }

    pub(super) fn ack(&self) -> SeqNumber {
        let [_, _, _, _, _, _, _, _, a, b, c, d, ..] = *self.fixed;
        SeqNumber(u32::from_be_bytes([a, b, c, d]))
    }

    pub(super) fn flags(&self) -> Flags {
        Flags(self.fixed[13])
    }

    pub(super) fn window(&self) -> u16 {
        u16::from_be_bytes([self.fixed[14], self.fixed[15]])
    }

    pub(super) fn checksum(&self) -> u16 {
        u16::from_be_bytes([self.fixed[16], self.fixed[17]])
    }

    pub(super) fn options(&self) -> &'a [u8] {
        self.options
    }

    pub(super) fn payload_len(&self) -> u32 {
        self.payload_len
    }

    /// As [`timestamp_value`] has it.
    #[inline(always)]
    pub(super) fn timestamp_value(&self) -> Option<u32> {
        timestamp_value(self.options)
    }
}

/// TSval of the first timestamps option that is whole (RFC 7323 section 3.2). Options after a malformed one are not read.
#[inline(always)]
pub(super) fn timestamp_value(options: &[u8]) -> Option<u32> {
    match *options {
        [] => None,
        // As all but SYNs have it (RFC 7323 appendix A).
        [OPTION_NO_OPERATION, OPTION_NO_OPERATION, OPTION_TIMESTAMPS, 10, a, b, c, d, _, _, _, _] => {
            Some(u32::from_be_bytes([a, b, c, d]))
        }
        // As Linux's SYNs have it.
        [OPTION_MSS, 4, _, _, OPTION_SACK_PERMITTED, 2, OPTION_TIMESTAMPS, 10, a, b, c, d, _, _, _, _, ..] => {
            Some(u32::from_be_bytes([a, b, c, d]))
        }
        _ => search_timestamp_value(options),
    }
}

fn search_timestamp_value(mut rest: &[u8]) -> Option<u32> {
    loop {
        match *rest {
            [] | [OPTION_END, ..] => return None,
            [OPTION_NO_OPERATION, ..] => rest = &rest[1..],
            [OPTION_TIMESTAMPS, 10, a, b, c, d, _, _, _, _, ..] => {
                return Some(u32::from_be_bytes([a, b, c, d]));
            }
            // The length counts the kind and itself, so anything under 2 would not move on.
            [_, length, ..] if length >= 2 => rest = rest.get(usize::from(length)..)?,
            _ => return None,
        }
    }
}

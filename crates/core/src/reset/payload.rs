//! What a reset carries beside its header, and what it says: payload (RFC 9293 section 3.5.3) and MP_TCPRST (RFC 8684 section 3.6).
//!
//! Whoever sends a reset chooses its octets, so every text here is safe to print: what could move a terminal's cursor, or
//! turn its line around, stands escaped.

use core::fmt;

pub use super::diagnostic::{Diagnostic, DiagnosticForm};
use super::visible::{self, Shortened};
use crate::wire::Contents;

/// The most octets of a reset's payload that are kept.
const MOST_OCTETS: usize = 1024;

/// Octets of a payload of no known form that are shown.
const SHOWN_OCTETS: usize = 16;

/// What a reset carried beside its header: the first 1,024 octets of its payload, and its MP_TCPRST option.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Carried {
    octets: Box<[u8]>,
    len: u32,
    mptcp: Option<MptcpReset>,
}

/// An MP_TCPRST option.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct MptcpReset {
    transient: bool,
    reason: u8,
}

/// What a reset says, decoded. Every text is escaped and bounded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// A BIG-IP's cause: `BIG-IP: [0xHEX:LINE] {peer} CAUSE`.
    BigIp {
        /// The number in brackets: which build and file.
        code: u64,
        /// The line in that file.
        line: u32,
        /// `{peer}`: the reset came in on the other side of the proxy and was relayed.
        relayed_from_peer: bool,
        /// The cause in the BIG-IP's words.
        cause: String,
    },
    /// A diagnostic payload (draft-ietf-tcpm-rst-diagnostic-payload).
    Diagnostic(Diagnostic),
    /// The MP_TCPRST option (RFC 8684 section 3.6).
    MptcpReset {
        /// The T bit: the condition may pass.
        transient: bool,
        /// The reason.
        reason: u8,
        /// The RFC's words for it.
        meaning: Option<&'static str>,
    },
    /// Any other text.
    Text(String),
    /// Octets of no known form.
    Binary {
        /// The first of them, at most 16.
        start: Vec<u8>,
        /// How many there were on the wire.
        len: u32,
    },
}

impl Carried {
    /// What the segment carries; `None` if it is nothing.
    #[inline]
    pub fn of(contents: &Contents<'_>) -> Option<Carried> {
        if contents.payload_len == 0 && contents.options.is_empty() {
            return None;
        }
        Carried::of_some(contents)
    }

    fn of_some(contents: &Contents<'_>) -> Option<Carried> {
        let mptcp = mptcp_reset(contents.options);
        if contents.payload_len == 0 && mptcp.is_none() {
            return None;
        }
        let kept = contents.payload.len().min(MOST_OCTETS);
        Some(Carried { octets: contents.payload[..kept].into(), len: contents.payload_len, mptcp })
    }

    /// The payload's first octets: as many as were captured, at most 1,024.
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// The octets that the payload had on the wire.
    pub fn wire_len(&self) -> u32 {
        self.len
    }

    /// What it says: the option first, then the payload. At least one, at most two.
    pub fn decode(&self) -> Vec<Payload> {
        let option = self.mptcp.map(|MptcpReset { transient, reason }| Payload::MptcpReset {
            transient,
            reason,
            meaning: mptcp_meaning(reason),
        });
        let payload = (self.len > 0).then(|| self.decode_octets());
        option.into_iter().chain(payload).collect()
    }

    fn decode_octets(&self) -> Payload {
        let whole = self.octets.len() as u64 == u64::from(self.len);
        let diagnostic = if whole { Diagnostic::read(&self.octets) } else { None };
        let read = diagnostic.map(Payload::Diagnostic).or_else(|| {
            let text = visible::text(&self.octets, !whole)?;
            Some(big_ip(text).unwrap_or_else(|| Payload::Text(visible::escape(text))))
        });
        read.unwrap_or_else(|| Payload::Binary {
            start: self.octets[..self.octets.len().min(SHOWN_OCTETS)].to_vec(),
            len: self.len,
        })
    }
}

/// The first MP_TCPRST option that is whole.
fn mptcp_reset(mut options: &[u8]) -> Option<MptcpReset> {
    const END: u8 = 0;
    const NO_OPERATION: u8 = 1;
    const MPTCP: u8 = 30;
    const MP_TCPRST: u8 = 8;
    loop {
        match *options {
            [] | [END, ..] => return None,
            [NO_OPERATION, ..] => options = &options[1..],
            [MPTCP, 4, subtype_and_flags, reason, ..] if subtype_and_flags >> 4 == MP_TCPRST => {
                return Some(MptcpReset { transient: subtype_and_flags & 1 != 0, reason });
            }
            [_, length, ..] if length >= 2 => options = options.get(usize::from(length)..)?,
            _ => return None,
        }
    }
}

fn mptcp_meaning(reason: u8) -> Option<&'static str> {
    Some(match reason {
        0 => "unspecified error",
        1 => "MPTCP-specific error",
        2 => "lack of resources",
        3 => "administratively prohibited",
        4 => "too much outstanding data",
        5 => "unacceptable performance",
        6 => "middlebox interference",
        _ => return None,
    })
}

/// `BIG-IP: [0x2409a71:704] Flow expired (sweeper)`.
fn big_ip(text: &str) -> Option<Payload> {
    let (place, cause) = text.strip_prefix("BIG-IP: [0x")?.split_once(']')?;
    let (code, line) = place.split_once(':')?;
    let cause = cause.trim_start();
    let relayed = cause.strip_prefix("{peer}");
    // The sign that these two would take is none of the grammar's.
    let is_number = |digits: &str| digits.bytes().all(|octet| octet.is_ascii_hexdigit());
    if !is_number(code) || !is_number(line) {
        return None;
    }
    Some(Payload::BigIp {
        code: u64::from_str_radix(code, 16).ok()?,
        line: line.parse().ok()?,
        relayed_from_peer: relayed.is_some(),
        cause: visible::escape(relayed.unwrap_or(cause).trim()),
    })
}

impl Payload {
    /// One word for its form, the same from version to version: `big-ip`, `diagnostic`, `mptcp`, `text` or `binary`.
    pub fn kind(&self) -> &'static str {
        match self {
            Payload::BigIp { .. } => "big-ip",
            Payload::Diagnostic(_) => "diagnostic",
            Payload::MptcpReset { .. } => "mptcp",
            Payload::Text(_) => "text",
            Payload::Binary { .. } => "binary",
        }
    }
}

impl fmt::Display for Payload {
    /// One line for people: a long text is shortened.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Payload::BigIp { code, line, relayed_from_peer, cause } => {
                let relayed = if *relayed_from_peer { ", relayed from its peer" } else { "" };
                write!(f, "BIG-IP [0x{code:x}:{line}]{relayed}: {}", Shortened(cause))
            }
            Payload::Diagnostic(diagnostic) => diagnostic.fmt(f),
            Payload::MptcpReset { transient, reason, meaning } => {
                let lasting = if *transient { "transient" } else { "permanent" };
                write!(f, "MP_TCPRST {reason} ({lasting}): {}", meaning.unwrap_or("a reason without a name"))
            }
            Payload::Text(text) => write!(f, "\"{}\"", Shortened(text)),
            Payload::Binary { start, len } => {
                let octets = if *len == 1 { "octet" } else { "octets" };
                write!(f, "{len} {octets}:")?;
                start.iter().try_for_each(|octet| write!(f, " {octet:02x}"))?;
                if *len as usize > start.len() { f.write_str(" …") } else { Ok(()) }
            }
        }
    }
}

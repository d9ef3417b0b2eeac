//! The diagnostic payload of a reset, in the forms that its drafts have had (draft-ietf-tcpm-rst-diagnostic-payload).
//!
//! What is malformed counts as any other payload.

use core::fmt;

use super::visible::{self, Shortened};

/// IANA's "TCP Failure Causes" as the draft fills them, from 1.
const CAUSES: [&str; 17] = [
    "illegal option length",
    "desynchronized state",
    "new data is received after CLOSE is called",
    "ABORT process",
    "unexpected ACK received by non-synchronized state connection",
    "unexpected SYN in the window",
    "unexpected security compartment",
    "malformed message",
    "not authorized",
    "resource exceeded",
    "network failure",
    "reset received from the peer",
    "destination unreachable",
    "connection timeout",
    "too much outstanding data",
    "unacceptable performance",
    "middlebox interference",
];

/// A diagnostic payload. It has a code or a description or, in CBOR, both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Which of the drafts it follows.
    pub form: DiagnosticForm,
    /// The reason code, never 0.
    pub code: Option<u16>,
    /// Whose code it is, by Private Enterprise Number; 0 for IANA's.
    pub enterprise: u32,
    /// IANA's words for its code. There are none in CBOR: from draft to draft the numbers had other meanings.
    pub meaning: Option<&'static str>,
    /// The sender's own words, escaped.
    pub description: Option<String>,
}

/// The forms that the drafts of the diagnostic payload have had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiagnosticForm {
    /// Eight octets that begin with 0x33AA, as it is now.
    Compact,
    /// 0xF317 and a text: in draft-ietf-tcpm-rst-diagnostic-payload-00 and a few before it, dropped since.
    Description,
    /// A CBOR sequence that begins with 12345: draft-boucadair-tcpm-rst-diagnostic-payload up to 11.
    Cbor,
}

impl DiagnosticForm {
    /// One word for it, the same from version to version: `compact`, `description` or `cbor`.
    pub fn word(self) -> &'static str {
        match self {
            DiagnosticForm::Compact => "compact",
            DiagnosticForm::Description => "description",
            DiagnosticForm::Cbor => "cbor",
        }
    }
}

impl Diagnostic {
    /// The diagnostic in a whole payload.
    pub(super) fn read(payload: &[u8]) -> Option<Diagnostic> {
        match *payload {
            [0x33, 0xaa, a, b, c, d, e, f] => {
                read_compact(u16::from_be_bytes([a, b]), u32::from_be_bytes([c, d, e, f]))
            }
            [0xf3, 0x17, ref description @ ..] => Some(Diagnostic {
                form: DiagnosticForm::Description,
                code: None,
                enterprise: 0,
                meaning: None,
                description: Some(visible::escape(visible::text(description, false)?)),
            }),
            _ => read_cbor(payload),
        }
    }
}

impl fmt::Display for Diagnostic {
    /// `reset diagnostic 14: connection timeout`; a long description is shortened.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.form {
            DiagnosticForm::Compact => "reset diagnostic",
            DiagnosticForm::Description => "reset diagnostic (older draft, text)",
            DiagnosticForm::Cbor => "reset diagnostic (older draft, CBOR)",
        })?;
        match (self.code, self.enterprise) {
            (Some(code), 0) => write!(f, " {code}")?,
            (Some(code), enterprise) => write!(f, " {code} of enterprise {enterprise}")?,
            (None, _) => {}
        }
        let words = [self.meaning, self.description.as_deref()];
        words.iter().flatten().try_for_each(|words| write!(f, ": {}", Shortened(words)))
    }
}

fn read_compact(code: u16, enterprise: u32) -> Option<Diagnostic> {
    let index = usize::from(code).checked_sub(1)?;
    Some(Diagnostic {
        form: DiagnosticForm::Compact,
        code: Some(code),
        enterprise,
        meaning: if enterprise == 0 { CAUSES.get(index).copied() } else { None },
        description: None,
    })
}

/// `12345, {? 1: code, ? 2: enterprise, ? 3: description}`: two items after each other (RFC 8742), or in an array, as the draft's
/// own examples can be understood.
fn read_cbor(payload: &[u8]) -> Option<Diagnostic> {
    const MAGIC: [u8; 3] = [0x19, 0x30, 0x39];
    let mut rest = payload.strip_prefix(&[0x82]).unwrap_or(payload).strip_prefix(&MAGIC)?;
    let (mut code, mut enterprise, mut description) = (None, None, None);
    let (MAP, pairs @ 1..=3) = take_head(&mut rest)? else {
        return None;
    };
    for _ in 0..pairs {
        let (UNSIGNED, key) = take_head(&mut rest)? else {
            return None;
        };
        match (key, take_head(&mut rest)?) {
            (1, (UNSIGNED, value)) if code.is_none() => {
                code = Some(u16::try_from(value).ok().filter(|code| *code > 0)?)
            }
            (2, (UNSIGNED, value)) if enterprise.is_none() => enterprise = Some(u32::try_from(value).ok()?),
            (3, (TEXT, length)) if description.is_none() => {
                let (text, after) = rest.split_at_checked(usize::try_from(length).ok()?)?;
                description = Some(visible::escape(visible::text(text, false)?));
                rest = after;
            }
            _ => return None,
        }
    }
    let says_something = code.is_some() || description.is_some();
    (says_something && rest.is_empty()).then(|| Diagnostic {
        form: DiagnosticForm::Cbor,
        code,
        enterprise: enterprise.unwrap_or(0),
        meaning: None,
        description,
    })
}

// Major types (RFC 8949 section 3.1).
const UNSIGNED: u8 = 0;
const TEXT: u8 = 3;
const MAP: u8 = 5;

/// A data item's major type and argument (RFC 8949 section 3), off the front.
fn take_head(rest: &mut &[u8]) -> Option<(u8, u64)> {
    let (initial, after) = rest.split_first()?;
    let size = match initial & 0x1f {
        small @ 0..24 => {
            *rest = after;
            return Some((initial >> 5, u64::from(small)));
        }
        24 => 1,
        25 => 2,
        26 => 4,
        27 => 8,
        _ => return None,
    };
    let (argument, after) = after.split_at_checked(size)?;
    *rest = after;
    Some((initial >> 5, argument.iter().fold(0, |value, octet| value << 8 | u64::from(*octet))))
}

//! A tracepoint's `format` file: its number, where its fields lie in a record, and the names of their values.

use std::collections::BTreeMap;
use std::sync::Arc;

use thiserror::Error;

/// A name that the kernel gave; cheap to copy.
pub type Name = Arc<str>;

/// The most fields, and the most names of one field's values, that are kept.
const MOST: usize = 1024;

/// Where a field lies in a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The kernel's name of it.
    pub name: String,
    /// Its first octet, from the record's beginning.
    pub offset: usize,
    /// Its length in octets.
    pub size: usize,
    /// Whether it is a signed number.
    pub signed: bool,
}

impl Field {
    /// Its octets; `None` where the record is too short for it.
    pub fn octets<'a>(&self, record: &'a [u8]) -> Option<&'a [u8]> {
        record.get(self.offset..self.offset.checked_add(self.size)?)
    }

    /// It as a number in this machine's byte order; `None` where it is longer than 8 octets, or the record too short.
    pub fn number(&self, record: &[u8]) -> Option<i64> {
        let octets = self.octets(record)?;
        Some(match (octets.len(), self.signed) {
            (1, true) => i8::from_ne_bytes(octets.try_into().ok()?).into(),
            (1, false) => octets[0].into(),
            (2, true) => i16::from_ne_bytes(octets.try_into().ok()?).into(),
            (2, false) => u16::from_ne_bytes(octets.try_into().ok()?).into(),
            (4, true) => i32::from_ne_bytes(octets.try_into().ok()?).into(),
            (4, false) => u32::from_ne_bytes(octets.try_into().ok()?).into(),
            (8, _) => i64::from_ne_bytes(octets.try_into().ok()?),
            _ => return None,
        })
    }
}

/// A tracepoint as the running kernel describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Format {
    /// Its name, such as `tcp_send_reset`.
    pub name: String,
    /// Its number: what a record's common_type says, and what perf_event_open(2) wants.
    pub id: u16,
    fields: Vec<Field>,
    names: BTreeMap<String, BTreeMap<i64, Name>>,
}

/// Why a text is no format file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FormatError {
    /// There is no line `ID: NUMBER`.
    #[error("has no line with the tracepoint's number")]
    NoNumber,
    /// There is no line `field:`.
    #[error("describes no field")]
    NoFields,
}

impl Format {
    /// Reads a format file. What isn't understood in it is left out.
    pub fn parse(text: &str) -> Result<Format, FormatError> {
        let after = |start: &str| text.lines().find_map(|line| line.strip_prefix(start)).map(str::trim);
        let id = after("ID:").and_then(|id| id.parse().ok()).ok_or(FormatError::NoNumber)?;
        let fields: Vec<Field> = text.lines().filter_map(field).take(MOST).collect();
        if fields.is_empty() {
            return Err(FormatError::NoFields);
        }
        let names = after("print fmt:").map(names).unwrap_or_default();
        Ok(Format { name: after("name:").unwrap_or_default().to_owned(), id, fields, names })
    }

    /// A field by name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The name of a field's value; `None` where this kernel names none.
    pub fn name_of(&self, field: &str, value: i64) -> Option<&Name> {
        self.names.get(field)?.get(&value)
    }

    /// All names of a field's values, by value.
    pub fn names_of(&self, field: &str) -> impl Iterator<Item = &Name> {
        self.names.get(field).into_iter().flat_map(BTreeMap::values)
    }
}

/// `field:const void * skaddr; offset:16; size:8; signed:0;`, with tabs between.
fn field(line: &str) -> Option<Field> {
    let (declaration, rest) = line.trim_start().strip_prefix("field:")?.split_once(';')?;
    // `__u8 saddr[28]`: the name is the last word, without what stands in brackets.
    let declaration = declaration.split('[').next()?.trim_end();
    let name = declaration.rsplit([' ', '*', '\t']).next()?.to_owned();
    let number = |key: &str| {
        let part = rest.split(';').map(str::trim).find_map(|part| part.strip_prefix(key))?;
        part.trim().parse::<usize>().ok()
    };
    Some(Field { name, offset: number("offset:")?, size: number("size:")?, signed: number("signed:") == Some(1) })
}

/// The lists of `__print_symbolic(REC->field, { value, "NAME" }, ...)`, by field.
fn names(print: &str) -> BTreeMap<String, BTreeMap<i64, Name>> {
    let mut lists = BTreeMap::new();
    for call in print.split("__print_symbolic(").skip(1).take(MOST) {
        let Some((field, list)) = call.trim_start().strip_prefix("REC->").and_then(|call| call.split_once(',')) else {
            continue;
        };
        let mut values = BTreeMap::new();
        let mut rest = list;
        while let Some((value, name, left)) = pair(rest) {
            if let Some(value) = value_of(value) {
                values.insert(value, Name::from(name));
            }
            rest = left;
            if values.len() >= MOST {
                break;
            }
        }
        lists.entry(field.trim().to_owned()).or_insert(values);
    }
    lists
}

/// The next `{ value, "NAME" }`, and what stands behind it; `None` at the list's end.
fn pair(list: &str) -> Option<(&str, &str, &str)> {
    let list = list.trim_start().trim_start_matches(',').trim_start().strip_prefix('{')?;
    let (value, rest) = list.split_once(',')?;
    let (name, rest) = rest.trim_start().strip_prefix('"')?.split_once('"')?;
    Some((value.trim(), name, rest.trim_start().strip_prefix('}')?))
}

/// A value as it is written: a number, or a TCP state's constant where the kernel left that unresolved.
fn value_of(text: &str) -> Option<i64> {
    if let Some(hex) = text.strip_prefix("0x") {
        return i64::from_str_radix(hex, 16).ok();
    }
    text.parse().ok().or_else(|| tcp_state(text))
}

/// The numbers of include/net/tcp_states.h, which are part of the kernel's interface (BPF_TCP_* of linux/bpf.h).
fn tcp_state(constant: &str) -> Option<i64> {
    const STATES: [&str; 12] = [
        "TCP_ESTABLISHED",
        "TCP_SYN_SENT",
        "TCP_SYN_RECV",
        "TCP_FIN_WAIT1",
        "TCP_FIN_WAIT2",
        "TCP_TIME_WAIT",
        "TCP_CLOSE",
        "TCP_CLOSE_WAIT",
        "TCP_LAST_ACK",
        "TCP_LISTEN",
        "TCP_CLOSING",
        "TCP_NEW_SYN_RECV",
    ];
    let place = STATES.iter().position(|state| *state == constant)?;
    i64::try_from(place + 1).ok()
}

//! JSON into octets at hand, without white space and octet for octet as serde_json writes it: a storm has a million records, and
//! most of what they are is text that needs no second look.

use std::fmt::{self, Display, Write};

use serde::Serialize;
use serde::ser::{self, Impossible, Serializer};

use super::digits::{append_micros, append_number, whole_micros};
use super::moving::{COUNTED, MOVING};

/// Nothing fails to be written but a map whose keys are no text, of which there are none.
type Written = Result<(), fmt::Error>;

/// What is written on: octets alone, or octets of which it is remembered where those of a [`Moving`] part stand.
///
/// [`Moving`]: super::moving::Moving
pub(super) trait Paper {
    /// All that is written, to be added to.
    fn octets(&mut self) -> &mut Vec<u8>;

    /// What begins here and ends with what is written so far is a moving part, or a count that is one.
    fn note_moving(&mut self, from: usize, is_count: bool);
}

impl Paper for Vec<u8> {
    #[inline(always)]
    fn octets(&mut self) -> &mut Vec<u8> {
        self
    }

    #[inline(always)]
    fn note_moving(&mut self, _: usize, _: bool) {}
}

/// Appends a value.
#[inline]
pub fn append(out: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) -> Written {
    append_to(out, value)
}

/// The same on another paper.
pub(super) fn append_to(paper: &mut impl Paper, value: &(impl Serialize + ?Sized)) -> Written {
    value.serialize(Compact(paper))
}

/// Appends one value.
struct Compact<'a, P>(&'a mut P);

/// Appends what is in brackets, with commas between.
struct Members<'a, P> {
    out: &'a mut P,
    is_first: bool,
    end: u8,
}

/// Appends what is displayed, within quotation marks.
struct Quoted<'a>(&'a mut Vec<u8>);

impl Write for Quoted<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        append_escaped(self.0, text);
        Ok(())
    }
}

/// Whether a string may not hold this octet as it is (RFC 8259 section 7).
fn is_escaped(octet: u8) -> bool {
    octet < 0x20 || octet == b'"' || octet == b'\\'
}

/// Whether nothing in a text is escaped. Many octets at once, which takes a processor less than to stop at the first.
#[inline]
fn is_plain(octets: &[u8]) -> bool {
    let any = |block: &[u8; 32]| block.iter().fold(false, |found, octet| found | is_escaped(*octet));
    let (blocks, rest) = octets.as_chunks::<32>();
    if blocks.iter().any(any) {
        return false;
    }
    // The last eight overlap those before.
    let (words, _) = rest.as_chunks::<8>();
    match octets.last_chunk::<8>() {
        Some(last) => !words.iter().chain([last]).any(|word| holds_escaped(u64::from_le_bytes(*word))),
        None => !octets.iter().any(|octet| is_escaped(*octet)),
    }
}

/// The same of eight octets: where a subtraction borrows from an octet's highest bit, it was too small.
#[inline(always)]
fn holds_escaped(word: u64) -> bool {
    const EACH: u64 = u64::MAX / 0xff;
    let below = |word: u64, least: u64| word.wrapping_sub(least * EACH) & !word;
    let is = |octet: u8| below(word ^ (u64::from(octet) * EACH), 1);
    (below(word, 0x20) | is(b'"') | is(b'\\')) & (0x80 * EACH) != 0
}

/// Appends a text without its quotation marks.
#[inline]
fn append_escaped(out: &mut Vec<u8>, text: &str) {
    if is_plain(text.as_bytes()) {
        out.extend_from_slice(text.as_bytes());
    } else {
        append_special(out, text);
    }
}

#[cold]
fn append_special(out: &mut Vec<u8>, text: &str) {
    if let Ok(quoted) = serde_json::to_vec(text) {
        out.extend_from_slice(quoted.get(1..quoted.len() - 1).unwrap_or_default());
    }
}

impl<'a, P: Paper> Compact<'a, P> {
    fn members(self, begin: u8, end: u8) -> Members<'a, P> {
        self.0.octets().push(begin);
        Members { out: self.0, is_first: true, end }
    }

    #[cold]
    fn by_serde_json(self, value: &impl Serialize) -> Written {
        serde_json::to_writer(self.0.octets(), value).map_err(|_| fmt::Error)
    }
}

impl<P: Paper> Members<'_, P> {
    #[inline(always)]
    fn next(&mut self) -> Compact<'_, P> {
        if !self.is_first {
            self.out.octets().push(b',');
        }
        self.is_first = false;
        Compact(self.out)
    }

    /// The key is a name of ours: nothing in it needs to be escaped.
    #[inline(always)]
    fn named<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Written {
        self.out.octets().extend_from_slice(if self.is_first { b"\"" } else { b",\"" });
        self.is_first = false;
        self.out.octets().extend_from_slice(key.as_bytes());
        self.out.octets().extend_from_slice(b"\":");
        value.serialize(Compact(self.out))
    }

    fn close(self) -> Written {
        self.out.octets().push(self.end);
        Ok(())
    }
}

impl<'a, P: Paper> Serializer for Compact<'a, P> {
    type Ok = ();
    type Error = fmt::Error;
    type SerializeSeq = Members<'a, P>;
    type SerializeTuple = Members<'a, P>;
    type SerializeTupleStruct = Members<'a, P>;
    type SerializeTupleVariant = Impossible<(), fmt::Error>;
    type SerializeMap = Members<'a, P>;
    type SerializeStruct = Members<'a, P>;
    type SerializeStructVariant = Impossible<(), fmt::Error>;

    #[inline]
    fn serialize_bool(self, value: bool) -> Written {
        self.0.octets().extend_from_slice(if value { b"true" } else { b"false" });
        Ok(())
    }

    fn serialize_i8(self, value: i8) -> Written {
        self.serialize_i64(value.into())
    }

    fn serialize_i16(self, value: i16) -> Written {
        self.serialize_i64(value.into())
    }

    fn serialize_i32(self, value: i32) -> Written {
        self.serialize_i64(value.into())
    }

    fn serialize_i64(self, value: i64) -> Written {
        if value < 0 {
            self.0.octets().push(b'-');
        }
        append_number(self.0.octets(), value.unsigned_abs());
        Ok(())
    }

    fn serialize_u8(self, value: u8) -> Written {
        self.serialize_u64(value.into())
    }

    fn serialize_u16(self, value: u16) -> Written {
        self.serialize_u64(value.into())
    }

    fn serialize_u32(self, value: u32) -> Written {
        self.serialize_u64(value.into())
    }

    fn serialize_u64(self, value: u64) -> Written {
        append_number(self.0.octets(), value);
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Written {
        self.by_serde_json(&value)
    }

    #[inline]
    fn serialize_f64(self, value: f64) -> Written {
        let Some(micros) = whole_micros(value) else { return self.by_serde_json(&value) };
        append_micros(self.0.octets(), micros);
        Ok(())
    }

    fn serialize_char(self, value: char) -> Written {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Written {
        self.0.octets().push(b'"');
        append_escaped(self.0.octets(), value);
        self.0.octets().push(b'"');
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Written {
        self.by_serde_json(&value)
    }

    #[inline]
    fn serialize_none(self) -> Written {
        self.0.octets().extend_from_slice(b"null");
        Ok(())
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Written {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Written {
        self.serialize_none()
    }

    fn serialize_unit_struct(self, _: &'static str) -> Written {
        self.serialize_none()
    }

    /// The name of a variant is one of ours, as a key is.
    #[inline]
    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Written {
        self.0.octets().push(b'"');
        self.0.octets().extend_from_slice(variant.as_bytes());
        self.0.octets().push(b'"');
        Ok(())
    }

    #[inline(always)]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Written {
        let is_count = name == COUNTED;
        if name != MOVING && !is_count {
            return value.serialize(self);
        }
        let from = self.0.octets().len();
        value.serialize(Compact(&mut *self.0))?;
        self.0.note_moving(from, is_count);
        Ok(())
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Written {
        let mut members = self.members(b'{', b'}');
        members.named(variant, value)?;
        members.close()
    }

    #[inline]
    fn serialize_seq(self, _: Option<usize>) -> Result<Members<'a, P>, fmt::Error> {
        Ok(self.members(b'[', b']'))
    }

    fn serialize_tuple(self, _: usize) -> Result<Members<'a, P>, fmt::Error> {
        Ok(self.members(b'[', b']'))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Members<'a, P>, fmt::Error> {
        Ok(self.members(b'[', b']'))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, fmt::Error> {
        Err(fmt::Error)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Members<'a, P>, fmt::Error> {
        Ok(self.members(b'{', b'}'))
    }

    #[inline]
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Members<'a, P>, fmt::Error> {
        Ok(self.members(b'{', b'}'))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, fmt::Error> {
        Err(fmt::Error)
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Written {
        self.0.octets().push(b'"');
        write!(Quoted(self.0.octets()), "{value}")?;
        self.0.octets().push(b'"');
        Ok(())
    }
}

impl<P: Paper> ser::SerializeSeq for Members<'_, P> {
    type Ok = ();
    type Error = fmt::Error;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        value.serialize(self.next())
    }

    fn end(self) -> Written {
        self.close()
    }
}

impl<P: Paper> ser::SerializeTuple for Members<'_, P> {
    type Ok = ();
    type Error = fmt::Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        value.serialize(self.next())
    }

    fn end(self) -> Written {
        self.close()
    }
}

impl<P: Paper> ser::SerializeTupleStruct for Members<'_, P> {
    type Ok = ();
    type Error = fmt::Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        value.serialize(self.next())
    }

    fn end(self) -> Written {
        self.close()
    }
}

impl<P: Paper> ser::SerializeMap for Members<'_, P> {
    type Ok = ();
    type Error = fmt::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Written {
        key.serialize(self.next())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        self.out.octets().push(b':');
        value.serialize(Compact(self.out))
    }

    fn end(self) -> Written {
        self.close()
    }
}

impl<P: Paper> ser::SerializeStruct for Members<'_, P> {
    type Ok = ();
    type Error = fmt::Error;

    #[inline(always)]
    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Written {
        self.named(key, value)
    }

    fn end(self) -> Written {
        self.close()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde::Serialize;

    use super::append;

    #[derive(Debug, Serialize)]
    struct Sample<'a> {
        text: &'a str,
        numbers: Vec<i64>,
        large: Option<u64>,
        ratio: f64,
        pair: (u8, char),
        #[serde(flatten)]
        more: BTreeMap<String, Option<bool>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        left_out: Option<u8>,
        none: (),
    }

    proptest! {
        #[test]
        fn it_is_what_serde_json_writes(
            text in "[ -~]{0,70}|\\PC{0,40}|[\\x00-\\x7f]{0,9}",
            numbers in proptest::collection::vec(any::<i64>(), 0..3),
            large in any::<Option<u64>>(),
            micros in any::<u64>(),
            large_text in "[ -~]{0,9}é{0,9}[ -~]{0,40}",
            time in 0..1_u64 << 54,
            magnitude in 0..54,
            keys in proptest::collection::btree_map("\\PC{0,5}", any::<Option<bool>>(), 0..3),
        ) {
            let ratio = micros as f64 / 1e6;
            let numbers = [numbers, vec![(micros >> magnitude) as i64]].concat();
            let time = (time >> magnitude) as f64 / 1e6;
            for (text, ratio) in [(&text, ratio), (&large_text, time), (&text, time.next_up()), (&text, time.floor()), (&text, -time)] {
            let sample = Sample { text, numbers: numbers.clone(), large, ratio, pair: (7, '"'), more: keys.clone(), left_out: None, none: () };
            let mut written = Vec::new();
            append(&mut written, &sample).expect("it can be written");
            prop_assert_eq!(String::from_utf8(written).unwrap(), serde_json::to_string(&sample).unwrap());
            }
        }
    }
}

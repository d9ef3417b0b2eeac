//! The walk through a value that only stops at its moving parts: between these it copies the text of a value like it.

use std::fmt;
use std::slice::Iter;

use serde::Serialize;
use serde::ser::{self, Impossible, Serializer};

use super::compact;
use super::draft::Part;
use super::moving::{COUNTED, MOVING, STILL};

/// It fails only where the two values are not alike.
type Written = Result<(), fmt::Error>;

/// A text that is written again, with other moving parts.
#[derive(Debug)]
pub(super) struct Refill<'a> {
    out: &'a mut Vec<u8>,
    text: &'a [u8],
    /// Where moving parts stand that are still to come.
    moving: Iter<'a, Part>,
    /// Up to here the text is written.
    at: usize,
}

impl<'a> Refill<'a> {
    /// Appends the text with the moving parts of `value`.
    pub(super) fn append(out: &'a mut Vec<u8>, text: &'a [u8], moving: &'a [Part], value: &impl Serialize) -> Written {
        let mut refill = Refill { out, text, moving: moving.iter(), at: 0 };
        value.serialize(&mut refill)?;
        let rest = refill.text.get(refill.at..).ok_or(fmt::Error)?;
        refill.out.extend_from_slice(rest);
        if refill.moving.next().is_some() { Err(fmt::Error) } else { Ok(()) }
    }

    #[inline]
    fn fill<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        let place = self.moving.next().ok_or(fmt::Error)?;
        self.out.extend_from_slice(self.text.get(self.at..place.range.start).ok_or(fmt::Error)?);
        self.at = place.range.end;
        compact::append(self.out, value)
    }
}

/// What stands still is in the text already.
macro_rules! stands_still {
    ($($name:ident: $type:ty),* $(,)?) => {
        $(
            #[inline(always)]
            fn $name(self, _: $type) -> Written {
                Ok(())
            }
        )*
    };
}

/// What has parts is walked through.
macro_rules! has_parts {
    ($($name:ident($($type:ty),*)),* $(,)?) => {
        $(
            #[inline(always)]
            fn $name(self, $(_: $type),*) -> Result<Self, fmt::Error> {
                Ok(self)
            }
        )*
    };
}

impl Serializer for &mut Refill<'_> {
    type Ok = ();
    type Error = fmt::Error;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Impossible<(), fmt::Error>;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Impossible<(), fmt::Error>;

    stands_still! {
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64,
        serialize_f32: f32, serialize_f64: f64, serialize_char: char, serialize_str: &str, serialize_bytes: &[u8],
        serialize_unit_struct: &'static str,
    }

    has_parts! {
        serialize_seq(Option<usize>), serialize_tuple(usize), serialize_tuple_struct(&'static str, usize),
        serialize_map(Option<usize>), serialize_struct(&'static str, usize),
    }

    #[inline(always)]
    fn serialize_none(self) -> Written {
        Ok(())
    }

    #[inline(always)]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Written {
        value.serialize(self)
    }

    #[inline(always)]
    fn serialize_unit(self) -> Written {
        Ok(())
    }

    #[inline(always)]
    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Written {
        Ok(())
    }

    #[inline(always)]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Written {
        match name {
            MOVING | COUNTED => self.fill(value),
            STILL => Ok(()),
            _ => value.serialize(self),
        }
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Written {
        value.serialize(self)
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

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, fmt::Error> {
        Err(fmt::Error)
    }

    #[inline(always)]
    fn collect_str<T: fmt::Display + ?Sized>(self, _: &T) -> Written {
        Ok(())
    }
}

/// Each part is walked through in turn.
macro_rules! walks {
    ($($kind:ident::$name:ident),* $(,)?) => {
        $(
            impl ser::$kind for &mut Refill<'_> {
                type Ok = ();
                type Error = fmt::Error;

                #[inline(always)]
                fn $name<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
                    value.serialize(&mut **self)
                }

                #[inline(always)]
                fn end(self) -> Written {
                    Ok(())
                }
            }
        )*
    };
}

walks! { SerializeSeq::serialize_element, SerializeTuple::serialize_element, SerializeTupleStruct::serialize_field }

impl ser::SerializeMap for &mut Refill<'_> {
    type Ok = ();
    type Error = fmt::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Written {
        key.serialize(&mut **self)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        value.serialize(&mut **self)
    }

    fn end(self) -> Written {
        Ok(())
    }
}

impl ser::SerializeStruct for &mut Refill<'_> {
    type Ok = ();
    type Error = fmt::Error;

    #[inline(always)]
    fn serialize_field<T: Serialize + ?Sized>(&mut self, _: &'static str, value: &T) -> Written {
        value.serialize(&mut **self)
    }

    #[inline(always)]
    fn end(self) -> Written {
        Ok(())
    }
}

//! Which parts of what is told differ between values that are otherwise alike, and which never do.

use serde::{Serialize, Serializer};

/// By this name a serialiser knows a moving part.
pub(super) const MOVING: &str = "Moving";

/// By this one a moving part that is a count: what looks the same has as many.
pub(super) const COUNTED: &str = "Counted";

/// By this name it knows a part in which nothing moves.
pub(super) const STILL: &str = "Still";

/// A part that may differ between values that are otherwise alike. So it is equal to any other.
#[derive(Clone, Copy, Debug)]
pub struct Moving<T>(pub T);

impl<T> PartialEq for Moving<T> {
    #[inline(always)]
    fn eq(&self, _: &Moving<T>) -> bool {
        true
    }
}

impl<T: Serialize> Serialize for Moving<T> {
    #[inline(always)]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(MOVING, &self.0)
    }
}

/// A count that may differ between values that are otherwise alike.
#[derive(Clone, Copy, Debug)]
pub struct Counted(pub u64);

impl PartialEq for Counted {
    #[inline(always)]
    fn eq(&self, _: &Counted) -> bool {
        true
    }
}

impl Serialize for Counted {
    #[inline(always)]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(COUNTED, &self.0)
    }
}

/// A part that stands still as a whole: what is compared is short, and only its text takes long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Still<T>(pub T);

impl<T: Serialize> Serialize for Still<T> {
    #[inline(always)]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(STILL, &self.0)
    }
}

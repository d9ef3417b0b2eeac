//! Values that are told by words of ours.

use std::fmt::Display;

use serde::{Serialize, Serializer};

/// A value that is told by its own words.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shown<T>(pub T);

impl<T: Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// A word of ours, which nothing needs to be escaped in.
#[derive(Clone, Copy, Debug)]
pub struct Word(pub &'static str);

impl PartialEq for Word {
    /// The same word is mostly the same constant.
    #[inline(always)]
    fn eq(&self, other: &Word) -> bool {
        std::ptr::eq(self.0, other.0) || self.0 == other.0
    }
}

impl Serialize for Word {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit_variant("Word", 0, self.0)
    }
}

//! A frame of a file together with what the file says of it, for whoever writes the file again.

use std::borrow::Cow;

use super::Frame;
use super::byte_order::ByteOrder;
use super::pcapng_options::{OPT_COMMENT, options};
use super::reader::KnownInterface;

/// A frame with what stands in its file beside it.
///
/// What is in neither of them is lost to whoever writes the file again: all options but the comments, and all blocks that
/// are no packets, such as host names and the keys to what is encrypted.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// The frame.
    pub frame: Frame<'a>,
    /// The interfaces described so far, the frame's among them: as [`CaptureReader::interfaces`](super::CaptureReader::interfaces).
    pub interfaces: &'a [KnownInterface],
    pub(super) order: ByteOrder,
    pub(super) options: &'a [u8],
}

impl<'a> Record<'a> {
    /// The comments on the frame, in their order. What isn't UTF-8 in them is replaced.
    pub fn comments(&self) -> impl Iterator<Item = Cow<'a, str>> + use<'a> {
        let comments = options(self.order, self.options).filter(|(code, _)| *code == OPT_COMMENT);
        comments.map(|(_, text)| String::from_utf8_lossy(text))
    }
}

//! A frame's number where several captures are read as one: which input, and where in it.

/// Numbers of inputs stand above the frames' own.
const INPUT_SHIFT: u32 = 48;

/// A frame of one of several inputs, in one word: [`Segment::frame`](crate::tcp::Segment::frame) holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrameNumber(pub u64);

impl FrameNumber {
    /// Frame `number` (from 1) of input `input` (from 0). An input of more than 2^48 frames is not to be had.
    pub const fn new(input: u16, number: u64) -> FrameNumber {
        FrameNumber((input as u64) << INPUT_SHIFT | number & ((1 << INPUT_SHIFT) - 1))
    }

    /// The input, from 0.
    pub const fn input(self) -> u16 {
        (self.0 >> INPUT_SHIFT) as u16
    }

    /// The number in it, from 1.
    pub const fn number(self) -> u64 {
        self.0 & ((1 << INPUT_SHIFT) - 1)
    }
}

//! What one input was: how much of it was read, what was left out and why.

use rst_storm_core::capture::{Damage, KnownInterface, Timestamp};
use rst_storm_core::wire::SkipCounts;

/// The most payload of a segment, in octets, that is taken to have been on a wire as it was captured: an IP packet of
/// 1,600 octets less the headers without options.
pub const LARGEST_PAYLOAD: u32 = 1560;

/// What one input was. Every frame is a segment handed on, a skip, outside of the time wanted, or a duplicate.
#[derive(Clone, Debug, Default)]
pub struct FileReport {
    /// The input, as an index into the plan's list.
    pub file: usize,
    /// As it was typed.
    pub name: String,
    /// Its interfaces, as far as it was read.
    pub interfaces: Vec<KnownInterface>,
    /// Frames that were read.
    pub frames: u64,
    /// Segments that were handed on. Where reading was stopped early, the last that were read may not have been: of a merged
    /// input up to 128 frames, and with two threads the batches that a sink refused.
    pub segments: u64,
    /// Frames without a readable segment.
    pub skips: SkipCounts,
    /// Frames whose time was not wanted. They were not decoded.
    pub outside_time: u64,
    /// Segments that were seen at another interface just before. They were not handed on.
    pub duplicates: u64,
    /// Segments handed on whose frame was cut while it was captured.
    pub cut_segments: u64,
    /// Segments handed on of more than [`LARGEST_PAYLOAD`]: captured before a network card cut them or after it joined
    /// them (TSO, GRO), or on a network with larger packets.
    pub super_segments: u64,
    /// Resets handed on whose checksum doesn't fit.
    pub bad_reset_checksums: u64,
    /// Resets handed on that are there whole and whose checksum tells nothing: a network card was to finish it.
    pub unfinished_checksums: u64,
    /// Frames with a time that was out of range and set to the nearest that is not.
    pub clamped_times: u64,
    /// Frames without a time, which got that of the frame before.
    pub untimed: u64,
    /// Frames whose time lies before that of the frame before.
    pub backward_steps: u64,
    /// The earliest time of all frames, wanted or not.
    pub first: Option<Timestamp>,
    /// The latest time of all frames, wanted or not.
    pub last: Option<Timestamp>,
    /// Why it ended before its end.
    pub damage: Option<Damage>,
}

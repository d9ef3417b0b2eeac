//! What inputs and frames are called.

use rst_storm_core::explain::FrameNumber;

use crate::report::visible::Visible;

/// The inputs' names, as they were typed.
#[derive(Clone, Debug, Default)]
pub struct Names {
    names: Vec<String>,
    merged: bool,
}

impl Names {
    /// The names of the inputs; `merged` where all are one timeline.
    pub fn new(names: Vec<String>, merged: bool) -> Names {
        Names { merged: merged && names.len() > 1, names }
    }

    /// The name of the input that this frame is in.
    pub fn of(&self, frame: u64) -> &str {
        self.names.get(usize::from(FrameNumber(frame).input())).map_or("", String::as_str)
    }

    /// The frame as people call it: its number, with its file's name where frames of several are told of together.
    pub fn frame(&self, frame: u64) -> String {
        let number = FrameNumber(frame).number();
        if self.merged { format!("{}#{number}", Visible(self.of(frame))) } else { number.to_string() }
    }

    /// The same of several, in brackets; nothing if there are none.
    pub fn frames(&self, frames: impl Iterator<Item = u64>) -> String {
        let frames: Vec<String> = frames.map(|frame| self.frame(frame)).collect();
        if frames.is_empty() { String::new() } else { format!(" [{}]", frames.join(", ")) }
    }
}

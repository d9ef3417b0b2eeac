//! Files that are read once more, frame by frame: to tell what stood around a frame, or to write them again.

use std::io::Read;
use std::sync::Arc;

use rst_storm_core::capture::{CaptureReader, FrameSource, OpenError, Timestamp};

use super::error::SourceError;
use super::octets::Octets;
use super::plan::Input;
use super::source::open_file;

/// Opens a regular file by itself. What can be read only once is refused.
pub fn read_again(input: &Input) -> Result<CaptureReader<impl Read>, SourceError> {
    let name = input.to_string();
    let (file, is_live) = open_file(input)?;
    if is_live {
        return Err(SourceError::Once(name));
    }
    let mut octets = Octets::new(Arc::new(file), is_live);
    let opened = octets.look().map_err(OpenError::Read).and_then(|()| CaptureReader::open(octets));
    opened.map_err(|error| SourceError::NoCapture { name, error })
}

/// When the first frame of a file was captured; 1970 where it has none.
pub fn first_frame(input: &Input) -> Result<Timestamp, SourceError> {
    let mut reader = read_again(input)?;
    let first = reader.next_frame().map_err(|error| SourceError::Open { name: input.to_string(), error })?;
    Ok(first.map_or(Timestamp::default(), |frame| frame.at))
}

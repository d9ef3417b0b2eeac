//! A capture written again as pcapng, with comments on some of its frames. Everything else stays as it is.

use std::borrow::Cow;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rst_storm_core::capture::PcapngWriter;
use thiserror::Error;

use super::again::read_again;
use super::error::SourceError;
use super::plan::Input;

/// Why a capture can't be written again.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AnnotateError {
    /// The input can't be read, or not twice.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The output is the input.
    #[error("{0} is the capture itself, which would be gone; name another file")]
    Same(PathBuf),
    /// The output can't be opened.
    #[error("cannot write {path}: {error}")]
    Open {
        /// The output.
        path: PathBuf,
        /// The system's word.
        error: io::Error,
    },
    /// Writing failed on the way: the output isn't whole.
    #[error("cannot write {path}: {error}; it isn't whole")]
    Write {
        /// The output.
        path: PathBuf,
        /// The system's word.
        error: io::Error,
    },
}

/// Where an annotated capture goes: opened before the work begins, emptied when it is written.
#[derive(Debug)]
pub struct Annotated {
    file: File,
    path: PathBuf,
}

impl Annotated {
    /// Opens the output for this input, which must be a regular file and another one.
    pub fn open(path: &Path, input: &Input) -> Result<Annotated, AnnotateError> {
        read_again(input)?;
        let failed = |error| AnnotateError::Open { path: path.to_owned(), error };
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(path).map_err(failed)?;
        let out = file.metadata().map_err(failed)?;
        if let Input::File(input) = input {
            let input = input.metadata().map_err(failed)?;
            if (input.dev(), input.ino()) == (out.dev(), out.ino()) {
                return Err(AnnotateError::Same(path.to_owned()));
            }
        }
        Ok(Annotated { file, path: path.to_owned() })
    }

    /// Writes the input's frames, each with its own comments and the one for its number, from 1. Says how many got one.
    pub fn write<'a>(self, input: &Input, comment_on: impl Fn(u64) -> Option<&'a str>) -> Result<u64, AnnotateError> {
        let Annotated { file, path } = self;
        let failed = |error| AnnotateError::Write { path: path.clone(), error };
        // What is no regular file (a pipe, a device) has no length to set.
        if file.metadata().map_err(failed)?.is_file() {
            file.set_len(0).map_err(failed)?;
        }
        let mut reader = read_again(input)?;
        let mut writer = PcapngWriter::open(BufWriter::with_capacity(1 << 18, file)).map_err(failed)?;
        let (mut number, mut commented) = (0, 0);
        // An input that can't be read on was told of as damaged when it was explained: up to there it is written again.
        while let Ok(Some(record)) = reader.next_record() {
            for interface in &record.interfaces[writer.interfaces()..] {
                writer.add_interface(interface).map_err(failed)?;
            }
            number += 1;
            let comment = comment_on(number);
            commented += u64::from(comment.is_some());
            let comments = record.comments().chain(comment.map(Cow::Borrowed));
            writer.write_commented(&record.frame, comments).map_err(failed)?;
        }
        for interface in &reader.interfaces()[writer.interfaces()..] {
            writer.add_interface(interface).map_err(failed)?;
        }
        let mut out = writer.into_inner();
        out.flush().map_err(failed)?;
        Ok(commented)
    }
}

//! The kernel's events of one play, as a trace that `explain --kernel` reads.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use rst_storm_core::kernel::KernelReset;

use super::listener::Listener;
use crate::watch::{KernelTally, Line, ResetRecord};

/// The file's name within a bundle.
pub const EVENTS: &str = "kernel.ndjson";

/// Writes them, between what was listened to and how many were lost during the play.
pub fn write(folder: &Path, listener: &impl Listener, events: &[KernelReset], lost: u64) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(folder.join(EVENTS))?);
    let mut tally = KernelTally::default();
    put(&mut out, &Line::Trace(listener.describe()))?;
    for event in events {
        tally.tell(event);
        put(&mut out, &Line::Reset(ResetRecord::new(event)))?;
    }
    put(&mut out, &Line::Summary(tally.summary(listener.now(), lost)))?;
    out.flush()
}

fn put(out: &mut impl Write, line: &Line<'_>) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}

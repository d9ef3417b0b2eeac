//! The capture file of a run: exactly the segments that were counted, and what became of the disk.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use rst_storm_core::capture::{Direction, Frame, Interface, LinkType, PcapWriter, PcapngWriter};

use super::topology::{DESTINATION_LINK, SOURCE_LINK};

/// Said of a frame that entered the bridge at no port.
const MADE_HERE: &str = "made by the observer's host: it left this port without having entered at the other";

/// An open capture file: pcapng with both ports' names, or plain pcap where the name ends in `.pcap` or `.cap`.
///
/// A full disk ends the file, not the run: frames are then only counted, and the report says how many are missing.
#[derive(Debug)]
pub struct CaptureFile {
    path: PathBuf,
    format: Format,
    written: u64,
    lost: u64,
    error: Option<io::Error>,
}

#[derive(Debug)]
enum Format {
    Pcap(PcapWriter<BufWriter<File>>),
    Pcapng(PcapngWriter<BufWriter<File>>),
}

/// What a capture file holds at the end.
#[derive(Debug)]
pub struct CaptureResult {
    /// Where it lies.
    pub path: PathBuf,
    /// Segments that were written.
    pub written: u64,
    /// Segments that were counted and not written.
    pub lost: u64,
    /// Why.
    pub error: Option<io::Error>,
}

impl CaptureFile {
    /// Makes the file and writes its header.
    pub fn create(path: &Path) -> io::Result<CaptureFile> {
        let out = BufWriter::with_capacity(1 << 18, File::create(path)?);
        let is_pcap = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("pcap") || end == "cap");
        let format = if is_pcap {
            Format::Pcap(PcapWriter::new(out, LinkType::Ethernet)?)
        } else {
            let ports = [
                Interface {
                    name: SOURCE_LINK,
                    link: LinkType::Ethernet,
                    description: Some("bridge port to the source"),
                },
                Interface {
                    name: DESTINATION_LINK,
                    link: LinkType::Ethernet,
                    description: Some("bridge port to the destination"),
                },
            ];
            Format::Pcapng(PcapngWriter::new(out, &ports)?)
        };
        let mut file = CaptureFile { path: path.to_owned(), format, written: 0, lost: 0, error: None };
        // A full disk is told now rather than at the end.
        file.flush()?;
        Ok(file)
    }

    /// Writes one counted segment's frame.
    pub fn write(&mut self, frame: &Frame<'_>) {
        if self.error.is_none() {
            let comment = (frame.direction == Direction::Outbound).then_some(MADE_HERE);
            let result = match &mut self.format {
                Format::Pcap(writer) => writer.write(frame),
                Format::Pcapng(writer) => writer.write(frame, comment),
            };
            match result {
                Ok(()) => return self.written += 1,
                Err(error) => self.error = Some(error),
            }
        }
        self.lost += 1;
    }

    /// Completes the file.
    pub fn finish(mut self) -> CaptureResult {
        if self.error.is_none() {
            self.error = self.flush().err();
        }
        let CaptureFile { path, format, written, lost, error } = self;
        // After an error the buffer would be written once more on drop, to no better end.
        if error.is_some() {
            match format {
                Format::Pcap(writer) => drop(writer.into_inner().into_parts()),
                Format::Pcapng(writer) => drop(writer.into_inner().into_parts()),
            }
        }
        CaptureResult { path, written, lost, error }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.format {
            Format::Pcap(writer) => writer.flush(),
            Format::Pcapng(writer) => writer.flush(),
        }
    }
}

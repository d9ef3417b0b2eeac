//! The capture file of a run: exactly the segments that were counted, and what became of the disk.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rst_storm_core::capture::{Direction, Frame, Interface, LinkType, PcapWriter, PcapngWriter};

use super::topology::{DESTINATION_LINK, SOURCE_LINK};

/// Said of a frame that entered the bridge at no port.
const MADE_HERE: &str = "made by the observer's host: it left this port without having entered at the other";

/// An open capture file: pcapng with both ports' names, or plain pcap where the name ends in `.pcap` or `.cap`.
///
/// A full disk ends the file, not the run: frames are then only counted, and the report says how many are missing. The
/// file is cut after its last whole packet, so that it reads cleanly up to there.
#[derive(Debug)]
pub struct CaptureFile {
    path: PathBuf,
    format: Format,
    /// Bytes given to the buffer, and bytes that the file has taken.
    given: Arc<AtomicU64>,
    taken: Arc<AtomicU64>,
    /// The ends of the packets that are still in the buffer.
    pending: VecDeque<u64>,
    whole: u64,
    written: u64,
    lost: u64,
    error: Option<io::Error>,
}

/// A writer that counts what went through it.
#[derive(Debug)]
struct Counted<W> {
    out: W,
    count: Arc<AtomicU64>,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.count.fetch_add(written as u64, Ordering::Relaxed);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

type Sink = Counted<BufWriter<Counted<File>>>;

#[derive(Debug)]
enum Format {
    Pcap(PcapWriter<Sink>),
    Pcapng(PcapngWriter<Sink>),
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
        let (given, taken) = (Arc::default(), Arc::default());
        let file = Counted { out: File::create(path)?, count: Arc::clone(&taken) };
        let out = Counted { out: BufWriter::with_capacity(1 << 18, file), count: Arc::clone(&given) };
        let is_pcap =
            path.extension().is_some_and(|end| end.eq_ignore_ascii_case("pcap") || end.eq_ignore_ascii_case("cap"));
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
        let path = path.to_owned();
        let pending = VecDeque::new();
        let mut file = CaptureFile { path, format, given, taken, pending, whole: 0, written: 0, lost: 0, error: None };
        // A disk that is full already is told now rather than at the end.
        file.flush()?;
        file.whole = file.taken.load(Ordering::Relaxed);
        Ok(file)
    }

    /// Writes one counted segment's frame.
    pub fn write(&mut self, frame: &Frame<'_>) {
        if self.error.is_some() {
            self.lost += 1;
            return;
        }
        let comment = (frame.direction == Direction::Outbound).then_some(MADE_HERE);
        let result = match &mut self.format {
            Format::Pcap(writer) => writer.write(frame),
            Format::Pcapng(writer) => writer.write(frame, comment),
        };
        match result {
            Ok(()) => self.pending.push_back(self.given.load(Ordering::Relaxed)),
            Err(error) => {
                self.error = Some(error);
                self.lost += 1;
            }
        }
        self.settle();
    }

    /// Counts the packets that the file has taken whole.
    fn settle(&mut self) {
        let taken = self.taken.load(Ordering::Relaxed);
        while let Some(end) = self.pending.front().copied().filter(|end| *end <= taken) {
            self.pending.pop_front();
            self.whole = end;
            self.written += 1;
        }
    }

    /// Completes the file.
    pub fn finish(mut self) -> CaptureResult {
        if self.error.is_none() {
            self.error = self.flush().err();
        }
        self.settle();
        let lost = self.lost + self.pending.len() as u64;
        let CaptureFile { path, format, written, whole, error, .. } = self;
        if error.is_some() {
            let sink = match format {
                Format::Pcap(writer) => writer.into_inner(),
                Format::Pcapng(writer) => writer.into_inner(),
            };
            // Taken apart, the buffer is not written once more on drop. If even cutting fails, the end stays ragged.
            let (file, _) = sink.out.into_parts();
            let _ = file.out.set_len(whole);
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

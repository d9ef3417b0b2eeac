//! Tracepoints by perf_event_open(2): one ring a processor, in which the records of several tracepoints lie in order.
//!
//! A tracepoint is of the whole machine: its records come from every process and network namespace. Their times are of
//! CLOCK_MONOTONIC; records of one processor are in order, those of several are not.

mod attributes;
mod clock;
mod record;
mod ring;
mod symbols;
mod task;
mod tracefs;

use std::fs;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::error::{During, Error, Result};
use attributes::{open_counter, redirect};
pub use clock::{ClockOffset, clock_offset, monotonic};
pub use record::Sample;
use record::{Record, read_record};
use ring::Ring;
pub use symbols::Symbols;
pub use task::{comm_of, ends_the_process};
pub use tracefs::Tracefs;

/// What is being done when the kernel refuses a tracepoint: the operation of its [`Error`].
pub const OPEN: &str = "open tracepoint";

/// The sizes of a ring that are tried, in pages: as root there is no bound; for others the default of
/// kernel.perf_event_mlock_kb leaves 128, and 64 are enough for what is read every few milliseconds.
const RING_PAGES: [usize; 3] = [512, 128, 64];

/// Which tracepoints, and what comes with each record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TracepointConfig {
    /// The tracepoints' numbers (their `id` files), at least one.
    pub ids: Vec<u16>,
    /// Those whose records come with the kernel's call chain.
    pub with_stack: Vec<u16>,
}

/// Open tracepoints on all processors. Nothing is missed from the moment that they are open, but what is counted as lost.
#[derive(Debug)]
pub struct Tracepoints {
    processors: Vec<Processor>,
    scratch: Vec<u8>,
    chain: Vec<u64>,
    lost_records: u64,
}

/// One processor's ring, which the first of its counters owns; the others write into it too.
#[derive(Debug)]
struct Processor {
    ring: Ring,
    counters: Vec<Counter>,
}

#[derive(Debug)]
struct Counter {
    id: u16,
    file: OwnedFd,
    /// Whether its read(2) tells what was lost (Linux 6.0).
    counts_lost: bool,
}

impl Tracepoints {
    /// Opens them on each processor that is online.
    ///
    /// The error's operation is [`OPEN`] where the kernel refuses; without CAP_PERFMON that is EACCES or EPERM.
    pub fn open(config: &TracepointConfig) -> Result<Tracepoints> {
        let mut processors = Vec::new();
        for cpu in online()? {
            let mut counters = Vec::new();
            for &id in &config.ids {
                let counter = open_counter(id, cpu, config.with_stack.contains(&id)).map_err(|errno| {
                    Error::from_errno(OPEN, format!("{id} on processor {cpu}"), errno.raw_os_error().unwrap_or(0))
                })?;
                counters.push(counter);
            }
            let Some(first) = counters.first() else {
                return Err(Error::from_errno(OPEN, "of none", libc::EINVAL));
            };
            let ring = map(first)?;
            for counter in &counters[1..] {
                redirect(counter.file.as_fd(), first.file.as_fd()).during("join tracepoints in one ring", "")?;
            }
            processors.push(Processor { ring, counters });
        }
        for counter in processors.iter().flat_map(|processor| &processor.counters) {
            attributes::enable(counter.file.as_fd()).during("enable a tracepoint", "")?;
        }
        Ok(Tracepoints { processors, scratch: Vec::new(), chain: Vec::new(), lost_records: 0 })
    }

    /// Hands over what the rings have, one processor after the other. Gives how many records are known to be lost by
    /// now, where a record says so: [`Tracepoints::lost`] knows more.
    pub fn read(&mut self, mut take: impl FnMut(Sample<'_>)) -> u64 {
        for processor in &mut self.processors {
            processor.ring.drain(&mut self.scratch, |kind, body| match read_record(kind, body, &mut self.chain) {
                Record::Sample(sample) => take(sample),
                Record::Lost(count) => self.lost_records += count,
                Record::Other => {}
            });
        }
        self.lost_records
    }

    /// How many records were lost for want of room, of all tracepoints.
    pub fn lost(&self) -> u64 {
        let counters = || self.processors.iter().flat_map(|processor| &processor.counters);
        if counters().any(|counter| !counter.counts_lost) {
            // What was lost last isn't told before another record finds room.
            return self.lost_records;
        }
        counters().map(attributes::lost).sum()
    }

    /// How many records of one tracepoint were lost; `None` where the kernel doesn't tell (before Linux 6.0).
    pub fn lost_of(&self, id: u16) -> Option<u64> {
        let counters = self.processors.iter().flat_map(|processor| &processor.counters);
        counters
            .filter(|counter| counter.id == id)
            .map(|counter| counter.counts_lost.then(|| attributes::lost(counter)))
            .sum()
    }

    /// The descriptors that become readable when a ring fills: at an eighth of it.
    pub fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.processors.iter().filter_map(|processor| Some(processor.counters.first()?.file.as_fd()))
    }

    /// Waits until a ring fills, `stop` is readable, or for so long. A signal ends the wait early.
    pub fn wait(&self, stop: impl AsFd, longest: Duration) -> Result<()> {
        let longest = Timespec::try_from(longest).unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 });
        let stop = stop.as_fd();
        let mut watched: Vec<PollFd<'_>> = Vec::with_capacity(self.processors.len() + 1);
        watched.push(PollFd::from_borrowed_fd(stop, PollFlags::IN));
        watched.extend(self.descriptors().map(|ring| PollFd::from_borrowed_fd(ring, PollFlags::IN)));
        match poll(&mut watched, Some(&longest)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(errno) => Err(errno).during("wait for tracepoints", ""),
        }
    }
}

fn map(first: &Counter) -> Result<Ring> {
    let mut refusal = None;
    for pages in RING_PAGES {
        match Ring::map(first.file.as_fd(), pages) {
            Ok(ring) => return Ok(ring),
            Err(error) => refusal = Some(error),
        }
    }
    refusal.map_or_else(|| Err(Error::from_errno("map a ring", "", libc::EINVAL)), Err)
}

/// The numbers of the processors that are online, e.g. of `0-3,8`.
fn online() -> Result<Vec<i32>> {
    const PATH: &str = "/sys/devices/system/cpu/online";
    let text = fs::read_to_string(PATH).during("read", PATH)?;
    Ok(processors(&text))
}

fn processors(list: &str) -> Vec<i32> {
    let ranges = list.trim().split(',').filter_map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Some(first.trim().parse().ok()?..=last.trim().parse().ok()?)
    });
    ranges.flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::processors;

    #[test]
    fn lists_of_processors_are_read() {
        assert_eq!(processors("0-1\n"), [0, 1]);
        assert_eq!(processors("0,2-4,8\n"), [0, 2, 3, 4, 8]);
        assert_eq!(processors("0"), [0]);
        assert_eq!(processors("\n"), [0; 0]);
    }
}

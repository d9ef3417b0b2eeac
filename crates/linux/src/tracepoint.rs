//! Tracepoints by perf_event_open(2): one ring a processor, in which the records of several tracepoints lie in order.
//!
//! A tracepoint is of the whole machine: its records come from every process and network namespace. Their times are of
//! CLOCK_MONOTONIC; records of one processor are in order, those of several are not.

mod attributes;
mod balance;
mod clock;
mod record;
mod ring;
mod symbols;
mod task;
mod tracefs;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::error::{During, Error, Result};
use crate::processors::online;
use attributes::{disable, enable, open_counter, redirect};
use balance::Balance;
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

/// So long after a passage was counted its sample is in the ring, or will never be. Between the two a processor does a few
/// microseconds' work, which nothing but an interrupt or its host holds up.
pub const LONGEST_UNDER_WAY: Duration = Duration::from_millis(5);

/// Which tracepoints, and what comes with each record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TracepointConfig {
    /// The tracepoints' numbers (their `id` files), at least one.
    pub ids: Vec<u16>,
    /// Those whose records come with the kernel's call chain.
    pub with_stack: Vec<u16>,
}

/// Open tracepoints on all processors. From the moment that they are open each passage is handed over, or counted as lost.
#[derive(Debug)]
pub struct Tracepoints {
    processors: Vec<Processor>,
    scratch: Vec<u8>,
    chain: Vec<u64>,
    /// When the counters were last read, on CLOCK_MONOTONIC.
    noted_at: u64,
    /// What records in the rings told as lost: all there is before Linux 6.0, until a comparison.
    told_lost: u64,
}

/// One processor's ring, which the first of its counters owns; the others write into it too.
#[derive(Debug)]
struct Processor {
    number: u32,
    ring: Ring,
    counters: Vec<Counter>,
}

#[derive(Debug)]
struct Counter {
    id: u16,
    file: OwnedFd,
    balance: Balance,
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
                let file = open_counter(id, cpu, config.with_stack.contains(&id)).map_err(|errno| {
                    Error::from_errno(OPEN, format!("{id} on processor {cpu}"), errno.raw_os_error().unwrap_or(0))
                })?;
                counters.push(Counter { id, file, balance: Balance::default() });
            }
            let Some(first) = counters.first() else {
                return Err(Error::from_errno(OPEN, "of none", libc::EINVAL));
            };
            let ring = map(first)?;
            for counter in &counters[1..] {
                redirect(counter.file.as_fd(), first.file.as_fd()).during("join tracepoints in one ring", "")?;
            }
            processors.push(Processor { number: cpu, ring, counters });
        }
        for counter in processors.iter().flat_map(|processor| &processor.counters) {
            enable(counter.file.as_fd()).during("enable a tracepoint", "")?;
        }
        Ok(Tracepoints { processors, scratch: Vec::new(), chain: Vec::new(), noted_at: monotonic(), told_lost: 0 })
    }

    /// Hands over what the rings have, one processor after the other. What the counters had counted some time ago is then held
    /// against it: see [`Tracepoints::lost`].
    pub fn read(&mut self, mut take: impl FnMut(Sample<'_>)) {
        let under_way = u64::try_from(LONGEST_UNDER_WAY.as_nanos()).unwrap_or(u64::MAX);
        let has_come = monotonic().saturating_sub(self.noted_at) >= under_way;
        for Processor { ring, counters, .. } in &mut self.processors {
            ring.drain(&mut self.scratch, |kind, body| match read_record(kind, body, &mut self.chain) {
                Record::Sample(sample) => {
                    if let Some(counter) = counters.iter_mut().find(|counter| counter.id == sample.id) {
                        counter.balance.hand_over();
                    }
                    take(sample);
                }
                Record::Lost(count) => self.told_lost += count,
                Record::Other => {}
            });
        }
        if has_come {
            self.counters().for_each(|counter| counter.balance.settle());
            self.note();
        }
    }

    /// Counts nothing more. A [`Tracepoints::read`] that comes [`LONGEST_UNDER_WAY`] later hands over the last of it, and what is
    /// lost is exact then.
    pub fn stop(&mut self) -> Result<()> {
        for counter in self.counters() {
            disable(counter.file.as_fd()).during("disable a tracepoint", "")?;
        }
        self.note();
        Ok(())
    }

    /// How many passages have no sample, as far as is known after the last reading: for want of room in a ring, or counted by the
    /// kernel and never handed over. It never falls, and counts none that is only under way. While others come it may be too low.
    pub fn lost(&self) -> u64 {
        self.told_lost.max(self.lost_by_processor().map(|(_, lost)| lost).sum())
    }

    /// The same of one tracepoint. What only records in the rings told may be of any, and is counted as of this one.
    pub fn lost_of(&self, id: u16) -> u64 {
        let counters = self.processors.iter().flat_map(|processor| &processor.counters);
        let its = counters.filter(|counter| counter.id == id);
        self.told_lost.max(its.map(|counter| counter.balance.missing()).sum())
    }

    /// The same for each processor, by its number, but for what only records in the rings told.
    pub fn lost_by_processor(&self) -> impl Iterator<Item = (u32, u64)> {
        self.processors.iter().map(|processor| {
            let missing = processor.counters.iter().map(|counter| counter.balance.missing()).sum();
            (processor.number, missing)
        })
    }

    fn counters(&mut self) -> impl Iterator<Item = &mut Counter> {
        self.processors.iter_mut().flat_map(|processor| &mut processor.counters)
    }

    fn note(&mut self) {
        for counter in self.counters() {
            if let Some(reading) = attributes::read(counter.file.as_fd()) {
                counter.balance.note(reading);
            }
        }
        self.noted_at = monotonic();
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

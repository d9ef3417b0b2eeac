//! The kernel's word on resets as it falls: tracepoints in, values out, in the order of time.

use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use rst_storm_core::capture::Timestamp;
use rst_storm_core::kernel::{Deaths, Decoder, KernelReset, Life, Name, Process};
use rst_storm_linux::sysctl;
use rst_storm_linux::tracepoint::{
    ClockOffset, LONGEST_UNDER_WAY, Sample, Symbols, TracepointConfig, Tracepoints, clock_offset, comm_of,
    ends_the_process, monotonic,
};

use super::kernel_plan::{Formats, KernelWatchPlan, NotWatched};
use super::kernel_record::{Clock, Filter, TRACE_SCHEMA, TraceRecord, Watched};
use super::wakefulness::Wakefulness;

/// How long a record is held back, so that what another processor saw before it comes before it.
const HOLD: Duration = LONGEST_UNDER_WAY;

/// How far apart a thread's reset and its end may be, for the end to tell its name, in nanoseconds.
const NAMED_WITHIN: u64 = 10_000_000_000;

/// The most names of threads that have ended.
const MOST_NAMES: usize = 16_384;

/// The open tracepoints, and what they told that is still held back.
///
/// It may be moved to a thread of its own. What is watched is the whole machine, whatever namespace that thread is in.
#[derive(Debug)]
pub struct KernelWatch {
    tracepoints: Tracepoints,
    formats: Formats,
    symbols: Option<Named>,
    deaths: Option<Deaths>,
    held: Vec<Held>,
    living: HashMap<i32, Option<Name>>,
    ended: HashMap<i32, (u64, Name)>,
    clock: ClockOffset,
    plan: KernelWatchPlan,
    since: Timestamp,
    /// How many records of ends of processes were lost.
    lost_ends: u64,
    unreadable: u64,
    _wakefulness: Wakefulness,
}

/// A record with its time on the monotonic clock.
#[derive(Debug)]
struct Held {
    at: u64,
    what: What,
}

#[derive(Debug)]
enum What {
    Reset(Box<KernelReset>),
    Signal { pid: i32, tid: i32, signal: i32 },
    Exit { pid: i32, tid: i32 },
}

/// Functions by address, each name made once.
#[derive(Debug)]
struct Named {
    symbols: Symbols,
    known: HashMap<u64, Option<Name>>,
}

impl KernelWatch {
    /// Opens the tracepoints. Every reset from here on is told, or counted as lost.
    pub fn open(plan: &KernelWatchPlan) -> Result<KernelWatch, NotWatched> {
        let formats = Formats::read(plan)?;
        let symbols = if plan.stacks { Some(Named::read()?) } else { None };
        let resets: Vec<u16> = formats.resets().map(Decoder::id).collect();
        let ids = resets.iter().copied().chain(formats.ends()).collect();
        let with_stack = if plan.stacks { resets } else { Vec::new() };
        let wakefulness = if plan.awake { Wakefulness::where_needed() } else { Wakefulness::default() };
        let tracepoints = Tracepoints::open(&TracepointConfig { ids, with_stack }).map_err(NotWatched::Refused)?;
        let clock = clock_offset();
        Ok(KernelWatch {
            tracepoints,
            formats,
            symbols,
            deaths: plan.deaths.then(Deaths::default),
            held: Vec::new(),
            living: HashMap::new(),
            ended: HashMap::new(),
            clock,
            plan: *plan,
            since: Timestamp(clock.wall(monotonic())),
            lost_ends: 0,
            unreadable: 0,
            _wakefulness: wakefulness,
        })
    }

    /// What was told so far, in the order of time, but for the last five milliseconds.
    pub fn drain(&mut self) -> Vec<KernelReset> {
        let until = monotonic().saturating_sub(u64::try_from(HOLD.as_nanos()).unwrap_or(u64::MAX));
        self.read();
        self.release(until)
    }

    /// All that was told up to this call, with which the watch ends: what is lost is exact from here on. It waits for as long as
    /// records are held back.
    pub fn drain_all(&mut self) -> Vec<KernelReset> {
        // Where it isn't stopped, what comes meanwhile may hide what is lost; the kernel has no reason to refuse.
        let _ = self.tracepoints.stop();
        std::thread::sleep(HOLD);
        self.read();
        self.release(u64::MAX)
    }

    /// Waits until a processor's ring fills, `stop` becomes readable, or for so long. A few resets fill no ring.
    pub fn wait(&self, stop: impl AsFd, longest: Duration) -> rst_storm_linux::Result<()> {
        self.tracepoints.wait(stop, longest)
    }

    /// The descriptors that become readable when a ring fills.
    pub fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.tracepoints.descriptors()
    }

    /// How many records were lost for want of room, or were counted by the kernel and never handed over, or could not be read; of
    /// ends of processes too, where they are watched. It is what is known after the last reading, and never falls.
    pub fn lost(&self) -> u64 {
        self.tracepoints.lost() + self.unreadable
    }

    /// What is added to the monotonic clock of the records, as it was at the last reading.
    pub fn clock(&self) -> ClockOffset {
        self.clock
    }

    /// The reasons that this kernel knows, by number. Without any, the absence of an event says nothing either: such a
    /// kernel tells only of some resets.
    pub fn reasons(&self) -> impl Iterator<Item = &Name> {
        self.formats.sent.reasons()
    }

    /// The wall-clock time now, by the clock of the records.
    pub fn now(&self) -> Timestamp {
        Timestamp(self.clock.wall(monotonic()))
    }

    /// What is watched, and how: the first record of a trace.
    pub fn describe(&self, filter: Option<Filter>) -> TraceRecord<'static> {
        TraceRecord {
            schema: TRACE_SCHEMA.into(),
            kernel: sysctl::read("kernel/osrelease").unwrap_or_default().into(),
            since: self.since,
            clock: Clock { source: "CLOCK_MONOTONIC".to_owned(), error_ns: self.clock.error },
            watched: Watched {
                taken: self.plan.taken,
                deaths: self.plan.deaths,
                stacks: self.plan.stacks,
                reasons: self.reasons().map(|reason| reason.to_string()).collect(),
            },
            filter,
        }
    }

    fn read(&mut self) {
        self.clock = clock_offset();
        self.living.clear();
        let KernelWatch { tracepoints, formats, symbols, held, living, ended, clock, unreadable, .. } = self;
        tracepoints.read(|sample| match hear(&sample, formats, *clock) {
            Heard::Reset(mut reset) => {
                if let Some(process) = &mut reset.process {
                    let comm =
                        living.entry(process.tid).or_insert_with(|| comm_of(process.pid, process.tid).map(Name::from));
                    process.comm.clone_from(comm);
                }
                if let Some(named) = symbols {
                    reset.stack = sample.chain.iter().filter_map(|address| named.function(*address)).collect();
                }
                held.push(Held { at: sample.at, what: What::Reset(reset) });
            }
            Heard::Signal(signal) => {
                let what = What::Signal { pid: sample.pid, tid: sample.tid, signal };
                held.push(Held { at: sample.at, what });
            }
            Heard::Exit(comm) => {
                if ended.len() >= MOST_NAMES {
                    ended.clear();
                }
                ended.extend(comm.map(|comm| (sample.tid, (sample.at, comm))));
                held.push(Held { at: sample.at, what: What::Exit { pid: sample.pid, tid: sample.tid } });
            }
            Heard::Unreadable => *unreadable += 1,
            Heard::Nothing => {}
        });
        let lost = self.formats.ends().map(|id| self.tracepoints.lost_of(id)).sum();
        if lost > self.lost_ends {
            self.lost_ends = lost;
            if let Some(deaths) = &mut self.deaths {
                deaths.lost(Timestamp(monotonic()));
            }
        }
    }

    fn release(&mut self, until: u64) -> Vec<KernelReset> {
        self.held.sort_by_key(|held| held.at);
        let due = self.held.partition_point(|held| held.at <= until);
        let mut resets = Vec::new();
        for Held { at, what } in self.held.drain(..due) {
            let time = Timestamp(at);
            match (what, &mut self.deaths) {
                (What::Signal { pid, tid, signal }, Some(deaths)) => deaths.signal(time, pid, tid, signal),
                (What::Exit { pid, tid }, Some(deaths)) => deaths.exit(time, pid, tid),
                (What::Reset(mut reset), deaths) => {
                    if let Some(process) = &mut reset.process {
                        name(process, at, &self.ended);
                        reset.life = life(process, time, deaths.as_mut());
                    }
                    resets.push(*reset);
                }
                (_, None) => {}
            }
        }
        resets
    }
}

/// What a sample is.
enum Heard {
    Reset(Box<KernelReset>),
    Signal(i32),
    Exit(Option<Name>),
    Unreadable,
    Nothing,
}

fn hear(sample: &Sample<'_>, formats: &Formats, clock: ClockOffset) -> Heard {
    let id = sample.id;
    if let Some(decoder) = formats.resets().find(|decoder| decoder.id() == id) {
        let Some(told) = decoder.read(sample.raw) else { return Heard::Unreadable };
        let is_its_own = KernelReset::is_a_tasks_own(told.kind, told.context) && sample.pid > 0;
        return Heard::Reset(Box::new(KernelReset {
            at: Timestamp(clock.wall(sample.at)),
            cpu: sample.cpu,
            direction: told.direction,
            source: told.source,
            destination: told.destination,
            reason: told.reason,
            state: told.state,
            kind: told.kind,
            has_socket: told.has_socket,
            context: told.context,
            process: is_its_own.then_some(Process { pid: sample.pid, tid: sample.tid, comm: None }),
            life: Life::NotWatched,
            stack: Vec::new(),
        }));
    }
    if formats.exit.as_ref().is_some_and(|exit| exit.id() == id) {
        return Heard::Exit(formats.exit.as_ref().and_then(|exit| exit.comm(sample.raw)));
    }
    let signal = formats.signal.as_ref().filter(|signal| signal.id() == id);
    match signal.and_then(|fields| fields.unhandled(sample.raw)) {
        Some(signal) if ends_the_process(signal) => Heard::Signal(signal),
        _ => Heard::Nothing,
    }
}

/// Where the thread had gone when its name was asked for, its end tells it.
fn name(process: &mut Process, at: u64, ended: &HashMap<i32, (u64, Name)>) {
    if process.comm.is_none()
        && let Some((end, comm)) = ended.get(&process.tid)
        && end.abs_diff(at) < NAMED_WITHIN
    {
        process.comm = Some(Name::clone(comm));
    }
}

fn life(process: &Process, at: Timestamp, deaths: Option<&mut Deaths>) -> Life {
    // A worker of the kernel's closes what others had: its own life says nothing.
    let is_a_worker = process.comm.as_ref().is_some_and(|comm| comm.starts_with("kworker"));
    match deaths {
        Some(deaths) if !is_a_worker => deaths.life(at, process.tid),
        _ => Life::NotWatched,
    }
}

impl Named {
    fn read() -> Result<Named, NotWatched> {
        let symbols = Symbols::read().map_err(NotWatched::Unreadable)?;
        if symbols.are_hidden() { Err(NotWatched::Hidden) } else { Ok(Named { symbols, known: HashMap::new() }) }
    }

    fn function(&mut self, address: u64) -> Option<Name> {
        // Return addresses are few: those of the functions that lead to a reset.
        let symbols = &self.symbols;
        self.known.entry(address).or_insert_with(|| symbols.function(address).map(Name::from)).clone()
    }
}

//! perf_event_open(2) with what we ask of a tracepoint, and what its descriptor answers.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// struct perf_event_attr of linux/perf_event.h, up to its fifth size; the kernel takes any size that it knows.
#[repr(C)]
#[derive(Default)]
struct Attributes {
    kind: u32,
    size: u32,
    config: u64,
    sample_period: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wakeup_watermark: u32,
    breakpoint_kind: u32,
    config1: u64,
    config2: u64,
    branch_sample_type: u64,
    sample_regs_user: u64,
    sample_stack_user: u32,
    clock: i32,
    sample_regs_intr: u64,
    aux_watermark: u32,
    sample_max_stack: u16,
    reserved: u16,
}

const PERF_TYPE_TRACEPOINT: u32 = 2;
const PERF_SAMPLE_TID: u64 = 1 << 1;
const PERF_SAMPLE_TIME: u64 = 1 << 2;
const PERF_SAMPLE_CALLCHAIN: u64 = 1 << 5;
const PERF_SAMPLE_CPU: u64 = 1 << 7;
const PERF_SAMPLE_RAW: u64 = 1 << 10;
const PERF_FORMAT_LOST: u64 = 1 << 4;
const PERF_FLAG_FD_CLOEXEC: u64 = 1 << 3;
const PERF_EVENT_IOC_ENABLE: u64 = 0x2400;
const PERF_EVENT_IOC_DISABLE: u64 = 0x2401;
const PERF_EVENT_IOC_SET_OUTPUT: u64 = 0x2405;

/// The bits of the attributes' flag word.
const DISABLED: u64 = 1;
const WATERMARK: u64 = 1 << 14;
const EXCLUDE_CALLCHAIN_USER: u64 = 1 << 22;
const USE_CLOCKID: u64 = 1 << 25;

/// A reader is woken when so many octets lie in the ring: an eighth of the smallest that is tried.
const WATERMARK_OCTETS: u32 = 64 * 4096 / 8;

/// The most functions of a call chain.
const MOST_FUNCTIONS: u16 = 64;

/// What a sample holds; the order in the record is the kernel's own.
const SAMPLE: u64 = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU | PERF_SAMPLE_RAW;

/// A tracepoint on one processor, not yet enabled.
pub(super) fn open_counter(id: u16, cpu: u32, with_stack: bool) -> io::Result<OwnedFd> {
    let mut attributes = Attributes {
        kind: PERF_TYPE_TRACEPOINT,
        size: size_of::<Attributes>() as u32,
        config: id.into(),
        // Every passage is a sample.
        sample_period: 1,
        sample_type: SAMPLE | if with_stack { PERF_SAMPLE_CALLCHAIN } else { 0 },
        read_format: PERF_FORMAT_LOST,
        flags: DISABLED | WATERMARK | EXCLUDE_CALLCHAIN_USER | USE_CLOCKID,
        wakeup_watermark: WATERMARK_OCTETS,
        clock: libc::CLOCK_MONOTONIC,
        sample_max_stack: if with_stack { MOST_FUNCTIONS } else { 0 },
        ..Attributes::default()
    };
    match open(&attributes, cpu) {
        // Linux 6.0 was the first to count what is lost.
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
            attributes.read_format = 0;
            open(&attributes, cpu)
        }
        opened => opened,
    }
}

fn open(attributes: &Attributes, cpu: u32) -> io::Result<OwnedFd> {
    let (any_process, no_group): (libc::pid_t, libc::c_int) = (-1, -1);
    // SAFETY: the kernel reads `size` octets of the attributes, which are that large and live through the call.
    let result = unsafe {
        libc::syscall(
            libc::SYS_perf_event_open,
            &raw const *attributes,
            any_process,
            cpu,
            no_group,
            PERF_FLAG_FD_CLOEXEC,
        )
    };
    match i32::try_from(result) {
        // SAFETY: the descriptor is new and nobody else's.
        Ok(descriptor) if descriptor >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(descriptor) }),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Lets one counter write into the ring of another of the same processor.
pub(super) fn redirect(counter: BorrowedFd<'_>, into: BorrowedFd<'_>) -> io::Result<()> {
    control(counter, PERF_EVENT_IOC_SET_OUTPUT, into.as_raw_fd())
}

/// From here on it counts and writes.
pub(super) fn enable(counter: BorrowedFd<'_>) -> io::Result<()> {
    control(counter, PERF_EVENT_IOC_ENABLE, 0)
}

/// From here on it doesn't.
pub(super) fn disable(counter: BorrowedFd<'_>) -> io::Result<()> {
    control(counter, PERF_EVENT_IOC_DISABLE, 0)
}

fn control(counter: BorrowedFd<'_>, request: u64, argument: libc::c_int) -> io::Result<()> {
    // SAFETY: these requests take a number, and no memory.
    let result = unsafe { libc::ioctl(counter.as_raw_fd(), request as libc::Ioctl, argument) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// What read(2) tells of a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    /// The passages so far.
    pub(super) counted: u64,
    /// Those of which the record found no room; 0 before Linux 6.0, which doesn't tell.
    pub(super) lost: u64,
}

/// Reads a counter on its own processor; `None` where it can't be read.
pub(super) fn read(counter: BorrowedFd<'_>) -> Option<Reading> {
    // struct read_format: the count, then what was lost where that was asked for.
    let mut answer = [0u8; 16];
    let length = rustix::io::read(counter, &mut answer).ok()?;
    let word = |place: usize| answer[..length].get(place..place + 8)?.try_into().ok().map(u64::from_ne_bytes);
    Some(Reading { counted: word(0)?, lost: word(8).unwrap_or(0) })
}

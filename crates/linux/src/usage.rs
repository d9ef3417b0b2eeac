//! What the program itself has used: processor time of the thread or process, and memory at its peak.

use std::fs;
use std::time::Duration;

use crate::error::{Cause, During, Error, Result};

/// Processor time, split as the kernel splits it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuTime {
    /// In the program itself.
    pub user: Duration,
    /// In the kernel on its behalf.
    pub system: Duration,
}

impl CpuTime {
    /// Both together.
    pub fn total(self) -> Duration {
        self.user + self.system
    }
}

/// Processor time of the calling thread so far.
pub fn thread_cpu_time() -> CpuTime {
    cpu_time(libc::RUSAGE_THREAD)
}

/// Processor time of all of the process's threads so far, of those that have ended too; not of its children.
pub fn process_cpu_time() -> CpuTime {
    cpu_time(libc::RUSAGE_SELF)
}

/// The most memory the program has had resident, in bytes.
///
/// VmHWM, and not getrusage's ru_maxrss: that one outlives an exec, and would show the parent's peak in a child.
pub fn peak_rss() -> Result<u64> {
    const OPERATION: &str = "read the peak of resident memory from";
    const STATUS: &str = "/proc/self/status";
    let status = fs::read_to_string(STATUS).during(OPERATION, STATUS)?;
    let kibibytes = status.lines().find_map(|line| {
        let value = line.strip_prefix("VmHWM:")?.trim().strip_suffix("kB")?;
        value.trim().parse::<u64>().ok()
    });
    match kibibytes {
        Some(kibibytes) => Ok(kibibytes.saturating_mul(1024)),
        None => Err(Error::from_cause(OPERATION, STATUS, Cause::Malformed("no line 'VmHWM:'".to_owned()))),
    }
}

fn cpu_time(who: libc::c_int) -> CpuTime {
    // SAFETY: rusage is plain integers, for which all zeroes is a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel fills `usage`, which lives through the call. It fails only for a bad pointer or an unknown
    // `who`, neither of which this module passes; the zeroes would stand.
    unsafe { libc::getrusage(who, &raw mut usage) };
    CpuTime { user: duration(usage.ru_utime), system: duration(usage.ru_stime) }
}

fn duration(time: libc::timeval) -> Duration {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let micros = u64::try_from(time.tv_usec).unwrap_or(0);
    Duration::from_secs(seconds) + Duration::from_micros(micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_has_used_at_least_what_its_thread_had() {
        let thread = thread_cpu_time();
        assert!(process_cpu_time().total() >= thread.total());
    }

    #[test]
    fn the_peak_is_no_less_than_what_was_just_touched() {
        let touched = vec![1u8; 8 << 20];
        assert!(peak_rss().unwrap() >= std::hint::black_box(&touched).len() as u64);
    }
}

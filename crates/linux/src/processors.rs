//! The machine's processors: which are online, a thread on one of them, and one that gives way to everybody.

use std::fs;

use rustix::thread::{CpuSet, gettid, sched_setaffinity};

use crate::error::{During, Error, Result};

/// The numbers of the processors that are online.
pub fn online() -> Result<Vec<u32>> {
    const PATH: &str = "/sys/devices/system/cpu/online";
    let text = fs::read_to_string(PATH).during("read", PATH)?;
    Ok(listed(&text))
}

/// From here on the calling thread runs on this processor alone (sched_setaffinity(2)). EINVAL where it is none of those that
/// the process may use.
pub fn stay_on(processor: u32) -> Result<()> {
    const OPERATION: &str = "stay on processor";
    let place = usize::try_from(processor).unwrap_or(usize::MAX);
    if place >= CpuSet::MAX_CPU {
        return Err(Error::from_errno(OPERATION, processor.to_string(), libc::EINVAL));
    }
    let mut set = CpuSet::new();
    set.set(place);
    sched_setaffinity(Some(gettid()), &set).during(OPERATION, processor.to_string())
}

/// From here on the calling thread runs only where nobody else wants to (SCHED_IDLE, sched(7)). It needs no privilege.
pub fn give_way() -> Result<()> {
    // struct sched_param: the priority, of which this policy has none.
    let (this_thread, priority): (libc::pid_t, libc::c_int) = (0, 0);
    // By its number: musl's function of that name only says ENOSYS.
    // SAFETY: the kernel reads the priority, which lives through the call.
    let result =
        unsafe { libc::syscall(libc::SYS_sched_setscheduler, this_thread, libc::SCHED_IDLE, &raw const priority) };
    if result == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()).during("give way to all threads", "") }
}

/// E.g. of `0-3,8`.
fn listed(list: &str) -> Vec<u32> {
    let ranges = list.trim().split(',').filter_map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Some(first.trim().parse().ok()?..=last.trim().parse().ok()?)
    });
    ranges.flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_processors_are_read() {
        assert_eq!(listed("0-1\n"), [0, 1]);
        assert_eq!(listed("0,2-4,8\n"), [0, 2, 3, 4, 8]);
        assert_eq!(listed("0"), [0]);
        assert_eq!(listed("\n"), [0; 0]);
    }

    /// What the kernel says of the calling thread, by the names of its own file.
    fn status(name: &str) -> String {
        let text = fs::read_to_string("/proc/thread-self/status").unwrap();
        text.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned()
    }

    #[test]
    fn a_thread_stays_on_its_processor() {
        let allowed = listed(&status("Cpus_allowed_list:"));
        for processor in allowed {
            // A thread of its own: the others of this process go where they like.
            let stays = std::thread::spawn(move || {
                stay_on(processor).unwrap();
                status("Cpus_allowed_list:")
            });
            assert_eq!(stays.join().unwrap(), processor.to_string());
        }
        assert_eq!(stay_on(u32::MAX).unwrap_err().errno(), Some(libc::EINVAL));
    }

    #[test]
    fn a_thread_gives_way() {
        let policy = std::thread::spawn(|| {
            give_way().unwrap();
            let stat = fs::read_to_string("/proc/thread-self/stat").unwrap();
            // proc(5): field 41 is the policy; the second is a name in parentheses.
            let (_, after) = stat.rsplit_once(") ").unwrap();
            after.split(' ').nth(41 - 3).unwrap().parse::<i32>().unwrap()
        });
        assert_eq!(policy.join().unwrap(), libc::SCHED_IDLE);
    }
}

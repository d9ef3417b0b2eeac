//! A user namespace of the process's own: every capability inside it, none outside.

use std::fs;
use std::io::ErrorKind;
use std::thread;
use std::time::Duration;

use rustix::process::{getegid, geteuid};
use rustix::thread::{UnshareFlags, unshare_unsafe};

use crate::error::{Cause, During, Error, Result};

/// How many times, a millisecond apart, to look whether joined threads are gone.
const ENDING_LOOKS: usize = 20;

/// Moves the process into a user namespace of its own, where it keeps its user and group ids and holds every
/// capability over what it makes from there on. An exec takes the capabilities away again, unless the id is 0.
///
/// The kernel allows it only to a process of one thread (here [`Cause::SeveralThreads`] otherwise). There is no way back.
pub fn enter_user_namespace() -> Result<()> {
    const OPERATION: &str = "create user namespace";
    let threads = count_lasting_threads()?;
    if threads != 1 {
        return Err(Error::from_cause(OPERATION, "", Cause::SeveralThreads(threads)));
    }
    // Inside, before the maps are written, both ids read as the overflow id: ask first.
    let (user, group) = (geteuid().as_raw(), getegid().as_raw());
    // SAFETY: unshare is unsafe for CLONE_FILES, which isn't asked for; and there is no other thread.
    unsafe { unshare_unsafe(UnshareFlags::NEWUSER) }.during(OPERATION, "")?;
    deny_setgroups()?;
    write("/proc/self/uid_map", &format!("{user} {user} 1\n"))?;
    write("/proc/self/gid_map", &format!("{group} {group} 1\n"))
}

/// How many threads the process has, not counting those that were joined just now: the kernel may take a moment
/// longer to let go of one than join() does.
fn count_lasting_threads() -> Result<usize> {
    let mut threads = count_threads()?;
    for _ in 0..ENDING_LOOKS {
        if threads == 1 {
            break;
        }
        thread::sleep(Duration::from_millis(1));
        threads = count_threads()?;
    }
    Ok(threads)
}

fn count_threads() -> Result<usize> {
    const OPERATION: &str = "count the threads of";
    const STATUS: &str = "/proc/self/status";
    let status = fs::read_to_string(STATUS).during(OPERATION, STATUS)?;
    status
        .lines()
        .find_map(|line| line.strip_prefix("Threads:")?.trim().parse().ok())
        .ok_or_else(|| Error::from_cause(OPERATION, STATUS, Cause::Malformed("no line 'Threads:'".to_owned())))
}

/// An ordinary user may write gid_map only after giving up setgroups(2). Kernels before 3.19 have no such file.
fn deny_setgroups() -> Result<()> {
    const PATH: &str = "/proc/self/setgroups";
    match fs::write(PATH, "deny") {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        result => result.during("write", PATH),
    }
}

fn write(path: &'static str, map: &str) -> Result<()> {
    fs::write(path, map).during("write", path)
}

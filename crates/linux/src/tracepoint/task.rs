//! Tasks: their names, and which signals end them.

use std::fs;

/// A thread's name (comm) as it is now; `None` where it has gone.
pub fn comm_of(pid: i32, tid: i32) -> Option<String> {
    let comm = fs::read(format!("/proc/{pid}/task/{tid}/comm")).ok()?;
    Some(String::from_utf8_lossy(comm.trim_ascii_end()).into_owned())
}

/// Whether a signal's default action ends the process (signal(7)): all but those that are ignored, that stop or go on.
pub fn ends_the_process(signal: i32) -> bool {
    ![
        libc::SIGCHLD,
        libc::SIGCONT,
        libc::SIGURG,
        libc::SIGWINCH,
        libc::SIGSTOP,
        libc::SIGTSTP,
        libc::SIGTTIN,
        libc::SIGTTOU,
    ]
    .contains(&signal)
}

#[cfg(test)]
mod tests {
    use super::{comm_of, ends_the_process};

    #[test]
    fn this_thread_has_a_name() {
        let pid = std::process::id().cast_signed();
        let tid = rustix::thread::gettid().as_raw_nonzero().get();
        let named = std::fs::read_to_string("/proc/thread-self/comm").unwrap();
        assert_eq!(comm_of(pid, tid).as_deref(), Some(named.trim_end()));
        assert_eq!(comm_of(pid, i32::MAX), None);
    }

    #[test]
    fn some_signals_end_a_process() {
        assert!(ends_the_process(libc::SIGKILL) && ends_the_process(libc::SIGSEGV) && ends_the_process(libc::SIGTERM));
        assert!(!ends_the_process(libc::SIGCHLD) && !ends_the_process(libc::SIGSTOP));
    }
}

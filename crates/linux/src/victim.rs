//! A child process that holds one descriptor of ours and nothing else, so that its death is what closes it.

use std::ffi::OsStr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{
    DumpableBehavior, Pid, PidfdFlags, Resource, Rlimit, getpid, getppid, kill_process, pidfd_open,
    set_dumpable_behavior, set_parent_process_death_signal, setrlimit,
};
use rustix::time::Timespec;

pub use rustix::process::Signal;

use crate::error::{During, Error, Result};

/// The number of the descriptor that a victim inherits.
pub const INHERITED: i32 = 3;

/// A victim that nobody kills ends itself after so long.
const LONGEST_LIFE: u32 = 60;

/// The process. Dropping it kills and reaps it.
#[derive(Debug)]
pub struct Victim {
    child: Child,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It left with this status.
    Exit(i32),
    /// A signal killed it, of this number.
    Signal(i32),
}

/// Starts a program that inherits a descriptor as its number 3; its standard output is a pipe to this process (see
/// [`Victim::await_ready`]), the other standard streams are /dev/null. This process keeps no copy of the descriptor. The
/// program lives in the calling thread's namespaces, and the kernel kills it when the calling *thread* ends.
pub fn spawn(program: &Path, arguments: &[impl AsRef<OsStr>], inherited: OwnedFd) -> Result<Victim> {
    const OPERATION: &str = "start";
    let name = program.to_string_lossy();
    // std's own pipe to the child must not get the number that is taken from under it there.
    let held = rustix::io::fcntl_dupfd_cloexec(&inherited, INHERITED).during(OPERATION, &name)?;
    let (descriptor, parent) = (held.as_raw_fd(), getpid());
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    // SAFETY: between fork and exec prepare() makes nothing but system calls: no memory, no lock, no panic.
    unsafe { command.pre_exec(move || prepare(descriptor, parent)) };
    let child = command.spawn().during(OPERATION, &name)?;
    Ok(Victim { child })
}

/// The kernel kills this process when the thread that started it ends. A change of credentials, as entering a user namespace
/// is one, forgets that: say it anew after it. `parent` is the process that started this one; if it is gone already, ESRCH.
pub fn die_with(parent: u32) -> Result<()> {
    let parent = i32::try_from(parent).ok().and_then(Pid::from_raw);
    tie_to(parent).during("die with process", parent.map_or(0, |parent| parent.as_raw_nonzero().get()).to_string())
}

fn tie_to(parent: Option<Pid>) -> std::io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    if getppid() != parent {
        // It was too late to be told.
        return Err(std::io::Error::from_raw_os_error(libc::ESRCH));
    }
    Ok(())
}

/// In the child, before it becomes the program.
fn prepare(descriptor: i32, parent: Pid) -> std::io::Result<()> {
    tie_to(Some(parent))?;
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    let result = if descriptor == INHERITED {
        // SAFETY: fcntl(2) on a descriptor that the parent held open at the fork.
        unsafe { libc::fcntl(INHERITED, libc::F_SETFD, 0) }
    } else {
        // SAFETY: as above; what had the number 3 is a copy of the parent's, of no use here.
        unsafe { libc::dup2(descriptor, INHERITED) }
    };
    if result < 0 {
        return Err(std::io::Error::last_os_error());
    }
    // Not all descriptors of the parent need say CLOEXEC; std's pipe is still in use, so that none is closed at once.
    let first = (INHERITED + 1) as libc::c_uint;
    // SAFETY: close_range(2) with this flag only marks descriptors. libc has no function for it on every target.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    if result == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}

impl Victim {
    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// kill(2); ESRCH once it was waited for.
    pub fn signal(&mut self, signal: Signal) -> Result<()> {
        const OPERATION: &str = "send a signal to process";
        let name = self.name();
        // Until it is reaped the number is its own.
        if self.child.try_wait().during(OPERATION, &name)?.is_some() {
            return Err(Error::from_errno(OPERATION, name, libc::ESRCH));
        }
        kill_process(Pid::from_child(&self.child), signal).during(OPERATION, name)
    }

    /// Waits until it says that it is ready to be killed (it is in [`await_death`]), for so long at most; false if it has
    /// ended instead, or doesn't say so.
    pub fn await_ready(&mut self, timeout: Duration) -> Result<bool> {
        const OPERATION: &str = "listen to process";
        let name = self.name();
        let Some(output) = self.child.stdout.as_ref() else { return Ok(false) };
        let mut waited = [PollFd::new(output, PollFlags::IN)];
        poll(&mut waited, Some(&timespec(timeout))).during(OPERATION, &name)?;
        Ok(waited[0].revents().contains(PollFlags::IN))
    }

    /// Waits until it has ended, for so long at most; `None` if it lives on.
    pub fn wait(&mut self, timeout: Duration) -> Result<Option<Ending>> {
        const OPERATION: &str = "wait for process";
        let name = self.name();
        if let Some(status) = self.child.try_wait().during(OPERATION, &name)? {
            return Ok(Some(ending(status)));
        }
        let process = pidfd_open(Pid::from_child(&self.child), PidfdFlags::empty()).during(OPERATION, &name)?;
        poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&timespec(timeout))).during(OPERATION, &name)?;
        Ok(self.child.try_wait().during(OPERATION, &name)?.map(ending))
    }

    fn name(&self) -> String {
        self.child.id().to_string()
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        // It fails for one that has been reaped, and then there is nothing to wait for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn timespec(timeout: Duration) -> Timespec {
    Timespec { tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX), tv_nsec: timeout.subsec_nanos().into() }
}

fn ending(status: ExitStatus) -> Ending {
    match status.signal() {
        Some(signal) => Ending::Signal(signal),
        None => Ending::Exit(status.code().unwrap_or_default()),
    }
}

/// For the victim itself: every signal does what the kernel has it do by default (std handles SIGSEGV and SIGBUS itself,
/// and ignores SIGPIPE), none is blocked, and no core is dumped, not even into a pipe.
pub fn restore_default_signals() -> Result<()> {
    for signal in 1..=31 {
        if signal != libc::SIGKILL && signal != libc::SIGSTOP {
            // SAFETY: the default action is no function of this process's.
            unsafe { libc::signal(signal, libc::SIG_DFL) };
        }
    }
    // SAFETY: the set is initialised by sigemptyset() before it is read, and lives through the calls.
    unsafe {
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
    }
    set_dumpable_behavior(DumpableBehavior::NotDumpable).during("forbid core dumps", "")
}

/// For the victim itself: says on its standard output that it is ready, and waits for a signal that kills it. One comes
/// after 60 seconds at the latest (SIGALRM).
pub fn await_death() -> ! {
    // Who doesn't listen will wait in vain, or not at all.
    let _ = rustix::io::write(std::io::stdout(), b"\n");
    // SAFETY: alarm(2) takes a number.
    unsafe { libc::alarm(LONGEST_LIFE) };
    loop {
        // SAFETY: pause(2) takes nothing; it returns only from a handler, and there is none.
        unsafe { libc::pause() };
    }
}

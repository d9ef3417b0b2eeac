//! Network namespaces, held by a descriptor: made, opened, entered, and told apart by identity.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::thread::{LinkNameSpaceType, Pid, UnshareFlags, gettid, move_into_link_name_space, unshare_unsafe};

use crate::error::{Cause, During, Error, Result};

/// The calling *thread's* namespace. /proc/self/ns/net would be the namespace of the process's first thread.
const OWN: &str = "/proc/thread-self/ns/net";

/// NS_GET_NSTYPE of ioctl_ns(2): `_IO(0xb7, 0x3)`, which libc lacks.
const NS_GET_NSTYPE: libc::Ioctl = 0xb703;

/// The file system that all namespace files live in (linux/magic.h).
const NSFS_MAGIC: u64 = 0x6e73_6673;

/// How often to look whether a joined thread is gone; as a rule it is at the first or second look.
const ENDING_LOOKS: usize = 2000;

/// A network namespace. The kernel keeps it for as long as this descriptor, a process, a socket or a bind mount does.
#[derive(Debug)]
pub struct NetNamespace {
    fd: OwnedFd,
}

/// What tells namespaces apart: the device and inode number of the namespace's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The device of the kernel's own nsfs.
    pub device: u64,
    /// The inode number, as in `net:[4026531840]`.
    pub inode: u64,
}

impl NetNamespace {
    /// The calling thread's namespace.
    pub fn current() -> Result<NetNamespace> {
        NetNamespace::open(OWN)
    }

    /// The namespace behind a path: a bind mount, or a file such as /proc/PID/ns/net.
    pub fn open(path: impl AsRef<Path>) -> Result<NetNamespace> {
        const OPERATION: &str = "open network namespace";
        let path = path.as_ref();
        let name = path.to_string_lossy();
        // Asked of the path first: a plain file may be unreadable (iproute2 makes them with mode 0), and a FIFO would
        // keep us waiting.
        let statfs = rustix::fs::statfs(path).during(OPERATION, &name)?;
        if statfs.f_type as u64 == NSFS_MAGIC {
            let flags = OFlags::RDONLY | OFlags::CLOEXEC;
            let fd = rustix::fs::open(path, flags, Mode::empty()).during(OPERATION, &name)?;
            if is_network_namespace(fd.as_fd()) {
                return Ok(NetNamespace { fd });
            }
        }
        Err(Error::from_cause(OPERATION, name, Cause::NotANamespace))
    }

    /// A fresh namespace without a name: it ends with its last descriptor, so nothing is left of it after a SIGKILL.
    ///
    /// A thread of its own makes it, and has ended when this returns: the caller's namespace is untouched.
    pub fn create() -> Result<NetNamespace> {
        run_scoped(|| {
            // SAFETY: NEWNET changes only the calling thread's namespace, and this thread does nothing more than
            // open it; unshare is unsafe for CLONE_FILES, which isn't asked for.
            unsafe { unshare_unsafe(UnshareFlags::NEWNET) }.during("create network namespace", "")?;
            NetNamespace::current()
        })?
    }

    /// Moves the calling thread into this namespace. It stays there; see [`NetNamespace::run`] for a visit.
    pub fn enter(&self) -> Result<()> {
        move_into_link_name_space(self.fd.as_fd(), Some(LinkNameSpaceType::Network))
            .during("enter network namespace", "")
    }

    /// Does `act` on a thread of its own inside this namespace, and waits for it. A panic goes on in the caller.
    pub fn run<T: Send>(&self, act: impl FnOnce() -> T + Send) -> Result<T> {
        run_scoped(|| self.enter().map(|()| act()))?
    }

    /// The descriptor that keeps it.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Another handle on the same namespace.
    pub fn try_clone(&self) -> Result<NetNamespace> {
        let fd = self.fd.try_clone().during("duplicate the descriptor of a network namespace", "")?;
        Ok(NetNamespace { fd })
    }

    /// What tells it apart from every other namespace alive.
    pub fn identity(&self) -> Result<Identity> {
        let stat = rustix::fs::fstat(&self.fd).during("identify network namespace", "")?;
        Ok(Identity { device: stat.st_dev, inode: stat.st_ino })
    }
}

impl AsFd for NetNamespace {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn is_network_namespace(fd: BorrowedFd<'_>) -> bool {
    if !rustix::fs::fstatfs(fd).is_ok_and(|statfs| statfs.f_type as u64 == NSFS_MAGIC) {
        return false;
    }
    // SAFETY: the file is nsfs's, where this request takes no argument and only returns the namespace's type.
    unsafe { libc::ioctl(fd.as_raw_fd(), NS_GET_NSTYPE) == libc::CLONE_NEWNET }
}

/// Runs `act` on a thread of its own that is wholly gone when this returns.
fn run_scoped<T: Send>(act: impl FnOnce() -> T + Send) -> Result<T> {
    let (id, outcome) = thread::scope(|scope| {
        let (tell, told) = mpsc::sync_channel(1);
        let act = move || {
            // The receiver lives in this scope, which waits for the thread.
            let _ = tell.send(gettid());
            act()
        };
        let thread = thread::Builder::new().spawn_scoped(scope, act).during("start a thread", "")?;
        let outcome = thread.join();
        Ok((told.recv().ok(), outcome))
    })?;
    if let Some(id) = id {
        await_end(id);
    }
    outcome.map_or_else(|panic| std::panic::resume_unwind(panic), Ok)
}

/// A join returns a moment before the kernel lets go of the thread. Until it has, the thread still holds its namespace,
/// is listed as living there, and stands in the way of [`crate::user_namespace::enter_user_namespace`].
fn await_end(id: Pid) {
    let entry = format!("/proc/self/task/{}", id.as_raw_nonzero());
    for _ in 0..ENDING_LOOKS {
        if !Path::new(&entry).exists() {
            return;
        }
        thread::sleep(Duration::from_micros(50));
    }
}

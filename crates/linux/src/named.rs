//! Named network namespaces, kept as iproute2 keeps them: bind mounts in /run/netns, so that `ip netns` sees ours too.
//!
//! A namespace made here carries its maker's mark: the alias of the `lo` inside. It cannot go stale as a file beside
//! it could, and a namespace that someone else made under the same name hasn't got it.

use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{MountPropagationFlags, UnmountFlags, mount_bind, mount_bind_recursive, mount_change, unmount};

use crate::error::{Cause, During, Error, Result};
use crate::link::Links;
use crate::netns::{Identity, NetNamespace};

/// Where iproute2 keeps them.
pub const DIRECTORY: &str = "/run/netns";

/// A process that lives in a namespace, with at least one of its threads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its process id.
    pub pid: u32,
    /// Its name, as the kernel keeps it (at most 15 bytes).
    pub comm: String,
}

/// Makes a namespace with a name and a mark. EEXIST if there is anything by that name.
///
/// The mark is set before the name: there is no moment at which the name exists without it.
pub fn create_named(name: &str, mark: &str) -> Result<NetNamespace> {
    const OPERATION: &str = "create the named network namespace";
    let path = locate(OPERATION, name)?;
    let namespace = NetNamespace::create()?;
    namespace.run(|| Links::open()?.set_alias("lo", mark))??;
    prepare_directory()?;
    let flags = OFlags::RDONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    rustix::fs::open(&path, flags, Mode::empty()).during(OPERATION, name)?;
    let source = format!("/proc/thread-self/fd/{}", namespace.fd().as_raw_fd());
    mount_bind(source, &path).during(OPERATION, name).inspect_err(|_| {
        // The file was made above and nothing is mounted on it; the mount's error is the one worth telling.
        let _ = fs::remove_file(&path);
    })?;
    Ok(namespace)
}

/// The namespace of that name, whoever made it; `None` if there is nothing by that name. A file that is no namespace
/// (what a kill between making and mounting leaves) is [`Cause::NotANamespace`].
pub fn open_named(name: &str) -> Result<Option<NetNamespace>> {
    let path = locate("open the named network namespace", name)?;
    match NetNamespace::open(path) {
        Err(error) if error.errno() == Some(libc::ENOENT) => Ok(None),
        result => result.map(Some),
    }
}

/// Takes a namespace's name away. The namespace itself ends with its last process, socket or descriptor.
pub fn delete_named(name: &str) -> Result<()> {
    const OPERATION: &str = "delete the named network namespace";
    let path = locate(OPERATION, name)?;
    NetNamespace::open(&path).map_err(|error| error.in_the_course_of(OPERATION))?;
    unmount(&path, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW).during(OPERATION, name)?;
    fs::remove_file(&path).during(OPERATION, name)
}

/// Removes what a kill between making and mounting leaves: an empty plain file by that name. EBUSY if it is a
/// namespace, EINVAL if it is anything else.
pub fn remove_stale(name: &str) -> Result<()> {
    const OPERATION: &str = "remove the stale file of the network namespace";
    let path = locate(OPERATION, name)?;
    match NetNamespace::open(&path) {
        Ok(_) => return Err(Error::from_errno(OPERATION, name, libc::EBUSY)),
        Err(error) if *error.cause() == Cause::NotANamespace => {}
        Err(error) => return Err(error.in_the_course_of(OPERATION)),
    }
    let metadata = fs::symlink_metadata(&path).during(OPERATION, name)?;
    if !metadata.is_file() || metadata.len() != 0 {
        return Err(Error::from_errno(OPERATION, name, libc::EINVAL));
    }
    fs::remove_file(&path).during(OPERATION, name)
}

/// The names in use, in order; also of files that are no namespaces.
pub fn list_named() -> Result<Vec<String>> {
    const OPERATION: &str = "list network namespaces in";
    let entries = match fs::read_dir(DIRECTORY) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.during(OPERATION, DIRECTORY)?,
    };
    let mut names = Vec::new();
    for entry in entries {
        // A name that isn't UTF-8 is none that this crate can have given.
        names.extend(entry.during(OPERATION, DIRECTORY)?.file_name().into_string());
    }
    names.sort();
    Ok(names)
}

/// The mark that a namespace's maker left, if any.
pub fn mark_of(namespace: &NetNamespace) -> Result<Option<String>> {
    namespace.run(|| Ok(Links::open()?.state("lo")?.alias))?
}

/// The processes that live in a namespace, also with a single thread. Those of other users are seen by root alone.
pub fn processes_in(namespace: &NetNamespace) -> Result<Vec<Process>> {
    let identity = namespace.identity()?;
    let mut processes = Vec::new();
    for entry in fs::read_dir("/proc").during("list processes in", "/proc")? {
        let entry = entry.during("list processes in", "/proc")?;
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // Whatever can't be read from here on has ended meanwhile or isn't ours to see.
        let Ok(mut threads) = fs::read_dir(entry.path().join("task")) else { continue };
        if threads.any(|thread| thread.is_ok_and(|thread| lives_in(&thread.path(), identity))) {
            let comm = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
            processes.push(Process { pid, comm: comm.trim_end().to_owned() });
        }
    }
    processes.sort_by_key(|process| process.pid);
    Ok(processes)
}

fn lives_in(thread: &Path, identity: Identity) -> bool {
    rustix::fs::stat(thread.join("ns/net"))
        .is_ok_and(|stat| Identity { device: stat.st_dev, inode: stat.st_ino } == identity)
}

/// A name is one file in the directory, and nothing that leads out of it.
fn locate(operation: &'static str, name: &str) -> Result<PathBuf> {
    if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\0']) {
        return Err(Error::from_errno(operation, name, libc::EINVAL));
    }
    Ok(Path::new(DIRECTORY).join(name))
}

/// Makes the directory and, as `ip netns add` does, a shared mount of it: what is mounted on a name then appears in
/// all mount namespaces that saw the directory, and what is unmounted goes from them.
fn prepare_directory() -> Result<()> {
    const OPERATION: &str = "prepare";
    let mode = Mode::from_raw_mode(0o755);
    match rustix::fs::mkdir(DIRECTORY, mode) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(errno) => return Err(errno).during(OPERATION, DIRECTORY),
    }
    // Two at once would mount the directory on itself twice. iproute2 takes the same lock; closing gives it back.
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = rustix::fs::open(DIRECTORY, flags, Mode::empty()).during(OPERATION, DIRECTORY)?;
    rustix::fs::flock(&directory, FlockOperation::LockExclusive).during(OPERATION, DIRECTORY)?;
    match share() {
        // EINVAL: it is no mount yet.
        Err(Errno::INVAL) => {
            mount_bind_recursive(DIRECTORY, DIRECTORY).during(OPERATION, DIRECTORY)?;
            share().during(OPERATION, DIRECTORY)
        }
        result => result.during(OPERATION, DIRECTORY),
    }
}

fn share() -> rustix::io::Result<()> {
    mount_change(DIRECTORY, MountPropagationFlags::SHARED | MountPropagationFlags::REC)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_lead_out_of_the_directory() {
        for name in ["", ".", "..", "a/b", "../x", "/etc/passwd", "a\0b"] {
            assert_eq!(open_named(name).unwrap_err().errno(), Some(libc::EINVAL), "{name:?}");
            assert_eq!(delete_named(name).unwrap_err().errno(), Some(libc::EINVAL), "{name:?}");
            assert_eq!(remove_stale(name).unwrap_err().errno(), Some(libc::EINVAL), "{name:?}");
        }
    }

    #[test]
    fn this_process_lives_in_its_own_namespace() {
        let own = NetNamespace::current().unwrap();
        let pid = std::process::id();
        assert!(processes_in(&own).unwrap().iter().any(|process| process.pid == pid));
    }

    #[test]
    fn a_name_that_nobody_uses_is_none() {
        assert!(open_named(&format!("rst-nobody-{}", std::process::id())).unwrap().is_none());
    }
}

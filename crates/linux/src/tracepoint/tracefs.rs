//! The kernel's trace file system, which has the tracepoints' formats: where it is mounted, or mounted for nobody to see.

use std::io::Read;
use std::os::fd::OwnedFd;

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen};

use crate::error::{During, Error, Result};

/// Where it usually is.
const PLACES: [&str; 2] = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

/// What is being done when there is no trace file system: the operation of the [`Error`].
const FIND: &str = "find a trace file system";

/// What is being done when a tracepoint's format can't be read.
const READ: &str = "read";

/// No format is longer.
const LONGEST: u64 = 1 << 20;

/// An open trace file system.
#[derive(Debug)]
pub struct Tracefs {
    root: OwnedFd,
    place: &'static str,
}

impl Tracefs {
    /// The operation of an error that says that there is none.
    pub const FIND: &'static str = FIND;
    /// The operation of an error that says that a file of it can't be read.
    pub const READ: &'static str = READ;

    /// Opens it where it is mounted. Where it isn't (as in `ip netns exec`), it is mounted without a place, which
    /// nobody else sees and which ends with this value; that takes CAP_SYS_ADMIN.
    pub fn open() -> Result<Tracefs> {
        let directory = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        for place in PLACES {
            let root = openat(CWD, place, directory, Mode::empty());
            // An empty folder is where it could be mounted.
            let events = root.and_then(|root| openat(&root, "events", directory, Mode::empty()).map(|_| root));
            match events {
                Ok(root) => return Ok(Tracefs { root, place }),
                // It is there and closed to us, as its root is to all but root.
                Err(errno @ (Errno::ACCESS | Errno::PERM)) => return Err(errno).during(READ, place),
                Err(_) => {}
            }
        }
        let root = mount_for_nobody().during(FIND, format!("at {}", PLACES.join(" or ")))?;
        Ok(Tracefs { root, place: "tracefs" })
    }

    /// The text of a tracepoint's `format` file; `None` where this kernel hasn't got that tracepoint.
    pub fn format(&self, group: &str, name: &str) -> Result<Option<String>> {
        let path = format!("events/{group}/{name}/format");
        let object = || format!("{}/{path}", self.place);
        let file = match openat(&self.root, &path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(Error::from_errno(READ, object(), errno.raw_os_error())),
        };
        let mut text = String::new();
        std::fs::File::from(file).take(LONGEST).read_to_string(&mut text).during(READ, object())?;
        Ok(Some(text))
    }
}

fn mount_for_nobody() -> rustix::io::Result<OwnedFd> {
    let context = fsopen("tracefs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_create(&context)?;
    let attributes = MountAttrFlags::MOUNT_ATTR_RDONLY | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)
}

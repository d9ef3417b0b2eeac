//! What went wrong at one of the kernel's doors: the operation, what it was done to, and the kernel's own word.

use std::fmt;
use std::io;

/// The result of knocking at one of the kernel's doors.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// One refused or failed operation, e.g. `create network namespace: Operation not permitted (EPERM)`.
#[derive(Debug, thiserror::Error)]
#[error("{operation}{}{object}: {cause}", if object.is_empty() { "" } else { " " })]
pub struct Error {
    operation: &'static str,
    object: String,
    cause: Cause,
}

/// Why an operation failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The kernel said so: a raw errno.
    Errno(i32),
    /// `unshare(CLONE_NEWUSER)` is only for a process of one thread; this one has so many.
    SeveralThreads(usize),
    /// The path exists, but it is no network namespace.
    NotANamespace,
    /// The kernel's answer was not understood; the text says where.
    Malformed(String),
}

impl Error {
    /// An error of the kernel's with its raw errno.
    pub fn from_errno(operation: &'static str, object: impl Into<String>, errno: i32) -> Error {
        Error::from_cause(operation, object, Cause::Errno(errno))
    }

    /// An error with any cause.
    pub fn from_cause(operation: &'static str, object: impl Into<String>, cause: Cause) -> Error {
        Error { operation, object: object.into(), cause }
    }

    /// The same failure as a part of a larger operation.
    pub(crate) fn in_the_course_of(self, operation: &'static str) -> Error {
        Error { operation, ..self }
    }

    /// What was being done: a verb and what it is done to, in a few words.
    pub fn operation(&self) -> &'static str {
        self.operation
    }

    /// The name or path of the object; empty where there is none.
    pub fn object(&self) -> &str {
        &self.object
    }

    /// Why it failed.
    pub fn cause(&self) -> &Cause {
        &self.cause
    }

    /// The raw errno, if it was the kernel that refused.
    pub fn errno(&self) -> Option<i32> {
        match self.cause {
            Cause::Errno(errno) => Some(errno),
            _ => None,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Errno(errno) => write_errno(*errno, f),
            Cause::SeveralThreads(count) => {
                write!(f, "the process has {count} threads, and only one is allowed")
            }
            Cause::NotANamespace => f.write_str("not a network namespace"),
            Cause::Malformed(what) => f.write_str(what),
        }
    }
}

fn write_errno(errno: i32, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let text = io::Error::from_raw_os_error(errno).to_string();
    // std appends "(os error 1)", which says less than the name.
    let text = text.split(" (os error").next().unwrap_or_default();
    match errno_name(errno) {
        Some(name) => write!(f, "{text} ({name})"),
        None => write!(f, "{text} (errno {errno})"),
    }
}

macro_rules! errno_names {
    ($($name:ident)*) => {
        /// The C name of an errno that these doors, or a TCP socket, may give.
        pub fn errno_name(errno: i32) -> Option<&'static str> {
            match errno {
                $(libc::$name => Some(stringify!($name)),)*
                _ => None,
            }
        }
    };
}

errno_names! {
    EPERM ENOENT EINTR EIO ENXIO E2BIG EBADF EAGAIN ENOMEM EACCES EFAULT EBUSY EEXIST EXDEV ENODEV ENOTDIR EISDIR
    EINVAL ENFILE EMFILE ENOTTY EFBIG ENOSPC EROFS EMLINK EPIPE ERANGE ENAMETOOLONG ENOSYS ELOOP EUSERS ENOTSOCK
    EMSGSIZE EPROTOTYPE ENOPROTOOPT EPROTONOSUPPORT EOPNOTSUPP EAFNOSUPPORT EADDRINUSE EADDRNOTAVAIL ENETDOWN
    ENETUNREACH ENETRESET ECONNABORTED ECONNRESET ENOBUFS EISCONN ENOTCONN ETIMEDOUT ECONNREFUSED ENONET EHOSTDOWN
    EHOSTUNREACH EALREADY EINPROGRESS EOVERFLOW EPROTO
}

/// Says what was being done, and to what, when a system call failed.
pub trait During<T> {
    /// Turn the errno into an [`Error`] of this operation on this object (`""` where there is none).
    fn during(self, operation: &'static str, object: impl AsRef<str>) -> Result<T>;
}

impl<T> During<T> for rustix::io::Result<T> {
    fn during(self, operation: &'static str, object: impl AsRef<str>) -> Result<T> {
        self.map_err(|errno| Error::from_errno(operation, object.as_ref(), errno.raw_os_error()))
    }
}

impl<T> During<T> for io::Result<T> {
    fn during(self, operation: &'static str, object: impl AsRef<str>) -> Result<T> {
        self.map_err(|error| {
            let cause = match error.raw_os_error() {
                Some(errno) => Cause::Errno(errno),
                // std's own refusals (bytes that are not UTF-8, a NUL in a path) carry no errno.
                None => Cause::Malformed(error.to_string()),
            };
            Error::from_cause(operation, object.as_ref(), cause)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_operation_object_and_errno() {
        let refused = Error::from_errno("create network namespace", "", libc::EPERM);
        assert_eq!(refused.to_string(), "create network namespace: Operation not permitted (EPERM)");
        assert_eq!(refused.errno(), Some(libc::EPERM));

        let missing: Result<()> = Err(io::Error::from_raw_os_error(libc::ENODEV)).during("set up", "eth0");
        assert_eq!(missing.unwrap_err().to_string(), "set up eth0: No such device (ENODEV)");
    }

    #[test]
    fn an_unlisted_errno_keeps_its_number() {
        let odd = Error::from_errno("poke", "x", 95_000);
        assert!(odd.to_string().ends_with("(errno 95000)"), "{odd}");
    }

    #[test]
    fn a_cause_without_errno_says_so() {
        let crowd = Error::from_cause("create user namespace", "", Cause::SeveralThreads(3));
        assert_eq!(crowd.errno(), None);
        assert_eq!(crowd.to_string(), "create user namespace: the process has 3 threads, and only one is allowed");
    }
}

//! An input that may let one wait: opening it, whether it can be read, waiting for it.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};

use crate::signals::Stop;

/// What ended a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// The input can be read, or has ended.
    Input,
    /// The wish to stop was made.
    Stop,
    /// The time is up.
    Time,
}

/// Opens `path` for reading without waiting for a fifo's writer. A fifo can be read as soon as [`is_ready`] says so.
pub fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    Ok(rustix::fs::open(path, flags, Mode::empty())?.into())
}

/// Whether `input` can be read now, or has ended.
pub fn is_ready(input: impl AsFd) -> io::Result<bool> {
    loop {
        match poll(&mut [PollFd::new(&input, PollFlags::IN)], Some(&Timespec { tv_sec: 0, tv_nsec: 0 })) {
            Ok(ready) => return Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// Waits until `input` can be read or has ended, the wish to stop is made, or `longest` is over. A signal may end it
/// early, as time that is up.
pub fn wait(input: impl AsFd, stop: &Stop, longest: Duration) -> io::Result<Woken> {
    let longest = Timespec::try_from(longest).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 });
    let mut watched = [PollFd::new(&input, PollFlags::IN), PollFd::new(stop, PollFlags::IN)];
    match poll(&mut watched, Some(&longest)) {
        Ok(_) if stop.is_requested() => Ok(Woken::Stop),
        Ok(0) | Err(rustix::io::Errno::INTR) => Ok(Woken::Time),
        Ok(_) => Ok(Woken::Input),
        Err(errno) => Err(errno.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Write, pipe};
    use std::time::Duration;

    use super::{Woken, is_ready, wait};
    use crate::signals::Stop;

    #[test]
    fn a_pipe_can_be_read_once_something_is_in_it_or_it_has_ended() {
        let stop = Stop::new().unwrap();
        let (reader, mut writer) = pipe().unwrap();
        assert!(!is_ready(&reader).unwrap());
        assert_eq!(wait(&reader, &stop, Duration::from_millis(1)).unwrap(), Woken::Time);
        writer.write_all(b"x").unwrap();
        assert!(is_ready(&reader).unwrap());
        assert_eq!(wait(&reader, &stop, Duration::MAX).unwrap(), Woken::Input);

        let (reader, writer) = pipe().unwrap();
        drop(writer);
        assert!(is_ready(&reader).unwrap());
    }

    #[test]
    fn the_wish_to_stop_comes_before_the_input() {
        let stop = Stop::new().unwrap();
        let (reader, mut writer) = pipe().unwrap();
        writer.write_all(b"x").unwrap();
        stop.request();
        assert_eq!(wait(&reader, &stop, Duration::MAX).unwrap(), Woken::Stop);
    }
}

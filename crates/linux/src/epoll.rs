//! Readiness of many descriptors at once, with deadlines in nanoseconds (epoll_pwait2, Linux 5.11).

use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::io::Errno;
use rustix::time::Timespec;

/// What to be told of; errors and hang-ups are always told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Readable, for as long as it is.
    Readable,
    /// Each time something arrives, or the peer closes its half.
    Arrivals,
    /// As `Arrivals`, and once when the handshake is done.
    ArrivalsAndWritable,
}

impl Interest {
    fn flags(self) -> EventFlags {
        let arrivals = EventFlags::IN | EventFlags::RDHUP | EventFlags::ET;
        match self {
            Interest::Readable => EventFlags::IN,
            Interest::Arrivals => arrivals,
            Interest::ArrivalsAndWritable => arrivals | EventFlags::OUT,
        }
    }
}

/// An epoll instance. A descriptor leaves it when it is closed.
pub struct Epoll {
    descriptor: OwnedFd,
    events: Vec<epoll::Event>,
}

impl Epoll {
    /// An empty instance that reports at most `batch` events at a time.
    pub fn new(batch: usize) -> Result<Epoll, Errno> {
        Ok(Epoll { descriptor: epoll::create(CreateFlags::CLOEXEC)?, events: Vec::with_capacity(batch.max(1)) })
    }

    /// Watches `descriptor`; its events carry `token`.
    pub fn add(&self, descriptor: impl AsFd, token: u64, interest: Interest) -> Result<(), Errno> {
        epoll::add(&self.descriptor, descriptor, EventData::new_u64(token), interest.flags())
    }

    /// No longer watches `descriptor`.
    pub fn remove(&self, descriptor: impl AsFd) -> Result<(), Errno> {
        epoll::delete(&self.descriptor, descriptor)
    }

    /// Waits for events, at most `timeout` (`None`: without end). A signal ends the wait early, with none.
    pub fn wait(&mut self, timeout: Option<Duration>) -> Result<(), Errno> {
        let timeout = timeout.map(|timeout| Timespec {
            tv_sec: timeout.as_secs().min(i64::MAX as u64) as i64,
            tv_nsec: timeout.subsec_nanos().into(),
        });
        self.events.clear();
        match epoll::wait(&self.descriptor, rustix::buffer::spare_capacity(&mut self.events), timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(errno) => Err(errno),
        }
    }

    /// How many events the last wait gave.
    pub fn ready(&self) -> usize {
        self.events.len()
    }

    /// The token of the last wait's event at `index`, which is below [`Epoll::ready`].
    pub fn token(&self, index: usize) -> u64 {
        self.events[index].data.u64()
    }
}

/// Lets the calling thread's deadlines fire when they are due, and not up to 50 microseconds later, which is how long the
/// kernel otherwise waits for company (PR_SET_TIMERSLACK).
pub fn sharpen_deadlines() {
    // A kernel that refuses leaves the slack as it was; deadlines are then a little late, and nothing is wrong.
    let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
}

//! The wish to stop, as a descriptor that any number of threads can wait for: by signal or by request.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{EventfdFlags, eventfd};
use signal_hook::consts::{SIGINT, SIGTERM};

/// A wish to stop that many can hold. Once made it stays; its descriptor is then readable for all.
#[derive(Clone, Debug)]
pub struct Stop {
    event: Arc<OwnedFd>,
    requested: Arc<AtomicBool>,
}

impl Stop {
    /// A wish that nobody has made yet.
    pub fn new() -> std::io::Result<Stop> {
        let event = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Stop { event: Arc::new(event), requested: Arc::new(AtomicBool::new(false)) })
    }

    /// Makes the wish.
    pub fn request(&self) {
        self.requested.store(true, Ordering::Release);
        // The counter can't overflow, and a write that found it full would still leave the descriptor readable.
        let _ = rustix::io::write(&self.event, &1u64.to_ne_bytes());
    }

    /// Whether the wish was made.
    pub fn is_requested(&self) -> bool {
        self.requested.load(Ordering::Acquire)
    }

    /// Makes the wish on SIGINT and SIGTERM; a second signal of either kind ends the process at once with 128 + its number.
    pub fn on_signals(&self) -> std::io::Result<()> {
        let seen = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            let stop = self.clone();
            let seen = Arc::clone(&seen);
            let handler = move || {
                if seen.swap(true, Ordering::Relaxed) {
                    signal_hook::low_level::exit(128 + signal);
                }
                stop.requested.store(true, Ordering::Release);
                let one = 1u64.to_ne_bytes();
                // SAFETY: the descriptor lives as long as this handler, the buffer through the call.
                unsafe { libc::write(stop.event.as_raw_fd(), one.as_ptr().cast(), one.len()) };
            };
            // SAFETY: the handler does nothing but atomic operations, write(2) and _exit(2), which are
            // async-signal-safe (signal-safety(7)); it neither allocates nor panics.
            unsafe { signal_hook::low_level::register(signal, handler)? };
        }
        Ok(())
    }
}

impl AsFd for Stop {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }
}

/// Waits until `input` can be read (a line was typed, or the input has ended) or the wish to stop is made; whether it
/// was the input.
pub fn wait_for_input(input: impl AsFd, stop: &Stop) -> std::io::Result<bool> {
    use rustix::event::{PollFd, PollFlags, poll};
    loop {
        let mut watched = [PollFd::new(&input, PollFlags::IN), PollFd::new(stop, PollFlags::IN)];
        match poll(&mut watched, None) {
            Ok(_) if stop.is_requested() => return Ok(false),
            Ok(_) => return Ok(true),
            Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

//! Which threads are ending, so that a reset can be told as a process's last word.

use std::collections::{HashMap, VecDeque};

use super::event::Life;
use crate::capture::Timestamp;

/// How long an end is remembered, in nanoseconds: longer than a process takes to close all it had, and far shorter than
/// its ids take to come again.
pub const REMEMBERED_FOR: u64 = 10_000_000_000;

/// The most threads that are remembered; beyond that the oldest are let go.
pub const REMEMBERED_THREADS: usize = 16_384;

/// What is sent to all threads of a process when one calls exit_group() or is killed.
const SIGKILL: i32 = 9;

/// The ends of threads, as signal_deliver and sched_process_exit tell them. All calls are in the order of time.
///
/// A socket is closed by the thread that is the last to let go of its process's files, after its own
/// sched_process_exit. So the thread decides, and not the process: of a process that lives on, threads end all the time.
#[derive(Clone, Debug, Default)]
pub struct Deaths {
    threads: HashMap<i32, Thread>,
    groups: HashMap<i32, Group>,
    order: VecDeque<(Timestamp, i32, i32)>,
    incomplete_since: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug)]
struct Thread {
    at: Timestamp,
    pid: i32,
    signal: Option<i32>,
    has_ended: bool,
}

/// The threads of one process that ended.
#[derive(Clone, Copy, Debug)]
struct Group {
    at: Timestamp,
    signal: Option<i32>,
    /// One of them ended without a signal: it called exit(), and what the others got is no one's wish to kill.
    by_itself: bool,
}

impl Deaths {
    /// A signal that ends the process was delivered to one of its threads.
    pub fn signal(&mut self, at: Timestamp, pid: i32, tid: i32, signal: i32) {
        self.remember(at, pid, tid).signal = Some(signal);
    }

    /// A thread is ending.
    pub fn exit(&mut self, at: Timestamp, pid: i32, tid: i32) {
        let thread = self.remember(at, pid, tid);
        thread.has_ended = true;
        let signal = thread.signal;
        let group = self.groups.entry(pid).or_insert(Group { at, signal: None, by_itself: false });
        group.at = at;
        group.by_itself |= signal.is_none();
        // The one that the signal was meant for has it, the others SIGKILL.
        if group.signal.is_none_or(|known| known == SIGKILL) {
            group.signal = signal.or(group.signal);
        }
    }

    /// Events were lost: what isn't known to be ending may be, for a while.
    pub fn lost(&mut self, at: Timestamp) {
        self.incomplete_since = Some(at);
    }

    /// Whether this thread was ending at this time.
    pub fn life(&mut self, at: Timestamp, tid: i32) -> Life {
        self.forget(at);
        match self.threads.get(&tid).filter(|thread| thread.has_ended) {
            Some(thread) => {
                let group = self.groups.get(&thread.pid).filter(|group| !group.by_itself);
                Life::Dying { signal: group.and_then(|group| group.signal) }
            }
            None if self.incomplete_since.is_some() => Life::NotWatched,
            None => Life::Living,
        }
    }

    fn remember(&mut self, at: Timestamp, pid: i32, tid: i32) -> &mut Thread {
        self.forget(at);
        self.order.push_back((at, pid, tid));
        let fresh = Thread { at, pid, signal: None, has_ended: false };
        let thread = self.threads.entry(tid).or_insert(fresh);
        if thread.pid != pid || thread.has_ended {
            // The number is another thread's now.
            *thread = fresh;
        }
        thread.at = at;
        thread
    }

    fn forget(&mut self, now: Timestamp) {
        if self.incomplete_since.is_some_and(|since| now.nanos_since(since) > REMEMBERED_FOR) {
            self.incomplete_since = None;
        }
        while let Some(&(at, pid, tid)) = self.order.front() {
            let is_crowded = self.order.len() >= REMEMBERED_THREADS;
            if !is_crowded && now.nanos_since(at) <= REMEMBERED_FOR {
                break;
            }
            if is_crowded {
                self.incomplete_since = Some(now);
            }
            self.order.pop_front();
            // Unless there is later news of it.
            if self.threads.get(&tid).is_some_and(|thread| thread.at == at) {
                self.threads.remove(&tid);
            }
            if self.groups.get(&pid).is_some_and(|group| group.at == at) {
                self.groups.remove(&pid);
            }
        }
    }
}

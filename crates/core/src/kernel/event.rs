//! One reset in the kernel's own words.

use super::{Mechanism, MechanismSet, Name};
use crate::capture::Timestamp;
use crate::tcp::Endpoint;

/// One reset that the kernel of this machine sent, or took in for one of its sockets.
///
/// The tracepoints are global: nothing says in which network namespace it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelReset {
    /// When; wall-clock time from the kernel's monotonic clock, at the tracepoint.
    pub at: Timestamp,
    /// The processor on which it was.
    pub cpu: u32,
    /// Whether it was sent or taken in.
    pub direction: Direction,
    /// Who sent the RST, whichever the direction is.
    pub source: Endpoint,
    /// Whom the RST is for.
    pub destination: Endpoint,
    /// The kernel's reason by name, such as `TCP_STATE`; `None` where this kernel has none, or for one taken in.
    pub reason: Option<Name>,
    /// The socket's state by name, such as `TCP_CLOSE`; `None` without a socket, or for one taken in.
    pub state: Option<Name>,
    /// What it was sent for; `None` where the record doesn't say.
    pub kind: Option<Kind>,
    /// Whether there was a socket.
    pub has_socket: bool,
    /// In what context the kernel was.
    pub context: Context,
    /// Whose decision it was; `None` where the running task has nothing to do with it.
    pub process: Option<Process>,
    /// Whether that process was ending.
    pub life: Life,
    /// The kernel functions that led there, innermost first; empty where they weren't asked for.
    pub stack: Vec<Name>,
}

impl KernelReset {
    /// All mechanisms that this allows; none for a reset taken in, and none where the kernel's reason names none.
    pub fn mechanisms(&self) -> MechanismSet {
        let Some(reason) = &self.reason else { return MechanismSet::EMPTY };
        let named = super::coverage::of(reason);
        named.iter().filter(|mechanism| mechanism.is_allowed_by(self)).collect()
    }

    /// The mechanism, if only one is left.
    pub fn mechanism(&self) -> Option<Mechanism> {
        self.mechanisms().only()
    }

    /// Whether a listener answered: its event tells the listener's own end and no peer.
    pub fn is_of_a_listener(&self) -> bool {
        self.destination.port == 0 && self.destination.addr.is_unspecified()
    }

    /// Whether the running task may be told as the one whose decision it was: no segment was answered, no timer ran out.
    pub const fn is_a_tasks_own(kind: Option<Kind>, context: Context) -> bool {
        matches!((kind, context), (Some(Kind::Active), Context::Task | Context::TaskBhOff))
    }
}

/// Which of the two tracepoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// tcp_send_reset: a host of this machine sent it.
    Sent,
    /// tcp_receive_reset: a socket of this machine took it in.
    Taken,
}

/// What a reset was sent for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A decision at this end (tcp_send_active_reset): no segment caused it.
    Active,
    /// The answer to a segment (tcp_v4_send_reset, tcp_v6_send_reset).
    Reply,
}

/// The context that the kernel was in (common_flags of the record).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Context {
    /// A task's own: a system call, its end, or the kernel's own thread.
    Task,
    /// A task's own, while it holds off bottom halves (local_bh_disable): it works on a socket that isn't its own.
    TaskBhOff,
    /// A soft interrupt: a packet, a timer. The running task is anybody.
    SoftInterrupt,
    /// A hardware interrupt.
    HardInterrupt,
}

/// A task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// The process (thread group) id, in the observer's pid namespace.
    pub pid: i32,
    /// The thread's id.
    pub tid: i32,
    /// Its name (comm), as it was a moment later; `None` where it had gone unseen.
    pub comm: Option<Name>,
}

/// Whether a process was ending when it reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Life {
    /// Not watched, not watched without loss, or there is no process.
    NotWatched,
    /// It lived on.
    Living,
    /// It was ending (sched_process_exit came first).
    Dying {
        /// The signal that killed it, if that is known to be one: no other thread of it ended without. 9 (SIGKILL) may stand
        /// for any that dumps no core, SIGTERM too: the kernel delivers those as SIGKILL (complete_signal).
        signal: Option<i32>,
    },
}

//! What in the kernel made a reset: one function's decision, by its reason, state, context, stack and the process's end.

use super::event::{Context, KernelReset, Kind, Life};

macro_rules! mechanisms {
    ($($variant:ident $name:literal $sentence:literal,)*) => {
        /// What in the kernel made a reset. Several causes may share one.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Mechanism {
            $(#[doc = $sentence] $variant,)*
        }

        impl Mechanism {
            /// All of them.
            pub const ALL: [Mechanism; [$($name),*].len()] = [$(Mechanism::$variant),*];

            /// Its name: stable, in kebab case.
            pub const fn name(self) -> &'static str {
                match self { $(Mechanism::$variant => $name,)* }
            }

            /// What happened, in a sentence.
            pub const fn sentence(self) -> &'static str {
                match self { $(Mechanism::$variant => $sentence,)* }
            }
        }
    };
}

mechanisms! {
    CloseLingerZero "close-linger-zero"
        "A process closed the socket with SO_LINGER 0 (tcp_disconnect in __tcp_close).",
    Disconnect "disconnect"
        "A process disconnected the socket with connect(AF_UNSPEC) (tcp_disconnect in __inet_stream_connect).",
    ListenerClosed "listener-closed"
        "The listener was closed while the connection waited to be accepted (inet_csk_listen_stop).",
    SocketDestroyed "socket-destroyed"
        "Somebody destroyed the live socket from outside: SOCK_DESTROY, as by ss -K (tcp_abort).",
    FinWait2Timer "fin-wait2-timer"
        "The peer never sent its FIN, and the closed socket's time in FIN-WAIT-2 was over (tcp_keepalive_timer).",
    CloseUnread "close-unread"
        "A process closed the socket with data in it that it had not read (__tcp_close).",
    DeathUnread "death-unread"
        "A process ended with data in the socket that it had not read (__tcp_close in do_exit).",
    AbortOnLinger "abort-on-linger"
        "The socket was closed with a negative TCP_LINGER2: it is not kept in FIN-WAIT-2.",
    AbortOnMemory "abort-on-memory"
        "The kernel had too little memory for TCP, or too many orphaned sockets (tcp_check_oom).",
    KeepaliveTimeout "keepalive-timeout"
        "Keepalive probes went unanswered (tcp_keepalive_timer).",
    CloseUnsent "close-unsent"
        "The socket was aborted while its own data and FIN were still to be sent (tcp_disconnect).",
    DataAfterClose "data-after-close"
        "Data, or a SYN, came for a socket whose process had closed it.",
    AcceptQueueOverflow "accept-queue-overflow"
        "The accept queue was full at the handshake's last ACK, and tcp_abort_on_overflow is on (tcp_check_req).",
    SynInHandshake "syn-in-handshake"
        "Another SYN came within the window of a connection that is being opened (tcp_check_req).",
    BadHandshakeAck "bad-handshake-ack"
        "A segment acknowledged what this end's SYN doesn't have (tcp_rcv_synsent_state_process).",
    BadHandshakeTimestamp "bad-handshake-timestamp"
        "A SYN-ACK echoed a timestamp that this end never sent (tcp_rcv_synsent_state_process).",
    BadAckInSynReceived "bad-ack-in-syn-received"
        "An ACK didn't fit a connection in SYN-RECEIVED (tcp_ack).",
    UnknownOnListener "unknown-on-listener"
        "A segment of no known connection came to a port that is listened on (tcp_rcv_state_process in LISTEN).",
    NoSocket "no-socket"
        "A segment came to a port, or for a connection, for which there is no socket (tcp_v4_rcv).",
    Mptcp "mptcp"
        "Multipath TCP reset a subflow.",
}

/// What the kernel's stack shows of a reset's origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Listener,
    Connect,
    Abort,
    Close,
}

impl Mechanism {
    /// The mechanism of this name.
    pub fn named(name: &str) -> Option<Mechanism> {
        Mechanism::ALL.into_iter().find(|mechanism| mechanism.name() == name)
    }

    /// Whether all that is known beside the reason allows it.
    pub(super) fn is_allowed_by(self, reset: &KernelReset) -> bool {
        let active = reset.kind != Some(Kind::Reply);
        let reply = reset.kind != Some(Kind::Active);
        // What a task does to a socket of its own needs the socket's lock, for which it may have to sleep: bottom halves
        // are on. A listener's children and a socket to be destroyed are locked with them off.
        let own = reset.context == Context::Task;
        let task = own || reset.context == Context::TaskBhOff;
        let state = |wanted: &[&str]| reset.state.as_deref().is_none_or(|state| wanted.contains(&state));
        let origin = origin(reset);
        let from = |wanted: Origin| origin.is_none_or(|origin| origin == wanted);
        let closed = state(&["TCP_CLOSE"]);
        match self {
            Mechanism::CloseLingerZero => active && own && closed && from(Origin::Close),
            Mechanism::Disconnect => active && own && closed && from(Origin::Connect),
            // A handshake that ends just then is reset in a soft interrupt (inet_csk_reqsk_queue_add).
            Mechanism::ListenerClosed => active && !own && closed && from(Origin::Listener),
            Mechanism::SocketDestroyed => {
                active && task && reset.state.as_deref() != Some("TCP_CLOSE") && from(Origin::Abort)
            }
            Mechanism::FinWait2Timer => active && !task && state(&["TCP_FIN_WAIT2"]),
            Mechanism::CloseUnread => active && task && is_ending(reset) != Some(true),
            Mechanism::DeathUnread => active && task && is_ending(reset) != Some(false),
            Mechanism::AbortOnLinger => closed,
            Mechanism::AbortOnMemory | Mechanism::CloseUnsent | Mechanism::KeepaliveTimeout => active,
            Mechanism::DataAfterClose => reply && state(&["TCP_CLOSE", "TCP_TIME_WAIT"]),
            Mechanism::AcceptQueueOverflow | Mechanism::UnknownOnListener => reply && state(&["TCP_LISTEN"]),
            // With Fast Open the socket is the child already.
            Mechanism::SynInHandshake => reply && state(&["TCP_LISTEN", "TCP_SYN_RECV", "TCP_NEW_SYN_RECV"]),
            Mechanism::BadHandshakeAck | Mechanism::BadHandshakeTimestamp => reply && state(&["TCP_SYN_SENT"]),
            Mechanism::BadAckInSynReceived => reply && state(&["TCP_SYN_RECV"]),
            Mechanism::NoSocket => reply && !reset.has_socket,
            Mechanism::Mptcp => true,
        }
    }
}

fn has(reset: &KernelReset, functions: &[&str]) -> bool {
    reset.stack.iter().any(|function| functions.contains(&&**function))
}

/// What the stack shows; `None` without one, or where it shows none of these. The order counts: a listener's end is also
/// in __tcp_close.
fn origin(reset: &KernelReset) -> Option<Origin> {
    if has(reset, &["inet_csk_listen_stop", "inet_child_forget"]) {
        Some(Origin::Listener)
    } else if has(reset, &["__inet_stream_connect"]) {
        Some(Origin::Connect)
    } else if has(reset, &["tcp_abort"]) {
        Some(Origin::Abort)
    } else if has(reset, &["__tcp_close", "tcp_close"]) {
        Some(Origin::Close)
    } else {
        None
    }
}

/// Whether the process was ending: by the stack where there is one, else by its exit.
fn is_ending(reset: &KernelReset) -> Option<bool> {
    if has(reset, &["do_exit"]) {
        return Some(true);
    }
    // A file whose last reference went elsewhere is closed by a worker, whoever had it.
    if has(reset, &["delayed_fput", "worker_thread"]) {
        return None;
    }
    if has(reset, &["__tcp_close", "tcp_close"]) {
        return Some(false);
    }
    match reset.life {
        Life::NotWatched => None,
        Life::Living => Some(false),
        Life::Dying { .. } => Some(true),
    }
}

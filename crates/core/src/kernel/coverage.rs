//! Every reason of the kernel's with the mechanisms behind it, or why there is none.

use super::Mechanism::{self as M, *};
use super::MechanismSet;

/// The first kernel whose tcp_send_reset has a reason; passive resets only. All have one since 6.12.
pub const REASONS_SINCE: &str = "6.10";

/// What stands behind a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// The kernel's name of the reason (enum sk_rst_reason).
    pub reason: &'static str,
    /// What makes it; empty where nothing does, or nothing in particular.
    pub mechanisms: MechanismSet,
    /// What else is to be said; empty where the mechanisms say it all.
    pub note: &'static str,
}

const fn by(reason: &'static str, mechanisms: &[M]) -> Coverage {
    Coverage { reason, mechanisms: MechanismSet::of(mechanisms), note: "" }
}

const fn noted(reason: &'static str, mechanisms: &[M], note: &'static str) -> Coverage {
    Coverage { reason, mechanisms: MechanismSet::of(mechanisms), note }
}

const MPTCP: &str = "A reason that Multipath TCP sends to its peer too (MP_TCPRST, RFC 8684 section 3.6).";

/// All reasons that are known.
pub static COVERAGE: [Coverage; 26] = [
    noted("NOT_SPECIFIED", &[], "The kernel had no reason at hand; before 6.12 all active resets say this."),
    by("NO_SOCKET", &[NoSocket]),
    by("TCP_INVALID_ACK_SEQUENCE", &[BadHandshakeAck]),
    by("TCP_RFC7323_PAWS", &[BadHandshakeTimestamp]),
    by("TCP_TOO_OLD_ACK", &[BadAckInSynReceived]),
    by("TCP_ACK_UNSENT_DATA", &[BadAckInSynReceived]),
    by("TCP_FLAGS", &[UnknownOnListener]),
    noted(
        "TCP_OLD_ACK",
        &[BadAckInSynReceived],
        "Nothing is acknowledged before the handshake's end, so that an old ACK is TCP_TOO_OLD_ACK at once (tcp_ack).",
    ),
    noted(
        "TCP_ABORT_ON_DATA",
        &[DataAfterClose, AbortOnLinger],
        "With a negative TCP_LINGER2 the ACK of the FIN is answered so; the record doesn't say which it was.",
    ),
    by("TCP_TIMEWAIT_SOCKET", &[DataAfterClose]),
    noted(
        "INVALID_SYN",
        &[AcceptQueueOverflow, SynInHandshake],
        "tcp_check_req has one way out for both; the kernel counts the first under ListenOverflows.",
    ),
    by("TCP_ABORT_ON_CLOSE", &[CloseUnread, DeathUnread]),
    by("TCP_ABORT_ON_LINGER", &[AbortOnLinger]),
    by("TCP_ABORT_ON_MEMORY", &[AbortOnMemory]),
    noted(
        "TCP_STATE",
        &[CloseLingerZero, Disconnect, ListenerClosed, SocketDestroyed, FinWait2Timer],
        "The socket's state and the stack tell these apart.",
    ),
    by("TCP_KEEPALIVE_TIMEOUT", &[KeepaliveTimeout]),
    by("TCP_DISCONNECT_WITH_DATA", &[CloseUnsent]),
    noted("MPTCP_RST_EUNSPEC", &[Mptcp], MPTCP),
    noted("MPTCP_RST_EMPTCP", &[Mptcp], MPTCP),
    noted("MPTCP_RST_ERESOURCE", &[Mptcp], MPTCP),
    noted("MPTCP_RST_EPROHIBIT", &[Mptcp], MPTCP),
    noted("MPTCP_RST_EWQ2BIG", &[Mptcp], MPTCP),
    noted("MPTCP_RST_EBADPERF", &[Mptcp], MPTCP),
    noted("MPTCP_RST_EMIDDLEBOX", &[Mptcp], MPTCP),
    noted("ERROR", &[Mptcp], "A code of Multipath TCP's that has no name among these (sk_rst_convert_mptcp_reason)."),
    noted("MAX", &[], "The end of the list; no reset has it."),
];

/// The mechanisms behind a reason; none where it isn't known.
pub(super) fn of(reason: &str) -> MechanismSet {
    COVERAGE.iter().find(|known| known.reason == reason).map_or(MechanismSet::EMPTY, |known| known.mechanisms)
}

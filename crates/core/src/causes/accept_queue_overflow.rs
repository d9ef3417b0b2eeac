//! accept-queue-overflow: the server's accept queue was full, and it is set to say so.

use super::card::{CauseId, Opinion, Recogniser, ResetCause};
use crate::reset::{Evidence, Finding, Grounds, Progress, Reset, Shape, Value};
use crate::tcp::Side;

/// The card.
pub static CARD: ResetCause = ResetCause {
    id: CauseId("accept-queue-overflow"),
    title: "the accept queue was full (tcp_abort_on_overflow)",
    story: "A connection that has completed its handshake waits in the listener's accept queue. When the queue is full and \
            net.ipv4.tcp_abort_on_overflow is 1, Linux answers the handshake's last ACK with a RST; with 0, the default, it \
            drops the ACK and sends its SYN-ACK again.",
    on_the_wire: "SYN, SYN-ACK (often more than one), the client's empty ACK, and within the same round trip a RST without ACK \
                  whose number repeats that ACK's.",
    remedy: "Accept faster, or raise both the listen backlog and net.core.somaxconn; ss -ltn shows the queue (Recv-Q against \
             Send-Q).",
    decided_by: "on the server: the counters ListenOverflows and EmbryonicRsts, or the tracepoint tcp:tcp_send_reset \
                 (INVALID_SYN in TCP_LISTEN)",
    twin_of: &[CauseId("bad-handshake-ack"), CauseId("stray-segment"), CauseId("firewall-reject")],
    refines: None,
    references: &["Linux net/ipv4/tcp_minisocks.c tcp_check_req", "ip-sysctl tcp_abort_on_overflow"],
    recognise: Recogniser::Reset(recognise),
};

fn recognise(reset: &Reset) -> Opinion {
    let facts = &reset.facts;
    let Some(ack) = facts.offending.filter(|segment| segment.is_bare_ack()) else {
        return Opinion::Silent;
    };
    let first_ack = facts.handshake.is_some_and(|handshake| handshake.ack == ack.ack);
    let established = facts.progress == Progress::Established && first_ack;
    if facts.shape != Shape::Reply || reset.by != Side::Responder || !established {
        return Opinion::Silent;
    }
    let grounds = Grounds::from(
        Evidence::supports("the reset answers the handshake's last ACK").on(ack.frame()).on(reset.segment.frame),
    );
    if facts.sender.syns < 2 {
        return Opinion::suggests(Finding::Possible, grounds);
    }
    let again = Evidence::supports("the SYN-ACK had been sent {} times, as when the queue is full")
        .with(Value::Count(u64::from(facts.sender.syns)));
    Opinion::suggests(Finding::Likely, grounds.and(again))
}

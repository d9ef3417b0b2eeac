//! no-listener: nothing listens at that address and port.

use super::card::{CauseId, Opinion, Recogniser, ResetCause};
use crate::reset::{Evidence, Finding, Grounds, Progress, Reset, Shape, Value};

/// The card.
pub static CARD: ResetCause = ResetCause {
    id: CauseId("no-listener"),
    title: "nothing listens on that port",
    story: "A SYN for a port on which no socket listens is answered with RST and ACK. connect() fails with ECONNREFUSED. The \
            server isn't running, listens on another address, or the port is mistyped.",
    on_the_wire: "SYN, then at once a RST with ACK, sequence number 0, window 0, no options, acknowledging the SYN.",
    remedy: "See on the server whether anything listens there (ss -ltn), at which address, in which network namespace.",
    decided_by: "on the server: ss -ltn, the counter OutRsts, or the tracepoint tcp:tcp_send_reset (NO_SOCKET); a firewall's \
                 reject moves none of them",
    twin_of: &[CauseId("firewall-reject"), CauseId("connection-limit")],
    refines: None,
    references: &["RFC 9293 section 3.10.7.1", "Linux net/ipv4/tcp_ipv4.c tcp_v4_send_reset"],
    recognise: Recogniser::Reset(recognise),
};

/// A service that answered so recently is still there.
const RECENT: u64 = 1_000_000_000;

fn recognise(reset: &Reset) -> Opinion {
    let facts = &reset.facts;
    let asked = facts.progress <= Progress::Opening && facts.victim.syn.is_some();
    if facts.shape != Shape::Refusal || !asked {
        return Opinion::Silent;
    }
    let service = &reset.neighbours.service;
    if let Some((answered, _)) = service.answered
        && reset.segment.at.nanos_since(service.answered_at) < RECENT
        && service.open > 0
    {
        return Opinion::Against(
            Evidence::opposes("the same port answered another SYN just before, and {} connections are open")
                .with(Value::Count(u64::from(service.open)))
                .on(answered),
        );
    }
    let frame = reset.segment.frame;
    let refusal = Evidence::supports("the SYN was refused at once, with the number 0 and no window").on(frame);
    let syn = facts.offending.map_or(frame, |syn| syn.frame());
    Opinion::suggests(Finding::Likely, Grounds::from(refusal.on(syn)))
}

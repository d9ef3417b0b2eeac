//! administrative-kill: somebody on the host ended the connection from outside the program.

use super::card::{CauseId, GroupFacts, KernelWord, Opinion, Recogniser, ResetCause};
use crate::kernel::Mechanism;
use crate::reset::{Evidence, Finding, Grounds, Progress, Reset, Shape, Value};
use crate::scenario::fragment::{CLIENT_LEARNS, ESTABLISH, EXCHANGE, SERVER_LEARNS};
use crate::scenario::{Count, Host, Play, Quantity, Shows, Step, Told, Topology};

/// The card.
pub static CARD: ResetCause = ResetCause {
    id: CauseId("administrative-kill"),
    title: "the connection was killed from outside its program (ss -K)",
    story: "SOCK_DESTROY lets an administrator, or an agent of the system, abort any TCP socket: ss -K, Cilium when a backend \
            goes away, Android when a network does. The kernel resets the connection; the program whose socket it was gets \
            ECONNABORTED, its peer ECONNRESET. tcpkill and cutter do the same from the wire, with segments of their own making.",
    on_the_wire: "A RST with ACK of the live connection, at any time and after nothing in particular. A kill by address or port \
                  takes many connections within milliseconds.",
    remedy: "Ask who ran ss -K or which agent did, and see its log at that second; local programs will have logged \
             ECONNABORTED (\"Software caused connection abort\").",
    decided_by: "on the sender: tcp:tcp_send_reset (TCP_STATE, and the state still TCP_ESTABLISHED) in the process that killed; \
                 OutRsts moves, no TCPAbortOn counter does",
    twin_of: &[CauseId("idle-timeout"), CauseId("linger-zero")],
    refines: None,
    references: &["ss(8) -K", "Linux net/ipv4/tcp.c tcp_abort, net/core/sock_diag.c SOCK_DESTROY"],
    recognise: Recogniser::Both(recognise, recognise_many),
    kernel: KernelWord::Says(&[Mechanism::SocketDestroyed]),
    plays: &PLAYS,
};

static PLAYS: [Play; 2] = [
    Play {
        id: "destroyed",
        title: "a server's connection is destroyed from outside with SOCK_DESTROY",
        topology: Topology::Bridged,
        steps: &[ESTABLISH, EXCHANGE, Step::Destroy("server"), SERVER_LEARNS, CLIENT_LEARNS],
        shows: Shows {
            client: &[Told::Error("ECONNRESET"), Told::Error("EPIPE")],
            server: &[Told::Error("ECONNABORTED"), Told::Error("EPIPE")],
            counts: &[
                Count::Counter(Host::Server, "Tcp.OutRsts", Quantity::Exactly(1)),
                Count::Counter(Host::Server, "TcpExt.TCPAbortOnData", Quantity::Exactly(0)),
            ],
            ..Shows::reset(Host::Server, Mechanism::SocketDestroyed)
        },
    },
    Play {
        id: "destroyed-at-the-client",
        title: "a client's connection is destroyed from outside with SOCK_DESTROY",
        topology: Topology::Bridged,
        steps: &[ESTABLISH, EXCHANGE, Step::Destroy("client"), CLIENT_LEARNS, SERVER_LEARNS],
        shows: Shows {
            client: &[Told::Error("ECONNABORTED"), Told::Error("EPIPE")],
            server: &[Told::Error("ECONNRESET"), Told::Error("EPIPE")],
            counts: &[
                Count::Counter(Host::Client, "Tcp.OutRsts", Quantity::Exactly(1)),
                Count::Counter(Host::Client, "TcpExt.TCPAbortOnData", Quantity::Exactly(0)),
            ],
            ..Shows::reset(Host::Client, Mechanism::SocketDestroyed)
        },
    },
];

/// One command's work takes less than this.
const TOGETHER: u64 = 100_000_000;

const LEAST: u64 = 3;

fn recognise(reset: &Reset) -> Opinion {
    if !reset.is_active() || reset.facts.progress == Progress::Closed {
        return Opinion::Silent;
    }
    if let Err(evidence) = reset.by_a_program() {
        return Opinion::Against(evidence);
    }
    let allowed = Evidence::supports("a live socket's reset that no segment asked for").on(reset.segment.frame);
    Opinion::suggests(Finding::Possible, allowed)
}

fn recognise_many(group: &GroupFacts) -> Opinion {
    let together = group.count >= LEAST && group.span <= TOGETHER;
    let open = (Progress::Established..=Progress::Data).contains(&group.progress);
    let uneven = group.silence.filter(|[least, _, most]| *most / 2 > *least);
    let Some([least, _, most]) = uneven.filter(|_| group.shape == Shape::Active && together && open) else {
        return Opinion::Silent;
    };
    let [first, last] = group.frames;
    let burst = Evidence::supports("{} connections reset within {}")
        .with(Value::Count(group.count))
        .with(Value::Nanos(group.span))
        .on(first)
        .on(last);
    let silences = Evidence::supports("they had been silent for {} to {}: one event befell them all");
    let silences = silences.with(Value::Nanos(least)).with(Value::Nanos(most));
    Opinion::suggests(Finding::Possible, Grounds::from(burst).and(silences))
}

#[cfg(test)]
mod tests {
    use super::CARD;
    use crate::testing::{occasions, says};

    #[test]
    fn yes_a_quiet_connection_ends_out_of_the_blue() {
        let killed = "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            > PA 101 ack 301 len 20
            < PA 301 ack 121 len 50
            > A 121 ack 351
            +7s
            < RA 351 ack 121";
        assert_eq!(says(&CARD, killed), "possible: a live socket's reset that no segment asked for [7]");
    }

    #[test]
    fn yes_many_quiet_connections_end_at_once() {
        let one = |port: u16| {
            format!("client 10.0.0.1:{port}\n> S 100\n< SA 300 ack 101\n> A 101 ack 301\n< PA 301 ack 101 len 9\n+2s\n")
        };
        let kill = |port: u16| format!("client 10.0.0.1:{port}\n< RA 310 ack 101\n");
        let opened: String = (40001..=40003).map(one).collect();
        let killed: String = (40001..=40003).map(kill).collect();
        assert!(occasions(&format!("linux\n{opened}\n{killed}")).contains(&String::from(
            "administrative-kill possible: 3 connections reset within 2.00 ms [13, 15]; \
             they had been silent for 2.00 s to 6.01 s: one event befell them all []"
        )));
    }

    #[test]
    fn near_miss_both_sides_had_closed() {
        // The kernel has nothing to tell a peer that has closed as well.
        let closed = "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            > FA 101 ack 301
            < FA 301 ack 102
            < RA 302 ack 102";
        assert_eq!(says(&CARD, closed), "silent");
    }

    #[test]
    fn one_sided_the_beginning_is_missing() {
        let midstream = "linux
            < PA 301 ack 121 len 50
            +1m
            < RA 351 ack 121";
        assert_eq!(says(&CARD, midstream), "possible: a live socket's reset that no segment asked for [2]");
    }
}

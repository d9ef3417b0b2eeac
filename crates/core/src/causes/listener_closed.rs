//! listener-closed: a listening socket was closed while connections waited in its accept queue.

use super::card::{CauseId, GroupFacts, KernelWord, Opinion, Recogniser, ResetCause};
use crate::kernel::Mechanism;
use crate::reset::{Evidence, Finding, Grounds, Progress, Reset, Shape, Value};
use crate::scenario::fragment::{CLIENT_LEARNS, CONNECT, LISTEN};
use crate::scenario::{Condition, Count, Host, Play, Quantity, Shows, Step, Told, Topology, Until};

/// The card.
pub static CARD: ResetCause = ResetCause {
    id: CauseId("listener-closed"),
    title: "the listening socket was closed with connections in its accept queue",
    story: "The kernel completes handshakes by itself; the connection then waits until the program accepts it. When the \
            listening socket is closed, or its process ends, all that wait are reset. Restarts under load do it, and each \
            worker of SO_REUSEPORT that goes takes its own queue along.",
    on_the_wire: "RSTs with ACK from a server that has sent no data in these connections, many within milliseconds; what the \
                  client had sent is acknowledged. SYNs after that are refused.",
    remedy: "Hand the listening socket over at restarts (socket activation, SO_REUSEPORT with net.ipv4.tcp_migrate_req=1), or \
             stop new connections first and accept what waits before closing.",
    decided_by: "on the server: tcp:tcp_send_reset (TCP_STATE, state TCP_CLOSE) with inet_csk_listen_stop in its stack; \
                 OutRsts moves, TCPAbortOnData doesn't",
    twin_of: &[
        CauseId("administrative-kill"),
        CauseId("connection-limit"),
        CauseId("disconnect"),
        CauseId("linger-zero"),
    ],
    refines: None,
    references: &["Linux net/ipv4/inet_connection_sock.c inet_csk_listen_stop, inet_child_forget"],
    recognise: Recogniser::Both(recognise, recognise_many),
    kernel: KernelWord::Says(&[Mechanism::ListenerClosed]),
    plays: &PLAYS,
};

static PLAYS: [Play; 2] = [
    Play {
        id: "one-waits",
        title: "a listener is closed while a connection waits to be accepted",
        topology: Topology::Bridged,
        steps: &[LISTEN, CONNECT, WAITING, Step::Close("listener"), CLIENT_LEARNS],
        shows: Shows {
            client: &[Told::Error("ECONNRESET"), Told::Error("EPIPE")],
            counts: &[
                Count::Counter(Host::Server, "Tcp.OutRsts", Quantity::Exactly(1)),
                Count::Counter(Host::Server, "TcpExt.TCPAbortOnData", Quantity::Exactly(0)),
            ],
            ..Shows::reset(Host::Server, Mechanism::ListenerClosed)
        },
    },
    Play {
        id: "a-queue-waits",
        title: "a listener is closed while connections wait that came one after the other",
        topology: Topology::Bridged,
        steps: &[
            LISTEN,
            Step::Rounds(4, &[CONNECT, Step::Pause(110)]),
            Step::Close("listener"),
            Step::Rounds(4, &[Step::Read("client", Until::End)]),
        ],
        shows: Shows {
            client: &[Told::Error("ECONNRESET"); 4],
            counts: &[Count::Counter(Host::Server, "Tcp.OutRsts", Quantity::Exactly(4))],
            occasion: Some("listener-closed"),
            ..Shows::reset(Host::Server, Mechanism::ListenerClosed)
        },
    },
];

/// The handshake's last ACK has made a connection that waits to be accepted.
const WAITING: Step = Step::Await(Condition::Counted(Host::Server, "Tcp.PassiveOpens", 1));

/// A queue is emptied in less than this.
const TOGETHER: u64 = 100_000_000;

const LEAST: u64 = 3;

fn recognise(reset: &Reset) -> Opinion {
    let facts = &reset.facts;
    if !reset.is_active() || !reset.is_by_server() || facts.progress >= Progress::Closed {
        return Opinion::Silent;
    }
    if let Err(evidence) = reset.by_a_program() {
        return Opinion::Against(evidence);
    }
    let overtaken = reset.overtook().filter(|late| late.len > 0);
    let spoken = facts.sender.last_data.or(facts.sender.fin).or(overtaken);
    if let Some(spoken) = spoken {
        let evidence = Evidence::opposes("the server had sent data or a FIN: the connection had been accepted");
        return Opinion::Against(evidence.on(spoken.frame()));
    }
    let silent = Evidence::supports("the server had sent nothing: the connection may not have been accepted");
    Opinion::suggests(Finding::Possible, silent.on(reset.segment.frame))
}

fn recognise_many(group: &GroupFacts) -> Opinion {
    let together = group.count >= LEAST && group.span <= TOGETHER;
    if group.shape != Shape::Active || group.progress != Progress::Established || !together {
        return Opinion::Silent;
    }
    let [first, last] = group.frames;
    let burst = Evidence::supports("{} connections without data reset within {}")
        .with(Value::Count(group.count))
        .with(Value::Nanos(group.span))
        .on(first)
        .on(last);
    let Some([least, _, most]) = group.silence.filter(|[least, _, most]| *most / 2 > *least) else {
        return Opinion::suggests(Finding::Possible, burst);
    };
    let waited = Evidence::supports("they had waited for {} to {}: one event befell them all");
    let waited = waited.with(Value::Nanos(least)).with(Value::Nanos(most));
    Opinion::suggests(Finding::Likely, Grounds::from(burst).and(waited))
}

#[cfg(test)]
mod tests {
    use super::CARD;
    use crate::testing::{occasions, says};

    #[test]
    fn yes_three_wait_and_are_reset_together() {
        let closed = "linux
            client 10.0.0.1:40001
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            +3s
            client 10.0.0.1:40002
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            +1s
            client 10.0.0.1:40003
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            +500ms
            < RA 301 ack 101                # the server is restarted
            client 10.0.0.1:40002
            < RA 301 ack 101
            client 10.0.0.1:40001
            < RA 301 ack 101";
        let told = occasions(closed);
        let of_listener: Vec<&String> = told.iter().filter(|told| told.starts_with("listener")).collect();
        assert_eq!(
            of_listener,
            ["listener-closed likely: 3 connections without data reset within 2.00 ms [10, 12]; \
              they had waited for 501 ms to 4.51 s: one event befell them all []"]
        );
    }

    #[test]
    fn possible_for_one_connection_that_the_server_never_spoke_in() {
        let request = "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            > PA 101 ack 301 len 20
            < A 301 ack 121
            < RA 301 ack 121";
        assert_eq!(
            says(&CARD, request),
            "possible: the server had sent nothing: the connection may not have been accepted [6]"
        );
    }

    #[test]
    fn near_miss_the_server_had_answered() {
        let answered = "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            < PA 301 ack 101 len 50
            < RA 351 ack 101";
        assert_eq!(
            says(&CARD, answered),
            "against: the server had sent data or a FIN: the connection had been accepted [4]"
        );
    }

    #[test]
    fn near_miss_the_client_resets() {
        let by_client = "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            > RA 101 ack 301";
        assert_eq!(says(&CARD, by_client), "silent");
    }

    #[test]
    fn one_sided_only_the_server_was_captured() {
        let one_sided = "linux
            < SA 300 ack 101
            < RA 301 ack 101";
        assert_eq!(
            says(&CARD, one_sided),
            "possible: the server had sent nothing: the connection may not have been accepted [2]"
        );
    }
}

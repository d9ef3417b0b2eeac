//! crash-with-unread-data: a process died, and its kernel closed what it had open.

use super::card::{CauseId, GroupFacts, KernelWord, Opinion, Recogniser, ResetCause};
use crate::kernel::Mechanism;
use crate::reset::{Evidence, Finding, Grounds, Progress, Reset, Shape, Unread, Value};
use crate::scenario::fragment::{CLIENT_LEARNS, ESTABLISH, EXCHANGE, REQUEST};
use crate::scenario::{Count, Ending, Fate, Host, Play, Quantity, Shows, Step, Told, Topology, Until};

/// The card.
pub static CARD: ResetCause = ResetCause {
    id: CauseId("crash-with-unread-data"),
    title: "the process died with data unread",
    story: "When a process ends, by exit, a signal or the OOM killer, the kernel closes its sockets. A connection whose data was \
            all read ends by FIN; one with unread data is reset, by the same code as a close() of the program. A crash under \
            load is a mixture of both, all within milliseconds.",
    on_the_wire: "For one connection the same bytes as a close with unread data. Over many: resets (and FINs) of one host within \
                  milliseconds, after silences of any length, and refused SYNs until it is started again.",
    remedy: "Look for the death: journalctl, dmesg (oom-kill, segfault), coredumpctl, the orchestrator's events at that second.",
    decided_by: "on the sender: sched:sched_process_exit or signal:signal_deliver of the same process just before \
                 tcp:tcp_send_reset (TCP_ABORT_ON_CLOSE); a close() resets before it exits",
    twin_of: &[
        CauseId("abort-on-close"),
        CauseId("administrative-kill"),
        CauseId("disconnect"),
        CauseId("linger-zero"),
    ],
    refines: Some(CauseId("abort-on-close")),
    references: &["RFC 2525 section 2.17", "Linux kernel/exit.c do_exit, net/ipv4/tcp.c __tcp_close"],
    recognise: Recogniser::Both(recognise, recognise_many),
    kernel: KernelWord::Says(&[Mechanism::DeathUnread]),
    plays: &PLAYS,
};

static PLAYS: [Play; 4] = [
    Play {
        id: "sigkill",
        title: "a server is killed while a request lies unread",
        topology: Topology::Bridged,
        steps: &[ESTABLISH, REQUEST, HAND, Step::End("worker", Fate::Kill), CLIENT_LEARNS],
        shows: DEATH,
    },
    Play {
        id: "sigsegv",
        title: "a server dies of a segmentation fault while a request lies unread",
        topology: Topology::Bridged,
        steps: &[ESTABLISH, REQUEST, HAND, Step::End("worker", Fate::Segfault), CLIENT_LEARNS],
        shows: DEATH,
    },
    Play {
        id: "sigterm",
        title: "a server is ended by SIGTERM while a request lies unread",
        topology: Topology::Bridged,
        steps: &[ESTABLISH, REQUEST, HAND, Step::End("worker", Fate::Terminate), CLIENT_LEARNS],
        shows: DEATH,
    },
    Play {
        id: "empty-buffer",
        title: "control: a server is killed with nothing unread, and its kernel sends a FIN",
        topology: Topology::Bridged,
        steps: &[ESTABLISH, EXCHANGE, HAND, Step::End("worker", Fate::Kill), Step::Read("client", Until::End)],
        shows: Shows {
            ending: Ending::Fin,
            client: &[Told::Eof],
            counts: &[
                Count::Counter(Host::Server, "TcpExt.TCPAbortOnClose", Quantity::Exactly(0)),
                Count::Counter(Host::Server, "Tcp.OutRsts", Quantity::Exactly(0)),
            ],
            ..Shows::NOTHING
        },
    },
];

/// The server's socket becomes another process's.
const HAND: Step = Step::Hand("server", "worker");

const DEATH: Shows = Shows {
    client: &[Told::Error("ECONNRESET"), Told::Error("EPIPE")],
    counts: &[Count::Counter(Host::Server, "TcpExt.TCPAbortOnClose", Quantity::Exactly(1))],
    ..Shows::reset(Host::Server, Mechanism::DeathUnread)
};

/// A death takes all connections of a process; what takes longer than this is not one.
const TOGETHER: u64 = 100_000_000;

const LEAST: u64 = 3;

fn recognise(reset: &Reset) -> Opinion {
    if !reset.is_active() {
        return Opinion::Silent;
    }
    if let Err(evidence) = reset.by_a_program() {
        return Opinion::Against(evidence);
    }
    let frame = reset.segment.frame;
    let evidence = match reset.unread() {
        Unread::Nothing => {
            return Opinion::Against(
                Evidence::opposes("it acknowledges no data: a process that dies with nothing unread sends a FIN")
                    .on(frame),
            );
        }
        Unread::Full(last) => Evidence::supports("its receive window was closed").on(last.frame()),
        Unread::Unanswered(data) => {
            Evidence::supports("data was acknowledged and never answered").on(data.frame()).on(frame)
        }
        Unread::Answered(_) | Unread::Unknown => {
            Evidence::supports("a live socket's reset; whether all was read can't be seen").on(frame)
        }
    };
    Opinion::suggests(Finding::Possible, evidence)
}

fn recognise_many(group: &GroupFacts) -> Opinion {
    let together = group.count >= LEAST && group.span <= TOGETHER;
    if group.shape != Shape::Active || group.progress != Progress::Data || !together {
        return Opinion::Silent;
    }
    let [first, last] = group.frames;
    let burst = Evidence::supports("{} connections reset within {}")
        .with(Value::Count(group.count))
        .with(Value::Nanos(group.span))
        .on(first)
        .on(last);
    // Programs reset connections after equal times, or at moments of their own; only what befalls all of them is otherwise.
    let uneven = group.silence.filter(|[least, _, most]| *most / 2 > *least);
    let unread = group.cause == Some(CauseId("abort-on-close"));
    let Some([least, _, most]) = uneven.filter(|_| unread) else {
        return Opinion::suggests(Finding::Possible, burst);
    };
    let silences = Evidence::supports("they had been silent for {} to {}: one event befell them all");
    let silences = silences.with(Value::Nanos(least)).with(Value::Nanos(most));
    Opinion::suggests(Finding::Likely, Grounds::from(burst).and(silences))
}

#[cfg(test)]
mod tests {
    use super::CARD;
    use crate::testing::{occasions, says};

    const WORKERS: &str = "linux
        client 10.0.0.1:40001
        > S 100
        < SA 300 ack 101
        > A 101 ack 301
        > PA 101 ack 301 len 20
        < A 301 ack 121
        +3s
        client 10.0.0.1:40002
        > S 100
        < SA 300 ack 101
        > A 101 ack 301
        > PA 101 ack 301 len 20
        < A 301 ack 121
        +1s
        client 10.0.0.1:40003
        > S 100
        < SA 300 ack 101
        > A 101 ack 301
        > PA 101 ack 301 len 20
        < A 301 ack 121
        +500ms";

    #[test]
    fn yes_all_connections_of_a_worker_die_at_once() {
        let crash = format!(
            "{WORKERS}
            < RA 301 ack 121 id 7001
            client 10.0.0.1:40002
            < RA 301 ack 121
            client 10.0.0.1:40001
            < RA 301 ack 121"
        );
        let told = occasions(&crash);
        let of_crash: Vec<&String> = told.iter().filter(|told| told.starts_with("crash")).collect();
        assert_eq!(
            of_crash,
            ["crash-with-unread-data likely: 3 connections reset within 2.00 ms [16, 18]; \
              they had been silent for 501 ms to 4.51 s: one event befell them all []"]
        );
    }

    #[test]
    fn near_miss_each_is_reset_in_its_own_second() {
        let in_turn = format!(
            "{WORKERS}
            < RA 301 ack 121
            +1s
            client 10.0.0.1:40002
            < RA 301 ack 121
            +1s
            client 10.0.0.1:40001
            < RA 301 ack 121"
        );
        assert!(!occasions(&in_turn).iter().any(|told| told.starts_with("crash")));
    }

    #[test]
    fn possible_for_one_connection_with_an_unanswered_request() {
        let unread = "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            > PA 101 ack 301 len 20
            < A 301 ack 121
            < RA 301 ack 121";
        assert_eq!(says(&CARD, unread), "possible: data was acknowledged and never answered [4, 6]");
    }

    #[test]
    fn near_miss_nothing_was_unread() {
        let storm = "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            < RA 301 ack 101";
        assert_eq!(
            says(&CARD, storm),
            "against: it acknowledges no data: a process that dies with nothing unread sends a FIN [4]"
        );
    }

    #[test]
    fn one_sided_the_requests_are_not_in_the_capture() {
        let one_sided = "linux
            < SA 300 ack 101
            < A 301 ack 121
            < RA 301 ack 121";
        assert_eq!(says(&CARD, one_sided), "possible: a live socket's reset; whether all was read can't be seen [3]");
    }
}

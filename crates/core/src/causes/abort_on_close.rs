//! abort-on-close: the application closed while data lay unread in its receive buffer.

use super::card::{CauseId, KernelWord, Opinion, Recogniser, ResetCause};
use crate::kernel::Mechanism;
use crate::reset::{Evidence, Finding, Grounds, Progress, Reset, Unread};
use crate::scenario::fragment::{CLIENT_LEARNS, ESTABLISH, REQUEST, SERVER_LEARNS};
use crate::scenario::{Condition, Count, Host, Play, Quantity, Shows, SocketOption, Step, Told, Topology, Until};

/// The card.
pub static CARD: ResetCause = ResetCause {
    id: CauseId("abort-on-close"),
    title: "the application closed with data unread",
    story: "A close() that finds data in the receive buffer tells the peer that it is lost: it sends a RST and no FIN, with or \
            without SO_LINGER. Typical: a server that answers or gives up before it has read the whole request, a client that \
            stops in the middle of a download, a pool that drops a connection with a late answer in it. An answer just sent \
            may be lost with it: the peer's kernel throws away what its program hasn't read.",
    on_the_wire: "Data that is acknowledged and not answered, then a RST with ACK from the end that got it. A window of 0 just \
                  before shows that it had stopped to read.",
    remedy: "Let the program read to the end before it closes: shutdown(SHUT_WR), read until it gives 0, then close.",
    decided_by: "on the sender: the counter TCPAbortOnClose, or the tracepoint tcp:tcp_send_reset (TCP_ABORT_ON_CLOSE); for a \
                 process that died, sched:sched_process_exit comes before it",
    twin_of: &[
        CauseId("administrative-kill"),
        CauseId("crash-with-unread-data"),
        CauseId("disconnect"),
        CauseId("linger-zero"),
        CauseId("reset-after-fin"),
    ],
    refines: None,
    references: &[
        "RFC 2525 section 2.17",
        "RFC 1122 section 4.2.2.13",
        "Linux net/ipv4/tcp.c __tcp_close (data_was_unread)",
    ],
    recognise: Recogniser::Reset(recognise),
    kernel: KernelWord::Says(&[Mechanism::CloseUnread]),
    plays: &PLAYS,
};

static PLAYS: [Play; 5] = [
    Play {
        id: "unread-request",
        title: "a server closes without having read the request",
        topology: Topology::Bridged,
        steps: &[ESTABLISH, REQUEST, Step::Close("server"), CLIENT_LEARNS],
        shows: UNREAD,
    },
    Play {
        id: "partly-read",
        title: "a server closes when it has read a part of the request",
        topology: Topology::Bridged,
        steps: &[ESTABLISH, REQUEST, Step::Read("server", Until::Bytes(5)), Step::Close("server"), CLIENT_LEARNS],
        shows: UNREAD,
    },
    Play {
        id: "linger-zero-and-unread",
        title: "a server closes with SO_LINGER 0 and data unread: the unread data is looked at first",
        topology: Topology::Bridged,
        steps: &[
            ESTABLISH,
            REQUEST,
            Step::Option("server", SocketOption::LingerZero),
            Step::Close("server"),
            CLIENT_LEARNS,
        ],
        shows: Shows {
            counts: &[
                Count::Counter(Host::Server, "TcpExt.TCPAbortOnClose", Quantity::Exactly(1)),
                Count::Counter(Host::Server, "TcpExt.TCPAbortOnData", Quantity::Exactly(0)),
            ],
            ..UNREAD
        },
    },
    Play {
        id: "answered-unread",
        title: "a server answers a request that it never reads, and closes",
        topology: Topology::Bridged,
        steps: &[ESTABLISH, REQUEST, Step::Write("server", 50), Step::Close("server"), CLIENT_LEARNS],
        shows: UNREAD,
    },
    Play {
        id: "late-answer",
        title: "a client gives up and closes when the answer has come, unread",
        topology: Topology::Bridged,
        steps: &[
            ESTABLISH,
            Step::Write("client", 20),
            Step::Read("server", Until::Bytes(20)),
            Step::Write("server", 50),
            Step::Await(Condition::Arrived("client", 50)),
            Step::Close("client"),
            SERVER_LEARNS,
        ],
        shows: Shows {
            server: &[Told::Error("ECONNRESET"), Told::Error("EPIPE")],
            counts: &[Count::Counter(Host::Client, "TcpExt.TCPAbortOnClose", Quantity::Exactly(1))],
            ..Shows::reset(Host::Client, Mechanism::CloseUnread)
        },
    },
];

const UNREAD: Shows = Shows {
    client: &[Told::Error("ECONNRESET"), Told::Error("EPIPE")],
    counts: &[Count::Counter(Host::Server, "TcpExt.TCPAbortOnClose", Quantity::Exactly(1))],
    ..Shows::reset(Host::Server, Mechanism::CloseUnread)
};

fn recognise(reset: &Reset) -> Opinion {
    if !reset.is_active() {
        return Opinion::Silent;
    }
    let most = match reset.by_a_program() {
        Ok(most) => most.min(Finding::Likely),
        Err(evidence) => return Opinion::Against(evidence),
    };
    let frame = reset.segment.frame;
    let grounds = Grounds::from(match reset.unread() {
        Unread::Nothing => {
            return Opinion::Against(Evidence::opposes("it acknowledges no data: there was none to be read").on(frame));
        }
        Unread::Full(last) => {
            Evidence::supports("its receive window was closed: the buffer was full of unread data").on(last.frame())
        }
        Unread::Unanswered(data) => {
            let unanswered = Evidence::supports("it acknowledges {} that were never answered");
            unanswered.with(crate::reset::Value::Octets(u64::from(data.len))).on(data.frame()).on(frame)
        }
        Unread::Answered(_) | Unread::Unknown => {
            let allowed = Evidence::supports("a live socket's reset; whether all was read can't be seen").on(frame);
            return Opinion::suggests(Finding::Possible, allowed);
        }
    });
    // After a FIN of the peer, what is left unread is mostly its farewell. A request with a FIN is still a request.
    let asked = matches!(reset.unread(), Unread::Unanswered(_)) && reset.facts.sender.fin.is_none();
    match reset.facts.progress {
        Progress::HalfClosed | Progress::Closed if !asked => Opinion::suggests(Finding::Possible, grounds),
        _ => Opinion::suggests(most, grounds),
    }
}

#[cfg(test)]
mod tests {
    use super::CARD;
    use crate::testing::says;

    #[test]
    fn yes_a_request_is_acknowledged_and_never_answered() {
        let unread = "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            > PA 101 ack 301 len 20
            < A 301 ack 121            # the kernel has it, the program hasn't
            < RA 301 ack 121";
        assert_eq!(says(&CARD, unread), "likely: it acknowledges 20 octets that were never answered [4, 6]");
    }

    #[test]
    fn yes_the_receive_buffer_was_full() {
        let full = "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            > PA 101 ack 301 len 1000
            < PA 301 ack 1101 len 5 win 0
            > A 1101 ack 306
            < RA 306 ack 1101 win 0";
        assert_eq!(says(&CARD, full), "likely: its receive window was closed: the buffer was full of unread data [5]");
    }

    #[test]
    fn near_miss_the_request_was_answered() {
        let answered = "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            > PA 101 ack 301 len 20
            < PA 301 ack 121 len 50
            < RA 351 ack 121";
        assert_eq!(says(&CARD, answered), "possible: a live socket's reset; whether all was read can't be seen [6]");
    }

    #[test]
    fn near_miss_no_data_had_come() {
        // The client's data was under way: the reset doesn't acknowledge it, so it wasn't in the buffer.
        let crossed = "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            > PA 101 ack 301 len 20
            < RA 301 ack 101";
        assert_eq!(says(&CARD, crossed), "against: it acknowledges no data: there was none to be read [5]");
    }

    #[test]
    fn one_sided_only_the_server_was_captured() {
        // The numbers alone tell that 20 octets had come; whether they were a request can't be told.
        let one_sided = "linux
            < SA 300 ack 101
            < A 301 ack 121
            < RA 301 ack 121";
        assert_eq!(says(&CARD, one_sided), "possible: a live socket's reset; whether all was read can't be seen [3]");
    }
}

//! disconnect: the application called connect() with AF_UNSPEC on a connected socket.

use super::card::{CauseId, KernelWord, Opinion, Recogniser, ResetCause};
use crate::kernel::Mechanism;
use crate::reset::{Evidence, Finding, Progress, Reset};
use crate::scenario::fragment::{CLIENT_LEARNS, ESTABLISH, EXCHANGE, SERVER_LEARNS};
use crate::scenario::{Count, Host, Play, Quantity, Shows, Step, Told, Topology};

/// The card.
pub static CARD: ResetCause = ResetCause {
    id: CauseId("disconnect"),
    title: "the application disconnected its socket (connect with AF_UNSPEC)",
    story: "connect() with an address of family AF_UNSPEC dissolves a socket's association and leaves the socket for further \
            use. On a connected TCP socket Linux resets the connection. Rare: libraries that use one socket again, sandboxes, \
            tests. Both programs get ECONNRESET, also the one that called.",
    on_the_wire: "A RST with ACK of the live connection at any time; nothing on the wire tells it from a close with SO_LINGER 0.",
    remedy: "Find the connect(AF_UNSPEC) of the sender; close the socket and make a new one.",
    decided_by: "on the sender: strace of connect, or tcp:tcp_send_reset (TCP_STATE, state TCP_CLOSE) with __inet_stream_connect \
                 in its stack; OutRsts moves, TCPAbortOnData doesn't",
    twin_of: &[CauseId("administrative-kill"), CauseId("linger-zero")],
    refines: None,
    references: &["connect(2)", "Linux net/ipv4/af_inet.c __inet_stream_connect, net/ipv4/tcp.c tcp_disconnect"],
    recognise: Recogniser::Reset(recognise),
    kernel: KernelWord::Says(&[Mechanism::Disconnect]),
    plays: &PLAYS,
};

static PLAYS: [Play; 2] = [
    Play {
        id: "by-the-server",
        title: "a server disconnects its socket with connect(AF_UNSPEC)",
        topology: Topology::Bridged,
        steps: &[ESTABLISH, EXCHANGE, Step::Disconnect("server"), SERVER_LEARNS, CLIENT_LEARNS],
        shows: Shows {
            client: &[Told::Error("ECONNRESET"), Told::Error("EPIPE")],
            server: &[Told::Error("ECONNRESET"), Told::Error("EPIPE")],
            counts: &[
                Count::Counter(Host::Server, "Tcp.OutRsts", Quantity::Exactly(1)),
                Count::Counter(Host::Server, "TcpExt.TCPAbortOnData", Quantity::Exactly(0)),
            ],
            ..Shows::reset(Host::Server, Mechanism::Disconnect)
        },
    },
    Play {
        id: "by-the-client",
        title: "a client disconnects its socket with connect(AF_UNSPEC)",
        topology: Topology::Bridged,
        steps: &[ESTABLISH, EXCHANGE, Step::Disconnect("client"), CLIENT_LEARNS, SERVER_LEARNS],
        shows: Shows {
            client: &[Told::Error("ECONNRESET"), Told::Error("EPIPE")],
            server: &[Told::Error("ECONNRESET"), Told::Error("EPIPE")],
            counts: &[
                Count::Counter(Host::Client, "Tcp.OutRsts", Quantity::Exactly(1)),
                Count::Counter(Host::Client, "TcpExt.TCPAbortOnData", Quantity::Exactly(0)),
            ],
            ..Shows::reset(Host::Client, Mechanism::Disconnect)
        },
    },
];

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

#[cfg(test)]
mod tests {
    use super::CARD;
    use crate::testing::says;

    #[test]
    fn yes_it_may_always_be_but_is_never_likely() {
        let at_once = "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            > RA 101 ack 301";
        assert_eq!(says(&CARD, at_once), "possible: a live socket's reset that no segment asked for [4]");
    }

    #[test]
    fn near_miss_a_reply_is_no_decision() {
        let stray = "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            > PA 101 ack 301 len 20
            < R 301";
        assert_eq!(says(&CARD, stray), "silent");
    }

    #[test]
    fn near_miss_somebody_between_has_reset_it() {
        let forged = "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            > RA 101 ack 301 ttl 57
            > PA 101 ack 301 len 50";
        assert_eq!(
            says(&CARD, forged),
            "against: the end that it names goes on sending 1.00 ms later, beyond the reset's number (RST_SEQ_DATA) [5]"
        );
    }

    #[test]
    fn one_sided_only_the_client_was_captured() {
        let one_sided = "linux
            > S 100
            > A 101 ack 301
            > RA 101 ack 301";
        assert_eq!(says(&CARD, one_sided), "possible: a live socket's reset that no segment asked for [3]");
    }
}

//! syn-proxy: a firewall had completed the handshake itself, and its server refused.

use super::card::{CauseId, KernelWord, Opinion, Recogniser, ResetCause};
use crate::kernel::Mechanism;
use crate::reset::{Evidence, Finding, Grounds, Reset, Shape, Value};
use crate::scenario::fragment::{ESTABLISH, EXCHANGE};
use crate::scenario::{
    Connecting, Conntrack, Count, Ending, Hook, Host, Match, Peer, Play, Quantity, Rule, SERVICE, Shows, Step, Tap,
    Then, Told, Topology, Until,
};
use crate::tcp::Flags;

/// The card.
pub static CARD: ResetCause = ResetCause {
    id: CauseId("syn-proxy"),
    title: "a SYN proxy's server refused",
    story: "A SYN proxy answers every SYN itself, with a cookie for a number and a window of 0, so that floods of SYNs \
            cost the server nothing. Only when the client has completed the handshake does the proxy open the \
            connection to the server. If the server then refuses, its RST is translated to the proxy's numbers: the \
            client had been connected and is reset, where without the proxy connect() would have failed with \
            ECONNREFUSED.",
    on_the_wire: "SYN, a SYN-ACK with window 0, the client's ACK, and at once a RST with ACK, the number after the \
                  SYN-ACK's, window 0 and no options. With a server that accepts, empty acknowledgments follow that \
                  open the window.",
    remedy: "Nothing listens behind the proxy: start the server, or take the port out of the proxy's rule.",
    decided_by: "on the proxy: nft list ruleset (synproxy), /proc/net/stat/synproxy; on the server: ss -ltn, the \
                 tracepoint tcp:tcp_send_reset (NO_SOCKET)",
    twin_of: &[],
    refines: None,
    references: &[
        "Linux net/netfilter/nf_synproxy_core.c synproxy_send_client_synack, synproxy_tstamp_adjust",
        "RFC 4987 section 3.7",
    ],
    recognise: Recogniser::Reset(recognise),
    kernel: KernelWord::Says(&[Mechanism::NoSocket]),
    plays: &PLAYS,
};

/// A router that is a SYN proxy for the service. Of two rules at one place, the later is asked first.
///
/// nft's synproxy sums up a segment of IPv6 as if it were IPv4's (nft_synproxy_do_eval calls nf_ip_checksum for both) and drops it,
/// unless its checksum is still the link's to make.
const PROXY: Step = Step::Do(&[
    Step::LinkChecksums(Tap::Client),
    Step::Set(Host::Middle, "net/netfilter/nf_conntrack_tcp_loose", "0"),
    Step::Filter(&Rule {
        name: "untracked",
        host: Host::Middle,
        hook: Hook::Raw,
        when: &[Match::DestinationPort(SERVICE), Match::Flags(Flags::SYN, Flags::SYN)],
        then: Then::NoTrack,
    }),
    Step::Filter(&Rule {
        name: "invalid",
        host: Host::Middle,
        hook: Hook::Forward,
        when: &[Match::DestinationPort(SERVICE), Match::State(&[Conntrack::Invalid])],
        then: Then::Drop,
    }),
    Step::Filter(&Rule {
        name: "proxy",
        host: Host::Middle,
        hook: Hook::Forward,
        when: &[Match::DestinationPort(SERVICE), Match::State(&[Conntrack::Invalid, Conntrack::Untracked])],
        then: Then::SynProxy,
    }),
]);

static PLAYS: [Play; 2] = [
    Play {
        id: "closed-behind",
        title: "a SYN proxy's server has nothing that listens",
        topology: Topology::Routed,
        steps: &[
            PROXY,
            // The reset can be there before anybody has asked how connect() went.
            Step::Connect(Host::Client, "client", Peer::At(Host::Server, SERVICE), Connecting::UnderWay),
            Step::Read("client", Until::End),
            Step::Write("client", 1),
        ],
        shows: Shows {
            // Beyond the proxy it is a closed port and nothing else.
            seen_as: &[(Tap::ServerPort, "no-listener"), (Tap::Server, "no-listener")],
            client: &[Told::Error("ECONNRESET"), Told::Error("EPIPE")],
            counts: &[
                // The SYN, and the ACK of the handshake.
                Count::Rule("proxy", Quantity::Exactly(2)),
                Count::Counter(Host::Server, "Tcp.OutRsts", Quantity::Exactly(1)),
                Count::Counter(Host::Client, "Tcp.AttemptFails", Quantity::Exactly(0)),
                Count::Counter(Host::Client, "Tcp.EstabResets", Quantity::Exactly(1)),
            ],
            ..Shows::reset(Host::Server, Mechanism::NoSocket)
        },
    },
    Play {
        id: "open-behind",
        title: "control: a SYN proxy's server listens, and request and answer pass",
        topology: Topology::Routed,
        steps: &[
            PROXY,
            Step::Filter(&Rule {
                name: "no-window",
                host: Host::Client,
                hook: Hook::Input,
                when: &[Match::Flags(Flags::SYN.with(Flags::ACK), Flags::SYN.with(Flags::ACK)), Match::Window(0)],
                then: Then::Count,
            }),
            ESTABLISH,
            EXCHANGE,
            Step::Close("client"),
            Step::Read("server", Until::End),
            Step::Close("server"),
        ],
        shows: Shows {
            ending: Ending::Fin,
            server: &[Told::Eof],
            counts: &[
                Count::Rule("proxy", Quantity::Exactly(2)),
                // The SYN-ACK is the proxy's.
                Count::Rule("no-window", Quantity::Exactly(1)),
                Count::Counter(Host::Server, "Tcp.OutRsts", Quantity::Exactly(0)),
                Count::Counter(Host::Client, "Tcp.OutRsts", Quantity::Exactly(0)),
            ],
            ..Shows::NOTHING
        },
    },
];

fn recognise(reset: &Reset) -> Opinion {
    let facts = &reset.facts;
    let first = matches!(facts.shape, Shape::Proxied | Shape::Other);
    let Some(syn_ack) = facts.sender.syn.filter(|syn| first && syn.flags.is_ack()) else {
        return Opinion::Silent;
    };
    let (segment, frame) = (&reset.segment, reset.segment.frame);
    let bare = segment.flags.is_ack() && segment.window == 0 && segment.timestamp_value.is_none();
    if !bare || segment.seq != syn_ack.end() || facts.sender.data_segments > 0 || facts.sender.fin.is_some() {
        return Opinion::Silent;
    }
    if let Some(evidence) = reset.foreign() {
        return Opinion::Against(evidence);
    }
    let translated =
        Evidence::supports("the server's first number with no window and no options: a refusal, translated");
    let grounds = Grounds::from(translated.on(frame));
    if syn_ack.window > 0 {
        // Other stacks than Linux reset without a window of their own accord.
        if reset.is_active() {
            return Opinion::Silent;
        }
        return Opinion::suggests(Finding::Possible, grounds);
    }
    let closed = Evidence::supports("the SYN-ACK's window is 0, as a SYN proxy's").on(syn_ack.frame());
    let opened = Evidence::supports("{} empty acknowledgments opened the window after the handshake");
    let opened = opened.with(Value::Count(u64::from(facts.window_updates)));
    let grounds = grounds.and(closed).and_if(facts.window_updates > 0, opened);
    let sure = if facts.shape == Shape::Proxied { Finding::Certain } else { Finding::Likely };
    Opinion::suggests(sure, grounds)
}

#[cfg(test)]
mod tests {
    use super::CARD;
    use crate::testing::says;

    #[test]
    fn yes_the_server_behind_the_proxy_refuses() {
        let refused = "
            > S 100
            < SA 300 ack 101 win 0
            > A 101 ack 301
            < RA 301 ack 101 win 0";
        assert_eq!(
            says(&CARD, refused),
            "certain: the server's first number with no window and no options: a refusal, translated [4]; \
             the SYN-ACK's window is 0, as a SYN proxy's [2]"
        );
    }

    #[test]
    fn near_miss_windows_resets_without_a_window_itself() {
        let windows = "windows
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            < RA 301 ack 101";
        assert_eq!(says(&CARD, windows), "silent");
    }

    #[test]
    fn less_sure_when_the_syn_ack_has_a_window() {
        let open = "
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            < RA 301 ack 101 win 0";
        assert_eq!(
            says(&CARD, open),
            "possible: the server's first number with no window and no options: a refusal, translated [4]"
        );
    }

    #[test]
    fn near_miss_the_server_had_accepted_and_spoken() {
        let spoken = "
            > S 100
            < SA 300 ack 101 win 0
            > A 101 ack 301
            < A 301 ack 101          # the window opens
            < PA 301 ack 101 len 50
            < RA 351 ack 101 win 0";
        assert_eq!(says(&CARD, spoken), "silent");
    }

    #[test]
    fn one_sided_the_client_was_not_captured() {
        let server = "
            < SA 300 ack 101 win 0
            < RA 301 ack 101 win 0";
        assert_eq!(
            says(&CARD, server),
            "likely: the server's first number with no window and no options: a refusal, translated [2]; \
             the SYN-ACK's window is 0, as a SYN proxy's [1]"
        );
    }
}

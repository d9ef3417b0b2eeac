//! idle-timeout: nothing was sent for so long that somebody gave the connection up.

use super::card::{CauseId, GroupFacts, KernelWord, Opinion, Recogniser, ResetCause};
use crate::kernel::Mechanism;
use crate::reset::{Evidence, Finding, Grounds, Progress, Reset, Shape, Value};
use crate::scenario::fragment::{ACCEPT, CONNECT, EXCHANGE, LISTEN};
use crate::scenario::{
    Condition, Connecting, Count, Host, Peer, Play, Quantity, SERVICE, Shows, SocketOption, Step, Told, Topology, Until,
};

/// The card.
pub static CARD: ResetCause = ResetCause {
    id: CauseId("idle-timeout"),
    title: "the connection was idle for too long",
    story: "Load balancers, proxies, firewalls and servers give up connections that are silent for some time. Some reset them \
            then; others only forget them, and answer the next segment with a reset, which hits the first request after a \
            pause. Pools of connections whose own timer is longer than the one on the way run into it again and again.",
    on_the_wire: "Silence, always equally long, then a RST; or silence, a segment with data, and a RST in answer. One connection \
                  proves nothing: it is the equal length over many that shows a timer.",
    remedy: "Let the client's pool give up idle connections before the timer on the way does, or send keepalives more often \
             (TCP_KEEPIDLE, net.ipv4.tcp_keepalive_time); or raise that timer.",
    decided_by: "the idle settings of everything on the way; a capture on its far side shows whether the server reset or \
                 something before it",
    twin_of: &[CauseId("half-open"), CauseId("linger-zero"), CauseId("stray-segment")],
    refines: Some(CauseId("linger-zero")),
    references: &["RFC 5382 section 5 (REQ-5)", "RFC 9293 section 3.8.4", "RFC 9112 section 9.5"],
    recognise: Recogniser::Both(recognise, recognise_many),
    kernel: KernelWord::Says(&[Mechanism::CloseLingerZero, Mechanism::CloseUnread]),
    plays: &PLAYS,
};

/// How long the timer of the plays is, in milliseconds: silences within 5 % are equal, so that a machine may stall for some 300 ms.
pub(super) const IDLE: u32 = 6000;

/// How far apart their connections are opened: a timer ends them one by one, over more than a tenth of its length, stalled or not.
pub(super) const APART: u32 = 250;

static PLAYS: [Play; 3] = [
    LOAD_BALANCER,
    Play {
        id: "application-timer",
        title: "a server resets each of five connections when it has been idle for six seconds",
        topology: Topology::Bridged,
        steps: &[
            LISTEN,
            Step::Rounds(5, &[CONNECT, ACCEPT, EXCHANGE, Step::Pause(APART)]),
            Step::Rounds(
                5,
                &[
                    Step::Await(Condition::Idle("server", IDLE)),
                    Step::Option("server", SocketOption::LingerZero),
                    Step::Close("server"),
                    Step::Read("client", Until::End),
                ],
            ),
        ],
        shows: Shows {
            client: &[Told::Error("ECONNRESET"); 5],
            counts: &[Count::Counter(Host::Server, "TcpExt.TCPAbortOnData", Quantity::Exactly(5))],
            occasion: Some("idle-timeout"),
            ..Shows::reset(Host::Server, Mechanism::CloseLingerZero)
        },
    },
    Play {
        id: "unread-at-the-end",
        title: "a server closes each of five connections when it has been idle for six seconds, and two octets are unread",
        topology: Topology::Bridged,
        steps: &[
            LISTEN,
            Step::Rounds(
                5,
                &[
                    CONNECT,
                    ACCEPT,
                    EXCHANGE,
                    Step::Write("client", 2),
                    Step::Await(Condition::Arrived("server", 2)),
                    Step::Pause(APART),
                ],
            ),
            Step::Rounds(
                5,
                &[
                    Step::Await(Condition::Idle("client", IDLE)),
                    Step::Close("server"),
                    Step::Read("client", Until::End),
                ],
            ),
        ],
        shows: Shows {
            client: &[Told::Error("ECONNRESET"); 5],
            counts: &[Count::Counter(Host::Server, "TcpExt.TCPAbortOnClose", Quantity::Exactly(5))],
            occasion: Some("idle-timeout"),
            ..Shows::reset(Host::Server, Mechanism::CloseUnread)
        },
    },
];

const LOAD_BALANCER: Play = Play {
    id: "load-balancer",
    title: "a load balancer resets both sides of each of five connections when they have been idle for six seconds",
    topology: Topology::Routed,
    steps: &[
        LISTEN,
        Step::Listen(Host::Middle, "front", SERVICE, 8),
        Step::Rounds(
            5,
            &[
                Step::Connect(Host::Client, "client", Peer::At(Host::Middle, SERVICE), Connecting::Done),
                Step::Accept("front", "inside"),
                Step::Connect(Host::Middle, "outside", Peer::At(Host::Server, SERVICE), Connecting::Done),
                ACCEPT,
                Step::Write("client", 20),
                Step::Read("inside", Until::Bytes(20)),
                Step::Write("inside", 50),
                Step::Read("client", Until::Bytes(50)),
                Step::Pause(APART),
            ],
        ),
        Step::Rounds(
            5,
            &[
                Step::Await(Condition::Idle("inside", IDLE)),
                Step::Option("inside", SocketOption::LingerZero),
                Step::Close("inside"),
                Step::Option("outside", SocketOption::LingerZero),
                Step::Close("outside"),
                Step::Read("client", Until::End),
                Step::Read("server", Until::End),
            ],
        ),
    ],
    shows: Shows {
        client: &[Told::Error("ECONNRESET"); 5],
        server: &[Told::Error("ECONNRESET"); 5],
        counts: &[Count::Counter(Host::Middle, "TcpExt.TCPAbortOnData", Quantity::Exactly(10))],
        occasion: Some("idle-timeout"),
        ..Shows::reset(Host::Middle, Mechanism::CloseLingerZero)
    },
};

const SECOND: u64 = 1_000_000_000;

/// Pauses up to this are part of a conversation.
const LEAST_IDLE: u64 = SECOND / 2;

const LEAST: u64 = 3;

/// Defaults of idle timers that are in wide use, in seconds.
const KNOWN: [(u64, &str); 13] = [
    (5, "Apache httpd's (keep-alive) and, before it was raised, Node.js's"),
    (15, "old Apache httpd's (keep-alive)"),
    (30, "Jetty's"),
    (60, "AWS's classic and application load balancers'"),
    (75, "nginx's (keep-alive)"),
    (120, "IIS's"),
    (240, "Azure's load balancer's and NAT's (4 min)"),
    (300, "F5 BIG-IP's"),
    (350, "AWS network load balancers' and NAT gateways'"),
    (600, "Google Cloud's load balancers', towards the server (10 min)"),
    (900, "kube-proxy's in IPVS mode (15 min)"),
    (1800, "Juniper SRX's (30 min)"),
    (3600, "Cisco's firewalls' (1 h)"),
];

fn recognise(reset: &Reset) -> Opinion {
    let facts = &reset.facts;
    let open = matches!(facts.progress, Progress::Midstream | Progress::Established | Progress::Data);
    if matches!(facts.shape, Shape::Refusal) || !reset.was_taken() || !open || !reset.first {
        return Opinion::Silent;
    }
    let Some(idle) = reset.idle() else {
        return Opinion::Silent;
    };
    let (last, frame) = (last_of_both(reset), reset.segment.frame);
    if idle < LEAST_IDLE {
        let busy = Evidence::opposes("the connection had been silent for {} only").with(Value::Nanos(idle));
        return Opinion::Against(busy.on(last).on(frame));
    }
    if facts.sender.probes.count > 0 {
        let probed = Evidence::opposes("it had probed the silent peer itself").on(facts.sender.probes.first_frame);
        return Opinion::Against(probed);
    }
    let asked = facts.offending.map_or(0, |asked| asked.len.saturating_add(u32::from(asked.flags.is_fin())));
    let of_victim = facts.victim.unacknowledged.unwrap_or(0).saturating_sub(asked);
    let waiting = facts.sender.unacknowledged.unwrap_or(0).saturating_add(of_victim);
    if waiting > 0 {
        let under_way = Evidence::opposes("{} were not acknowledged: it was broken, not idle");
        return Opinion::Against(under_way.with(Value::Octets(u64::from(waiting))).on(frame));
    }
    let silent = match facts.offending {
        Some(asked) => Evidence::supports("it answers the first segment after a silence of {}").on(asked.frame()),
        None => Evidence::supports("nothing had been sent for {}").on(last),
    };
    let grounds = Grounds::from(silent.with(Value::Nanos(idle)).on(frame));
    Opinion::suggests(Finding::Possible, with_known(grounds, idle))
}

/// The frame of the connection's last segment.
fn last_of_both(reset: &Reset) -> u64 {
    let (sender, victim) = (reset.facts.sender.last, reset.facts.victim.last);
    let last = sender.into_iter().chain(victim).max_by_key(|last| last.frame());
    last.map_or(0, |last| last.frame())
}

fn recognise_many(group: &GroupFacts) -> Opinion {
    // A silence of more than five minutes ends a connection by Zeek's rules: the reset then comes midstream.
    let open = matches!(group.progress, Progress::Midstream | Progress::Established | Progress::Data);
    let probed = group.cause == Some(CauseId("keepalive-timeout"));
    if group.count < LEAST || group.shape == Shape::Refusal || !open || probed {
        return Opinion::Silent;
    }
    let even = group.silence.filter(|[least, _, most]| *least >= LEAST_IDLE && most - least <= most / 20);
    let Some([least, ..]) = even else {
        return Opinion::Silent;
    };
    let [first, last] = group.frames;
    if group.span < least / 10 {
        // Connections that were opened together fall silent together: one event that ends all of them looks like a timer.
        let at_once = Evidence::supports("{} connections were reset after the same silence of {}, all at once");
        let at_once = at_once.with(Value::Count(group.count)).with(Value::Nanos(least)).on(first).on(last);
        return Opinion::suggests(Finding::Possible, at_once);
    }
    let equal = Evidence::supports("{} connections were reset, each after a silence of {}, within 5 %")
        .with(Value::Count(group.count))
        .with(Value::Nanos(least));
    Opinion::suggests(Finding::Likely, with_known(Grounds::from(equal.on(first).on(last)), least))
}

/// Names a timer in wide use that is as long. Whose it was, no length can tell. Timers fire late and not early.
fn with_known(grounds: Grounds, idle: u64) -> Grounds {
    let sits_on = |timer: u64| idle >= timer - timer / 200 && idle <= timer + timer / 50;
    match KNOWN.iter().find(|(seconds, _)| sits_on(seconds * SECOND)) {
        Some((_, whose)) => {
            grounds.and(Evidence::supports("a common idle timer is as long: {}").with(Value::Words(whose)))
        }
        None => grounds,
    }
}

#[cfg(test)]
mod tests {
    use super::CARD;
    use crate::testing::{occasions, says};

    /// A connection that is used once, falls silent, and is reset.
    fn idle(port: u16, silence: &str) -> String {
        format!(
            "client 10.0.0.1:{port}
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            > PA 101 ack 301 len 20
            < PA 301 ack 121 len 50
            > A 121 ack 351
            +{silence}
            < RA 351 ack 121\n"
        )
    }

    fn of_timer(conversation: &str) -> Vec<String> {
        occasions(conversation).into_iter().filter(|told| told.starts_with("idle-timeout")).collect()
    }

    #[test]
    fn yes_three_connections_after_the_same_silence() {
        let timer = format!("linux\n{}{}{}", idle(40001, "350s"), idle(40002, "350.2s"), idle(40003, "351s"));
        assert_eq!(
            of_timer(&timer),
            ["idle-timeout likely: 3 connections were reset, each after a silence of 350 s, within 5 % [7, 21]; \
              a common idle timer is as long: AWS network load balancers' and NAT gateways' []"]
        );
    }

    #[test]
    fn yes_a_timer_that_nobody_is_known_for() {
        let timer = format!("linux\n{}{}{}", idle(40001, "41s"), idle(40002, "41.2s"), idle(40003, "41s"));
        assert_eq!(
            of_timer(&timer),
            ["idle-timeout likely: 3 connections were reset, each after a silence of 41.0 s, within 5 % [7, 21]"]
        );
    }

    #[test]
    fn yes_forgotten_in_silence_and_told_at_the_next_segment() {
        let one = |port: u16| {
            format!(
                "client 10.0.0.1:{port}
                > S 100
                < SA 300 ack 101
                > A 101 ack 301
                > PA 101 ack 301 len 20
                < PA 301 ack 121 len 50
                > A 121 ack 351
                +240s
                > PA 121 ack 351 len 20      # the first request after the pause
                < R 351\n"
            )
        };
        let forgotten = format!("linux\n{}{}{}", one(40001), one(40002), one(40003));
        assert_eq!(
            says(&CARD, &forgotten),
            "possible: it answers the first segment after a silence of 240 s [23, 24]; \
             a common idle timer is as long: Azure's load balancer's and NAT's (4 min) []"
        );
        assert_eq!(
            of_timer(&forgotten),
            ["idle-timeout likely: 3 connections were reset, each after a silence of 240 s, within 5 % [8, 24]; \
              a common idle timer is as long: Azure's load balancer's and NAT's (4 min) []"]
        );
    }

    #[test]
    fn near_miss_all_of_them_at_once() {
        let open = |port: u16| {
            format!(
                "client 10.0.0.1:{port}
                > S 100
                < SA 300 ack 101
                > A 101 ack 301\n"
            )
        };
        let end = |port: u16| format!("client 10.0.0.1:{port}\n< RA 301 ack 101\n");
        let opened = format!("{}{}{}", open(40001), open(40002), open(40003));
        let ended = format!("{}{}{}", end(40001), end(40002), end(40003));
        assert_eq!(
            of_timer(&format!("linux\n{opened}+2s\n{ended}")),
            ["idle-timeout possible: 3 connections were reset after the same silence of 2.00 s, all at once [10, 12]"]
        );
    }

    #[test]
    fn possible_for_one_connection() {
        assert_eq!(
            says(&CARD, &format!("linux\n{}", idle(40001, "75s"))),
            "possible: nothing had been sent for 75.0 s [6, 7]; a common idle timer is as long: nginx's (keep-alive) []"
        );
    }

    #[test]
    fn near_miss_every_silence_is_another() {
        let uneven = format!("linux\n{}{}{}", idle(40001, "60s"), idle(40002, "75s"), idle(40003, "20s"));
        assert_eq!(of_timer(&uneven), [""; 0]);
    }

    #[test]
    fn near_miss_the_pause_was_short() {
        assert_eq!(
            says(&CARD, &format!("linux\n{}", idle(40001, "250ms"))),
            "against: the connection had been silent for 251 ms only [6, 7]"
        );
    }

    #[test]
    fn near_miss_data_was_under_way() {
        let broken = "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            < PA 301 ack 101 len 50
            +60s
            < RA 351 ack 101";
        assert_eq!(says(&CARD, broken), "against: 50 octets were not acknowledged: it was broken, not idle [5]");
    }

    #[test]
    fn one_sided_only_the_server_was_captured() {
        // The client may have spoken meanwhile. After five minutes a connection is let go: the reset stands alone.
        let one_sided = "linux
            < PA 301 ack 121 len 50
            +5m
            < RA 351 ack 121";
        assert_eq!(
            says(&CARD, one_sided),
            "possible: nothing had been sent for 300 s [2]; a common idle timer is as long: F5 BIG-IP's []"
        );
    }
}

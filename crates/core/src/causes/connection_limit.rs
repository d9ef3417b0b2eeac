//! connection-limit: there were already as many connections as are allowed.

use super::card::{CauseId, GroupFacts, KernelWord, Opinion, Recogniser, ResetCause};
use crate::kernel::Mechanism;
use crate::reset::{Evidence, Finding, Grounds, Progress, Reset, Shape, Value};
use crate::scenario::fragment::{ACCEPT, CONNECT, EXCHANGE, LISTEN};
use crate::scenario::{
    Connecting, Count, Host, Peer, Play, Quantity, SERVICE, Shows, SocketOption, Step, Told, Topology, Until,
};

/// The card.
pub static CARD: ResetCause = ResetCause {
    id: CauseId("connection-limit"),
    title: "there were already as many connections as are allowed",
    story: "Servers, proxies and firewalls limit how many connections they hold, in all or for each client. What comes beyond is \
            accepted and reset at once (by a program), or refused (by a firewall's connlimit or ct count, or by a load \
            balancer). Those that are open go on.",
    on_the_wire: "New connections are reset without data, or their SYNs refused, while others of the same service are open; as \
                  soon as one of these ends, the next new one is served.",
    remedy: "See the limit: the server's worker_connections, maxconn or MaxClients and its log, ulimit -n, nft list ruleset (ct \
             count), the load balancer's rejected connections. Raise it, or find who holds the connections (ss -tn).",
    decided_by: "the server's log, or how many connections were open when each reset came (ss -s); a firewall's refusal moves \
                 its rule's counter and not OutRsts",
    twin_of: &[CauseId("firewall-reject"), CauseId("linger-zero"), CauseId("no-listener")],
    refines: Some(CauseId("linger-zero")),
    references: &["iptables-extensions(8) connlimit", "nft(8) ct count"],
    recognise: Recogniser::Both(recognise, recognise_many),
    kernel: KernelWord::Says(&[Mechanism::CloseLingerZero, Mechanism::CloseUnread]),
    plays: &PLAYS,
};

static PLAYS: [Play; 1] = [Play {
    id: "application-limit",
    title: "a server accepts what comes while three connections are open, and resets it at once",
    topology: Topology::Bridged,
    steps: &[
        LISTEN,
        Step::Rounds(3, &[CONNECT, ACCEPT, EXCHANGE]),
        Step::Rounds(
            4,
            &[
                Step::Connect(Host::Client, "one more", Peer::At(Host::Server, SERVICE), Connecting::Done),
                Step::Accept("listener", "refused"),
                Step::Option("refused", SocketOption::LingerZero),
                Step::Close("refused"),
                Step::Read("one more", Until::End),
                // A limit holds for as long as it is; what comes within a tenth of a second is one event.
                Step::Pause(40),
            ],
        ),
    ],
    shows: Shows {
        client: &[Told::Error("ECONNRESET"); 4],
        counts: &[Count::Counter(Host::Server, "TcpExt.TCPAbortOnData", Quantity::Exactly(4))],
        occasion: Some("connection-limit"),
        ..Shows::reset(Host::Server, Mechanism::CloseLingerZero)
    },
}];

const LEAST: u64 = 3;

/// A single connection that happens to be open makes no limit.
const LEAST_OPEN: u32 = 2;

fn recognise(reset: &Reset) -> Opinion {
    let facts = &reset.facts;
    let refused = facts.shape == Shape::Refusal && facts.progress == Progress::Opening;
    let at_once = reset.is_by_server() && facts.progress == Progress::Established && reset.is_active();
    if !refused && !at_once {
        return Opinion::Silent;
    }
    if at_once && let Err(evidence) = reset.by_a_program() {
        return Opinion::Against(evidence);
    }
    let (frame, open) = (reset.segment.frame, reset.neighbours.service.open);
    if open == 0 {
        return Opinion::Against(Evidence::opposes("no other connection of the service was open").on(frame));
    }
    let others = Evidence::supports("{} other connections of the service were open");
    Opinion::suggests(Finding::Possible, others.with(Value::Count(u64::from(open))).on(frame))
}

fn recognise_many(group: &GroupFacts) -> Opinion {
    let early = match group.shape {
        Shape::Active => group.progress == Progress::Established,
        Shape::Refusal => group.progress == Progress::Opening,
        _ => false,
    };
    let [least, most] = group.open_then;
    let others_live = group.unharmed >= u64::from(least);
    if !early || group.count < LEAST || least != most || least == 0 || !others_live {
        return Opinion::Silent;
    }
    let [first, last] = group.frames;
    let always = Evidence::supports("all {} came while {} other connections were open")
        .with(Value::Count(group.count))
        .with(Value::Count(u64::from(least)))
        .on(first)
        .on(last);
    let unharmed =
        Evidence::supports("{} connections of the service were never reset").with(Value::Count(group.unharmed));
    let finding = if least >= LEAST_OPEN { Finding::Likely } else { Finding::Possible };
    Opinion::suggests(finding, Grounds::from(always).and(unharmed))
}

#[cfg(test)]
mod tests {
    use super::CARD;
    use crate::testing::{occasions, says};

    fn opened(ports: core::ops::RangeInclusive<u16>) -> String {
        ports.map(|port| format!("client 10.0.0.1:{port}\n> S 100\n< SA 300 ack 101\n> A 101 ack 301\n")).collect()
    }

    fn turned_away(ports: core::ops::RangeInclusive<u16>) -> String {
        let one = |port| format!("{}< RA 301 ack 101\n", opened(port..=port));
        ports.map(one).collect()
    }

    fn of_limit(conversation: &str) -> Vec<String> {
        occasions(conversation).into_iter().filter(|told| told.starts_with("connection-limit")).collect()
    }

    #[test]
    fn yes_whoever_comes_third_is_turned_away() {
        let limit = format!("linux\n{}{}", opened(40001..=40002), turned_away(40003..=40006));
        assert_eq!(
            of_limit(&limit),
            ["connection-limit likely: all 4 came while 2 other connections were open [10, 22]; \
              2 connections of the service were never reset []"]
        );
    }

    #[test]
    fn possible_for_one_of_them() {
        let limit = format!("linux\n{}{}", opened(40001..=40002), turned_away(40003..=40003));
        assert_eq!(says(&CARD, &limit), "possible: 2 other connections of the service were open [10]");
    }

    #[test]
    fn near_miss_a_storm_with_nothing_else_open() {
        let storm = format!("linux\n{}", turned_away(40003..=40006));
        assert_eq!(of_limit(&storm), [""; 0]);
        assert_eq!(says(&CARD, &storm), "against: no other connection of the service was open [16]");
    }

    #[test]
    fn near_miss_more_were_open_later() {
        let growing = format!(
            "linux\n{}{}{}{}",
            opened(40001..=40002),
            turned_away(40003..=40004),
            opened(40005..=40005),
            turned_away(40006..=40007)
        );
        assert_eq!(of_limit(&growing), [""; 0]);
    }

    #[test]
    fn one_sided_nobody_knows_what_was_open() {
        let one_sided = "linux
            < SA 300 ack 101
            < RA 301 ack 101";
        assert_eq!(says(&CARD, one_sided), "silent");
    }
}

//! Rules tried on real connections: what is refused, counted, translated, proxied and forgotten.

use std::net::SocketAddr;

use rst_storm_core::tcp::Flags;
use rst_storm_linux::counters::Counters;
use rst_storm_linux::netfilter::{
    Chain, ChainKind, ConnectionDirection, ConnectionStates, Family, Hook, Match, Rule, RuleHandle, Statement, Table,
    priority,
};
use rst_storm_linux::tcp_socket::{Errno, IpVersion, PollFlags};
use rst_storm_linux::{conntrack, sysctl};

use crate::bridge::{DESTINATION, Lab, SOURCE};
use crate::hosts::Hosts;
use crate::loopback::{BOTH, alone, await_events, connect, listen, listen_at, loopback};
use crate::{Case, Outcome};

pub const ALL: [Case; 8] = [
    ("a_rejected_syn_is_refused_and_counted", a_rejected_syn_is_refused_and_counted),
    ("each_match_sees_its_own_packets", each_match_sees_its_own_packets),
    ("a_limit_of_connections_refuses_those_above_it", a_limit_of_connections_refuses_those_above_it),
    ("a_translated_connection_is_forgotten_with_its_table", a_translated_connection_is_forgotten_with_its_table),
    (
        "a_proxied_handshake_is_made_before_the_server_hears_of_it",
        a_proxied_handshake_is_made_before_the_server_hears_of_it,
    ),
    (
        "a_link_refuses_what_it_takes_in_before_the_host_hears_of_it",
        a_link_refuses_what_it_takes_in_before_the_host_hears_of_it,
    ),
    ("a_bridge_port_refuses_what_it_takes_in", a_bridge_port_refuses_what_it_takes_in),
    ("a_refused_change_says_what_and_why", a_refused_change_says_what_and_why),
];

fn filter(name: &str, hook: Hook) -> Chain {
    Chain { name: name.to_owned(), hook, priority: priority::FILTER, kind: ChainKind::Filter }
}

fn counted(matches: Vec<Match>, then: Statement) -> Rule {
    Rule { matches, counter: true, then }
}

fn packets(table: &mut Table, rule: &RuleHandle) -> u64 {
    table.counter(rule).unwrap().packets
}

/// A table of a family with a filter chain `input`.
fn table_at_input(family: Family) -> Table {
    let mut table = Table::create(family, "test").unwrap();
    table.add_chain(&filter("input", Hook::Input)).unwrap();
    table
}

fn a_rejected_syn_is_refused_and_counted() -> Outcome {
    alone(|| {
        for (family, version) in [
            (Family::Ip, IpVersion::V4),
            (Family::Ip6, IpVersion::V6),
            (Family::Inet, IpVersion::V4),
            (Family::Inet, IpVersion::V6),
        ] {
            let (listener, address) = listen(version);
            let mut table = table_at_input(family);
            let matches = vec![Match::DestinationPort(address.port())];
            let rule = table.add_rule("input", &counted(matches, Statement::RejectWithReset)).unwrap();
            let before = Counters::read().unwrap();
            assert_eq!(connect(address).unwrap_err(), Errno::CONNREFUSED);
            assert_eq!(Counters::read().unwrap().since(&before).value("Tcp", "OutRsts"), Some(0));
            let counter = table.counter(&rule).unwrap();
            assert_eq!((counter.packets, counter.bytes > 40), (1, true));
            assert_eq!(listener.accept().unwrap_err(), Errno::AGAIN);

            table.remove_rule(rule.clone()).unwrap();
            assert_eq!(table.counter(&rule).unwrap_err().errno(), Some(libc::ENOENT));
            connect(address).unwrap();
            table.delete().unwrap();
        }
    });
    Outcome::Passed
}

fn each_match_sees_its_own_packets() -> Outcome {
    let count_with = |version, matches: &(dyn Fn(SocketAddr) -> Vec<Match> + Sync)| {
        alone(|| {
            let (listener, address) = listen(version);
            let mut table = table_at_input(Family::Inet);
            let rule = table.add_rule("input", &counted(matches(address), Statement::Continue)).unwrap();
            let mut ends = vec![connect(address).unwrap()];
            await_events(&listener, PollFlags::IN);
            ends.push(listener.accept().unwrap().0);
            packets(&mut table, &rule)
        })
    };
    let (syn, syn_ack) = (Flags::SYN, Flags::SYN.with(Flags::ACK));
    for version in BOTH {
        let local = loopback(version);
        let elsewhere = if version == IpVersion::V4 { "127.9.9.9" } else { "fd00::9" }.parse().unwrap();
        let bare = if version == IpVersion::V4 { 52 } else { 72 };
        // A handshake: SYN, SYN and ACK, ACK.
        assert_eq!(count_with(version, &|_| vec![]), 3);
        assert_eq!(count_with(version, &|to| vec![Match::DestinationPort(to.port())]), 2);
        assert_eq!(count_with(version, &|to| vec![Match::SourcePort(to.port())]), 1);
        assert_eq!(count_with(version, &|_| vec![Match::SourceAddress(local)]), 3);
        assert_eq!(count_with(version, &|_| vec![Match::DestinationAddress(local)]), 3);
        assert_eq!(count_with(version, &|_| vec![Match::SourceAddress(elsewhere)]), 0);
        assert_eq!(count_with(version, &|_| vec![Match::DestinationAddress(elsewhere)]), 0);
        assert_eq!(count_with(version, &|_| vec![Match::Flags { mask: syn_ack, value: syn }]), 1);
        assert_eq!(count_with(version, &|_| vec![Match::Flags { mask: syn, value: syn }]), 2);
        assert_eq!(count_with(version, &|_| vec![Match::TotalLength(bare)]), 1);
        assert_eq!(count_with(version, &|_| vec![Match::Window(0)]), 0);
        assert_eq!(count_with(version, &|_| vec![Match::InterfaceIn("lo".to_owned())]), 3);
        assert_eq!(count_with(version, &|_| vec![Match::InterfaceIn("l".to_owned())]), 0);
        assert_eq!(count_with(version, &|_| vec![Match::State(ConnectionStates::NEW)]), 1);
        assert_eq!(count_with(version, &|_| vec![Match::State(ConnectionStates::ESTABLISHED)]), 2);
        let either = ConnectionStates::NEW.with(ConnectionStates::ESTABLISHED);
        assert_eq!(count_with(version, &|_| vec![Match::State(either)]), 3);
        assert_eq!(count_with(version, &|_| vec![Match::State(ConnectionStates::INVALID)]), 0);
        assert_eq!(count_with(version, &|_| vec![Match::Direction(ConnectionDirection::Original)]), 2);
        assert_eq!(count_with(version, &|_| vec![Match::Direction(ConnectionDirection::Reply)]), 1);
        let both = |to: SocketAddr| vec![Match::DestinationPort(to.port()), Match::TotalLength(bare)];
        assert_eq!(count_with(version, &both), 1);
    }
    Outcome::Passed
}

fn a_limit_of_connections_refuses_those_above_it() -> Outcome {
    alone(|| {
        for version in BOTH {
            let (_listener, address) = listen(version);
            let mut table = table_at_input(Family::Inet);
            let matches = vec![
                Match::DestinationPort(address.port()),
                Match::State(ConnectionStates::NEW),
                Match::ConnectionsOver(3),
            ];
            let rule = table.add_rule("input", &counted(matches, Statement::RejectWithReset)).unwrap();
            let held: Vec<_> = (0..5).map(|_| connect(address)).collect();
            let refused = held.iter().filter(|end| end.as_ref().is_err_and(|errno| *errno == Errno::CONNREFUSED));
            assert_eq!((refused.count(), held.iter().filter(|end| end.is_ok()).count()), (2, 3));
            assert_eq!(packets(&mut table, &rule), 2);
            table.delete().unwrap();
        }
    });
    Outcome::Passed
}

fn a_translated_connection_is_forgotten_with_its_table() -> Outcome {
    alone(|| {
        for (family, version) in [(Family::Ip, IpVersion::V4), (Family::Ip6, IpVersion::V6)] {
            let (listener, address) = listen(version);
            let service = SocketAddr::new(loopback(version), 80);
            let mut table = Table::create(family, "nat").unwrap();
            let nat =
                |name: &str, hook, priority| Chain { name: name.to_owned(), hook, priority, kind: ChainKind::Nat };
            table.add_chain(&nat("output", Hook::Output, priority::DNAT)).unwrap();
            let matches = vec![Match::DestinationPort(service.port())];
            let rule = table.add_rule("output", &counted(matches, Statement::Dnat(address))).unwrap();
            let client = connect(service).unwrap();
            await_events(&listener, PollFlags::IN);
            let (server, _) = listener.accept().unwrap();
            assert_eq!(server.local_address().unwrap(), address);
            assert_eq!(client.peer_address().unwrap(), service);
            assert_eq!(packets(&mut table, &rule), 1);

            // Without the connection's entry the answer comes from a stranger, who is told so.
            table.delete().unwrap();
            conntrack::flush().unwrap();
            server.send(b"lost").unwrap();
            await_events(&server, PollFlags::IN);
            assert_eq!(server.take_error(), Ok(Some(Errno::CONNRESET)));
            assert_eq!(client.unread(), Ok(0));
        }
    });
    Outcome::Passed
}

/// What stands before a server's chains so that it is proxied; the rule that proxies.
fn proxy(address: SocketAddr) -> (Table, RuleHandle) {
    sysctl::write("net/netfilter/nf_conntrack_tcp_loose", "0").unwrap();
    let to_port = || Match::DestinationPort(address.port());
    let mut table = table_at_input(Family::Inet);
    let raw =
        Chain { name: "raw".to_owned(), hook: Hook::Prerouting, priority: priority::RAW, kind: ChainKind::Filter };
    table.add_chain(&raw).unwrap();
    let syn = Match::Flags { mask: Flags::SYN.with(Flags::ACK), value: Flags::SYN };
    table.add_rule("raw", &counted(vec![to_port(), syn], Statement::NoTrack)).unwrap();
    let proxied = ConnectionStates::INVALID.with(ConnectionStates::UNTRACKED);
    let proxy = Statement::SynProxy { mss: 1460, wscale: 7, timestamps: true, sack: true };
    let rule = table.add_rule("input", &counted(vec![to_port(), Match::State(proxied)], proxy)).unwrap();
    let rest = vec![to_port(), Match::State(ConnectionStates::INVALID)];
    table.add_rule("input", &counted(rest, Statement::Drop)).unwrap();
    (table, rule)
}

fn a_proxied_handshake_is_made_before_the_server_hears_of_it() -> Outcome {
    // Not on loopback, where a SYN is tracked on its way out already.
    let hosts = Hosts::build(IpVersion::V4);
    let listener = hosts.listen();
    let address = listener.local_address().unwrap();
    let (mut table, rule) = hosts.server.run(|| proxy(address)).unwrap();

    let client = hosts.connect(address).unwrap();
    await_events(&listener, PollFlags::IN);
    let (server, _) = listener.accept().unwrap();
    server.send(b"hello").unwrap();
    await_events(&client, PollFlags::IN);
    assert_eq!(client.unread(), Ok(5));
    // The SYN, and the ACK that brings the cookie back.
    assert_eq!(packets(&mut table, &rule), 2);

    // With nobody behind it the handshake is made all the same, and the refusal comes as a reset.
    drop(listener);
    // It may come before connect() is asked how it went.
    let end = hosts.connect(address).and_then(|client| {
        await_events(&client, PollFlags::IN);
        client.receive(&mut [0; 8])
    });
    assert_eq!(end, Err(Errno::CONNRESET));
    Outcome::Passed
}

fn a_link_refuses_what_it_takes_in_before_the_host_hears_of_it() -> Outcome {
    let hosts = Hosts::build(IpVersion::V4);
    let listener = hosts.listen();
    let address = listener.local_address().unwrap();
    let mut table = hosts.server.run(|| Table::create(Family::Netdev, "test")).unwrap().unwrap();
    table.add_chain(&filter("ingress", Hook::Ingress("eth0".to_owned()))).unwrap();
    let matches = vec![Match::DestinationAddress(address.ip()), Match::DestinationPort(address.port())];
    let rule = table.add_rule("ingress", &counted(matches, Statement::RejectWithReset)).unwrap();
    assert_eq!(hosts.connect(address).unwrap_err(), Errno::CONNREFUSED);
    assert_eq!(packets(&mut table, &rule), 1);
    let heard = hosts.server.run(Counters::read).unwrap().unwrap();
    assert_eq!((heard.value("Tcp", "InSegs"), heard.value("Tcp", "OutRsts")), (Some(0), Some(0)));
    assert_eq!(hosts.client.run(Counters::read).unwrap().unwrap().value("Tcp", "AttemptFails"), Some(1));
    Outcome::Passed
}

fn a_bridge_port_refuses_what_it_takes_in() -> Outcome {
    let lab = Lab::build().unwrap();
    let (listener, address) = lab.destination.run(|| listen_at(DESTINATION)).unwrap();
    let mut table = lab.observer.run(|| Table::create(Family::Netdev, "test")).unwrap().unwrap();
    table.add_chain(&filter("ingress", Hook::Ingress("port-source".to_owned()))).unwrap();
    let matches = vec![Match::DestinationPort(address.port())];
    let rule = table.add_rule("ingress", &counted(matches, Statement::RejectWithReset)).unwrap();
    assert_eq!(lab.source.run(|| connect(address)).unwrap().unwrap_err(), Errno::CONNREFUSED);
    assert_eq!(packets(&mut table, &rule), 1);
    table.remove_rule(rule).unwrap();
    lab.source.run(|| connect(address)).unwrap().unwrap();
    drop(listener);

    // A table of the bridge's own sees what it forwards; whether it can reject is the kernel's choice.
    let mut bridge = lab.observer.run(|| Table::create(Family::Bridge, "test")).unwrap().unwrap();
    bridge.add_chain(&filter("forward", Hook::Forward)).unwrap();
    let from = vec![Match::SourceAddress(SOURCE), Match::InterfaceIn("port-source".to_owned())];
    let out = [from, vec![Match::InterfaceOut("port-dest".to_owned())]].concat();
    let rule = bridge.add_rule("forward", &counted(out, Statement::Continue)).unwrap();
    assert_eq!(lab.source.run(|| connect(address)).unwrap().unwrap_err(), Errno::CONNREFUSED);
    assert_eq!(packets(&mut bridge, &rule), 1);
    if let Err(refused) = bridge.add_rule("forward", &counted(vec![], Statement::RejectWithReset)) {
        assert_eq!(refused.errno(), Some(libc::ENOENT), "{refused}");
    }
    Outcome::Passed
}

fn a_refused_change_says_what_and_why() -> Outcome {
    alone(|| {
        let mut table = Table::create(Family::Ip, "test").unwrap();
        let twice = Table::create(Family::Ip, "test").unwrap_err();
        assert_eq!(twice.to_string(), "create table ip test: File exists (EEXIST)");
        let rule = counted(vec![], Statement::Drop);
        let missing = table.add_rule("nowhere", &rule).unwrap_err();
        assert_eq!(missing.to_string(), "add a rule to chain ip test nowhere: No such file or directory (ENOENT)");
        let nowhere = filter("ingress", Hook::Ingress("lo".to_owned()));
        assert_eq!(table.add_chain(&nowhere).unwrap_err().errno(), Some(libc::EOPNOTSUPP));
        table.add_chain(&filter("input", Hook::Input)).unwrap();
        let bare = table.add_rule("input", &Rule { counter: false, ..rule }).unwrap();
        assert!(table.counter(&bare).unwrap_err().to_string().ends_with("the rule has no counter"));
        for name in ["", "a\0b"] {
            assert_eq!(Table::create(Family::Ip, name).unwrap_err().errno(), Some(libc::EINVAL));
        }
        table.delete().unwrap();
        Table::create(Family::Ip, "test").unwrap();
    });
    Outcome::Passed
}

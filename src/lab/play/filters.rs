//! A play's packet filters: each rule in a chain of its own, counted, until it is taken away.

use std::collections::HashMap;

use rst_storm_core::scenario::{self, Conntrack, Host, IpVersion, Name, Then};
use rst_storm_linux::netfilter::{
    Chain, ChainKind, ConnectionStates, Family, Hook, Match, Rule, RuleHandle, Statement, Table, priority,
};
use rst_storm_linux::{Error, Result};

use super::addresses::Addresses;
use super::stage::{Stage, link_at};

/// What a SYN proxy offers: Ethernet's segment, and what Linux does by itself.
const PROXY: Statement = Statement::SynProxy { mss: 1460, wscale: 7, timestamps: true, sack: true };

/// The rules that stand, and the counts of those that don't any more.
#[derive(Debug, Default)]
pub struct Filters {
    tables: HashMap<(Host, &'static str), Table>,
    standing: Vec<(Name, (Host, &'static str), RuleHandle)>,
    gone: Vec<(Name, u64)>,
}

impl Filters {
    /// Adds a rule. The calling thread ends up in the rule's host.
    pub fn add(&mut self, stage: &Stage, rule: &scenario::Rule) -> Result<()> {
        stage.enter(rule.host)?;
        let (family, kind) = match (rule.hook, stage.addresses.version) {
            (scenario::Hook::Ingress(_), _) => (Family::Netdev, "netdev"),
            (_, IpVersion::V4) => (Family::Ip, "ip"),
            (_, IpVersion::V6) => (Family::Ip6, "ip6"),
        };
        let key = (rule.host, kind);
        let table = match self.tables.entry(key) {
            std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::hash_map::Entry::Vacant(entry) => entry.insert(Table::create(family, "rst-storm")?),
        };
        table.add_chain(&chain(rule))?;
        let handle = table.add_rule(rule.name, &translated(rule, &stage.addresses))?;
        self.standing.push((rule.name, key, handle));
        Ok(())
    }

    /// Takes a rule away and keeps its count.
    pub fn remove(&mut self, name: Name) -> Result<()> {
        let place = self.standing.iter().position(|(standing, ..)| *standing == name);
        let Some(place) = place else { return Err(Error::from_errno("remove the rule", name, NO_ENTRY)) };
        let (name, key, handle) = self.standing.remove(place);
        if let Some(table) = self.tables.get_mut(&key) {
            let met = table.counter(&handle)?.packets;
            table.remove_rule(handle)?;
            self.gone.push((name, met));
        }
        Ok(())
    }

    /// How many packets a rule has met.
    pub fn met(&mut self, name: Name) -> Result<u64> {
        let standing = self.standing.iter().find(|(standing, ..)| *standing == name);
        if let Some((_, key, handle)) = standing
            && let Some(table) = self.tables.get_mut(key)
        {
            return Ok(table.counter(handle)?.packets);
        }
        let gone = self.gone.iter().find(|(gone, _)| *gone == name);
        gone.map(|(_, met)| *met).ok_or_else(|| Error::from_errno("count the rule", name, NO_ENTRY))
    }

    /// What every rule has met, those that are gone first.
    pub fn counts(&mut self) -> Result<Vec<(Name, u64)>> {
        let names: Vec<Name> =
            self.gone.iter().map(|(name, _)| *name).chain(self.standing.iter().map(|(name, ..)| *name)).collect();
        names.into_iter().map(|name| Ok((name, self.met(name)?))).collect()
    }
}

/// ENOENT.
const NO_ENTRY: i32 = 2;

fn chain(rule: &scenario::Rule) -> Chain {
    let (hook, priority, kind) = match rule.hook {
        scenario::Hook::Raw => (Hook::Prerouting, priority::RAW, ChainKind::Filter),
        scenario::Hook::Prerouting => (Hook::Prerouting, priority::DNAT, ChainKind::Nat),
        scenario::Hook::Input => (Hook::Input, priority::FILTER, ChainKind::Filter),
        scenario::Hook::Forward => (Hook::Forward, priority::FILTER, ChainKind::Filter),
        scenario::Hook::Output => (Hook::Output, priority::FILTER, ChainKind::Filter),
        scenario::Hook::Ingress(from) => {
            let tap = if from == Host::Client { scenario::Tap::ClientPort } else { scenario::Tap::ServerPort };
            (Hook::Ingress(link_at(tap).to_owned()), priority::FILTER, ChainKind::Filter)
        }
    };
    Chain { name: rule.name.to_owned(), hook, priority, kind }
}

fn translated(rule: &scenario::Rule, addresses: &Addresses) -> Rule {
    let matches = rule.when.iter().map(|seen| match *seen {
        scenario::Match::DestinationPort(port) => Match::DestinationPort(port),
        scenario::Match::SourcePort(port) => Match::SourcePort(port),
        scenario::Match::From(host) => Match::SourceAddress(addresses.of(host)),
        scenario::Match::ToVirtual => Match::DestinationAddress(addresses.virtual_one()),
        scenario::Match::Flags(mask, value) => Match::Flags { mask, value },
        scenario::Match::Window(window) => Match::Window(window),
        scenario::Match::State(states) => Match::State(union(states)),
        scenario::Match::Over(count) => Match::ConnectionsOver(count),
    });
    let then = match rule.then {
        Then::Count => Statement::Continue,
        Then::Drop => Statement::Drop,
        Then::Reject => Statement::RejectWithReset,
        Then::NoTrack => Statement::NoTrack,
        Then::Translate(host, port) => Statement::Dnat((addresses.of(host), port).into()),
        Then::SynProxy => PROXY,
    };
    Rule { matches: matches.collect(), counter: true, then }
}

fn union(states: &[Conntrack]) -> ConnectionStates {
    let one = |state: &Conntrack| match state {
        Conntrack::New => ConnectionStates::NEW,
        Conntrack::Established => ConnectionStates::ESTABLISHED,
        Conntrack::Invalid => ConnectionStates::INVALID,
        Conntrack::Untracked => ConnectionStates::UNTRACKED,
    };
    let mut union = states.iter().map(one);
    let first = union.next().unwrap_or(ConnectionStates::INVALID);
    union.fold(first, ConnectionStates::with)
}

//! nf_tables over nfnetlink: a table of chains and rules, each change a transaction of its own.

mod chain;
mod expression;
mod rule;

use netlink_packet_core::{NLM_F_ACK, NLM_F_APPEND, NLM_F_CREATE, NLM_F_ECHO, NLM_F_EXCL};

pub use chain::{Chain, ChainKind, Hook, priority};
pub use rule::{ConnectionDirection, ConnectionStates, Match, Rule, Statement};

use crate::error::{Cause, Error, Result};
use crate::netlink::raw::{Attributes, RawMessage, attribute, attributes};
use crate::netlink::{Conversation, Family as NetlinkFamily};

// linux/netfilter/nfnetlink.h
pub(crate) const NFNETLINK_V0: u8 = 0;
const NFNL_MSG_BATCH_BEGIN: u16 = 0x10;
const NFNL_MSG_BATCH_END: u16 = 0x11;
const NFNL_SUBSYS_NFTABLES: u16 = 10;

// enum nf_tables_msg_types
const NEW_TABLE: u16 = 0;
const DELETE_TABLE: u16 = 2;
const NEW_CHAIN: u16 = 3;
const NEW_RULE: u16 = 6;
const GET_RULE: u16 = 7;
const DELETE_RULE: u16 = 8;

// enum nft_table_attributes, nft_rule_attributes, nft_list_attributes, nft_expr_attributes, nft_counter_attributes
const TABLE_NAME: u16 = 1;
const RULE_TABLE: u16 = 1;
const RULE_CHAIN: u16 = 2;
const RULE_HANDLE: u16 = 3;
const RULE_EXPRESSIONS: u16 = 4;
const LIST_ELEMENT: u16 = 1;
const EXPRESSION_NAME: u16 = 1;
const EXPRESSION_DATA: u16 = 2;
const COUNTER_BYTES: u16 = 1;
const COUNTER_PACKETS: u16 = 2;

/// NFT_TABLE_MAXNAMELEN, with its terminating zero.
const NAME_ROOM: usize = 256;

/// Which packets a table sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// IPv4.
    Ip,
    /// IPv6.
    Ip6,
    /// Both.
    Inet,
    /// Whatever comes in at a link, before IP and before a bridge.
    Netdev,
    /// What a bridge forwards.
    Bridge,
}

impl Family {
    /// NFPROTO_* of linux/netfilter.h.
    const fn number(self) -> u8 {
        match self {
            Family::Inet => 1,
            Family::Ip => 2,
            Family::Netdev => 5,
            Family::Bridge => 7,
            Family::Ip6 => 10,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Family::Ip => "ip",
            Family::Ip6 => "ip6",
            Family::Inet => "inet",
            Family::Netdev => "netdev",
            Family::Bridge => "bridge",
        }
    }
}

/// How to find a rule again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleHandle {
    chain: String,
    number: u64,
}

/// What a rule's counter has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counter {
    /// Packets.
    pub packets: u64,
    /// Their octets, IP headers included.
    pub bytes: u64,
}

/// A table of the namespace that it was created in, whichever thread changes it later. It stays when this value ends:
/// see [`Table::delete`]; else it goes with its namespace.
#[derive(Debug)]
pub struct Table {
    conversation: Conversation,
    family: Family,
    name: String,
}

impl Table {
    /// Makes an empty table in the calling thread's namespace.
    pub fn create(family: Family, name: &str) -> Result<Table> {
        const OPERATION: &str = "create table";
        let conversation = Conversation::open(NetlinkFamily::Netfilter)?;
        let mut table = Table { conversation, family, name: name.to_owned() };
        check_name(OPERATION, &table.object(""), name)?;
        table.change(OPERATION, "", NEW_TABLE, NLM_F_CREATE | NLM_F_EXCL, Attributes::new().text(TABLE_NAME, name))?;
        Ok(table)
    }

    /// Adds a base chain; packets that no rule decides on are accepted.
    pub fn add_chain(&mut self, chain: &Chain) -> Result<()> {
        const OPERATION: &str = "add chain";
        check_name(OPERATION, &self.object(&chain.name), &chain.name)?;
        let Some(attributes) = chain.encode(self.family, &self.name) else {
            return Err(Error::from_errno(OPERATION, self.object(&chain.name), libc::EOPNOTSUPP));
        };
        self.change(OPERATION, &chain.name, NEW_CHAIN, NLM_F_CREATE | NLM_F_EXCL, attributes).map(drop)
    }

    /// Adds a rule at the end of a chain.
    pub fn add_rule(&mut self, chain: &str, rule: &Rule) -> Result<RuleHandle> {
        const OPERATION: &str = "add a rule to chain";
        let object = self.object(chain);
        check_name(OPERATION, &object, chain)?;
        let expressions = expression::encode(rule)
            .into_iter()
            .fold(Attributes::new(), |list, (name, data)| list.nest(LIST_ELEMENT, named(name, data)));
        let attributes =
            Attributes::new().text(RULE_TABLE, &self.name).text(RULE_CHAIN, chain).nest(RULE_EXPRESSIONS, expressions);
        // The kernel tells the handle to whom asks for an echo.
        let flags = NLM_F_CREATE | NLM_F_APPEND | NLM_F_ECHO;
        let answers = self.change(OPERATION, chain, NEW_RULE, flags, attributes)?;
        let number = rules(&answers).find_map(|body| number(attribute(body, RULE_HANDLE)?));
        let number = number.ok_or_else(|| malformed(OPERATION, object, "no handle in the answer"))?;
        Ok(RuleHandle { chain: chain.to_owned(), number })
    }

    /// What a rule's counter has seen since the rule was added.
    pub fn counter(&mut self, rule: &RuleHandle) -> Result<Counter> {
        const OPERATION: &str = "read the counter of a rule of chain";
        let object = self.object(&rule.chain);
        let body = body(self.family.number(), 0, &self.rule_attributes(rule));
        let request = RawMessage { kind: NFNL_SUBSYS_NFTABLES << 8 | GET_RULE, body };
        let answers = self.conversation.ask(OPERATION, &object, request)?;
        let expressions = rules(&answers).find_map(|body| attribute(body, RULE_EXPRESSIONS));
        let counter = expressions.and_then(|list| {
            let is_counter = |element: &&[u8]| attribute(element, EXPRESSION_NAME) == Some(b"counter\0");
            let data = attribute(attributes(list).map(|(_, element)| element).find(is_counter)?, EXPRESSION_DATA)?;
            let packets = number(attribute(data, COUNTER_PACKETS)?)?;
            Some(Counter { packets, bytes: number(attribute(data, COUNTER_BYTES)?)? })
        });
        counter.ok_or_else(|| malformed(OPERATION, object, "the rule has no counter"))
    }

    /// Takes a rule out of its chain.
    pub fn remove_rule(&mut self, rule: RuleHandle) -> Result<()> {
        let attributes = self.rule_attributes(&rule);
        self.change("remove a rule of chain", &rule.chain, DELETE_RULE, 0, attributes).map(drop)
    }

    /// Removes the table with its chains and rules. Connections keep the address translation that they have.
    pub fn delete(mut self) -> Result<()> {
        let attributes = Attributes::new().text(TABLE_NAME, &self.name);
        self.change("delete table", "", DELETE_TABLE, 0, attributes).map(drop)
    }

    fn rule_attributes(&self, rule: &RuleHandle) -> Attributes {
        Attributes::new().text(RULE_TABLE, &self.name).text(RULE_CHAIN, &rule.chain).u64(RULE_HANDLE, rule.number)
    }

    /// One transaction with one message; what the kernel tells of it.
    fn change(
        &mut self,
        operation: &'static str,
        chain: &str,
        kind: u16,
        flags: u16,
        attributes: Attributes,
    ) -> Result<Vec<RawMessage>> {
        let edge = |kind| RawMessage { kind, body: body(0, NFNL_SUBSYS_NFTABLES, &Attributes::new()) };
        let change =
            RawMessage { kind: NFNL_SUBSYS_NFTABLES << 8 | kind, body: body(self.family.number(), 0, &attributes) };
        let batch = [(edge(NFNL_MSG_BATCH_BEGIN), 0), (change, flags | NLM_F_ACK), (edge(NFNL_MSG_BATCH_END), 0)];
        let object = self.object(chain);
        self.conversation.batch(operation, &object, batch)
    }

    /// As nft(8) writes it: `inet name chain`.
    fn object(&self, chain: &str) -> String {
        let space = if chain.is_empty() { "" } else { " " };
        format!("{} {}{space}{chain}", self.family.name(), self.name)
    }
}

/// struct nfgenmsg and what follows it.
pub(crate) fn body(family: u8, resource: u16, attributes: &Attributes) -> Vec<u8> {
    let [high, low] = resource.to_be_bytes();
    [&[family, NFNETLINK_V0, high, low], attributes.as_octets()].concat()
}

/// The attributes of the rules among some answers.
fn rules(answers: &[RawMessage]) -> impl Iterator<Item = &[u8]> {
    answers
        .iter()
        .filter(|answer| answer.kind == NFNL_SUBSYS_NFTABLES << 8 | NEW_RULE)
        .filter_map(|answer| answer.body.get(4..))
}

fn named(name: &str, data: Attributes) -> Attributes {
    Attributes::new().text(EXPRESSION_NAME, name).nest(EXPRESSION_DATA, data)
}

fn number(octets: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(octets.try_into().ok()?))
}

fn malformed(operation: &'static str, object: String, what: &str) -> Error {
    Error::from_cause(operation, object, Cause::Malformed(what.to_owned()))
}

fn check_name(operation: &'static str, object: &str, name: &str) -> Result<()> {
    let fits = !name.is_empty() && name.len() < NAME_ROOM && !name.contains('\0');
    if fits { Ok(()) } else { Err(Error::from_errno(operation, object, libc::EINVAL)) }
}

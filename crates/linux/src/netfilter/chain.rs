//! Base chains: where in a packet's way their rules are asked.

use super::Family;
use crate::netlink::raw::Attributes;

// enum nft_chain_attributes, nft_hook_attributes
const CHAIN_TABLE: u16 = 1;
const CHAIN_NAME: u16 = 3;
const CHAIN_HOOK: u16 = 4;
const CHAIN_TYPE: u16 = 7;
const HOOK_NUMBER: u16 = 1;
const HOOK_PRIORITY: u16 = 2;
const HOOK_DEVICE: u16 = 3;

/// When a chain is asked among those of its hook: the lower, the earlier (linux/netfilter_ipv4.h).
pub mod priority {
    /// Before connection tracking.
    pub const RAW: i32 = -300;
    /// Where destinations are translated.
    pub const DNAT: i32 = -100;
    /// Where packets are let through, or not.
    pub const FILTER: i32 = 0;
}

/// A point on a packet's way through the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hook {
    /// Come in, not yet routed.
    Prerouting,
    /// For this host.
    Input,
    /// From one link to another.
    Forward,
    /// Made by this host.
    Output,
    /// Come in at the link of this name (families netdev and inet).
    Ingress(String),
}

/// What a chain may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChainKind {
    /// Let packets through or not.
    Filter,
    /// Translate addresses; only a connection's first packet comes here.
    Nat,
}

/// A chain that the kernel asks at a hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Its name in its table.
    pub name: String,
    /// Where it is asked.
    pub hook: Hook,
    /// When, among the chains there; see [`priority`].
    pub priority: i32,
    /// What its rules may do.
    pub kind: ChainKind,
}

impl Chain {
    /// The attributes of NFT_MSG_NEWCHAIN; `None` for a hook that the family hasn't got.
    pub(super) fn encode(&self, family: Family, table: &str) -> Option<Attributes> {
        // enum nf_inet_hooks; a netdev table counts its own (enum nf_dev_hooks).
        let number = match (&self.hook, family) {
            (Hook::Ingress(_), Family::Netdev) => 0,
            (Hook::Ingress(_), Family::Inet) => 5,
            (Hook::Ingress(_), _) | (_, Family::Netdev) => return None,
            (Hook::Prerouting, _) => 0,
            (Hook::Input, _) => 1,
            (Hook::Forward, _) => 2,
            (Hook::Output, _) => 3,
        };
        let mut hook = Attributes::new().u32(HOOK_NUMBER, number).u32(HOOK_PRIORITY, self.priority.cast_unsigned());
        if let Hook::Ingress(device) = &self.hook {
            hook = hook.text(HOOK_DEVICE, device);
        }
        let kind = match self.kind {
            ChainKind::Filter => "filter",
            ChainKind::Nat => "nat",
        };
        Some(
            Attributes::new()
                .text(CHAIN_TABLE, table)
                .text(CHAIN_NAME, &self.name)
                .nest(CHAIN_HOOK, hook)
                .text(CHAIN_TYPE, kind),
        )
    }
}

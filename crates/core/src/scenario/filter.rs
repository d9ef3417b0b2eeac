//! Packet filter rules as plays need them, by meaning.

use core::fmt;

use super::cast::Host;
use super::step::Name;
use crate::tcp::Flags;

/// A rule of one host's packet filter, which counts what it meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What later steps and the counts call it.
    pub name: Name,
    /// Whose filter.
    pub host: Host,
    /// Where in the packet's way.
    pub hook: Hook,
    /// What it meets: all of these.
    pub when: &'static [Match],
    /// What becomes of that.
    pub then: Then,
}

/// A place in a packet's way through a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// Before the connection is looked up.
    Raw,
    /// Before routing, where destinations are translated.
    Prerouting,
    /// For this host.
    Input,
    /// Routed through this host; of a bridge, bridged frames that br_netfilter hands to IP.
    Forward,
    /// From this host.
    Output,
    /// As it comes in by the link toward this host, before all else.
    Ingress(Host),
}

/// What a rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// The destination's port.
    DestinationPort(u16),
    /// The source's port.
    SourcePort(u16),
    /// Sent by this host.
    From(Host),
    /// To the address that nobody has and the middle translates.
    ToVirtual,
    /// Of the control bits in the first, exactly the second are set.
    Flags(Flags, Flags),
    /// The window field is this.
    Window(u16),
    /// What connection tracking says is one of these.
    State(&'static [Conntrack]),
    /// More connections of the kind than this are open.
    Over(u32),
}

/// A state of connection tracking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conntrack {
    /// The first packet of a connection.
    New,
    /// A later one.
    Established,
    /// It belongs to no connection and begins none.
    Invalid,
    /// It was taken out of the tracking.
    Untracked,
}

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// Nothing: it is only counted.
    Count,
    /// Away with it.
    Drop,
    /// Away with it, and a reset to its sender.
    Reject,
    /// Not to be tracked.
    NoTrack,
    /// On to this host's port instead.
    Translate(Host, u16),
    /// Answered by a SYN proxy.
    SynProxy,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}:", self.name, self.hook)?;
        for seen in self.when {
            write!(f, " {seen}")?;
        }
        write!(f, " -> {}", self.then)
    }
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Hook::Raw => f.write_str("prerouting (raw)"),
            Hook::Prerouting => f.write_str("prerouting"),
            Hook::Input => f.write_str("input"),
            Hook::Forward => f.write_str("forward"),
            Hook::Output => f.write_str("output"),
            Hook::Ingress(host) => write!(f, "ingress from the {host}"),
        }
    }
}

impl fmt::Display for Match {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Match::DestinationPort(port) => write!(f, "to port {port}"),
            Match::SourcePort(port) => write!(f, "from port {port}"),
            Match::From(host) => write!(f, "from the {host}"),
            Match::ToVirtual => f.write_str("to the virtual address"),
            Match::Flags(mask, value) => write!(f, "flags {value} of {mask}"),
            Match::Window(window) => write!(f, "window {window}"),
            Match::State(states) => write!(f, "state {states:?}"),
            Match::Over(count) => write!(f, "over {count} connections"),
        }
    }
}

impl fmt::Display for Then {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Then::Count => f.write_str("count"),
            Then::Drop => f.write_str("drop"),
            Then::Reject => f.write_str("reject with tcp reset"),
            Then::NoTrack => f.write_str("notrack"),
            Then::Translate(host, port) => write!(f, "dnat to {host}:{port}"),
            Then::SynProxy => f.write_str("synproxy"),
        }
    }
}

//! What this process may do: capabilities, descriptors, and the system's settings on namespaces. Facts, no judgement.

use std::fs;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CapabilitySet, capabilities};

use crate::error::{During, Result};

/// The settings that decide whether an ordinary user may make namespaces; distributions have some of them.
const NAMESPACE_SETTINGS: [&str; 4] = [
    "/proc/sys/user/max_user_namespaces",
    "/proc/sys/user/max_net_namespaces",
    "/proc/sys/kernel/unprivileged_userns_clone",
    "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
];

/// The capabilities that this crate's doors ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Capability {
    /// Links, addresses, packet filters.
    NetAdmin,
    /// Packet and raw sockets.
    NetRaw,
    /// Namespaces and mounts.
    SysAdmin,
    /// perf events, the tracepoints among them.
    Perfmon,
    /// Reading files and folders that belong to others.
    DacReadSearch,
}

impl Capability {
    /// The kernel's name of it.
    pub const fn name(self) -> &'static str {
        match self {
            Capability::NetAdmin => "CAP_NET_ADMIN",
            Capability::NetRaw => "CAP_NET_RAW",
            Capability::SysAdmin => "CAP_SYS_ADMIN",
            Capability::Perfmon => "CAP_PERFMON",
            Capability::DacReadSearch => "CAP_DAC_READ_SEARCH",
        }
    }

    const fn bit(self) -> CapabilitySet {
        match self {
            Capability::NetAdmin => CapabilitySet::NET_ADMIN,
            Capability::NetRaw => CapabilitySet::NET_RAW,
            Capability::SysAdmin => CapabilitySet::SYS_ADMIN,
            Capability::Perfmon => CapabilitySet::PERFMON,
            Capability::DacReadSearch => CapabilitySet::DAC_READ_SEARCH,
        }
    }
}

/// Whether the calling thread holds a capability (in its effective set) over its own user namespace.
pub fn has_capability(capability: Capability) -> Result<bool> {
    let sets = capabilities(None).during("read capabilities", "")?;
    Ok(sets.effective.contains(capability.bit()))
}

/// How many descriptors the process may have open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DescriptorLimit {
    /// What is enforced; `None` is no limit.
    pub soft: Option<u64>,
    /// How far the process may raise it itself.
    pub hard: Option<u64>,
}

/// Raises the soft limit on open descriptors to the hard one; gives both as they are then.
pub fn raise_descriptor_limit() -> Result<DescriptorLimit> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
        setrlimit(Resource::Nofile, raised).during("raise the limit on open descriptors", "")?;
    }
    let limit = getrlimit(Resource::Nofile);
    Ok(DescriptorLimit { soft: limit.current, hard: limit.maximum })
}

/// The readable ones among the settings that limit namespaces, each with its path and value.
pub fn namespace_limits() -> Vec<(&'static str, String)> {
    NAMESPACE_SETTINGS
        .iter()
        .filter_map(|&path| Some((path, fs::read_to_string(path).ok()?.trim_end().to_owned())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_reaches_the_hard_one() {
        let limit = raise_descriptor_limit().unwrap();
        assert_eq!(limit.soft, limit.hard);
    }

    #[test]
    fn every_limit_has_a_path_and_a_value() {
        for (path, value) in namespace_limits() {
            assert!(path.starts_with("/proc/sys/"), "{path}");
            assert!(value.parse::<u64>().is_ok(), "{path} = {value:?}");
        }
    }

    #[test]
    fn capabilities_agree_with_the_status_file() {
        let status = fs::read_to_string("/proc/thread-self/status").unwrap();
        let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:")).unwrap();
        let effective = u64::from_str_radix(effective.trim(), 16).unwrap();
        // capabilities(7): DAC_READ_SEARCH is bit 2, NET_ADMIN 12, NET_RAW 13, SYS_ADMIN 21, PERFMON 38.
        for (capability, bit) in [
            (Capability::DacReadSearch, 2),
            (Capability::NetAdmin, 12),
            (Capability::NetRaw, 13),
            (Capability::SysAdmin, 21),
            (Capability::Perfmon, 38),
        ] {
            assert_eq!(has_capability(capability).unwrap(), effective >> bit & 1 == 1, "{}", capability.name());
        }
    }
}

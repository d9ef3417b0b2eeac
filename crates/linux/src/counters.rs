//! The kernel's SNMP counters of one namespace, as /proc/thread-self/net/{snmp,netstat} give them.

use std::collections::BTreeMap;
use std::fs;

use crate::error::{Cause, During, Error, Result};

/// What is no count of events: settings, and what is open just now. A difference of these means nothing.
const NOT_MONOTONIC: [(&str, &str); 7] = [
    ("Ip", "Forwarding"),
    ("Ip", "DefaultTTL"),
    ("Tcp", "RtoAlgorithm"),
    ("Tcp", "RtoMin"),
    ("Tcp", "RtoMax"),
    ("Tcp", "MaxConn"),
    ("Tcp", "CurrEstab"),
];

/// One reading of the counters, or the difference of two.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    groups: BTreeMap<String, BTreeMap<String, u64>>,
}

impl Counters {
    /// The counters of the calling thread's namespace.
    ///
    /// Not /proc/net or /proc/self/net: those show the namespace of the process's first thread.
    pub fn read() -> Result<Counters> {
        let mut counters = Counters::default();
        for path in ["/proc/thread-self/net/snmp", "/proc/thread-self/net/netstat"] {
            let text = fs::read_to_string(path).during("read counters", path)?;
            counters.add(path, &text)?;
        }
        Ok(counters)
    }

    /// The counters in a text of either file's form: a line of names, then a line of values, each after its group.
    pub fn parse(text: &str) -> Result<Counters> {
        let mut counters = Counters::default();
        counters.add("", text)?;
        Ok(counters)
    }

    /// One counter by the kernel's names, e.g. `value("Tcp", "OutRsts")`; `None` if this kernel hasn't got it.
    pub fn value(&self, group: &str, name: &str) -> Option<u64> {
        self.groups.get(group)?.get(name).copied()
    }

    /// All counters, in the order of their groups and names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, u64)> {
        self.groups.iter().flat_map(|(group, counters)| {
            counters.iter().map(move |(name, value)| (group.as_str(), name.as_str(), *value))
        })
    }

    /// What was counted since an earlier reading of the same namespace. Settings and current totals are left out.
    pub fn since(&self, earlier: &Counters) -> Counters {
        let mut difference = Counters::default();
        for (group, name, value) in self.iter() {
            if NOT_MONOTONIC.contains(&(group, name)) {
                continue;
            }
            // A counter that the earlier reading lacks began at 0: IcmpMsg's lines grow with the types seen.
            let before = earlier.value(group, name).unwrap_or(0);
            let counters = difference.groups.entry(group.to_owned()).or_default();
            counters.insert(name.to_owned(), value.saturating_sub(before));
        }
        difference
    }

    fn add(&mut self, path: &str, text: &str) -> Result<()> {
        let malformed = |what: String| Error::from_cause("parse counters", path, Cause::Malformed(what));
        let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        while let Some((number, names)) = lines.next() {
            let number = number + 1;
            let (group, names) =
                names.split_once(':').ok_or_else(|| malformed(format!("line {number} names no group")))?;
            let values = lines.next().and_then(|(_, line)| line.strip_prefix(group)?.strip_prefix(':'));
            let values = values.ok_or_else(|| malformed(format!("no values for {group} after line {number}")))?;
            let names: Vec<&str> = names.split_whitespace().collect();
            let values: Vec<&str> = values.split_whitespace().collect();
            if names.len() != values.len() {
                return Err(malformed(format!("{group} has {} names and {} values", names.len(), values.len())));
            }
            let counters = self.groups.entry(group.to_owned()).or_default();
            for (name, value) in names.into_iter().zip(values) {
                match value.parse::<i128>() {
                    // Tcp's MaxConn is -1 where there is no limit: no count.
                    Ok(negative) if negative < 0 => {}
                    Ok(value) => {
                        counters.insert(name.to_owned(), u64::try_from(value).unwrap_or(u64::MAX));
                    }
                    Err(_) => return Err(malformed(format!("{group} {name} is {value:?}"))),
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SNMP: &str = "\
Ip: Forwarding DefaultTTL InReceives
Ip: 1 64 1000
IcmpMsg: OutType3
IcmpMsg: 7
Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens CurrEstab RetransSegs OutRsts
Tcp: 1 200 120000 -1 12 3 0 5
";

    #[test]
    fn values_are_found_by_the_kernels_names() {
        let counters = Counters::parse(SNMP).unwrap();
        assert_eq!(counters.value("Tcp", "OutRsts"), Some(5));
        assert_eq!(counters.value("Tcp", "CurrEstab"), Some(3));
        assert_eq!(counters.value("IcmpMsg", "OutType3"), Some(7));
        assert_eq!(counters.value("Tcp", "MaxConn"), None, "-1 is no count");
        assert_eq!(counters.value("Tcp", "outrsts"), None);
        assert_eq!(counters.value("TcpExt", "OutRsts"), None);
        assert_eq!(counters.iter().count(), 11);
    }

    #[test]
    fn a_difference_holds_counts_only() {
        let earlier = Counters::parse("Tcp: ActiveOpens CurrEstab OutRsts\nTcp: 10 9 8\n").unwrap();
        let since = Counters::parse(SNMP).unwrap().since(&earlier);
        assert_eq!(since.value("Tcp", "ActiveOpens"), Some(2));
        assert_eq!(since.value("Tcp", "OutRsts"), Some(0), "saturates: another namespace, or a reset counter");
        assert_eq!(since.value("IcmpMsg", "OutType3"), Some(7), "new since then");
        for (group, name) in NOT_MONOTONIC {
            assert_eq!(since.value(group, name), None, "{group} {name}");
        }
    }

    #[test]
    fn malformed_text_is_a_typed_error() {
        for text in [
            "Tcp ActiveOpens\nTcp 1\n",
            "Tcp: ActiveOpens\n",
            "Tcp: ActiveOpens\nUdp: 1\n",
            "Tcp: ActiveOpens\nTcpExt: 1\n",
            "Tcp: ActiveOpens OutRsts\nTcp: 1\n",
            "Tcp: ActiveOpens\nTcp: one\n",
            "Tcp: ActiveOpens\nTcp: 99999999999999999999999999999999999999999\n",
            "\u{0}:\n\n:\n",
        ] {
            let error = Counters::parse(text).expect_err(text);
            assert!(matches!(error.cause(), Cause::Malformed(_)), "{text:?}: {error}");
        }
        assert_eq!(Counters::parse("").unwrap(), Counters::default());
    }

    #[test]
    fn this_kernels_own_text_parses() {
        let counters = Counters::read().unwrap();
        assert!(counters.value("Tcp", "OutRsts").is_some());
        assert!(counters.value("TcpExt", "TCPAbortOnClose").is_some());
    }
}

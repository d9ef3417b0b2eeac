//! What a trace came to: which resets are told of, and how many of each mechanism.

use std::collections::HashMap;

use rst_storm_core::capture::Timestamp;
use rst_storm_core::kernel::{Direction, KernelReset, MechanismSet};

use super::kernel_record::{Filter, MechanismCount, SummaryRecord, TRACE_SCHEMA};

impl Filter {
    /// Whether a reset is one of those that are asked for. One without a process is nobody's.
    pub fn keeps(&self, reset: &KernelReset) -> bool {
        let is_pid = || reset.process.as_ref().is_some_and(|process| self.pids.contains(&process.pid));
        let ends = [reset.source, reset.destination];
        let is_host = || ends.iter().any(|end| self.hosts.contains(&end.addr));
        let is_port = || ends.iter().any(|end| self.ports.contains(&end.port));
        let is_reason = || {
            let reason = reset.reason.as_deref();
            reason.is_some_and(|reason| self.reasons.iter().any(|wanted| wanted == reason))
        };
        (self.pids.is_empty() || is_pid())
            && (self.hosts.is_empty() || is_host())
            && (self.ports.is_empty() || is_port())
            && (self.reasons.is_empty() || is_reason())
    }

    /// Whether it keeps everything.
    pub fn is_empty(&self) -> bool {
        *self == Filter::default()
    }
}

/// Resets counted.
#[derive(Clone, Debug, Default)]
pub struct KernelTally {
    sent: u64,
    taken: u64,
    left_out: u64,
    by_mechanisms: HashMap<MechanismSet, u64>,
}

impl KernelTally {
    /// One was told.
    pub fn tell(&mut self, reset: &KernelReset) {
        match reset.direction {
            Direction::Sent => {
                self.sent += 1;
                *self.by_mechanisms.entry(reset.mechanisms()).or_default() += 1;
            }
            Direction::Taken => self.taken += 1,
        }
    }

    /// One was left out by a filter.
    pub fn leave_out(&mut self) {
        self.left_out += 1;
    }

    /// How many were told.
    pub fn told(&self) -> u64 {
        self.sent + self.taken
    }

    /// The sums, with what was lost beside them.
    pub fn summary(&self, until: Timestamp, lost: u64) -> SummaryRecord<'static> {
        let mut by_mechanism: Vec<MechanismCount> = self
            .by_mechanisms
            .iter()
            .map(|(set, &resets)| MechanismCount { mechanisms: set.names().map(str::to_owned).collect(), resets })
            .collect();
        by_mechanism.sort_by(|a, b| (b.resets, &a.mechanisms).cmp(&(a.resets, &b.mechanisms)));
        SummaryRecord {
            schema: TRACE_SCHEMA.into(),
            until,
            sent: self.sent,
            taken: self.taken,
            left_out: self.left_out,
            lost,
            by_mechanism,
        }
    }
}

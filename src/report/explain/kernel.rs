//! The kernel's word beside the wire's: of one reset, and of all.

use std::collections::BTreeMap;

use rst_storm_core::explain::{Beyond, Checked, Fused, KernelCheck, KernelWitness};
use rst_storm_core::kernel::{KernelReset, Life};
use rst_storm_core::reset::{Finding, Span};
use serde::Serialize;

use super::layout::{Ink, Page, thousands};
use super::moment;

/// What the kernel said of a reset, and what that makes of the wire's verdict.
#[derive(Clone, Debug)]
pub struct Heard {
    /// The event, where there is one.
    pub event: Option<KernelReset>,
    /// Both words together.
    pub checked: Checked,
}

/// The same as JSON.
#[derive(Debug, PartialEq, Serialize)]
pub struct KernelSays {
    check: &'static str,
    reason: Option<String>,
    state: Option<String>,
    mechanisms: Vec<&'static str>,
    process: Option<String>,
    allows: Vec<&'static str>,
    fused: Vec<&'static str>,
    fused_confidence: Option<String>,
    why_not: Option<String>,
}

impl Heard {
    /// It as JSON.
    pub fn word(&self) -> KernelSays {
        let event = self.event.as_ref();
        let (fused, fused_confidence) = match &self.checked.fused {
            Fused::Cause(cause, surety) => (vec![cause.0], Some(surety.to_string())),
            Fused::Several(causes) => (causes.iter().map(|cause| cause.0).collect(), Some(Finding::Likely.to_string())),
            Fused::Nothing | Fused::AsWire => (Vec::new(), None),
        };
        let (allows, why_not) = match &self.checked.check {
            KernelCheck::Narrows(causes) | KernelCheck::Disagrees(causes) => {
                (causes.iter().map(|cause| cause.0).collect(), None)
            }
            KernelCheck::NotWatched(why) => (Vec::new(), Some(why.clone())),
            KernelCheck::Agrees => (fused.clone(), None),
        };
        KernelSays {
            check: self.check(),
            reason: event.and_then(|event| event.reason.as_ref().map(ToString::to_string)),
            state: event.and_then(|event| event.state.as_ref().map(ToString::to_string)),
            mechanisms: event.map(|event| event.mechanisms().names().collect()).unwrap_or_default(),
            process: event.and_then(process),
            allows,
            fused,
            fused_confidence,
            why_not,
        }
    }

    /// How the two words stand to each other, in a word.
    pub fn check(&self) -> &'static str {
        match self.checked.check {
            KernelCheck::Agrees => "agrees",
            KernelCheck::Narrows(_) => "narrows",
            KernelCheck::Disagrees(_) => "disagrees",
            KernelCheck::NotWatched(_) => "not-watched",
        }
    }

    /// It for people: what was said, and what is left.
    pub fn sentence(&self) -> String {
        let said = match &self.event {
            Some(event) => {
                let names: Vec<&str> = event.mechanisms().names().collect();
                let of = process(event).map(|process| format!(" ({process})")).unwrap_or_default();
                format!("sent it by {}{of}", names.join(" or "))
            }
            None => "no event: that host's TCP did not send it".to_owned(),
        };
        match (&self.checked.check, &self.checked.fused) {
            (KernelCheck::NotWatched(why), _) => format!("no word: {why}"),
            (KernelCheck::Disagrees(causes), _) => {
                let causes: Vec<&str> = causes.iter().map(|cause| cause.0).collect();
                let causes = if causes.is_empty() { "no cause of the catalogue".to_owned() } else { causes.join(", ") };
                format!("{said}; it contradicts the wire and allows only: {causes}")
            }
            (_, Fused::Cause(cause, surety)) => format!("{said}; together: {cause} ({surety})"),
            (_, Fused::Several(causes)) => {
                let causes: Vec<&str> = causes.iter().map(|cause| cause.0).collect();
                format!("{said}; together one of: {} (likely)", causes.join(", "))
            }
            _ => said,
        }
    }
}

fn process(event: &KernelReset) -> Option<String> {
    let process = event.process.as_ref()?;
    let name = process.comm.as_ref().map_or_else(|| "?".to_owned(), ToString::to_string);
    let end = match event.life {
        Life::Dying { signal: Some(signal) } => format!(", killed by signal {signal}"),
        Life::Dying { signal: None } => ", ending".to_owned(),
        Life::Living | Life::NotWatched => String::new(),
    };
    Some(format!("{name}, pid {}{end}", process.pid))
}

/// What becomes of a trace's events, as JSON.
#[derive(Debug, Serialize)]
pub struct TraceSums {
    events: u64,
    unclaimed: u64,
    not_kept: u64,
}

impl TraceSums {
    /// The sums until now.
    pub fn of(witness: &KernelWitness) -> TraceSums {
        let not_kept = witness.beyond().map_or(0, |beyond| beyond.events);
        TraceSums { events: witness.events(), unclaimed: witness.unclaimed(), not_kept }
    }
}

/// Counts of all that was heard.
#[derive(Clone, Debug, Default)]
pub struct HeardTally {
    checks: BTreeMap<&'static str, u64>,
    fused: BTreeMap<String, u64>,
    why_not: BTreeMap<String, u64>,
}

/// Reasons that are told one by one.
const MOST_REASONS: usize = 8;

impl HeardTally {
    /// Counts one.
    pub fn add(&mut self, heard: &Heard) {
        *self.checks.entry(heard.check()).or_default() += 1;
        match &heard.checked.fused {
            Fused::Cause(cause, _) => *self.fused.entry(cause.to_string()).or_default() += 1,
            Fused::Several(causes) => {
                let names: Vec<&str> = causes.iter().map(|cause| cause.0).collect();
                *self.fused.entry(names.join(" or ")).or_default() += 1;
            }
            Fused::Nothing | Fused::AsWire => {}
        }
        if let KernelCheck::NotWatched(why) = &heard.checked.check
            && (self.why_not.len() < MOST_REASONS || self.why_not.contains_key(why))
        {
            *self.why_not.entry(why.clone()).or_default() += 1;
        }
    }

    /// How many contradict the wire.
    pub fn disagreeing(&self) -> u64 {
        self.checks.get("disagrees").copied().unwrap_or(0)
    }

    /// It as a section of the text.
    pub fn text(&self, witness: &KernelWitness, page: &Page) -> String {
        let mut text = format!("\n{}\n", page.ink(Ink::Strong, "THE KERNEL'S WORD"));
        let clocks = match witness.clock() {
            Some(clock) if clock.pairs == 1 => format!(
                "the capture's clock is {} {} the trace's, by one reset that both have",
                Span(clock.offset.unsigned_abs()),
                if clock.offset < 0 { "behind" } else { "ahead of" },
            ),
            Some(clock) => format!(
                "the capture's clock is {} {} the trace's, give or take {} (by resets that both have: {})",
                Span(clock.offset.unsigned_abs()),
                if clock.offset < 0 { "behind" } else { "ahead of" },
                Span(clock.spread),
                thousands(clock.pairs as u64),
            ),
            None => "unknown offset: it could not be estimated; taken as none".to_owned(),
        };
        text.push_str(&page.item("clocks", &clocks));
        let checks: Vec<String> =
            self.checks.iter().map(|(word, count)| format!("{word} {}", thousands(*count))).collect();
        text.push_str(&page.item("check", &if checks.is_empty() { "no reset".to_owned() } else { checks.join(", ") }));
        for (causes, count) in &self.fused {
            text.push_str(&page.item("fused", &format!("{causes} {}", thousands(*count))));
        }
        for (why, count) in &self.why_not {
            text.push_str(&page.item("silent", &format!("{} of them: {why}", thousands(*count))));
        }
        if witness.unclaimed() > 0 {
            let (unclaimed, events) = (thousands(witness.unclaimed()), thousands(witness.events()));
            let of = format!("{unclaimed} of the trace's {events} belong to no reset that is told here");
            text.push_str(&page.item("events", &of));
        }
        if let Some(Beyond { events, since }) = witness.beyond() {
            let of = format!(
                "{} more of the trace, from {} on, are not kept: no silence from then on is a word",
                thousands(events),
                moment::full(since)
            );
            text.push_str(&page.item("events", &of));
        }
        text
    }
}

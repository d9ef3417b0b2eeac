//! The kernel's own names of reasons: which plays make each, or why none does.

use rst_storm_core::kernel::{COVERAGE, Coverage, Mechanism};
use serde::{Deserialize, Serialize};

use super::row::Row;

/// Mechanisms that no play makes.
pub const NOT_MADE: [(Mechanism, &str); 4] = [
    (
        Mechanism::AbortOnMemory,
        "tcp_mem and tcp_max_orphans are settings of the whole machine: lowering them would reset everybody's connections",
    ),
    (Mechanism::SynInHandshake, "it shares its reason with the full accept queue, and is told apart by no counter"),
    (
        Mechanism::BadHandshakeTimestamp,
        "it takes a SYN-ACK that echoes a timestamp which was never sent, and no cause of the catalogue tells that",
    ),
    (Mechanism::Mptcp, "no play uses Multipath TCP"),
];

/// Said of a reason of a newer kernel.
pub const UNKNOWN: &str = "a name that this program doesn't know";

/// Said of a reason that a play would make.
pub const UNPLAYED: &str = "no play was among these that makes it";

/// What is known of one of the kernel's reasons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// The kernel's name.
    pub reason: String,
    /// The plays whose judged reset had it.
    pub made_by: Vec<String>,
    /// Why there is none.
    pub why_not: Option<String>,
}

/// What these rows say of these reasons.
pub fn of(reasons: &[String], rows: &[Row]) -> Vec<Reason> {
    reasons.iter().map(|reason| one(reason, rows)).collect()
}

fn one(reason: &str, rows: &[Row]) -> Reason {
    let has = |row: &&Row| row.kernel.said.as_deref().is_some_and(|said| said.split('/').next() == Some(reason));
    let mut made_by: Vec<String> = rows.iter().filter(has).map(|row| row.play.clone()).collect();
    made_by.dedup();
    let why_not = made_by.is_empty().then(|| why_not(reason));
    Reason { reason: reason.to_owned(), made_by, why_not }
}

/// Why no play makes a reason.
pub fn why_not(reason: &str) -> String {
    let Some(known) = COVERAGE.iter().find(|known| known.reason == reason) else {
        return UNKNOWN.to_owned();
    };
    let Coverage { mechanisms, note, .. } = known;
    let why: Vec<&str> = mechanisms
        .iter()
        .filter_map(|mechanism| NOT_MADE.iter().find(|(not_made, _)| *not_made == mechanism).map(|(_, why)| *why))
        .collect();
    match (why.as_slice(), *note) {
        ([], "") => UNPLAYED.to_owned(),
        ([], note) => note.to_owned(),
        (why, _) => why.join("; "),
    }
}

//! The matrix: all rows, what they say together, and how two matrices differ.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::coverage::{self, Reason};
use super::row::{CheckWord, Row, Truth};

/// The version of the matrix's form.
pub const SCHEMA: &str = "rst-storm/matrix/1";

/// Every play with what was said of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matrix {
    /// [`SCHEMA`].
    pub schema: String,
    /// uname -sr of the machine that it was played on.
    pub kernel: String,
    /// The version of rst-storm.
    pub program: String,
    /// The rows, in the order of causes and plays.
    pub rows: Vec<Row>,
    /// All of them together.
    pub totals: Totals,
    /// The kernel's own names of reasons; none where it was not listened to.
    pub reasons: Vec<Reason>,
    /// How often a cause (first) was called what (second) by the wire alone.
    pub confusion: BTreeMap<String, BTreeMap<String, u64>>,
}

/// What all rows say together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Plays.
    pub plays: u64,
    /// Of them, controls.
    pub controls: u64,
    /// Plays in which everything held.
    pub held: u64,
    /// From the wire alone, the truth was the best finding.
    pub best: u64,
    /// From the wire alone, the truth was a twin.
    pub twin: u64,
    /// From the wire alone, nothing was said.
    pub unexplained: u64,
    /// From the wire alone, the truth was not among what was said.
    pub missed: u64,
    /// Something wrong was called certain.
    pub wrongly_certain: u64,
    /// Wire and kernel together left one cause.
    pub fused_to_one: u64,
    /// The kernel's word agreed with the wire's best, narrowed its twins, disagreed, or was not there.
    pub kernel: BTreeMap<String, u64>,
}

impl Matrix {
    /// The matrix of these rows.
    pub fn new(rows: Vec<Row>, kernel: String) -> Matrix {
        let mut totals = Totals::default();
        let mut confusion: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
        for row in &rows {
            totals.plays += 1;
            totals.controls += u64::from(row.control);
            totals.held += u64::from(row.holds());
            let Some(wire) = &row.wire else { continue };
            *match wire.truth {
                Truth::Best => &mut totals.best,
                Truth::Twin => &mut totals.twin,
                Truth::Unexplained => &mut totals.unexplained,
                Truth::Missed => &mut totals.missed,
            } += 1;
            totals.wrongly_certain += u64::from(wire.wrongly_certain);
            totals.fused_to_one += u64::from(row.fused.len() == 1);
            *totals.kernel.entry(word(row.kernel.check).to_owned()).or_default() += 1;
            let called = wire.cause.clone().unwrap_or_else(|| "unexplained".to_owned());
            *confusion.entry(row.cause.clone()).or_default().entry(called).or_default() += 1;
        }
        let program = env!("CARGO_PKG_VERSION").to_owned();
        Matrix { schema: SCHEMA.to_owned(), kernel, program, rows, totals, reasons: Vec::new(), confusion }
    }

    /// The same with what it says of the kernel's own reasons.
    pub fn with_reasons(mut self, reasons: &[String]) -> Matrix {
        self.reasons = coverage::of(reasons, &self.rows);
        self
    }

    /// Whether everything held.
    pub fn holds(&self) -> bool {
        self.rows.iter().all(Row::holds)
    }

    /// What came out otherwise there, a line for each difference that isn't a figure.
    pub fn against(&self, other: &Matrix) -> Vec<String> {
        let key = |row: &Row| (row.play.clone(), row.ip);
        let theirs: BTreeMap<_, &Row> = other.rows.iter().map(|row| (key(row), row)).collect();
        let mut lines = Vec::new();
        for row in &self.rows {
            match theirs.get(&key(row)) {
                None => lines.push(format!("{} IPv{}: not played there", row.play, row.ip)),
                Some(other) => lines.extend(differences(row, other)),
            }
        }
        lines
    }
}

fn differences(ours: &Row, theirs: &Row) -> Vec<String> {
    let wire = |row: &Row| {
        row.wire.as_ref().map_or_else(
            || "no reset".to_owned(),
            |wire| {
                let cause = wire.cause.as_deref().unwrap_or("unexplained");
                format!("{cause} ({})", wire.confidence.as_deref().unwrap_or("-"))
            },
        )
    };
    let kernel = |row: &Row| row.kernel.said.clone().unwrap_or_else(|| word(row.kernel.check).to_owned());
    let told = |told: &[String]| if told.is_empty() { "nothing".to_owned() } else { told.join(", ") };
    let occasion = |row: &Row| row.occasion.clone().unwrap_or_else(|| "nothing".to_owned());
    let columns = [
        ("wire", wire(ours), wire(theirs)),
        ("kernel", kernel(ours), kernel(theirs)),
        ("fused", told(&ours.fused), told(&theirs.fused)),
        ("occasion", occasion(ours), occasion(theirs)),
        ("client", told(&ours.client), told(&theirs.client)),
        ("middle", told(&ours.middle), told(&theirs.middle)),
        ("server", told(&ours.server), told(&theirs.server)),
        ("all checks", ours.holds().to_string(), theirs.holds().to_string()),
    ];
    let differ = columns.into_iter().filter(|(_, ours, theirs)| ours != theirs);
    differ
        .map(|(column, here, there)| format!("{} IPv{}: {column}: {here} here, {there} there", ours.play, ours.ip))
        .collect()
}

/// A check in a word, as the JSON has it.
pub const fn word(check: CheckWord) -> &'static str {
    match check {
        CheckWord::Agrees => "agrees",
        CheckWord::Narrows => "narrows",
        CheckWord::Disagrees => "disagrees",
        CheckWord::NotWatched => "not-watched",
        CheckWord::NothingToAsk => "nothing-to-ask",
    }
}

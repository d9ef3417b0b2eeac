//! The comparison as JSON: a line for each record, or all of them as one document.

use serde::Serialize;

use crate::lab::compare::finding::Finding;
use crate::lab::namespaces::Kind;
use crate::storm::check::Check;

/// The name of this format.
const SCHEMA: &str = "rst-storm/compare/1";

/// One record, with the name of its format.
#[derive(Debug, Serialize)]
struct Record<'a> {
    schema: &'static str,
    #[serde(flatten)]
    body: Body<'a>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Body<'a> {
    Finding(&'a Finding),
    Verdict(Verdict<'a>),
}

/// The last record.
#[derive(Debug, Serialize)]
struct Verdict<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    version: &'static str,
    namespaces: Kind,
    complete: bool,
    checks: &'a [Check],
    passed: bool,
}

/// What ends a comparison.
#[derive(Clone, Copy, Debug)]
pub struct Conclusion<'a> {
    /// In what kind of namespaces it was made.
    pub namespaces: Kind,
    /// Whether all was measured.
    pub complete: bool,
    /// What was judged.
    pub checks: &'a [Check],
}

#[derive(Debug, Serialize)]
struct Document<'a> {
    schema: &'static str,
    records: Vec<Record<'a>>,
}

fn finding(finding: &Finding) -> Record<'_> {
    Record { schema: SCHEMA, body: Body::Finding(finding) }
}

fn verdict(conclusion: Conclusion<'_>) -> Record<'_> {
    let Conclusion { namespaces, complete, checks } = conclusion;
    let passed = complete && checks.iter().all(|check| check.holds);
    let version = env!("CARGO_PKG_VERSION");
    let verdict = Verdict { kind: "verdict", version, namespaces, complete, checks, passed };
    Record { schema: SCHEMA, body: Body::Verdict(verdict) }
}

/// A finding in a line.
pub fn line(found: &Finding) -> String {
    // Words, numbers and lists of them can't fail to be written.
    serde_json::to_string(&finding(found)).unwrap_or_default() + "\n"
}

/// The last line.
pub fn last_line(conclusion: Conclusion<'_>) -> String {
    serde_json::to_string(&verdict(conclusion)).unwrap_or_default() + "\n"
}

/// All of it.
pub fn document(findings: &[Finding], conclusion: Conclusion<'_>) -> String {
    let records = findings.iter().map(finding).chain([verdict(conclusion)]).collect();
    serde_json::to_string_pretty(&Document { schema: SCHEMA, records }).unwrap_or_default() + "\n"
}

//! A check: what is asked, whether it holds, and the figures that say so.

use serde::Serialize;

/// One self-check with its finding. Every check can fail; a failed one makes the exit code 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What is checked: "Connections handled".
    pub name: String,
    /// Whether it holds.
    pub holds: bool,
    /// The figures: "102 connections".
    pub finding: String,
}

impl Check {
    /// A check called `name` that `holds` or not, by `finding`.
    pub fn new(name: impl Into<String>, holds: bool, finding: impl Into<String>) -> Check {
        Check { name: name.into(), holds, finding: finding.into() }
    }
}

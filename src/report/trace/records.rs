//! A trace as JSON: a line for each record, or all of them as one document.

use crate::watch::{Line, TRACE_SCHEMA};

/// What stands before the records of one document.
pub fn opening() -> String {
    format!("{{\"schema\":\"{TRACE_SCHEMA}\",\"records\":[\n")
}

/// What stands between two of them.
pub const BETWEEN: &str = ",\n";

/// What stands behind the last.
pub const CLOSING: &str = "\n]}\n";

/// A record, without the line's end.
pub fn record(line: &Line<'_>) -> String {
    // Words, lists of words and whole numbers can't fail to be written.
    serde_json::to_string(line).unwrap_or_default()
}

//! Plays and the matrix as text, JSON and JUnit.

use std::fmt::Write;

use rst_storm_core::reset::Span;

use super::style::Style;
use crate::atlas::choice::Chosen;
use crate::atlas::matrix::{Matrix, word};
use crate::atlas::row::{Row, Truth};
use crate::atlas::schedule::{Played, Programme};

/// A play as it would be played.
pub fn plan(chosen: &Chosen) -> String {
    let play = chosen.play;
    let mut text = format!("{chosen} (IPv{}, {}): {}\n", chosen.ip(), play.topology, play.title);
    for (depth, line) in play.lines() {
        let _ = writeln!(text, "  {:indent$}{line}", "", indent = 2 * depth);
    }
    text.push_str("  must show:\n");
    for line in play.expectations() {
        let _ = writeln!(text, "    {line}");
    }
    text.push('\n');
    text
}

/// What is said before the first row.
pub fn beginning(programme: &Programme, not_watched: Option<&String>) -> String {
    let count = programme.plays.len();
    let mut text = format!("{count} plays, {} at once, seed {}\n", programme.jobs.min(count), programme.seed);
    match not_watched {
        None => text.push_str("The kernel is listened to.\n"),
        Some(why) => {
            let _ = writeln!(text, "The kernel is not listened to: {why}");
        }
    }
    let _ = writeln!(text, "\n       {:<47} {:<18} {:<12} together", "made", "wire alone", "kernel");
    text
}

/// A row in a line, and what failed below it.
pub fn row(row: &Row, style: Style) -> String {
    let name = format!("{} v{}", row.play, row.ip);
    let wire = match &row.wire {
        None => "(control)".to_owned(),
        Some(wire) => {
            let truth = match wire.truth {
                Truth::Best => "best",
                Truth::Twin => "twin",
                Truth::Unexplained => "nothing",
                Truth::Missed => "MISSED",
            };
            format!("{truth} {}", wire.confidence.as_deref().unwrap_or(""))
        }
    };
    let kernel = if row.wire.is_some() { word(row.kernel.check) } else { "" };
    let fused = match row.fused.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        several => format!("one of {}", several.len()),
    };
    let mut text = format!("{} {name:<47} {wire:<18} {kernel:<12} {fused}", style.mark(row.holds()));
    text.truncate(text.trim_end().len());
    text.push('\n');
    for check in row.checks.iter().filter(|check| !check.holds) {
        let _ = writeln!(text, "         {}\n           but: {}", check.wanted, check.found);
    }
    text
}

/// All columns of a row, below its line.
pub fn columns(row: &Row) -> String {
    let mut text = String::new();
    let mut line = |label: &str, value: String| {
        let _ = writeln!(text, "         {label:<9}{value}");
    };
    if let Some(wire) = &row.wire {
        let or = if wire.twins.is_empty() { String::new() } else { format!(", or {}", wire.twins.join(", ")) };
        let cause = wire.cause.as_deref().unwrap_or("unexplained");
        line("wire", format!("at {}: {cause}{or}; sent by {}", wire.tap, wire.sender));
        let said = row.kernel.said.as_deref().or(row.kernel.why_not.as_deref()).unwrap_or("no event");
        line(
            "kernel",
            format!(
                "{said}: {}",
                if row.kernel.mechanisms.is_empty() { "-".to_owned() } else { row.kernel.mechanisms.join(", ") }
            ),
        );
    }
    for (host, told) in [("client", &row.client), ("middle", &row.middle), ("server", &row.server)] {
        if !told.is_empty() {
            line(host, told.join(", "));
        }
    }
    if row.lost != [0, 0] {
        line("lost", format!("{} octets of the client's, {} of the server's", row.lost[0], row.lost[1]));
    }
    if let Some(occasion) = &row.occasion {
        line("occasion", occasion.clone());
    }
    text
}

/// How soon probes were answered, where there were any: a distribution, and no judgement.
pub fn probes(row: &Row) -> String {
    let mut times = row.probed.clone();
    times.sort_unstable();
    let Some((least, most)) = times.first().zip(times.last()) else { return String::new() };
    let median = times[times.len() / 2];
    format!("         {} answers after {} to {}, median {}\n", times.len(), Span(*least), Span(*most), Span(median))
}

/// All rows together.
pub fn matrix(matrix: &Matrix, played: &Played, style: Style) -> String {
    let totals = &matrix.totals;
    let resets = totals.plays - totals.controls;
    let mut text = String::from("\nMATRIX\n");
    let _ = writeln!(text, "Plays: {} ({} controls), kernel {}", totals.plays, totals.controls, matrix.kernel);
    let _ = writeln!(
        text,
        "From the wire alone, of {resets}: truth best {}, truth a twin {}, unexplained {}, missed {}",
        totals.best, totals.twin, totals.unexplained, totals.missed
    );
    let words: Vec<String> = totals.kernel.iter().map(|(word, count)| format!("{word} {count}")).collect();
    let _ = writeln!(text, "The kernel's word: {}", if words.is_empty() { "-".to_owned() } else { words.join(", ") });
    let _ = writeln!(text, "Together, one cause is left: {}", totals.fused_to_one);
    let _ = writeln!(text, "Kernel events of others: {}; lost: {}", played.foreign, played.lost);
    if played.not_watched.is_none() {
        for row in &matrix.rows {
            if let Some(why) = &row.kernel.why_not {
                let _ = writeln!(text, "  no word on {} v{}: {why}", row.play, row.ip);
            }
        }
    }
    text.push_str("\nWhat was made, and what the wire alone called it:\n");
    for (made, called) in &matrix.confusion {
        let called: Vec<String> = called.iter().map(|(called, count)| format!("{called} {count}")).collect();
        let _ = writeln!(text, "  {made:<24} {}", called.join(", "));
    }
    if !matrix.reasons.is_empty() {
        let made = matrix.reasons.iter().filter(|reason| !reason.made_by.is_empty()).count();
        let _ = writeln!(text, "\nThe kernel's own reasons: {made} of {} made; the others:", matrix.reasons.len());
        for reason in &matrix.reasons {
            if let Some(why) = &reason.why_not {
                let _ = writeln!(text, "  {:<24} {why}", reason.reason);
            }
        }
    }
    text.push('\n');
    let all = totals.held == totals.plays;
    let _ = writeln!(text, "{} Plays that came out as promised: {} of {}", style.mark(all), totals.held, totals.plays);
    let certain = totals.wrongly_certain;
    let _ = writeln!(text, "{} Wrong certainties: {certain}", style.mark(certain == 0));
    text
}

/// What is said at the end where the wish to stop was made.
pub fn interrupted(matrix: &Matrix, planned: usize) -> String {
    format!("\nInterrupted: {} of {planned} plays were played.\n", matrix.totals.plays)
}

/// What came out otherwise in another matrix.
pub fn differences(differences: &[String]) -> String {
    if differences.is_empty() {
        return "\nNothing came out otherwise there.\n".to_owned();
    }
    format!("\nOtherwise there:\n  {}\n", differences.join("\n  "))
}

/// The matrix as a JSON document, a row a line, so that two of them can be compared by eye.
pub fn json(matrix: &Matrix) -> String {
    let Matrix { schema, kernel, program, rows, totals, reasons, confusion } = matrix;
    // Nothing in a matrix can fail to be written: its keys are words and its numbers whole.
    let list =
        |lines: Vec<String>| if lines.is_empty() { "[]".to_owned() } else { format!("[\n{}\n]", lines.join(",\n")) };
    format!(
        "{{\"schema\":{},\"kernel\":{},\"program\":{},\n\"totals\":{},\n\"confusion\":{},\n\"reasons\":{},\n\"rows\":{}}}\n",
        written(schema),
        written(kernel),
        written(program),
        written(totals),
        written(confusion),
        list(reasons.iter().map(written).collect()),
        list(rows.iter().map(written).collect())
    )
}

fn written(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// The matrix as JUnit knows tests: a suite a cause, a case a play.
pub fn junit(matrix: &Matrix) -> String {
    let failed = matrix.totals.plays - matrix.totals.held;
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"rst-storm\" tests=\"{}\" failures=\"{failed}\">\n",
        matrix.totals.plays
    );
    let mut rows = matrix.rows.as_slice();
    while let Some(first) = rows.first() {
        let (suite, rest) = rows.split_at(rows.iter().take_while(|row| row.cause == first.cause).count());
        let failed = suite.iter().filter(|row| !row.holds()).count();
        let name = escaped(&first.cause);
        let _ = writeln!(text, "  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{failed}\">", suite.len());
        for row in suite {
            let _ = write!(text, "    <testcase classname=\"{name}\" name=\"{} IPv{}\"", escaped(&row.play), row.ip);
            if row.holds() {
                text.push_str("/>\n");
                continue;
            }
            text.push_str(">\n");
            for check in row.checks.iter().filter(|check| !check.holds) {
                let (wanted, found) = (escaped(&check.wanted), escaped(&check.found));
                let _ = writeln!(text, "      <failure message=\"{wanted}\">{found}</failure>");
            }
            text.push_str("    </testcase>\n");
        }
        text.push_str("  </testsuite>\n");
        rows = rest;
    }
    text.push_str("</testsuites>\n");
    text
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

//! The catalogue as pages of documentation: one for each cause, with what its plays showed, and one that lists them.

use std::fmt::Write;

use rst_storm_core::causes::{CATALOGUE, KernelWord, ResetCause, twins};

use crate::atlas::matrix::{Matrix, word};
use crate::atlas::row::{Row, Truth};

/// One page: its file's name and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CausePage {
    /// The file, within the folder of pages.
    pub file: String,
    /// Markdown.
    pub text: String,
}

/// All pages, the list first.
pub fn all(matrix: &Matrix) -> Vec<CausePage> {
    let mut pages = vec![CausePage { file: "README.md".to_owned(), text: index(matrix) }];
    pages.extend(
        CATALOGUE.into_iter().map(|card| CausePage { file: format!("{}.md", card.id), text: page(card, matrix) }),
    );
    pages
}

const MADE: &str = "<!-- Made from the cards and the matrix by: cargo run --example cause_pages -->\n\n";

fn index(matrix: &Matrix) -> String {
    let mut text = format!("# Causes of TCP resets\n\n{MADE}");
    let totals = &matrix.totals;
    let _ = writeln!(
        text,
        "Each is made in the lab by its plays, explained from the wire alone, and checked against the kernel's word. Played on {} \
         by `rst-storm run all`: {} plays in both versions of IP, {} of them controls; {} came out as promised.\n",
        matrix.kernel, totals.plays, totals.controls, totals.held
    );
    text.push_str("| cause | what happened | plays | the wire alone calls it |\n|---|---|---|---|\n");
    for card in CATALOGUE {
        let called = matrix.confusion.get(card.id.0).map(|called| {
            let called: Vec<String> = called.iter().map(|(called, count)| format!("{called} {count}")).collect();
            called.join(", ")
        });
        let plays = card.plays.len();
        let called = called.unwrap_or_else(|| "-".to_owned());
        let _ = writeln!(text, "| [{id}]({id}.md) | {} | {plays} | {called} |", card.title, id = card.id);
    }
    let _ = writeln!(
        text,
        "\nFrom the wire alone, of {} resets: the truth was the best finding in {}, a named twin in {}, nothing was suggested in \
         {}, and it was missed in {}. Wrong certainties: {}.",
        totals.plays - totals.controls,
        totals.best,
        totals.twin,
        totals.unexplained,
        totals.missed,
        totals.wrongly_certain
    );
    if !matrix.reasons.is_empty() {
        text.push_str("\n## The kernel's own reasons\n\n| reason | made by |\n|---|---|\n");
        for reason in &matrix.reasons {
            let made: Vec<String> = reason.made_by.iter().map(|play| format!("`{play}`")).collect();
            let made = reason.why_not.clone().map_or_else(|| made.join(", "), |why| format!("not made: {why}"));
            let _ = writeln!(text, "| {} | {made} |", reason.reason.replace('_', "\\_"));
        }
    }
    text
}

fn page(card: &'static ResetCause, matrix: &Matrix) -> String {
    let mut text = format!("# {}: {}\n\n{MADE}{}\n", card.id, card.title, card.story);
    let mut section = |title: &str, body: &str| {
        let _ = write!(text, "\n**{title}.** {body}\n");
    };
    section("On the wire", card.on_the_wire);
    section("The kernel", &kernel(card));
    let twins: Vec<String> = twins(card).map(|twin| format!("[{id}]({id}.md)", id = twin.id)).collect();
    if !twins.is_empty() {
        section("Looks the same", &twins.join(", "));
    }
    if let Some(refined) = card.refines {
        section("When", &format!("It says when [{refined}]({refined}.md) happens, and doesn't replace it."));
    }
    section("What decides", card.decided_by);
    section("What to do", card.remedy);
    section("Read on", &card.references.join("; "));
    text.push_str(&plays(card, matrix));
    text
}

fn kernel(card: &ResetCause) -> String {
    match card.kernel {
        KernelWord::Says(mechanisms) => {
            let one = |mechanism: &rst_storm_core::kernel::Mechanism| {
                format!("`{}`: {}", mechanism.name(), mechanism.sentence())
            };
            mechanisms.iter().map(one).collect::<Vec<_>>().join(" ")
        }
        KernelWord::Silent => "It says nothing: no host's TCP sends this reset.".to_owned(),
    }
}

fn plays(card: &ResetCause, matrix: &Matrix) -> String {
    let mut text = String::from("\n## Plays\n\n");
    if card.plays.is_empty() {
        text.push_str("None.\n");
        return text;
    }
    let _ = writeln!(text, "What `rst-storm run {}` showed on {}.\n", card.id, matrix.kernel);
    text.push_str("| play | IP | wire alone | kernel | together | client | server |\n|---|---|---|---|---|---|---|\n");
    for play in card.plays {
        let name = format!("{}/{}", card.id, play.id);
        for row in matrix.rows.iter().filter(|row| row.play == name) {
            let _ = writeln!(
                text,
                "| `{}` | {} | {} | {} | {} | {} | {} |",
                play.id,
                row.ip,
                wire(row),
                said(row),
                if row.fused.is_empty() { "-".to_owned() } else { row.fused.join(" or ") },
                told(&row.client),
                told(&row.server)
            );
        }
    }
    text.push('\n');
    for play in card.plays {
        let _ = writeln!(text, "- `{}`: {}", play.id, play.title);
    }
    text
}

fn wire(row: &Row) -> String {
    let Some(wire) = &row.wire else { return "no reset to explain".to_owned() };
    let confidence = wire.confidence.as_deref().unwrap_or_default();
    match (wire.truth, &wire.cause) {
        (_, None) => "unexplained".to_owned(),
        (Truth::Best, Some(_)) => confidence.to_owned(),
        (_, Some(cause)) => format!("{cause} ({confidence}), or this"),
    }
}

fn said(row: &Row) -> String {
    match (&row.kernel.said, &row.wire) {
        (Some(said), _) => format!("{} ({})", said.replace('_', "\\_"), word(row.kernel.check)),
        (None, Some(_)) => format!("no event ({})", word(row.kernel.check)),
        (None, None) => "-".to_owned(),
    }
}

fn told(told: &[String]) -> String {
    if told.is_empty() { "-".to_owned() } else { told.join(", ") }
}

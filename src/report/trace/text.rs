//! A trace for people: a line for each reset, and the sums.

use rst_storm_core::kernel::{Direction, KernelReset, Kind, Life, Process};

use crate::report::explain::layout::{Ink, Page, thousands};
use crate::report::explain::moment;
use crate::report::visible::Visible;
use crate::watch::{SummaryRecord, TraceRecord};

/// The functions of a stack that are told.
const MOST_FUNCTIONS: usize = 12;

/// What is watched, and what the columns are.
pub fn heading(trace: &TraceRecord<'_>, page: &Page) -> String {
    let mut text = page.heading(&format!("Resets as Linux {} tells them; end with Ctrl-C", Visible(&trace.kernel)));
    if trace.watched.reasons.is_empty() {
        text += &page.paragraph("This kernel gives no reasons, and tells only of resets that belong to a socket.");
    }
    text + &page.row(
        &page.ink(Ink::Strong, &format!("{:<15} {:<5}", "Time (UTC)", "What")),
        &page.ink(Ink::Strong, "From > to, reason, state, kind, process: mechanism"),
    )
}

/// One reset.
pub fn reset(reset: &KernelReset, page: &Page) -> String {
    let direction = match reset.direction {
        Direction::Sent => "sent",
        Direction::Taken => "taken",
    };
    let begin = format!("{} {direction:<5}", page.ink(Ink::Faint, &moment::time_of_day(reset.at)));
    let mut words = vec![format!("{} > {}", reset.source, reset.destination)];
    words.extend(reset.reason.as_deref().map(|reason| page.ink(Ink::Strong, &Visible(reason).to_string())));
    words.extend(reset.state.as_deref().map(|state| Visible(state).to_string()));
    words.extend(reset.kind.map(|kind| kind_word(kind).to_owned()));
    words.extend(reset.process.as_ref().map(|process| process_words(process, reset.life)));
    if reset.direction == Direction::Sent {
        let names: Vec<&str> = reset.mechanisms().names().collect();
        let names = if names.is_empty() { "no mechanism that is known".to_owned() } else { names.join(" or ") };
        if let Some(last) = words.last_mut() {
            last.push(':');
        }
        words.push(page.ink(Ink::Finding, &names));
    }
    let mut text = page.row(&begin, &words.join(" "));
    if !reset.stack.is_empty() {
        let functions: Vec<String> =
            reset.stack.iter().take(MOST_FUNCTIONS).map(|function| Visible(function).to_string()).collect();
        text += &page.row(&" ".repeat(21), &page.ink(Ink::Faint, &functions.join(" < ")));
    }
    text
}

fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::Active => "active",
        Kind::Reply => "reply",
    }
}

fn process_words(process: &Process, life: Life) -> String {
    let comm = process.comm.as_deref().unwrap_or("?");
    let end = match life {
        // The kernel delivers every deadly signal without a core dump as this one.
        Life::Dying { signal: Some(9) } => ", killed".to_owned(),
        Life::Dying { signal: Some(signal) } => format!(", killed by signal {signal}"),
        Life::Dying { signal: None } => ", ending".to_owned(),
        Life::Living | Life::NotWatched => String::new(),
    };
    format!("{}[{}]{end}", Visible(comm), process.pid)
}

/// What it came to.
pub fn summary(summary: &SummaryRecord<'_>, page: &Page) -> String {
    let lost = format!("{} records lost", thousands(summary.lost));
    let lost = if summary.lost > 0 { page.ink(Ink::Bad, &lost) } else { lost };
    let mut text = "\n".to_owned();
    text += &page.heading(&format!(
        "{} resets sent and {} taken in; {} left out by the filter, {lost}",
        thousands(summary.sent),
        thousands(summary.taken),
        thousands(summary.left_out),
    ));
    for count in &summary.by_mechanism {
        let names = match count.mechanisms.as_slice() {
            [] => "no mechanism that is known".to_owned(),
            names => names.join(" or "),
        };
        text += &page.row(&format!("{:>11}", thousands(count.resets)), &names);
    }
    text
}

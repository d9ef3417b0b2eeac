//! The catalogue of causes: a list for people, records for programs.

use rst_storm_core::causes::{KernelWord, ResetCause, twins};
use rst_storm_core::scenario::Play;
use serde::Serialize;

use super::layout::Page;

/// The name of this format.
const SCHEMA: &str = "rst-storm/causes/1";

#[derive(Debug, Serialize)]
struct Card {
    schema: &'static str,
    id: &'static str,
    title: &'static str,
    story: &'static str,
    on_the_wire: &'static str,
    twins: Vec<&'static str>,
    refines: Option<&'static str>,
    would_decide: &'static str,
    remedy: &'static str,
    references: &'static [&'static str],
    kernel: Vec<&'static str>,
    plays: Vec<PlayOf>,
}

/// One way to make a cause.
#[derive(Debug, Serialize)]
struct PlayOf {
    id: String,
    title: &'static str,
    control: bool,
}

/// All of them, in the shape that `explain` has too.
#[derive(Debug, Serialize)]
struct Catalogue {
    schema: &'static str,
    records: Vec<Card>,
}

impl Card {
    fn new(card: &'static ResetCause) -> Card {
        Card {
            schema: SCHEMA,
            id: card.id.0,
            title: card.title,
            story: card.story,
            on_the_wire: card.on_the_wire,
            twins: twins(card).map(|twin| twin.id.0).collect(),
            refines: card.refines.map(|refined| refined.0),
            would_decide: card.decided_by,
            remedy: card.remedy,
            references: card.references,
            kernel: match card.kernel {
                KernelWord::Says(mechanisms) => mechanisms.iter().map(|mechanism| mechanism.name()).collect(),
                KernelWord::Silent => Vec::new(),
            },
            plays: card.plays.iter().map(|play| PlayOf::new(card, play)).collect(),
        }
    }
}

impl PlayOf {
    fn new(card: &ResetCause, play: &Play) -> PlayOf {
        PlayOf { id: format!("{}/{}", card.id, play.id), title: play.title, control: play.shows.reset_by().is_none() }
    }
}

/// One line a cause.
pub fn list(cards: &[&'static ResetCause], page: &Page) -> String {
    let widest = cards.iter().map(|card| card.id.0.len()).max().unwrap_or(0);
    cards.iter().map(|card| page.row(&format!("{:widest$}", card.id.0), card.title)).collect()
}

/// All of them as one document.
pub fn json(cards: &[&'static ResetCause]) -> String {
    let document = Catalogue { schema: SCHEMA, records: cards.iter().map(|card| Card::new(card)).collect() };
    // Words and lists of words can't fail to be written.
    serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
}

/// One record a line.
pub fn ndjson(cards: &[&'static ResetCause]) -> String {
    cards.iter().map(|card| serde_json::to_string(&Card::new(card)).unwrap_or_default() + "\n").collect()
}

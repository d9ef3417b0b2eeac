//! A verdict as a comment on its packet.

use std::collections::HashMap;

use rst_storm_core::explain::{Judged, Record};

use super::block;
use super::words;

/// Different texts that are kept; what comes after these is told without its twins.
const MOST_TEXTS: usize = 4_096;

/// The comments on a capture's frames. Of the same text there is one.
#[derive(Debug, Default)]
pub struct Comments {
    texts: Vec<String>,
    places: HashMap<String, u32>,
    frames: HashMap<u64, u32>,
}

impl Comments {
    /// Takes the verdicts of a record.
    pub fn add(&mut self, record: &Record) {
        for judged in &record.resets {
            let text = text(judged, self.texts.len() < MOST_TEXTS);
            let next = self.texts.len() as u32;
            let texts = &mut self.texts;
            let place = *self.places.entry(text).or_insert_with_key(|text| {
                texts.push(text.clone());
                next
            });
            self.frames.insert(judged.reset.segment.frame, place);
        }
    }

    /// The comment on this frame.
    pub fn on(&self, frame: u64) -> Option<&str> {
        self.frames.get(&frame).map(|place| self.texts[*place as usize].as_str())
    }
}

fn text(judged: &Judged, in_full: bool) -> String {
    let (reset, verdict) = (&judged.reset, &judged.verdict);
    let why = match verdict.card().zip(verdict.finding()) {
        Some((card, finding)) => format!("{} ({finding}): {}", card.id, card.title),
        None => "unexplained".to_owned(),
    };
    let mut text = format!("Reset by {} ({}), {why}", block::sender(reset.sender.who), reset.sender.finding);
    if !in_full {
        return text;
    }
    let twins: Vec<&str> = verdict.twins().into_iter().map(|(id, _)| id.0).collect();
    if !twins.is_empty() {
        text.push_str(&format!("; or {}", twins.join(", ")));
    }
    text.push_str(&format!(". Harm: {}.", words::harm(reset.harm)));
    text
}

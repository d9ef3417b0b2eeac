//! What is told of a capture, in process: read, decoded, looked at, explained.

use rst_storm_core::capture::{CaptureReader, FrameSource};
use rst_storm_core::explain::{Aside, Explainer, Judged, Limits, Record, Selection, Summary};
use rst_storm_core::reset::payload::Carried;
use rst_storm_core::reset::{Finding, Who};
use rst_storm_core::testing::line;
use rst_storm_core::wire::{decode, inspect};

use crate::capture::Golden;

/// What was told.
pub struct Told {
    pub records: Vec<Record>,
    pub summary: Summary,
}

/// What was told of one reset.
pub struct Verdict {
    /// As it reads.
    pub line: String,
    pub frame: u64,
    /// Whether no reset of its connection came before it.
    pub first: bool,
    pub who: (Who, Finding),
    /// The best finding.
    pub best: Option<(&'static str, Finding)>,
    /// All causes that it names: the best, those that it may be as well, and what its group shows.
    pub names: Vec<&'static str>,
}

/// Explains a file.
pub fn told(octets: &[u8]) -> Told {
    explained(octets, Explainer::new(Limits::default(), Selection::default()))
}

/// The same where nobody asks for the records.
pub fn summed(octets: &[u8]) -> Summary {
    explained(octets, Explainer::of_sums(Limits::default())).summary
}

fn explained(octets: &[u8], mut explainer: Explainer) -> Told {
    let mut records = Vec::new();
    if let Ok(mut reader) = CaptureReader::open(octets) {
        let mut number = 0;
        while let Some(frame) = reader.next_frame().expect("a slice can always be read") {
            number += 1;
            let Ok(segment) = decode(&frame, number) else { continue };
            let contents = inspect(&frame).filter(|_| segment.flags.is_rst());
            let aside = contents.map(|found| Aside { checksum: found.checksum, carried: Carried::of(&found) });
            explainer.push(&segment, aside.as_ref(), &mut |record: &mut Record| records.push(record.clone()));
        }
    }
    let summary = explainer.finish(&mut |record: &mut Record| records.push(record.clone()));
    Told { records, summary }
}

impl Told {
    /// The verdicts, by frame.
    pub fn verdicts(&self) -> Vec<Verdict> {
        let all = self.records.iter().flat_map(|record| {
            record.resets.iter().enumerate().map(|(place, judged)| self.verdict(judged, place == 0))
        });
        let mut all: Vec<Verdict> = all.collect();
        all.sort_by_key(|verdict| verdict.frame);
        all
    }

    fn verdict(&self, judged: &Judged, first: bool) -> Verdict {
        let (reset, verdict) = (&judged.reset, &judged.verdict);
        let best = verdict.cause().zip(verdict.finding()).map(|(id, finding)| (id.0, finding));
        let twins = verdict.twins();
        let occasions = self.occasions(judged);
        let names = best.iter().map(|(id, _)| *id);
        let names = names.chain(twins.iter().map(|(id, _)| id.0)).chain(occasions.iter().map(|(id, _)| *id));
        let names = names.collect();
        let together: String = occasions.iter().map(|(id, finding)| format!("; together {id} {finding}")).collect();
        Verdict {
            line: format!("{}{together}", line(judged)),
            frame: reset.segment.frame,
            first,
            who: (reset.sender.who, reset.sender.finding),
            best,
            names,
        }
    }

    fn occasions(&self, judged: &Judged) -> Vec<(&'static str, Finding)> {
        let group = self.summary.groups.iter().find(|group| Some(group.id) == judged.group);
        let occasions = group.map(|group| self.summary.occasions(group)).unwrap_or_default();
        occasions.into_iter().map(|(id, finding, _)| (id.0, finding)).collect()
    }
}

/// What is told of a capture, as it stands in the table.
pub fn table(golden: &Golden) -> String {
    let verdicts = told(&golden.octets).verdicts();
    let resets: String = verdicts.iter().map(|verdict| format!("  {}\n", verdict.line)).collect();
    let nothing = if verdicts.is_empty() { "  no reset\n" } else { "" };
    format!("{}\n{resets}{nothing}", golden.name)
}

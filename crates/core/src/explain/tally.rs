//! Sums over all that was told: connections, resets by cause, sender, stage and harm.

use super::likeness::Template;
use super::radar::Stage;
use super::record::{Judged, Record};
use super::verdict::Verdict;
use crate::causes::{CATALOGUE, CauseId};
use crate::reset::{Harm, Progress, Who};

/// How a thing is shared out over the values of a property.
pub type Share<T> = (T, u64);

/// Sums over connections and their listed resets.
#[derive(Clone, Debug)]
pub struct Tally {
    /// Connections.
    pub connections: u64,
    /// Those with at least one reset.
    pub reset_connections: u64,
    /// Segments of these connections, those with bad checksums left out.
    pub segments: u64,
    /// All resets, those that are not listed too.
    pub resets: u64,
    /// Resets that are only counted because their connection had too many.
    pub unlisted: u64,
    /// Connections with Zeek's RST_storm.
    pub rst_storms: u64,
    causes: [u64; CATALOGUE.len() + 1],
    who: [u64; 4],
    progress: [u64; 7],
    stage: [u64; 5],
    harm: [u64; 5],
}

impl Default for Tally {
    fn default() -> Tally {
        Tally {
            connections: 0,
            reset_connections: 0,
            segments: 0,
            resets: 0,
            unlisted: 0,
            rst_storms: 0,
            causes: [0; CATALOGUE.len() + 1],
            who: [0; 4],
            progress: [0; 7],
            stage: [0; 5],
            harm: [0; 5],
        }
    }
}

const ALL_WHO: [Who; 4] = [Who::Originator, Who::Responder, Who::ThirdParty, Who::Unknown];

const ALL_PROGRESS: [Progress; 7] = [
    Progress::Midstream,
    Progress::Opening,
    Progress::Answered,
    Progress::Established,
    Progress::Data,
    Progress::HalfClosed,
    Progress::Closed,
];

const ALL_STAGES: [Stage; 5] = [Stage::PostSyn, Stage::PostAck, Stage::PostPsh, Stage::LaterInFlow, Stage::NoMatch];

const HARM_WORDS: [&str; 5] = ["lost", "unanswered", "cut", "none", "unknown"];

impl Tally {
    /// Counts a record.
    pub fn count(&mut self, record: &Record) {
        let packets = record.connection.packets();
        self.connections += 1;
        self.segments += packets.originator + packets.responder;
        self.rst_storms += u64::from(record.rst_storm);
        self.unlisted += u64::from(record.unlisted);
        self.resets += record.resets.len() as u64 + u64::from(record.unlisted);
        if !record.resets.is_empty() {
            self.reset_connections += 1;
            self.stage[record.stage as usize] += 1;
        }
        for judged in &record.resets {
            self.count_reset(judged);
        }
    }

    /// Counts so many connections with one reset each that look like this.
    pub(super) fn count_like(&mut self, template: &Template, count: u64) {
        self.connections += count;
        self.segments += template.segments * count;
        self.resets += count;
        self.reset_connections += count;
        self.stage[template.stage as usize] += count;
        self.count_verdict(&template.verdict, template.who, template.progress, template.harm, count);
    }

    fn count_reset(&mut self, judged: &Judged) {
        let reset = &judged.reset;
        self.count_verdict(&judged.verdict, reset.sender.who, reset.facts.progress, reset.harm, 1);
    }

    fn count_verdict(&mut self, verdict: &Verdict, who: Who, progress: Progress, harm: Harm, count: u64) {
        self.causes[verdict.place().unwrap_or(CATALOGUE.len())] += count;
        self.who[who as usize] += count;
        self.progress[progress as usize] += count;
        let harm = match harm {
            Harm::Lost { .. } => 0,
            Harm::Unanswered => 1,
            Harm::Cut => 2,
            Harm::None(_) => 3,
            Harm::Unknown => 4,
        };
        self.harm[harm] += count;
    }

    /// Listed resets by their best cause, the most first; None is unexplained.
    pub fn by_cause(&self) -> Vec<Share<Option<CauseId>>> {
        let ids = CATALOGUE.iter().map(|card| Some(card.id)).chain([None]);
        let mut shares: Vec<_> = ids.zip(self.causes).filter(|(_, count)| *count > 0).collect();
        shares.sort_by_key(|(_, count)| core::cmp::Reverse(*count));
        shares
    }

    /// Listed resets by who sent them.
    pub fn by_sender(&self) -> Vec<Share<Who>> {
        ALL_WHO.into_iter().zip(self.who).filter(|(_, count)| *count > 0).collect()
    }

    /// Listed resets by how far their connections had come.
    pub fn by_progress(&self) -> Vec<Share<Progress>> {
        ALL_PROGRESS.into_iter().zip(self.progress).filter(|(_, count)| *count > 0).collect()
    }

    /// Connections with resets by Radar's stage.
    pub fn by_stage(&self) -> Vec<Share<Stage>> {
        ALL_STAGES.into_iter().zip(self.stage).filter(|(_, count)| *count > 0).collect()
    }

    /// Listed resets by what they cost, in the words of [`Harm::word`].
    pub fn by_harm(&self) -> Vec<Share<&'static str>> {
        HARM_WORDS.into_iter().zip(self.harm).filter(|(_, count)| *count > 0).collect()
    }

    /// Listed resets that lost data or left it unanswered.
    pub fn harmful(&self) -> u64 {
        self.harm[0] + self.harm[1]
    }

    /// Listed resets without a cause.
    pub fn unexplained(&self) -> u64 {
        self.causes[CATALOGUE.len()]
    }
}

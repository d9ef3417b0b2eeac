//! Observations as JSON: the sentences behind a finding, with the frames that they rest on.

use rst_storm_core::causes::CauseId;
use rst_storm_core::explain::FrameNumber;
use rst_storm_core::reset::{Evidence, Grounds, Sentence, Stance};
use serde::{Serialize, Serializer};

use super::moving::Moving;
use super::names::Names;
use super::shown::{Shown, Word};

/// Observations as they are told; `home` is a frame of the file that needs no naming.
#[derive(Debug)]
pub struct Told<'a, L> {
    pub(super) list: L,
    pub(super) home: u64,
    pub(super) names: &'a Names,
}

/// What observations are in, each with the cause that it rules out, if it does.
pub trait Listed {
    /// Each in turn.
    fn each(&self) -> impl Iterator<Item = (Option<CauseId>, &Evidence)>;
}

/// One observation.
#[derive(Serialize)]
struct Ground<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Word>,
    frame: Option<Moving<u64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    with_frame: Option<Moving<u64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    with_file: Option<&'a str>,
    stance: Word,
    says: Says<'a>,
}

/// What an observation says; a time that was measured moves.
#[derive(Serialize)]
#[serde(untagged)]
enum Says<'a> {
    Timed(Moving<Shown<&'a Sentence>>),
    Still(Shown<&'a Sentence>),
}

impl Listed for Grounds {
    fn each(&self) -> impl Iterator<Item = (Option<CauseId>, &Evidence)> {
        self.iter().map(|evidence| (None, evidence))
    }
}

impl Listed for Vec<(CauseId, Evidence)> {
    fn each(&self) -> impl Iterator<Item = (Option<CauseId>, &Evidence)> {
        self.iter().map(|(id, evidence)| (Some(*id), evidence))
    }
}

impl<L: Listed> Told<'_, L> {
    fn grounds(&self) -> impl Iterator<Item = Ground<'_>> {
        self.list.each().map(|(id, evidence)| {
            let mut frames = evidence.frames();
            let (frame, with_frame) = (frames.next(), frames.next());
            let elsewhere = |frame| elsewhere(frame, self.home, self.names);
            let says = Shown(&evidence.sentence);
            Ground {
                id: id.map(|id| Word(id.0)),
                frame: frame.map(number),
                with_frame: with_frame.map(number),
                file: frame.and_then(elsewhere),
                with_file: with_frame.and_then(elsewhere),
                stance: match evidence.stance {
                    Stance::For => Word("for"),
                    Stance::Against => Word("against"),
                },
                says: if evidence.sentence.is_timed() { Says::Timed(Moving(says)) } else { Says::Still(says) },
            }
        })
    }
}

impl<L: Listed> PartialEq for Told<'_, L> {
    /// Whether they are told in the same words: only times and frames move.
    fn eq(&self, other: &Self) -> bool {
        let mut others = other.list.each();
        let all = self.list.each().all(|(id, evidence)| {
            others.next().is_some_and(|(other_id, other_evidence)| {
                id.map(|id| Word(id.0)) == other_id.map(|id| Word(id.0))
                    && evidence.is_like(other_evidence)
                    && evidence
                        .frames()
                        .zip(other_evidence.frames())
                        .all(|(frame, other_frame)| input(frame, self.home) == input(other_frame, other.home))
            })
        });
        all && others.next().is_none()
    }
}

impl<L: Listed> Serialize for Told<'_, L> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.grounds())
    }
}

/// The name of a frame's file, where that isn't the record's own.
pub(super) fn elsewhere(frame: u64, home: u64, names: &Names) -> Option<&str> {
    input(frame, home).map(|_| names.of(frame))
}

/// A frame's number in its own file.
pub(super) fn number(frame: u64) -> Moving<u64> {
    Moving(FrameNumber(frame).number())
}

/// The input that a frame is in, where that isn't the record's own.
#[inline]
fn input(frame: u64, home: u64) -> Option<u16> {
    let input = FrameNumber(frame).input();
    (input != FrameNumber(home).input()).then_some(input)
}

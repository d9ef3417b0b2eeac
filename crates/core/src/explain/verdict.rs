//! What the cards say of one reset, weighed.

use core::cmp::Reverse;
use std::sync::LazyLock;

use crate::causes::{CATALOGUE, CauseId, Opinion, Recogniser, ResetCause, are_twins};
use crate::reset::{Evidence, Finding, Grounds, Reset};

/// What one card says, without its grounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    Nothing,
    Against,
    For(Finding),
}

/// A card beside the best one.
struct Other {
    card: &'static ResetCause,
    says: Says,
    /// Whether the two can't be told apart by the wire alone.
    is_twin: bool,
}

/// Why a connection was reset, as far as the wire tells.
///
/// It holds what each card says and not why: a card is a pure function, so its grounds can be had again from the same reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// A bit for each card that suggests its cause, by its place in the catalogue: those that find it possible, likely, certain.
    suggested: [u32; 3],
    /// A bit for each card that rules its cause out.
    refuted: u32,
    best: Option<(u8, Finding)>,
}

/// Asks every card.
pub fn judge(reset: &Reset) -> Verdict {
    let mut verdict = Verdict { suggested: [0; 3], refuted: 0, best: None };
    let mut best = None;
    for (place, card) in CATALOGUE.iter().enumerate() {
        match ask(card, reset) {
            Opinion::For(finding, grounds) => {
                let rank = Some(rank(card, finding, &grounds));
                if rank > best {
                    best = rank;
                    verdict.best = Some((place as u8, finding));
                }
                verdict.suggested[finding as usize] |= 1 << place;
            }
            Opinion::Against(_) => verdict.refuted |= 1 << place,
            Opinion::Silent => {}
        }
    }
    if let Some((place, Finding::Certain)) = verdict.best {
        let mut twins = verdict.others(place).filter(|other| other.is_twin);
        let in_doubt = twins.any(|Other { card, says, .. }| matches!(says, Says::For(_)) || is_for_groups(card));
        drop(twins);
        if in_doubt {
            verdict.best = Some((place, Finding::Likely));
        }
    }
    verdict
}

/// What makes one of two the better: see [`Verdict::card`].
fn rank(card: &ResetCause, finding: Finding, grounds: &Grounds) -> (Finding, bool, usize, Reverse<CauseId>) {
    (finding, card.refines.is_none(), grounds.iter().count(), Reverse(card.id))
}

/// Whether it can't be asked about one reset. A card that can and is silent has said that it makes none such.
fn is_for_groups(card: &ResetCause) -> bool {
    matches!(card.recognise, Recogniser::Group(_))
}

fn ask(card: &ResetCause, reset: &Reset) -> Opinion {
    match card.recognise {
        Recogniser::Reset(recognise) | Recogniser::Both(recognise, _) => recognise(reset),
        Recogniser::Group(_) => Opinion::Silent,
    }
}

/// For each card a bit for each of its twins: names are compared once only.
static TWINS: LazyLock<[u32; CATALOGUE.len()]> =
    LazyLock::new(|| CATALOGUE.map(|one| places(|other| are_twins(one, other))));

/// A bit for each card of this kind.
fn places(is_wanted: impl Fn(&ResetCause) -> bool) -> u32 {
    let wanted = CATALOGUE.iter().enumerate().filter(|(_, card)| is_wanted(card));
    wanted.fold(0, |all, (place, _)| all | 1 << place)
}

fn card_at(place: u8) -> &'static ResetCause {
    CATALOGUE[usize::from(place)]
}

impl Verdict {
    /// The card of the best finding. Where several are as sure: rather a cause than one that refines another, rather the one with
    /// more grounds, then the first by name. None: unexplained.
    pub fn card(&self) -> Option<&'static ResetCause> {
        self.best.map(|(place, _)| card_at(place))
    }

    /// Its name.
    pub fn cause(&self) -> Option<CauseId> {
        self.card().map(|card| card.id)
    }

    /// How sure it is.
    pub fn finding(&self) -> Option<Finding> {
        self.best.map(|(_, finding)| finding)
    }

    /// Whether its own card has refuted this cause.
    pub(super) fn refutes(&self, id: CauseId) -> bool {
        CATALOGUE.iter().enumerate().any(|(place, card)| card.id == id && self.says(place) == Says::Against)
    }

    /// The place of the best card in the catalogue.
    pub(super) fn place(&self) -> Option<usize> {
        self.best.map(|(place, _)| usize::from(place))
    }

    /// What else it may be: every other cause that is suggested, and every twin of the best that is told by groups only; the
    /// likelier first, then by name.
    pub fn twins(&self) -> Vec<(CauseId, Finding)> {
        let Some((best, _)) = self.best else { return Vec::new() };
        let mut twins: Vec<(CauseId, Finding)> = self
            .others(best)
            .filter_map(|Other { card, says, is_twin }| match says {
                Says::For(finding) => Some((card.id, finding)),
                Says::Nothing if is_twin && is_for_groups(card) => Some((card.id, Finding::Possible)),
                _ => None,
            })
            .collect();
        twins.sort_by(|(one, sure), (other, less)| less.cmp(sure).then(one.cmp(other)));
        twins
    }

    /// Twins of the best that it is not, and why. The reset is the one that was judged.
    pub fn ruled_out(&self, reset: &Reset) -> Vec<(CauseId, Evidence)> {
        let Some((best, _)) = self.best else { return Vec::new() };
        let against = self.others(best).filter(|other| other.says == Says::Against && other.is_twin);
        against
            .filter_map(|Other { card, .. }| match ask(card, reset) {
                Opinion::Against(evidence) => Some((card.id, evidence)),
                _ => None,
            })
            .collect()
    }

    /// Why it is the best. The reset is the one that was judged.
    pub fn grounds(&self, reset: &Reset) -> Grounds {
        match self.card().map(|card| ask(card, reset)) {
            Some(Opinion::For(_, grounds)) => grounds,
            _ => Grounds::NONE,
        }
    }

    /// What would decide between what is left; None where nothing is left to decide.
    pub fn would_decide(&self) -> Option<&'static str> {
        match self.best {
            Some((_, Finding::Certain)) if self.twins().is_empty() => None,
            Some((place, _)) => Some(card_at(place).decided_by),
            None => Some(
                "a capture at the other end (was it sent there at all?), or the kernel's word on the sender: the tracepoint \
                 tcp:tcp_send_reset",
            ),
        }
    }

    /// What the card at this place says.
    fn says(&self, place: usize) -> Says {
        let holds = |places: u32| places >> place & 1 != 0;
        let findings = [Finding::Possible, Finding::Likely, Finding::Certain];
        let suggested = findings.into_iter().zip(self.suggested).find(|(_, places)| holds(*places));
        match suggested {
            Some((finding, _)) => Says::For(finding),
            None if holds(self.refuted) => Says::Against,
            None => Says::Nothing,
        }
    }

    /// The cards beside the best that say anything, or are its twins, by name.
    fn others(&self, best: u8) -> impl Iterator<Item = Other> + '_ {
        let twins = TWINS[usize::from(best)];
        let heard = self.suggested.iter().fold(self.refuted, |all, some| all | some);
        let mut left = (heard | twins) & !(1 << best);
        core::iter::from_fn(move || {
            let place = left.trailing_zeros() as usize;
            let (card, says) = (*CATALOGUE.get(place)?, self.says(place));
            left &= left - 1;
            Some(Other { card, says, is_twin: twins >> place & 1 != 0 })
        })
    }
}

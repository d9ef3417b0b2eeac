//! What the cards say of one reset, weighed.

use core::cmp::Reverse;

use crate::causes::{CATALOGUE, CauseId, Opinion, Recogniser, ResetCause, are_twins};
use crate::reset::{Evidence, Finding, Grounds, Reset};

/// A cause that a reset may have.
#[derive(Clone, Copy, Debug)]
pub struct Candidate {
    /// The card.
    pub card: &'static ResetCause,
    /// How sure it is.
    pub finding: Finding,
    /// Why.
    pub grounds: Grounds,
}

/// Why a connection was reset, as far as the wire tells.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// The best finding. Where several are as sure: rather a cause than one that refines another, rather the one with more
    /// grounds, then the first by name. None: unexplained.
    pub best: Option<Candidate>,
    /// What else it may be, the likelier first, then by name: every other cause that is suggested, and every twin of the best
    /// that is told by groups only.
    pub twins: Vec<(CauseId, Finding)>,
    /// Twins of the best that it is not, and why.
    pub ruled_out: Vec<(CauseId, Evidence)>,
}

/// Asks every card.
pub fn judge(reset: &Reset) -> Verdict {
    weigh(&CATALOGUE.map(|card| (card, ask(card, reset))))
}

fn ask(card: &ResetCause, reset: &Reset) -> Opinion {
    match card.recognise {
        Recogniser::Reset(recognise) | Recogniser::Both(recognise, _) => recognise(reset),
        Recogniser::Group(_) => Opinion::Silent,
    }
}

fn weigh(opinions: &[(&'static ResetCause, Opinion)]) -> Verdict {
    let best = opinions.iter().filter_map(|(card, opinion)| match opinion {
        Opinion::For(finding, grounds) => Some((*card, *finding, grounds)),
        _ => None,
    });
    let best = best.max_by_key(|(card, finding, grounds)| rank(card, *finding, grounds));
    let Some((card, finding, grounds)) = best else {
        return Verdict::default();
    };
    let mut best = Candidate { card, finding, grounds: *grounds };
    let mut twins = Vec::new();
    let mut ruled_out = Vec::new();
    let mut doubted = false;
    for (card, opinion) in opinions.iter().filter(|(card, _)| card.id != best.card.id) {
        let twin = are_twins(card, best.card);
        // A card that judges single resets and is silent has said that it makes none such.
        let unasked = matches!(card.recognise, Recogniser::Group(_));
        match *opinion {
            Opinion::For(finding, _) => twins.push((card.id, finding)),
            Opinion::Against(evidence) if twin => ruled_out.push((card.id, evidence)),
            Opinion::Silent if twin && unasked => twins.push((card.id, Finding::Possible)),
            _ => {}
        }
        doubted |= twin && (unasked || matches!(opinion, Opinion::For(..)));
    }
    if doubted {
        best.finding = best.finding.min(Finding::Likely);
    }
    twins.sort_unstable_by(|(one, sure), (other, less)| less.cmp(sure).then(one.cmp(other)));
    Verdict { best: Some(best), twins, ruled_out }
}

/// What makes one of two the better: see [`Verdict::best`].
fn rank(card: &ResetCause, finding: Finding, grounds: &Grounds) -> (Finding, bool, usize, Reverse<CauseId>) {
    (finding, card.refines.is_none(), grounds.iter().count(), Reverse(card.id))
}

impl Verdict {
    /// The cause, if there is one.
    pub fn cause(&self) -> Option<CauseId> {
        self.best.map(|best| best.card.id)
    }

    /// What would decide between what is left; None where nothing is left to decide.
    pub fn would_decide(&self) -> Option<&'static str> {
        match self.best {
            Some(best) if self.twins.is_empty() && best.finding == Finding::Certain => None,
            Some(best) => Some(best.card.decided_by),
            None => Some(
                "a capture at the other end (was it sent there at all?), or the kernel's word on the sender: the tracepoint \
                 tcp:tcp_send_reset",
            ),
        }
    }
}

//! The wire's verdict against the kernel's word: do they agree, and what do they say together?

use super::verdict::Verdict;
use crate::causes::{CATALOGUE, CauseId, KernelWord, ResetCause};
use crate::kernel::{KernelReset, MechanismSet};
use crate::reset::Finding;

/// What the kernel of the host that a reset names said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KernelSaid {
    /// It sent the reset, by one of these mechanisms.
    Sent(MechanismSet),
    /// Nothing, though it was watched all the while and nothing was lost: its TCP didn't send the reset. So sure; certain
    /// only where it is known that trace and capture tell the same time.
    Nothing(Finding),
    /// Nobody asked it, or it can't say why.
    NotWatched(String),
}

/// How the two words stand to each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KernelCheck {
    /// All that the kernel's word allows is the best finding.
    Agrees,
    /// It allows these of what the wire suggests, and no others.
    Narrows(Vec<CauseId>),
    /// It allows neither the best finding nor a twin; these are what it allows.
    Disagrees(Vec<CauseId>),
    /// There is no word, because of this.
    NotWatched(String),
}

/// What wire and kernel say together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fused {
    /// One cause is left.
    Cause(CauseId, Finding),
    /// Several are left, at most likely; by name.
    Several(Vec<CauseId>),
    /// None: the two contradict each other.
    Nothing,
    /// There was no kernel's word: the wire's verdict stands as it is.
    AsWire,
}

/// Both in one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// How the two words stand to each other.
    pub check: KernelCheck,
    /// What they say together.
    pub fused: Fused,
}

impl KernelSaid {
    fn surety(&self) -> Finding {
        match self {
            KernelSaid::Nothing(surety) => *surety,
            _ => Finding::Certain,
        }
    }

    /// What an event says; a kernel that gives no reason, or one that isn't known, says nothing of use.
    pub fn of(event: &KernelReset) -> KernelSaid {
        let mechanisms = event.mechanisms();
        match &event.reason {
            None => KernelSaid::NotWatched("this kernel gives no reason with its resets".to_owned()),
            Some(reason) if mechanisms.is_empty() => {
                KernelSaid::NotWatched(format!("the kernel's reason {reason} names no mechanism"))
            }
            Some(_) => KernelSaid::Sent(mechanisms),
        }
    }
}

/// Brings the wire's verdict and the kernel's word together.
pub fn check(verdict: &Verdict, said: &KernelSaid) -> Checked {
    let allowed = match said {
        KernelSaid::NotWatched(why) => {
            return Checked { check: KernelCheck::NotWatched(why.clone()), fused: Fused::AsWire };
        }
        KernelSaid::Sent(mechanisms) => allowed(|card| says(card, *mechanisms)),
        KernelSaid::Nothing(_) => allowed(|card| card.kernel == KernelWord::Silent),
    };
    let suggested = suggested(verdict);
    let mut left: Vec<CauseId> = allowed.iter().copied().filter(|id| suggested.contains(id)).collect();
    drop_occasions(&mut left, said);
    let check = match (left.as_slice(), verdict.cause()) {
        ([], _) => KernelCheck::Disagrees(allowed),
        ([one], Some(best)) if *one == best => KernelCheck::Agrees,
        _ => KernelCheck::Narrows(left.clone()),
    };
    let fused = match left.as_slice() {
        [] => Fused::Nothing,
        [one] => Fused::Cause(*one, said.surety()),
        _ => Fused::Several(left),
    };
    Checked { check, fused }
}

fn allowed(allows: impl Fn(&ResetCause) -> bool) -> Vec<CauseId> {
    CATALOGUE.into_iter().filter(|card| allows(card)).map(|card| card.id).collect()
}

fn says(card: &ResetCause, mechanisms: MechanismSet) -> bool {
    match card.kernel {
        KernelWord::Says(known) => !MechanismSet::of(known).and(mechanisms).is_empty(),
        KernelWord::Silent => false,
    }
}

/// The best finding and its twins that nothing refutes. A verdict that abstains excludes only what a card itself has refuted.
fn suggested(verdict: &Verdict) -> Vec<CauseId> {
    match verdict.cause() {
        Some(best) => core::iter::once(best).chain(verdict.twins().into_iter().map(|(twin, _)| twin)).collect(),
        None => allowed(|card| !verdict.refutes(card.id)),
    }
}

/// A cause that only names another's occasion is no rival of that one, where the kernel says the same of both, as the wire does.
fn drop_occasions(left: &mut Vec<CauseId>, said: &KernelSaid) {
    let card = |id: CauseId| CATALOGUE.into_iter().find(|card| card.id == id);
    let heard = |card: &ResetCause| match (card.kernel, said) {
        (KernelWord::Says(known), KernelSaid::Sent(mechanisms)) => MechanismSet::of(known).and(*mechanisms),
        _ => MechanismSet::EMPTY,
    };
    let all = left.clone();
    left.retain(|id| {
        let Some(occasion) = card(*id) else { return true };
        let refined = occasion.refines.filter(|refined| all.contains(refined)).and_then(card);
        refined.is_none_or(|refined| heard(occasion) != heard(refined))
    });
}

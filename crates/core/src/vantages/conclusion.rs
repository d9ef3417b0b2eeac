//! What two captures say together of who sent a reset, beside what each says alone.

use super::fate::Fate;
use super::tap::Own;
use crate::causes::CauseId;
use crate::reset::{Evidence, Finding, Grounds, Who};
use crate::tcp::Side;

/// Causes whose resets somebody between the ends can have sent.
const FROM_BETWEEN: [CauseId; 9] = [
    CauseId("connection-limit"),
    CauseId("firewall-reject"),
    CauseId("forged-both-ends"),
    CauseId("forged-exact"),
    CauseId("forged-in-window"),
    CauseId("forged-out-of-window"),
    CauseId("forged-stepped"),
    CauseId("idle-timeout"),
    CauseId("syn-proxy"),
];

/// Causes whose resets no end sends.
const NEVER_OF_AN_END: [CauseId; 5] = [
    CauseId("forged-both-ends"),
    CauseId("forged-exact"),
    CauseId("forged-in-window"),
    CauseId("forged-out-of-window"),
    CauseId("forged-stepped"),
];

/// The name of the cause where each end got a reset that the other never sent.
const BOTH_ENDS: CauseId = CauseId("forged-both-ends");

/// What both captures say together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conclusion {
    /// Who sent it.
    pub who: Who,
    /// How sure that is.
    pub finding: Finding,
    /// Why; the frames are those of both captures.
    pub grounds: Grounds,
    /// The best cause that is left, and how sure that is.
    pub cause: Option<(CauseId, Finding)>,
    /// Causes that a capture alone suggests and both together refute.
    pub refuted: Vec<CauseId>,
}

/// What is known of a reset that was brought together.
pub(super) struct Case<'a> {
    pub(super) fate: &'a Fate,
    /// The side whose address it bears.
    pub(super) by: Side,
    /// What each capture alone says.
    pub(super) owns: [Option<Own>; 2],
    /// Its frames, in the captures that have it.
    pub(super) frames: [Option<u64>; 2],
    /// The capture nearer to its sender.
    pub(super) near: usize,
    /// Whether that capture lies at the sender.
    pub(super) is_at_sender: bool,
    /// The first frame of its connection there.
    pub(super) first_frame: u64,
    /// The frame of a reset to the other end which that end's peer never sent either, at about the same time.
    pub(super) other_way: Option<u64>,
    /// Its time to live and that of its sender's other segments, where it arrived, if they differ.
    pub(super) strange_ttl: bool,
}

impl Case<'_> {
    /// What follows; `None` where two captures say no more than one.
    pub(super) fn conclude(&self) -> Option<Conclusion> {
        match self.fate {
            Fate::NeverSent => Some(self.third_party()),
            Fate::Arrived | Fate::Lost | Fate::Changed(_) if self.is_at_sender => Some(self.end()),
            _ => None,
        }
    }

    fn third_party(&self) -> Conclusion {
        let frame = self.frames.into_iter().flatten().next().unwrap_or(0);
        let absent = if self.is_at_sender {
            Evidence::supports("the capture at the sender's end covers that time and has no such reset")
        } else {
            Evidence::supports("it came in between the two captures, or around the one nearer to its sender")
        };
        let mut grounds = Grounds::from(absent.on(frame).on(self.first_frame));
        if let Some(other) = self.other_way {
            grounds.add(Evidence::supports("the other end got one too that its peer never sent").on(frame).on(other));
        }
        if self.strange_ttl {
            grounds.add(Evidence::supports("its time to live isn't that of its sender's other segments").on(frame));
        }
        let alone = self.suspects(Finding::Likely);
        if alone {
            grounds.add(Evidence::supports("the capture that has it points to a third party by itself").on(frame));
        }
        let more = alone || self.strange_ttl || self.other_way.is_some();
        let finding = match (self.is_at_sender, more) {
            (true, true) => Finding::Certain,
            (true, false) | (false, true) => Finding::Likely,
            (false, false) => Finding::Possible,
        };
        let (left, refuted) = self.sort_causes(|id| FROM_BETWEEN.contains(&id));
        let cause = match (self.other_way, left) {
            (Some(_), _) => Some((BOTH_ENDS, Finding::Likely)),
            (None, Some((id, sure))) => Some((id, sure.max(finding.min(Finding::Likely)))),
            (None, None) => None,
        };
        Conclusion { who: Who::ThirdParty, finding, grounds, cause, refuted }
    }

    fn end(&self) -> Conclusion {
        let sent = self.frames[self.near].unwrap_or(0);
        let arrived = self.frames[1 - self.near];
        let left = Evidence::supports("the capture at the sender's end shows it leave").on(sent);
        let mut grounds = Grounds::from(arrived.map_or(left, |frame| left.on(frame)));
        let changed = matches!(self.fate, Fate::Changed(_));
        if changed {
            grounds.add(
                Evidence::opposes("it was changed on the way, or another put in its place").on(arrived.unwrap_or(0)),
            );
        }
        if self.suspects(Finding::Likely) {
            // A capture beside an end doesn't see what lies between that end and itself.
            grounds
                .add(Evidence::opposes("it bears marks of a third party, which then stands beside that end").on(sent));
            let (cause, _) = self.sort_causes(|_| true);
            return Conclusion { who: Who::Unknown, finding: Finding::Possible, grounds, cause, refuted: Vec::new() };
        }
        let who = match self.by {
            Side::Originator => Who::Originator,
            Side::Responder => Who::Responder,
        };
        let finding = if changed { Finding::Possible } else { Finding::Likely };
        let (cause, refuted) = self.sort_causes(|id| changed || !NEVER_OF_AN_END.contains(&id));
        Conclusion { who, finding, grounds, cause, refuted }
    }

    /// Whether a capture alone finds a third party, at least so surely.
    fn suspects(&self, least: Finding) -> bool {
        let owns = self.owns.iter().flatten();
        owns.into_iter().any(|own| own.who == Who::ThirdParty && own.finding >= least)
    }

    /// The best cause that is allowed, of the verdict that is the surest, and those that are not.
    fn sort_causes(&self, is_allowed: impl Fn(CauseId) -> bool) -> (Option<(CauseId, Finding)>, Vec<CauseId>) {
        let mut suggested: Vec<(CauseId, Finding)> = Vec::new();
        for tap in [self.near, 1 - self.near] {
            let Some(own) = self.owns[tap] else { continue };
            let best = own.verdict.cause().zip(own.verdict.finding());
            suggested.extend(best.into_iter().chain(own.verdict.twins()));
        }
        let (allowed, mut refuted): (Vec<_>, Vec<_>) = suggested.into_iter().partition(|(id, _)| is_allowed(*id));
        let best = allowed.into_iter().reduce(|best, other| if other.1 > best.1 { other } else { best });
        refuted.sort();
        let mut refuted: Vec<CauseId> = refuted.into_iter().map(|(id, _)| id).collect();
        refuted.dedup();
        (best, refuted)
    }
}

#[cfg(test)]
mod tests {
    use super::{BOTH_ENDS, FROM_BETWEEN, NEVER_OF_AN_END};
    use crate::causes;

    #[test]
    fn the_causes_that_are_named_exist() {
        for id in FROM_BETWEEN.iter().chain(&NEVER_OF_AN_END).chain([&BOTH_ENDS]) {
            assert!(causes::find(id.0).is_some(), "{id}");
        }
    }
}

//! What two captures say together of who sent a reset, beside what each says alone.

use core::cmp::Reverse;

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
    /// What else is left.
    pub others: Vec<(CauseId, Finding)>,
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
        let alone = self.suspects(1 - self.near);
        if alone {
            grounds.add(Evidence::supports("the capture that has it points to a third party by itself").on(frame));
        }
        let more = alone || self.strange_ttl || self.other_way.is_some();
        let finding = match (self.is_at_sender, more) {
            (true, true) => Finding::Certain,
            (true, false) | (false, true) => Finding::Likely,
            (false, false) => Finding::Possible,
        };
        let mut causes = self.causes(|id| FROM_BETWEEN.contains(&id));
        if self.other_way.is_some() {
            causes.left.retain(|(id, _)| *id != BOTH_ENDS);
            causes.left.insert(0, (BOTH_ENDS, Finding::Likely));
        } else if let Some((_, sure)) = causes.left.first_mut() {
            *sure = (*sure).max(finding.min(Finding::Likely));
        }
        causes.conclude(Who::ThirdParty, finding, grounds)
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
        if self.suspects(self.near) {
            // A capture beside an end doesn't see what lies between that end and itself.
            grounds
                .add(Evidence::opposes("it bears marks of a third party, which then stands beside that end").on(sent));
            return self.causes(|_| true).conclude(Who::Unknown, Finding::Possible, grounds);
        }
        let who = match self.by {
            Side::Originator => Who::Originator,
            Side::Responder => Who::Responder,
        };
        let finding = if changed { Finding::Possible } else { Finding::Likely };
        self.causes(|id| changed || !NEVER_OF_AN_END.contains(&id)).conclude(who, finding, grounds)
    }

    /// Whether a capture alone points to a third party.
    fn suspects(&self, tap: usize) -> bool {
        self.owns[tap].is_some_and(|own| own.who == Who::ThirdParty && own.finding >= Finding::Likely)
    }

    /// What the captures alone suggest, by whether it is allowed; the capture nearer to the sender, which sees more of it, first.
    fn causes(&self, is_allowed: impl Fn(CauseId) -> bool) -> Causes {
        let mut causes = Causes { left: Vec::new(), refuted: Vec::new() };
        for own in [self.near, 1 - self.near].into_iter().filter_map(|tap| self.owns[tap]) {
            let best = own.verdict.cause().zip(own.verdict.finding());
            for (id, finding) in best.into_iter().chain(own.verdict.twins()) {
                let known = causes.left.iter_mut().find(|(known, _)| *known == id);
                match known {
                    Some((_, sure)) => *sure = (*sure).max(finding),
                    None if is_allowed(id) => causes.left.push((id, finding)),
                    None => causes.refuted.push(id),
                }
            }
        }
        causes.left.sort_by_key(|(_, finding)| Reverse(*finding));
        causes.refuted.sort();
        causes.refuted.dedup();
        causes
    }
}

/// Causes that are left, the surest first, and those that are refuted.
struct Causes {
    left: Vec<(CauseId, Finding)>,
    refuted: Vec<CauseId>,
}

impl Causes {
    fn conclude(self, who: Who, finding: Finding, grounds: Grounds) -> Conclusion {
        let mut left = self.left.into_iter();
        Conclusion { who, finding, grounds, cause: left.next(), others: left.collect(), refuted: self.refuted }
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

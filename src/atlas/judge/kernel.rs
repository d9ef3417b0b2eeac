//! What the kernel said of the judged reset, by itself and together with the wire.

use rst_storm_core::causes::CauseId;
use rst_storm_core::explain::{Checked, Fused, Hearing, Judged, KernelCheck, KernelSaid, check};
use rst_storm_core::kernel::{Direction, KernelReset, Mechanism, MechanismSet, Name};
use rst_storm_core::reset::Finding;
use rst_storm_core::scenario::{Host, Tap};
use rst_storm_core::tcp::Segment;

use super::{Heard, Judging};
use crate::atlas::row::{CheckWord, KernelColumn};

/// Event and frame of one reset are this near, in nanoseconds: many plays at once keep a machine busy.
const BUSY: u64 = 50_000_000;

impl Judging<'_> {
    /// The column of the kernel, and what it and the wire together leave.
    pub(super) fn check_kernel(&mut self, tap: Option<Tap>, judged: Option<&Judged>) -> (KernelColumn, Vec<String>) {
        let column = |said, mechanisms, check, why_not| KernelColumn { said, mechanisms, check, why_not };
        let Some(judged) = judged else {
            return (column(None, Vec::new(), CheckWord::NothingToAsk, None), Vec::new());
        };
        let segment = &judged.reset.segment;
        let (said, event) = self.said(segment);
        let Checked { check: checked, fused } = check(&judged.verdict, &said);
        let mechanisms = event.as_ref().map_or(MechanismSet::EMPTY, KernelReset::mechanisms);
        if !matches!(said, KernelSaid::NotWatched(_)) {
            self.check_mechanism(mechanisms, event.as_ref(), judged);
            self.check_fused(&checked, &fused, tap);
        }
        let (word, why) = match checked {
            KernelCheck::Agrees => (CheckWord::Agrees, None),
            KernelCheck::Narrows(_) => (CheckWord::Narrows, None),
            KernelCheck::Disagrees(_) => (CheckWord::Disagrees, None),
            KernelCheck::NotWatched(why) => (CheckWord::NotWatched, Some(why)),
        };
        let fused = match fused {
            Fused::Cause(cause, _) => vec![cause.to_string()],
            Fused::Several(causes) => causes.iter().map(ToString::to_string).collect(),
            Fused::Nothing | Fused::AsWire => Vec::new(),
        };
        let names = mechanisms.names().map(str::to_owned).collect();
        (column(event.as_ref().map(words), names, word, why), fused)
    }

    /// What the kernel of the host that a reset names says of it. Silence counts only where nothing was lost during the play, and
    /// every reset that this host's TCP has counted was heard: what is lost is known only after a while.
    fn said(&self, segment: &Segment) -> (KernelSaid, Option<KernelReset>) {
        let (events, lost) = match self.heard {
            Heard::NotWatched(why) => return (KernelSaid::NotWatched(why.clone()), None),
            Heard::Listened { events, lost } => (events, *lost),
        };
        let mut hearing = Hearing::new(events.iter().cloned()).within(BUSY);
        if let Some(event) = hearing.of(segment.source, segment.destination, segment.at) {
            return (KernelSaid::of(&event), Some(event));
        }
        let host = self.addresses.host_of(segment.source.addr);
        let sent = |event: &&KernelReset| {
            event.direction == Direction::Sent && self.addresses.host_of(event.source.addr) == host
        };
        let heard = events.iter().filter(sent).count() as u64;
        let counted = host.map_or(0, |host| self.counter(host, "Tcp.OutRsts"));
        let said = if counted > heard {
            KernelSaid::NotWatched(format!("that host's OutRsts has grown by {counted}, and {heard} events were heard"))
        } else if lost > 0 {
            KernelSaid::NotWatched(format!("{lost} kernel events were lost meanwhile"))
        } else {
            // One machine, one clock.
            KernelSaid::Nothing(Finding::Certain)
        };
        (said, None)
    }

    /// With the kernel's word the mechanism is exact; where an event allows several, a counter names it.
    fn check_mechanism(&mut self, mechanisms: MechanismSet, event: Option<&KernelReset>, judged: &Judged) {
        let found = event.map_or_else(|| "no event".to_owned(), words);
        match self.chosen.play.shows.kernel {
            Some((host, mechanism)) => {
                let named = self.told_apart(mechanisms, host, judged);
                let names: Vec<&str> = named.names().collect();
                let wanted = format!("the kernel's mechanism is {}", mechanism.name());
                self.try_that(wanted, named.only() == Some(mechanism), format!("{found}: {}", names.join(", ")));
            }
            None => self.try_that("no host's TCP sent that reset", event.is_none(), found),
        }
    }

    /// A counter of the sender, or the segment that is answered, may name what its event leaves open.
    fn told_apart(&self, mechanisms: MechanismSet, host: Host, judged: &Judged) -> MechanismSet {
        if mechanisms.len() < 2 {
            return mechanisms;
        }
        let counted = |counter| self.counter(host, counter) > 0;
        // Only TCP_LINGER2 answers an acknowledgment that brings nothing.
        let bare = judged.reset.facts.offending.is_some_and(|asked| asked.len == 0 && !asked.flags.is_fin());
        let signs = [
            (Mechanism::AcceptQueueOverflow, counted("TcpExt.ListenOverflows")),
            (Mechanism::AbortOnLinger, counted("TcpExt.TCPAbortOnLinger") || bare),
        ];
        match signs.into_iter().find(|(mechanism, _)| mechanisms.contains(*mechanism)) {
            Some((mechanism, true)) => MechanismSet::of(&[mechanism]),
            Some((mechanism, false)) => mechanisms.iter().filter(|other| *other != mechanism).collect(),
            None => mechanisms,
        }
    }

    /// With the kernel's word: both together must allow the truth; where no tap can show it, the kernel must contradict the wire.
    fn check_fused(&mut self, checked: &KernelCheck, fused: &Fused, tap: Option<Tap>) {
        let truth = self.chosen.card.id;
        let names = |causes: &[CauseId]| causes.iter().map(ToString::to_string).collect::<Vec<String>>().join(", ");
        if tap.is_some_and(|tap| self.chosen.play.shows.seen_as(tap).is_some()) {
            let (holds, found) = match checked {
                KernelCheck::Disagrees(allowed) => (allowed.contains(&truth), names(allowed)),
                _ => (false, "it agrees".to_owned()),
            };
            return self.try_that(format!("the kernel contradicts the wire and allows {truth}"), holds, found);
        }
        let (holds, found) = match fused {
            Fused::Cause(cause, _) => (*cause == truth || self.chosen.card.refines == Some(*cause), cause.to_string()),
            Fused::Several(causes) => (causes.contains(&truth), names(causes)),
            Fused::Nothing | Fused::AsWire => (false, "nothing".to_owned()),
        };
        self.try_that(format!("wire and kernel together allow {truth}"), holds, found);
    }
}

fn words(event: &KernelReset) -> String {
    let name = |name: &Option<Name>| name.as_ref().map_or_else(|| "?".to_owned(), ToString::to_string);
    match event.state {
        Some(_) => format!("{}/{}", name(&event.reason), name(&event.state)),
        None => name(&event.reason),
    }
}

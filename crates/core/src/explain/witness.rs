//! A trace of one machine as a witness for a capture taken anywhere: what it says of each reset, and where it can say nothing.

use core::net::IpAddr;

use foldhash::fast::RandomState;
use hashbrown::{HashMap, HashSet};

use super::check::KernelSaid;
use super::hearing::{ClockOffset, Hearing, TOLERANCE};
use crate::capture::Timestamp;
use crate::kernel::{Direction, KernelReset};
use crate::reset::Finding;
use crate::tcp::{Endpoint, Segment, SeqNumber};

/// What a trace was, beside its events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watched {
    /// Since when, by the trace's clock.
    pub since: Timestamp,
    /// Until when; None where the trace has no end, because it was cut off.
    pub until: Option<Timestamp>,
    /// How many events were lost.
    pub lost: u64,
    /// Whether only some events were written down.
    pub filtered: bool,
    /// Why the absence of an event says nothing, where the kernel tells of some resets only.
    pub partial: Option<String>,
    /// What of it was not kept, so that memory is bounded.
    pub beyond: Option<Beyond>,
}

/// The events of a trace that are more than is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beyond {
    /// How many.
    pub events: u64,
    /// The earliest of them: from here on silence is no word.
    pub since: Timestamp,
}

impl Beyond {
    /// With one more event, of this time.
    pub fn and(beyond: Option<Beyond>, at: Timestamp) -> Beyond {
        let Beyond { events, since } = beyond.unwrap_or(Beyond { events: 0, since: at });
        Beyond { events: events + 1, since: since.min(at) }
    }
}

/// A trace that is asked about the resets of a capture, in the order of the capture.
#[derive(Debug)]
pub struct KernelWitness {
    watched: Watched,
    hearing: Hearing,
    clock: Option<ClockOffset>,
    /// The machine's own addresses, as far as its events show them.
    own: HashSet<IpAddr, RandomState>,
    /// Resets of this capture that have had their event: each may be seen at a second tap.
    heard: HashMap<(Endpoint, Endpoint, SeqNumber), Vec<Timestamp>, RandomState>,
}

impl KernelWitness {
    /// A witness with these events. `clock` makes the clocks even, where it could be estimated.
    pub fn new(watched: Watched, events: Vec<KernelReset>, clock: Option<ClockOffset>) -> KernelWitness {
        let own = |event: &KernelReset| match event.direction {
            Direction::Sent => event.source.addr,
            Direction::Taken => event.destination.addr,
        };
        let own = events.iter().map(own).collect();
        let mut witness =
            KernelWitness { watched, hearing: Hearing::new(events), clock, own, heard: HashMap::default() };
        witness.begin_capture(clock);
        witness
    }

    /// From here on it is asked about another capture, which has a clock of its own, and may show resets once more that one before
    /// it has shown.
    pub fn begin_capture(&mut self, clock: Option<ClockOffset>) {
        self.hearing.begin_capture(clock);
        self.clock = clock;
        self.heard.clear();
    }

    /// By how much the capture's clock is ahead of the trace's.
    pub fn clock(&self) -> Option<ClockOffset> {
        self.clock
    }

    /// How many resets the machine sent, by the trace.
    pub fn events(&self) -> u64 {
        self.hearing.events()
    }

    /// What of the trace was not kept.
    pub fn beyond(&self) -> Option<Beyond> {
        self.watched.beyond
    }

    /// How many of them belong to no reset that was asked about.
    pub fn unclaimed(&self) -> u64 {
        self.hearing.unclaimed()
    }

    /// What the trace says of this reset.
    pub fn said(&mut self, reset: &Segment) -> (KernelSaid, Option<KernelReset>) {
        if let Some(event) = self.hearing.of(reset.source, reset.destination, reset.at) {
            self.heard.entry((reset.source, reset.destination, reset.seq)).or_default().push(reset.at);
            return (KernelSaid::of(&event), Some(event));
        }
        let said = match self.cannot_say(reset) {
            Some(why) => KernelSaid::NotWatched(why),
            None if self.clock.is_none() => KernelSaid::Nothing(Finding::Likely),
            None => KernelSaid::Nothing(Finding::Certain),
        };
        (said, None)
    }

    /// Why the absence of an event proves nothing.
    fn cannot_say(&self, reset: &Segment) -> Option<String> {
        let Watched { since, until, lost, filtered, partial, beyond } = &self.watched;
        let at = reset.at.0.saturating_add_signed(self.clock.map_or(0, |clock| clock.offset.saturating_neg()));
        let slack = TOLERANCE.saturating_add(self.clock.map_or(0, |clock| clock.spread));
        if beyond.is_some_and(|beyond| at.saturating_add(slack) >= beyond.since.0) {
            return Some("the trace has more events than are kept, and that time lies beyond them".to_owned());
        }
        if !self.own.contains(&reset.source.addr) {
            return Some(format!("no event of the trace shows {} as the traced machine's own", reset.source.addr));
        }
        if let Some(why) = partial {
            return Some(why.clone());
        }
        if *lost > 0 {
            return Some(format!("the trace lost {lost} events"));
        }
        if *filtered {
            return Some("the trace was filtered".to_owned());
        }
        let heard = self.heard.get(&(reset.source, reset.destination, reset.seq));
        if heard.is_some_and(|times| times.iter().any(|time| time.0.abs_diff(reset.at.0) <= slack)) {
            return Some("it may be the same reset at a second tap: the first has the event".to_owned());
        }
        // The event of a frame this near to the trace's edge may lie beyond it.
        match until {
            None => Some("the trace was cut off before its end".to_owned()),
            Some(until) if at < since.0.saturating_add(slack) || at.saturating_add(slack) > until.0 => {
                Some("the trace doesn't cover that time".to_owned())
            }
            Some(_) => None,
        }
    }
}

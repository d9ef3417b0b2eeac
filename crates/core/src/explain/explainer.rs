//! The engine: follows connections, observes resets when they come, judges them when their connections end.

use super::group_table::Groups;
use super::kept::Kept;
use super::memory::Memory;
use super::record::{Judged, Record};
use super::selection::Selection;
use super::service::{ServiceId, Services};
use super::summary::Summary;
use super::tally::Tally;
use super::vantage::Vantage;
use super::verdict::judge;
use crate::capture::Timestamp;
use crate::flow::zeek::{self, ConnState, Tracked, TrackedTable};
use crate::reset::payload::Carried;
use crate::reset::{Aftermath, Earlier, EarlierEnd, Facts, Neighbours, Observed, Reset, Shape, Trace, Translated};
use crate::tcp::{Checksum, Endpoint, Segment, Side};

/// The resets of one connection that are listed; the rest are counted.
const MOST_LISTED: usize = 32;

/// Second and later resets of all open connections that are held at once; one takes about a kilobyte.
const MOST_HELD: usize = 8_192;

/// Rooms for resets that are kept for the next ones.
const MOST_SPARE: usize = 64;

/// A number this near is the same connection's: 64 KiB, a window without scaling.
const NEAR: u32 = 1 << 16;

/// What bounds an explanation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most connections that are followed at once. One takes a kilobyte, and another when it is reset.
    pub max_flows: usize,
}

impl Default for Limits {
    /// 131,072 connections.
    fn default() -> Limits {
        Limits { max_flows: 1 << 17 }
    }
}

/// What is known of a segment beside itself.
#[derive(Clone, Debug, Default)]
pub struct Aside {
    /// Its checksum.
    pub checksum: Checksum,
    /// What it carried, if it is a reset.
    pub carried: Option<Carried>,
}

/// Explains the resets in a stream of segments.
#[derive(Debug)]
pub struct Explainer {
    table: TrackedTable<Kept>,
    desk: Desk,
}

/// What all connections share.
#[derive(Debug)]
struct Desk {
    selection: Selection,
    services: Services,
    memory: Memory,
    groups: Groups,
    tally: Tally,
    held: usize,
    /// What was observed of resets that have been told of, to be used again.
    #[expect(clippy::vec_box, reason = "they are kept for their boxes")]
    spare: Vec<Box<Observed>>,
    /// The resets of the record that was told last, for its room.
    judged: Vec<Judged>,
    /// The capture is at its end: what is still open was not given up.
    finishing: bool,
}

impl Explainer {
    /// An explainer that tells of the connections that `selection` takes.
    pub fn new(limits: Limits, selection: Selection) -> Explainer {
        let desk = Desk {
            selection,
            services: Services::default(),
            memory: Memory::default(),
            groups: Groups::default(),
            tally: Tally::default(),
            held: 0,
            spare: Vec::new(),
            judged: Vec::new(),
            finishing: false,
        };
        Explainer { table: TrackedTable::new(zeek::Limits { max_connections: limits.max_flows }), desk }
    }

    /// Takes the next segment. Connections that end by it, or by the time that has passed, go to `ended`.
    pub fn push(&mut self, segment: &Segment, aside: Option<&Aside>, ended: &mut impl FnMut(&Record)) {
        let checksum = aside.map_or(Checksum::NotChecked, |aside| aside.checksum);
        let is_reset = segment.flags.is_rst();
        let translated = if is_reset && !segment.flags.is_ack() { self.translated(segment) } else { None };
        let desk = &mut self.desk;
        let tracked = self.table.push(segment, checksum, &mut |gone| desk.close(gone, ended));
        if checksum == Checksum::Bad {
            return;
        }
        let kept = &mut tracked.kept;
        if is_reset {
            let carried = aside.and_then(|aside| aside.carried.clone());
            desk.observe(kept, segment, carried, translated);
        } else {
            desk.note(kept, segment);
        }
    }

    /// Lets go of what has been silent for too long at `now`, where nothing comes in.
    pub fn expire(&mut self, now: Timestamp, ended: &mut impl FnMut(&Record)) {
        let desk = &mut self.desk;
        self.table.pass(now, &mut |gone| desk.close(gone, ended));
    }

    /// Hands over all connections that are left, and says what all of them show together.
    pub fn finish(mut self, ended: &mut impl FnMut(&Record)) -> Summary {
        let desk = &mut self.desk;
        desk.finishing = true;
        self.table.end(&mut |gone| desk.close(gone, ended));
        let (groups, ungrouped) = self.desk.groups.into_parts();
        Summary {
            tally: self.desk.tally,
            services: self.desk.services.into_list(),
            groups,
            ungrouped,
            evicted: self.table.evicted(),
        }
    }

    /// The same connection under another address: one that the reset's sender opened from this port, with the same numbers.
    fn translated(&self, reset: &Segment) -> Option<Translated> {
        let peer = self.desk.memory.opened_by(reset.source).filter(|peer| *peer != reset.destination)?;
        let known = self.table.between(reset.source, peer)?;
        let next = known.kept.trail.sender(reset.source).next?;
        let near = reset.seq.distance_from(next).unsigned_abs() <= NEAR;
        near.then_some(Translated { peer, first_frame: known.connection.first_frame })
    }
}

impl Desk {
    fn note(&mut self, kept: &mut Kept, segment: &Segment) {
        let done_before = kept.trail.handshake.is_some();
        kept.note(segment);
        if segment.flags.is_syn() {
            if segment.flags.is_ack() {
                kept.service = self.services.find(segment.source);
                if let Some(service) = kept.service {
                    let syn = kept.trail.opener().and_then(|opener| opener.syn.filter(|_| opener.syns == 1));
                    self.services.note_answer(service, segment, syn.map(|syn| segment.at.nanos_since(syn.at)));
                }
            } else {
                self.memory.note_opening(segment.source, segment.destination);
            }
        }
        let Some(service) = kept.service else { return };
        if !done_before && kept.trail.handshake.is_some() && kept.resets.is_empty() {
            kept.is_open = true;
            self.services.note_open(service);
        } else if kept.is_open && segment.flags.is_fin() && kept.has_ended(segment.source) {
            kept.is_open = false;
            self.services.note_close(service);
        }
    }

    fn observe(
        &mut self,
        kept: &mut Kept,
        segment: &Segment,
        carried: Option<Carried>,
        translated: Option<Translated>,
    ) {
        kept.trail.begin(segment);
        kept.inbound.note(segment);
        let first = kept.resets.is_empty() && kept.unlisted == 0;
        for seen in &mut kept.resets {
            seen.note(segment);
        }
        kept.storms[usize::from(kept.resets.first().is_some_and(|seen| seen.segment.source != segment.source))]
            .note(segment.at);
        if let Some(service) = kept.service {
            if core::mem::take(&mut kept.is_open) {
                self.services.note_close(service);
            }
            if first {
                self.services.note_reset(service, segment.at);
            }
        }
        let room = first || (kept.resets.len() < MOST_LISTED && self.held < MOST_HELD);
        if !room && self.selection.frame != Some(segment.frame) {
            kept.unlisted = kept.unlisted.saturating_add(1);
            return;
        }
        let facts = Facts::measure(segment, &kept.trail);
        let neighbours = self.neighbours(kept, segment, translated);
        let last_of = |source| {
            let seen = kept.resets.iter().rev().find(|seen| seen.segment.source == source)?;
            Some(Trace::of(&seen.segment))
        };
        let resets_before = [last_of(segment.source), last_of(segment.destination)];
        let resets_before = resets_before.iter().any(Option::is_some).then(|| Box::new(resets_before));
        let carried = carried.map(Box::new);
        let after = Aftermath::default();
        self.held += usize::from(!kept.resets.is_empty());
        let segment = *segment;
        let seen = Observed { segment, facts, after, neighbours, carried, first, resets_before };
        kept.resets.push(match self.spare.pop() {
            Some(mut room) => {
                *room = seen;
                room
            }
            None => Box::new(seen),
        });
    }

    fn neighbours(&mut self, kept: &Kept, reset: &Segment, translated: Option<Translated>) -> Neighbours {
        let (sender, victim) = (reset.source, reset.destination);
        let unopened = kept.trail.opener().is_none() || kept.trail.answerer().is_none();
        let earlier = if unopened { self.memory.earlier(sender, victim) } else { None };
        // A refused SYN has found no service yet: the refusal itself names the address and port.
        let service = match kept.service {
            None if Shape::of(reset, &kept.trail) == Shape::Refusal => self.services.find(sender),
            known => known,
        };
        let service = service.map(|service| self.services.known(service)).unwrap_or_default();
        Neighbours { earlier, translated, service }
    }

    /// A connection is over, or forgotten: judges its resets and hands over its record.
    fn close(&mut self, gone: &mut Tracked<Kept>, ended: &mut impl FnMut(&Record)) {
        let Tracked { connection, kept } = gone;
        let originator = connection.originator;
        if let Some(service) = kept.service.filter(|_| kept.is_open) {
            self.services.note_close(service);
        }
        if !self.finishing {
            self.remember(connection, kept);
        }
        self.held -= kept.resets.len().saturating_sub(1).min(self.held);
        let side = |source: Endpoint| if source == originator { Side::Originator } else { Side::Responder };
        let broke_off = !self.finishing && !matches!(connection.conn_state(), ConnState::SF);
        let flipped = connection.history.to_string().starts_with('^');
        let (stage, signature) = kept.inbound.judge(broke_off, !kept.resets.is_empty(), flipped);
        let mut record = Record {
            stage,
            signature,
            vantage: Vantage::of(&kept.trail, originator),
            rst_storm: kept.storms.iter().any(|storm| storm.raged),
            unlisted: kept.unlisted,
            resets: core::mem::take(&mut self.judged),
            connection: connection.clone(),
        };
        let mut over = false;
        for mut observed in kept.resets.drain(..) {
            let by = side(observed.segment.source);
            // One that its victim didn't take ended nothing: what it would have cost, the next one costs.
            observed.first = !over;
            over |= observed.was_taken();
            let reset = Reset::of(observed, by);
            let verdict = judge(&reset);
            record.resets.push(Judged { reset, verdict, group: None });
        }
        if self.selection.takes(&record) {
            self.count(&mut record, kept.service);
            ended(&record);
        }
        self.spare.extend(record.resets.drain(..).map(|judged| judged.reset.into()));
        self.spare.truncate(MOST_SPARE);
        self.judged = record.resets;
    }

    fn remember(&mut self, connection: &zeek::Connection, kept: &Kept) {
        let end = if !kept.resets.is_empty() {
            EarlierEnd::Reset
        } else if kept.has_ended(connection.originator) {
            EarlierEnd::Closed
        } else {
            EarlierEnd::Silent
        };
        let (first_frame, last_seen) = (connection.first_frame, connection.last_seen);
        let seen = |end| kept.trail.sender(end).next.is_some();
        let both_ways = seen(connection.originator) && seen(connection.responder);
        let earlier = Earlier { end, first_frame, last_seen, sender: Side::Originator, both_ways, sender_next: None };
        self.memory.remember(connection.originator, connection.responder, earlier, &kept.trail);
    }

    fn count(&mut self, record: &mut Record, service: Option<ServiceId>) {
        self.tally.count(record);
        let known = service.filter(|service| self.services.at(*service).endpoint == record.connection.responder);
        if let Some(service) = known.or_else(|| self.services.find(record.connection.responder)) {
            let first = record.resets.first().map(|judged| judged.reset.sender.who);
            let harmful = record.resets.iter().any(|judged| judged.reset.harm.is_harmful());
            self.services.at(service).count(first, harmful);
        }
        for place in 0..record.resets.len() {
            let group = self.groups.count(&record.resets[place], record);
            record.resets[place].group = group;
        }
    }
}

//! The desk: what all connections share while they are explained, and where they end up as records and sums.

use super::detail::Detail;
use super::group::Counted;
use super::group_table::Groups;
use super::kept::{Closed, Kept};
use super::likeness::{Likeness, Template, TemplateId, Templates};
use super::memory::Memory;
use super::record::{Judged, Record};
use super::selection::Selection;
use super::service::{ServiceId, Services};
use super::tally::Tally;
use super::vantage::Vantage;
use super::verdict::{Verdict, judge};
use crate::flow::zeek::{ConnState, Connection, Tracked};
use crate::reset::payload::Carried;
use crate::reset::{Earlier, EarlierEnd, Neighbours, Observed, Reset, Shape, Translated, Who};
use crate::tcp::{Endpoint, Segment, SeqNumber, Side};

/// The resets of one connection that are listed; the rest are counted.
const MOST_LISTED: usize = 32;

/// Second and later resets of all open connections that are held at once; one takes about a kilobyte.
const MOST_HELD: usize = 8_192;

/// Rooms for resets that are kept for the next ones.
const MOST_SPARE: usize = 64;

/// What all connections share.
#[derive(Debug, Default)]
pub(super) struct Desk {
    pub(super) selection: Selection,
    /// Only sums are asked for.
    pub(super) summing: bool,
    pub(super) services: Services,
    pub(super) memory: Memory,
    pub(super) groups: Groups,
    pub(super) tally: Tally,
    templates: Templates,
    held: usize,
    /// What was observed of resets that have been told of, to be used again.
    #[expect(clippy::vec_box, reason = "they are kept for their boxes")]
    spare: Vec<Box<Observed>>,
    /// The resets of the record that was told last, for its room.
    judged: Vec<Judged>,
    /// The conclusions of the last connection that was young to its end, for their room.
    scratch: Option<Box<Detail>>,
    /// The capture is at its end: what is still open was not given up.
    pub(super) finishing: bool,
}

impl Desk {
    /// Takes a segment that is no reset and is already counted in its connection.
    pub(super) fn note(&mut self, tracked: &mut Tracked<Kept>, segment: &Segment) {
        let end = usize::from(segment.source != tracked.ends()[0]);
        let kept = &mut tracked.kept;
        kept.standing.note(end, segment, &mut self.services, &mut self.memory);
        match &mut kept.detail {
            Some(detail) => detail.note(segment),
            // What follows a reset makes it another case.
            None => (kept.like, kept.is_plain) = (None, false),
        }
    }

    /// Takes a reset that is already counted in its connection.
    pub(super) fn observe(
        &mut self,
        tracked: &mut Tracked<Kept>,
        segment: &Segment,
        carried: Option<Carried>,
        translated: Option<Translated>,
    ) {
        tracked.kept.standing.note_reset(segment.at, &mut self.services);
        let neighbours = self.neighbours(&tracked.kept, segment, translated);
        if tracked.young().is_none() {
            self.list(&mut tracked.kept, segment, neighbours, carried);
            return;
        }
        tracked.kept.service_then = neighbours.service;
        if carried.is_some() || neighbours.earlier.is_some() || neighbours.translated.is_some() {
            tracked.grow();
            let detail = tracked.kept.detail.as_mut();
            if let Some(reset) = detail.and_then(|detail| detail.resets.last_mut()) {
                reset.neighbours = neighbours;
                reset.carried = carried.map(Box::new);
            }
            return;
        }
        tracked.kept.is_plain = true;
        tracked.kept.like = self.like(tracked).map(|id| {
            let closed = if self.templates.at(id).has_closed { Closed::Yes } else { Closed::No };
            (id, closed)
        });
    }

    /// One that looked like this young connection.
    fn like(&self, tracked: &Tracked<Kept>) -> Option<TemplateId> {
        let mut likeness = Likeness::default();
        likeness.describe(tracked.young()?, &tracked.kept.service_then)?;
        self.templates.find(&likeness)
    }

    /// Lists a reset of a connection that has grown, or counts it.
    fn list(&mut self, kept: &mut Kept, segment: &Segment, neighbours: Neighbours, carried: Option<Carried>) {
        let Some(detail) = &mut kept.detail else { return };
        let first = detail.resets.is_empty() && detail.unlisted == 0;
        detail.note_reset(segment);
        let room = first || (detail.resets.len() < MOST_LISTED && self.held < MOST_HELD);
        if !room && self.selection.frame != Some(segment.frame) {
            detail.unlisted = detail.unlisted.saturating_add(1);
            return;
        }
        self.held += usize::from(!detail.resets.is_empty());
        detail.observe(segment, neighbours, carried, self.spare.pop());
    }

    fn neighbours(&mut self, kept: &Kept, reset: &Segment, translated: Option<Translated>) -> Neighbours {
        let standing = &kept.standing;
        let earlier = if standing.is_opened() { None } else { self.memory.earlier(reset.source, reset.destination) };
        // A refused SYN has found no service yet: the refusal itself names the address and port.
        let service = match standing.service {
            None if Shape::is_refusal(reset) => self.services.find(reset.source),
            known => known,
        };
        let service = service.map(|service| self.services.known(service)).unwrap_or_default();
        Neighbours { earlier, translated, service }
    }

    /// A connection is over, or forgotten: judges its resets and hands over its record.
    pub(super) fn close(&mut self, gone: &mut Tracked<Kept>, ended: &mut impl FnMut(&mut Record)) {
        gone.kept.standing.end(&mut self.services);
        if self.count_like_another(gone) {
            return;
        }
        let mut scratch = self.scratch.take().unwrap_or_default();
        if let Some(young) = gone.young() {
            scratch.clear();
            scratch.replay(young, gone.kept.service_then, self.spare.pop());
        }
        let connection = gone.connection();
        let detail = gone.kept.detail.as_mut().unwrap_or(&mut scratch);
        let (service, ended_by) = (gone.kept.standing.service, &gone.kept.standing);
        if !self.finishing {
            let end = match (ended_by.is_reset, ended_by.has_ended()) {
                (true, _) => EarlierEnd::Reset,
                (false, true) => EarlierEnd::Closed,
                (false, false) => EarlierEnd::Silent,
            };
            let next = [connection.originator, connection.responder].map(|end| detail.trail.sender(end).next);
            self.remember(&connection, end, next);
        }
        let like = gone.kept.like.map(|(like, _)| self.templates.at(like).verdict);
        let mut record = self.record(connection, detail, like);
        let plain = gone.young().filter(|_| gone.kept.is_plain && gone.kept.like.is_none());
        let mut likeness = Likeness::default();
        let described = plain.and_then(|young| likeness.describe(young, &gone.kept.service_then));
        if let (Some(()), [judged]) = (described, record.resets.as_slice()) {
            self.templates.learn(&likeness, template(&record, judged));
        }
        if self.selection.takes(&record) {
            self.count(&mut record, service);
            ended(&mut record);
        }
        self.spare.extend(record.resets.drain(..).map(|judged| judged.reset.into()));
        self.spare.truncate(MOST_SPARE);
        self.judged = record.resets;
        self.scratch = Some(scratch);
    }

    /// Judges the resets of a connection; the one of a connection that looks like another as that one's was.
    fn record(&mut self, connection: Connection, detail: &mut Detail, like: Option<Verdict>) -> Record {
        let originator = connection.originator;
        self.held -= detail.resets.len().saturating_sub(1).min(self.held);
        let side = |source: Endpoint| if source == originator { Side::Originator } else { Side::Responder };
        let broke_off = !self.finishing && connection.conn_state() != ConnState::SF;
        let reset = !detail.resets.is_empty();
        let (stage, signature) = detail.inbound.judge(broke_off, reset, connection.history.is_flipped());
        let mut record = Record {
            stage,
            signature,
            vantage: Vantage::of(&detail.trail, originator),
            rst_storm: detail.has_raged(),
            unlisted: detail.unlisted,
            resets: core::mem::take(&mut self.judged),
            connection,
        };
        let mut over = false;
        for mut observed in detail.resets.drain(..) {
            let by = side(observed.segment.source);
            // One that its victim didn't take ended nothing: what it would have cost, the next one costs.
            observed.first = !over;
            over |= observed.was_taken();
            let reset = Reset::of(observed, by);
            let verdict = like.unwrap_or_else(|| judge(&reset));
            debug_assert!(like.is_none() || verdict == judge(&reset), "a likeness that leaves out what decides");
            record.resets.push(Judged { reset, verdict, group: None });
        }
        record
    }

    fn remember(&mut self, connection: &Connection, end: EarlierEnd, next: [Option<SeqNumber>; 2]) {
        let (first_frame, last_seen) = (connection.first_frame, connection.last_seen);
        let both_ways = next.iter().all(Option::is_some);
        let earlier = Earlier { end, first_frame, last_seen, sender: Side::Originator, both_ways, sender_next: None };
        self.memory.remember([connection.originator, connection.responder], next, earlier);
    }

    fn count(&mut self, record: &mut Record, service: Option<ServiceId>) {
        self.tally.count(record);
        let first = record.resets.first().map(|judged| judged.reset.sender.who);
        let harmful = record.resets.iter().any(|judged| judged.reset.harm.is_harmful());
        self.count_service(record.connection.responder, service, first, harmful);
        for place in 0..record.resets.len() {
            let group = self.groups.count(&record.resets[place], record);
            record.resets[place].group = group;
        }
    }

    fn count_service(&mut self, responder: Endpoint, known: Option<ServiceId>, first: Option<Who>, harmful: bool) {
        let known = known.filter(|service| self.services.at(*service).endpoint == responder);
        if let Some(service) = known.or_else(|| self.services.find(responder)) {
            self.services.at(service).count(first, harmful);
        }
    }

    /// Where only sums are asked for, counts a connection by one that looked the same. False where it has to be judged by itself.
    fn count_like_another(&mut self, gone: &Tracked<Kept>) -> bool {
        let Some(young) = gone.young().filter(|_| self.summing && gone.kept.is_plain) else { return false };
        // Its like may have been judged since.
        let known = gone.kept.like.map(|(like, _)| like);
        let Some(like) = known.or_else(|| self.like(gone)) else { return false };
        let template = self.templates.at(like);
        let [originator, responder] = young.ends();
        let [.., before, reset] = young.lines() else { return false };
        let counted = Counted {
            at: reset.at,
            frame: reset.frame,
            victim: if reset.sender() == 0 { responder.addr } else { originator.addr },
            port: responder.port,
            harm: template.harm,
            silence: reset.at.nanos_since(before.at),
            open: gone.kept.service_then.open,
        };
        if !self.groups.count_like((like, template), responder, &counted) {
            return false;
        }
        self.tally.count_like(template);
        let (who, harmful) = (template.who, template.harm.is_harmful());
        if !self.finishing {
            let next = young.next();
            let both_ways = next.iter().all(Option::is_some);
            let earlier = Earlier {
                end: EarlierEnd::Reset,
                first_frame: young.first_frame(),
                last_seen: reset.at,
                sender: Side::Originator,
                both_ways,
                sender_next: None,
            };
            self.memory.remember([originator, responder], next, earlier);
        }
        self.count_service(responder, gone.kept.standing.service, Some(who), harmful);
        true
    }
}

fn template(record: &Record, judged: &Judged) -> Template {
    let packets = record.connection.packets();
    Template {
        segments: packets.originator + packets.responder,
        who: judged.reset.sender.who,
        by: judged.reset.by,
        shape: judged.reset.facts.shape,
        progress: judged.reset.facts.progress,
        stage: record.stage,
        harm: judged.reset.harm,
        verdict: judged.verdict,
        has_closed: record.connection.has_closed(),
    }
}

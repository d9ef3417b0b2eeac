//! The desk: what all connections share while they are explained, and where they end up as records and sums.

mod patterns;

use super::alike::{Alike, Outline};
use super::brief::Brief;
use super::detail::Detail;
use super::ended::Ended;
use super::group::Counted;
use super::group_table::Groups;
use super::kept::Kept;
use super::likeness::{Known, Likeness, Template, TemplateId, Templates, describe_service};
use super::memory::Memory;
use super::opening::Effect;
use super::record::{Judged, Record};
use super::selection::Selection;
use super::service::{Answer, ServiceId, Services};
use super::standing::{Standing, Visit};
use super::tally::Tally;
use super::vantage::Vantage;
use super::verdict::{Verdict, judge};
use crate::capture::Timestamp;
use crate::flow::pair::Pair;
use crate::flow::zeek::{ConnState, Connection, Tracked, Young};
use crate::reset::payload::Carried;
use crate::reset::{EarlierEnd, Harm, Neighbours, Observed, Reset, Service, Shape, Translated};
use crate::tcp::{Endpoint, Segment, Side};

/// The resets of one connection that are listed; the rest are counted.
const MOST_LISTED: usize = 32;

/// Second and later resets of all open connections that are held at once; one takes about a kilobyte.
const MOST_HELD: usize = 8_192;

/// The rows of like connections that are counted side by side.
const MOST_ROWS: usize = 8;

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
    /// Connections in a row that looked the same; a storm has a few such rows side by side.
    rows: Vec<Row>,
    /// The one that was added to last: mostly it is the next one's too.
    row: usize,
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

/// What was seen when a brief connection was reset.
#[derive(Debug)]
pub(super) struct Seen {
    /// Whose state it came into.
    pub(super) service: Option<ServiceId>,
    pub(super) like: Option<TemplateId>,
    pub(super) has_closed: bool,
    /// What is to be known of it if it ends as it is. None where it has to be looked at again.
    pub(super) closing: Option<Alike>,
}

/// Connections that ended one after the other, look the same and had the same responder: they are added to the sums together.
#[derive(Debug)]
struct Row {
    like: TemplateId,
    responder: Endpoint,
    service: Option<ServiceId>,
    counted_at: Option<ServiceId>,
    group: usize,
    harm: Harm,
    count: u64,
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

    /// Takes a segment of a brief connection between its SYN and its reset, which does this.
    #[inline(always)]
    pub(super) fn pass_brief(&mut self, visit: &mut Visit, brief: &Brief, line: u8, effect: Effect) {
        if effect.answers() {
            let young = &brief.young;
            let (frame, line) = (young.frame(line.into()), &young.lines()[usize::from(line)]);
            let (ttl, at) = (line.ttl(), young.at(line));
            let answer = Answer { frame, ttl, at, trip: brief.opening.round_trip(at) };
            visit.answer(&young.ends()[line.sender()], answer, &mut self.services);
        }
        visit.take(effect, &mut self.services);
    }

    /// Takes a reset that is already counted in its connection.
    pub(super) fn observe(
        &mut self,
        tracked: &mut Tracked<Kept>,
        segment: &Segment,
        carried: Option<Carried>,
        translated: Option<Translated>,
    ) {
        tracked.kept.standing.visit.note_reset(segment.at, &mut self.services);
        self.observe_noted(tracked, segment, carried, translated);
    }

    /// The same, once its service was told.
    pub(super) fn observe_noted(
        &mut self,
        tracked: &mut Tracked<Kept>,
        segment: &Segment,
        carried: Option<Carried>,
        translated: Option<Translated>,
    ) {
        let neighbours = self.neighbours(&tracked.kept.standing, segment, translated);
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
        let like = self.like_of(tracked);
        (tracked.kept.like, tracked.kept.has_closed) = (like, self.has_closed(like));
    }

    fn has_closed(&self, like: Option<TemplateId>) -> bool {
        like.is_some_and(|like| self.templates.at(like).has_closed)
    }

    /// One that looked like this young connection.
    fn like_of(&mut self, tracked: &Tracked<Kept>) -> Option<TemplateId> {
        let young = tracked.young()?;
        self.like(&Likeness::of(young)?, &tracked.kept.service_then, young.last_at())
    }

    /// The same, of which the next is likely to look like this one too.
    #[inline]
    fn like_known(&mut self, likeness: &Likeness, known: &mut Known, service: u64) -> Option<TemplateId> {
        if let Some((_, template)) = known.filter(|(then, _)| *then == service) {
            return Some(template);
        }
        let found = self.templates.find(likeness, service)?;
        *known = Some((service, found));
        Some(found)
    }

    #[inline]
    fn like(&mut self, likeness: &Likeness, service: &Service, reset_at: Timestamp) -> Option<TemplateId> {
        self.templates.find(likeness, describe_service(service, reset_at)?)
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

    /// Takes the reset of a brief connection, which isn't kept yet: what it looks like was found before, with its template where
    /// that is known. None where an earlier connection may be behind it: it has to be observed like any other, which is counted already.
    #[inline(always)]
    pub(super) fn observe_brief(
        &mut self,
        visit: &mut Visit,
        reset: &Segment,
        brief: &Brief,
        reset_at: Timestamp,
        (likeness, known): (&Likeness, &mut Known),
    ) -> Option<Seen> {
        visit.note_reset(reset_at, &mut self.services);
        if !brief.opening.is_whole() && self.memory.earlier(reset.source, reset.destination).is_some() {
            return None;
        }
        let service = self.service_behind(*visit, reset);
        let state = self.services.state(service);
        let (open, described) = (state.open, describe_service(state, reset_at));
        let like = described.and_then(|described| self.like_known(likeness, known, described));
        let has_closed = self.has_closed(like);
        let outline = brief.outline;
        let closing = like.filter(|like| self.summing || self.is_told(*like)).map(|like| Alike {
            like,
            service: visit.service,
            open,
            has_closed,
            outline,
        });
        Some(Seen { service, like, has_closed, closing })
    }

    /// The service that a reset refers to. A refused SYN has found none yet: the refusal itself names the address and port.
    #[inline(always)]
    fn service_behind(&mut self, visit: Visit, reset: &Segment) -> Option<ServiceId> {
        match visit.service {
            None if Shape::is_refusal(reset) => self.services.find(&reset.source),
            known => known,
        }
    }

    fn neighbours(&mut self, standing: &Standing, reset: &Segment, translated: Option<Translated>) -> Neighbours {
        let is_opened = standing.opening.is_whole();
        let earlier = if is_opened { None } else { self.memory.earlier(reset.source, reset.destination) };
        let service = self.service_behind(standing.visit, reset);
        Neighbours { earlier, translated, service: *self.services.state(service) }
    }

    /// A connection is over, or forgotten: judges its resets and hands over its record.
    pub(super) fn close(&mut self, gone: &mut Tracked<Kept>, ended: &mut impl Ended) {
        gone.kept.standing.visit.end(&mut self.services);
        if self.count_like_another(gone) || self.tell_by_pattern(gone, ended) {
            return;
        }
        let mut scratch = self.scratch.take().unwrap_or_default();
        if let Some(young) = gone.young() {
            scratch.clear();
            scratch.replay(young, gone.kept.service_then, self.spare.pop());
        }
        let connection = gone.connection();
        let detail = gone.kept.detail.as_mut().unwrap_or(&mut scratch);
        let (service, ended_by) = (gone.kept.standing.visit.service, &gone.kept.standing);
        if !self.finishing {
            let end = match (ended_by.visit.is_reset, ended_by.has_ended()) {
                (true, _) => EarlierEnd::Reset,
                (false, true) => EarlierEnd::Closed,
                (false, false) => EarlierEnd::Silent,
            };
            let next = [connection.originator, connection.responder].map(|end| detail.trail.sender(end).next);
            let (ends, seen) =
                ([connection.originator, connection.responder], (connection.first_frame, connection.last_seen));
            self.memory.remember(&Pair::of(&ends[0], &ends[1]), ends.each_ref(), next, end, seen);
        }
        let like = gone.kept.like.map(|like| self.templates.at(like).verdict);
        let mut record = self.record(connection, detail, like);
        // One that goes on after both sides have closed is not remembered to its last segment, as those are that look like another.
        let is_plain = gone.kept.is_plain && gone.kept.like.is_none() && !record.connection.is_outlived;
        let plain = gone.young().filter(|_| is_plain);
        let described = plain.and_then(|young| {
            Some((Likeness::of(young)?, describe_service(&gone.kept.service_then, young.last_at())?))
        });
        let learned = match (described, record.resets.as_slice()) {
            (Some((likeness, service)), [judged]) => {
                self.templates.learn(&likeness, service, template(&record, judged))
            }
            _ => None,
        };
        if self.selection.takes(&record) {
            self.count(&mut record, service);
            if let (Some(like), Some(young)) = (learned, gone.young()) {
                self.learn_pattern(like, young, &gone.kept.service_then, &record, ended);
            }
            ended.record(&mut record);
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

    fn count(&mut self, record: &mut Record, service: Option<ServiceId>) {
        self.tally.count(record);
        let first = record.resets.first().map(|judged| judged.reset.sender.who);
        let harmful = record.resets.iter().any(|judged| judged.reset.harm.is_harmful());
        if let Some(service) = self.service_of(record.connection.responder, service) {
            self.services.at(service).count(first, harmful, 1);
        }
        for place in 0..record.resets.len() {
            let group = self.groups.count(&record.resets[place], record);
            record.resets[place].group = group;
        }
    }

    /// Where only sums are asked for, counts a connection by one that looked the same. False where it has to be judged by itself.
    fn count_like_another(&mut self, gone: &Tracked<Kept>) -> bool {
        let Some((young, like)) = self.plain(gone).filter(|_| self.summing) else { return false };
        self.count_by(like, &gone.kept, young)
    }

    /// A young connection that looked the same as another, which may have been judged since.
    fn plain<'a>(&mut self, gone: &'a Tracked<Kept>) -> Option<(&'a Young, TemplateId)> {
        let young = gone.young().filter(|_| gone.kept.is_plain)?;
        Some((young, gone.kept.like.or_else(|| self.like_of(gone))?))
    }

    fn count_by(&mut self, like: TemplateId, kept: &Kept, young: &Young) -> bool {
        let [first, second] = young.ends();
        let (pair, is_lesser) = Pair::in_order(first, second);
        let Some(alike) = self.alike(like, kept, young, is_lesser) else { return false };
        self.count_alike(&alike, &pair, [first, second], young.last_at())
    }

    fn alike(&self, like: TemplateId, kept: &Kept, young: &Young, is_lesser: bool) -> Option<Alike> {
        let (service, open) = (kept.standing.visit.service, kept.service_then.open);
        let (has_closed, outline) = (self.has_closed(Some(like)), Outline::of(young, is_lesser)?);
        Some(Alike { like, service, open, has_closed, outline })
    }

    /// The same where it is known what is to be counted; the connection may be gone.
    #[inline(always)]
    pub(super) fn count_alike(
        &mut self,
        alike: &Alike,
        pair: &Pair,
        [first, second]: [&Endpoint; 2],
        reset_at: Timestamp,
    ) -> bool {
        let Some(place) = self.row_of(alike, second) else { return false };
        let row = &mut self.rows[place];
        row.count += 1;
        let counted = Counted {
            at: reset_at,
            frame: alike.outline.reset_frame,
            victim: if alike.outline.resetter == 0 { second.addr } else { first.addr },
            port: second.port,
            harm: row.harm,
            silence: alike.outline.silence.into(),
            open: alike.open,
        };
        self.groups.count_at(row.group, &counted);
        if !self.finishing {
            let seen = (alike.outline.first_frame(), reset_at);
            self.memory.remember(pair, [first, second], alike.outline.next(), EarlierEnd::Reset, seen);
        }
        true
    }

    /// The row of connections that look like this one. None where its service has no group of such.
    #[inline]
    fn row_of(&mut self, alike: &Alike, responder: &Endpoint) -> Option<usize> {
        let is_it = |row: &Row| row.like == alike.like && row.responder == *responder && row.service == alike.service;
        if !self.rows.get(self.row).is_some_and(is_it) {
            self.row = self.rows.iter().position(is_it).or_else(|| self.begin_row(alike, *responder))?;
        }
        Some(self.row)
    }

    /// From here on connections are counted that look like this one.
    #[inline(never)]
    fn begin_row(&mut self, alike: &Alike, responder: Endpoint) -> Option<usize> {
        if self.rows.len() == MOST_ROWS {
            self.end_rows();
        }
        let template = self.templates.at(alike.like);
        let group = self.groups.find_like(template, responder)?;
        let (harm, like, service) = (template.harm, alike.like, alike.service);
        let counted_at = self.service_of(responder, service);
        self.rows.push(Row { like, responder, service, counted_at, group, harm, count: 0 });
        Some(self.rows.len() - 1)
    }

    /// Adds what was counted in rows to the sums.
    pub(super) fn end_rows(&mut self) {
        for row in self.rows.drain(..) {
            let template = self.templates.at(row.like);
            self.tally.count_like(template, row.count);
            if let Some(service) = row.counted_at {
                self.services.at(service).count(Some(template.who), template.harm.is_harmful(), row.count);
            }
        }
    }

    /// The service that a connection to this responder is counted at.
    fn service_of(&mut self, responder: Endpoint, known: Option<ServiceId>) -> Option<ServiceId> {
        let known = known.filter(|service| self.services.at(*service).endpoint == responder);
        known.or_else(|| self.services.find(&responder))
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
        told_in: None,
    }
}

//! The observer: one ring over both bridge ports, each segment counted once, where it entered the bridge.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rst_storm_core::capture::{Direction, Frame, FrameSource};
use rst_storm_core::flow::{CloseKind, Event, Flow, FlowTable, Indicators, Limits, Sides};
use rst_storm_core::tcp::{Endpoint, Flags, Segment, SeqNumber, Side};
use rst_storm_core::wire::{SkipCounts, decode};
use rst_storm_linux::link::Links;
use rst_storm_linux::packet_socket::{PacketRing, RingConfig};
use rst_storm_linux::{Result, usage};

use super::capture_file::{CaptureFile, CaptureResult};
use super::topology::{DESTINATION_LINK, SOURCE_LINK};
use crate::storm::roll::Roll;

/// Whose connections are the storm's: the client's host and the server's endpoint. All others are foreign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service {
    /// Where the client is.
    pub client: IpAddr,
    /// Where the server listens.
    pub server: Endpoint,
}

impl Service {
    fn is_between(&self, one: Endpoint, other: Endpoint) -> bool {
        (one == self.server && other.addr == self.client) || (other == self.server && one.addr == self.client)
    }
}

/// The wire's word on one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WireWord {
    /// The frame of its SYN.
    pub frame: u64,
    /// Whether the three-way handshake was seen.
    pub handshake: bool,
    /// How it ended.
    pub close: CloseKind,
    /// Whether the responder reset it after the handshake began.
    pub reset_by_responder: bool,
}

/// What the wire says of the storm's connections in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct WireTally {
    /// Connections by SYN: distinct in tuple and initial sequence number.
    pub syns: u64,
    /// SYN segments beyond these: retransmissions.
    pub syn_retransmissions: u64,
    /// Connections whose three-way handshake was seen.
    pub handshakes: u64,
    /// Connections that a RST of the destination ended, refused ones not included.
    pub reset: u64,
    /// Connections that were refused.
    pub refused: u64,
    /// Connections with a FIN of either side.
    pub fin: u64,
    /// RST segments of the destination.
    pub destination_rst_segments: u64,
    /// Of these, further ones of a connection already reset or refused: replies to late data.
    pub late_replies: u64,
    /// Of these, ones that belong to no connection whose SYN was seen.
    pub stray_resets: u64,
    /// RST segments of the source.
    pub source_rst_segments: u64,
    /// Connections that the source reset while it waited for their SYN-ACK: it refused a stale ACK.
    pub reset_in_syn_sent: u64,
    /// Connections that the source reset after both sides had sent a FIN: it answered a second ACK.
    pub reset_after_close: u64,
}

/// What passes on the wire, for the live status.
#[derive(Clone, Copy, Debug, Default)]
pub struct WireProgress {
    /// Connections opened.
    pub flows: u64,
    /// Of these, with a RST.
    pub reset: u64,
    /// Of these, with a FIN.
    pub fin: u64,
    /// Frames that the ring dropped.
    pub dropped: u64,
}

/// What the observer brings home.
#[derive(Debug, Default)]
pub struct Observation {
    /// JitterTrap's indicators of the storm's connections.
    pub indicators: Indicators,
    /// The wire's counts.
    pub tally: WireTally,
    /// Segments counted, the storm's and others.
    pub segments: u64,
    /// Segments that left a port without having entered the bridge: made by the observer's own host.
    pub made_here: u64,
    /// Connections that are not the storm's.
    pub foreign_flows: u64,
    /// One of them, as an example.
    pub foreign_example: Option<(Endpoint, Endpoint)>,
    /// Frames that are no TCP segments.
    pub skips: SkipCounts,
    /// Frames that the ring dropped.
    pub dropped: u64,
    /// Connections let go before their end for want of room.
    pub evicted: u64,
    /// The storm's connections one by one.
    pub roll: Roll<WireWord>,
    /// The capture file, if one was asked for.
    pub capture: Option<CaptureResult>,
    /// Processor time of the observer's thread.
    pub cpu: Duration,
}

/// What the observer shares with the thread that prints the live status and ends it.
#[derive(Debug, Default)]
pub struct Window {
    ended: AtomicBool,
    progress: Mutex<WireProgress>,
}

impl Window {
    /// Tells the observer that all segments have been sent; it ends when it has read what is still in its ring.
    pub fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }

    /// Whether the observer was told so.
    pub fn is_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// What has passed so far.
    pub fn progress(&self) -> WireProgress {
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long a full block may take to come, and so how stale the live status is.
const BLOCK_TIMEOUT: Duration = Duration::from_millis(10);

/// Watches until [`Window::end`]. Must run in the observer's namespace. `ready` is told when the ring is open.
pub fn observe(
    service: Service,
    capture: Option<CaptureFile>,
    window: &Arc<Window>,
    ready: &SyncSender<()>,
) -> Result<Observation> {
    let mut links = Links::open()?;
    let ports = vec![links.index(SOURCE_LINK)?, links.index(DESTINATION_LINK)?];
    let mut ring = PacketRing::open(&RingConfig { block_timeout: BLOCK_TIMEOUT, ..RingConfig::new(ports) })?;
    // Whoever waits may have given up; then nobody will read the observation either.
    let _ = ready.send(());
    let cpu = usage::thread_cpu_time().total();
    let mut watch = Watch::new(service, capture);
    let mut told = Instant::now();
    loop {
        let was_ended = window.is_ended();
        // Twice the time in which the kernel hands over a block that is not full.
        let ready = ring.wait(2 * BLOCK_TIMEOUT)?;
        while let Some(frame) = ring.next_frame()? {
            watch.take(&frame);
        }
        if told.elapsed() >= BLOCK_TIMEOUT || was_ended {
            told = Instant::now();
            let progress = watch.progress(ring.dropped()?);
            *window.progress.lock().unwrap_or_else(PoisonError::into_inner) = progress;
        }
        if was_ended && !ready {
            break;
        }
    }
    let mut observation = watch.finish();
    observation.dropped = ring.dropped()?;
    observation.cpu = usage::thread_cpu_time().total().saturating_sub(cpu);
    Ok(observation)
}

/// What makes a forwarded frame the same at both ports.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Likeness {
    source: Endpoint,
    destination: Endpoint,
    seq: SeqNumber,
    ack: SeqNumber,
    flags: Flags,
    ip_id: Option<u16>,
    payload_len: u32,
}

impl Likeness {
    fn of(segment: &Segment) -> Likeness {
        let Segment { source, destination, seq, ack, flags, payload_len, .. } = *segment;
        Likeness { source, destination, seq, ack, flags, ip_id: segment.ip.id, payload_len }
    }
}

/// Segments that have entered the bridge and not left it yet.
///
/// The ring's order is causal and the bridge forwards within the same interrupt, so that there are hardly more of
/// these than processors. What a filter swallows stays, up to this many.
#[derive(Default)]
struct Crossing(VecDeque<Likeness>);

const MOST_CROSSING: usize = 256;

impl Crossing {
    fn enter(&mut self, segment: &Segment) {
        if self.0.len() == MOST_CROSSING {
            self.0.pop_front();
        }
        self.0.push_back(Likeness::of(segment));
    }

    /// Whether this segment, seen leaving, is one that entered.
    fn leave(&mut self, segment: &Segment) -> bool {
        let likeness = Likeness::of(segment);
        let place = self.0.iter().rposition(|entered| *entered == likeness);
        place.is_some_and(|place| self.0.remove(place).is_some())
    }
}

struct Watch {
    capture: Option<CaptureFile>,
    crossing: Crossing,
    table: FlowTable,
    accounts: Accounts,
}

/// What is counted, apart from the table so that ended flows can be booked while it is borrowed.
struct Accounts {
    service: Service,
    observation: Observation,
}

impl Watch {
    fn new(service: Service, capture: Option<CaptureFile>) -> Watch {
        Watch {
            capture,
            crossing: Crossing::default(),
            table: FlowTable::new(Limits::default()),
            accounts: Accounts { service, observation: Observation::default() },
        }
    }

    fn take(&mut self, frame: &Frame<'_>) {
        let observation = &mut self.accounts.observation;
        let segment = match decode(frame, observation.segments + 1) {
            Ok(segment) => segment,
            Err(skip) => {
                if frame.direction != Direction::Outbound {
                    observation.skips.record(skip);
                }
                return;
            }
        };
        match frame.direction {
            Direction::Inbound | Direction::Unknown => self.crossing.enter(&segment),
            Direction::Outbound if self.crossing.leave(&segment) => return,
            Direction::Outbound => observation.made_here += 1,
        }
        observation.segments += 1;
        if let Some(capture) = &mut self.capture {
            capture.write(frame);
        }
        self.follow(&segment);
    }

    fn follow(&mut self, segment: &Segment) {
        let accounts = &mut self.accounts;
        let event = self.table.push(segment, &mut |flow| accounts.book(&flow));
        let observation = &mut accounts.observation;
        if !accounts.service.is_between(segment.source, segment.destination) {
            if matches!(event, Event::Opened | Event::Midstream) {
                observation.foreign_flows += 1;
                observation.foreign_example.get_or_insert((segment.source, segment.destination));
            }
            return;
        }
        observation.indicators.record(segment, event);
        if event == Event::Opened && segment.destination == accounts.service.server {
            let word = WireWord {
                frame: segment.frame,
                handshake: false,
                close: CloseKind::Unanswered,
                reset_by_responder: false,
            };
            observation.roll.enter(segment.source.port, Some(word));
        }
    }

    fn progress(&self, dropped: u64) -> WireProgress {
        let indicators = &self.accounts.observation.indicators;
        WireProgress {
            flows: indicators.syn_flows(),
            reset: indicators.reset_flows(),
            fin: indicators.fin_flows(),
            dropped,
        }
    }

    fn finish(mut self) -> Observation {
        let accounts = &mut self.accounts;
        self.table.finish(&mut |flow| accounts.book(&flow));
        let mut observation = self.accounts.observation;
        observation.evicted = self.table.evicted();
        observation.capture = self.capture.map(CaptureFile::finish);
        observation
    }
}

impl Accounts {
    /// Books a connection that has ended.
    fn book(&mut self, flow: &Flow) {
        if !self.service.is_between(flow.originator, flow.responder) {
            return;
        }
        let server = self.service.server;
        let tally = &mut self.observation.tally;
        let by_destination = |side| if flow.responder == server { side } else { Side::other(side) };
        let from_destination = u64::from(flow.resets[by_destination(Side::Responder)].count);
        tally.destination_rst_segments += from_destination;
        tally.source_rst_segments += u64::from(flow.resets[by_destination(Side::Originator)].count);
        if flow.sides == Sides::Guessed || flow.responder != server || flow.syn_count == 0 {
            tally.stray_resets += from_destination;
            return;
        }
        let refused = flow.refused.is_some();
        let reset = from_destination > 0 && !refused;
        tally.syns += 1;
        tally.syn_retransmissions += u64::from(flow.syn_count.saturating_sub(1));
        tally.handshakes += u64::from(flow.handshake.is_some());
        tally.refused += u64::from(refused);
        tally.reset += u64::from(reset);
        tally.late_replies += from_destination.saturating_sub(1);
        if let Some(reset) = flow.resets.originator.first {
            let answered = flow.syn_ack.is_some_and(|syn_ack| syn_ack.seen.frame < reset.frame);
            let closed = flow.fins.originator > 0 && flow.fins.responder > 0;
            tally.reset_in_syn_sent += u64::from(!answered);
            tally.reset_after_close += u64::from(answered && closed);
        }
        tally.fin += u64::from(flow.fins[Side::Originator] + flow.fins[Side::Responder] > 0);
        let word = WireWord {
            frame: flow.first_frame,
            handshake: flow.handshake.is_some(),
            close: flow.close_kind(),
            reset_by_responder: reset,
        };
        let entries = self.observation.roll.entries();
        let frame_of = |entry: &crate::storm::roll::Entry<WireWord>| entry.word.map_or(0, |word| word.frame);
        if let Ok(place) = entries.binary_search_by_key(&flow.first_frame, frame_of) {
            self.observation.roll.tell(place, word);
        }
    }
}

#[cfg(test)]
mod tests {
    use rst_storm_core::capture::Timestamp;
    use rst_storm_core::tcp::IpFacts;

    use super::*;

    fn segment(seq: u32) -> Segment {
        let endpoint = |port| Endpoint::new(std::net::Ipv4Addr::LOCALHOST.into(), port);
        Segment {
            at: Timestamp(0),
            frame: 1,
            source: endpoint(1),
            destination: endpoint(2),
            seq: SeqNumber(seq),
            ack: SeqNumber(0),
            flags: Flags::SYN,
            window: 0,
            timestamp_value: None,
            payload_len: 0,
            cut: false,
            ip: IpFacts::default(),
        }
    }

    #[test]
    fn what_entered_is_recognised_once_when_it_leaves() {
        let mut crossing = Crossing::default();
        crossing.enter(&segment(1));
        crossing.enter(&segment(2));
        assert!(crossing.leave(&segment(1)));
        assert!(!crossing.leave(&segment(1)));
        assert!(crossing.leave(&segment(2)));
    }

    #[test]
    fn what_never_entered_was_made_here() {
        assert!(!Crossing::default().leave(&segment(1)));
    }

    #[test]
    fn what_a_filter_swallows_does_not_pile_up() {
        let mut crossing = Crossing::default();
        for seq in 0..10_000 {
            crossing.enter(&segment(seq));
        }
        assert_eq!(crossing.0.len(), MOST_CROSSING);
        assert!(crossing.leave(&segment(9_999)));
    }
}

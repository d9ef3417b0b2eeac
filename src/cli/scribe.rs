//! Records become lines in a thread of their own, in the order in which they are told.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use rst_storm_core::explain::{Lookalike, Record};

use crate::report::explain::filling::Filling;
use crate::report::explain::json::{Connection, SCHEMA};
use crate::report::explain::kernel::Heard;
use crate::report::explain::names::Names;
use crate::report::explain::stencil::Stencils;

/// The most records of a parcel: some 150 kB of lines in a storm. With more, parcels on their way don't fit into a processor's cache;
/// with fewer, threads wait for each other more often.
const MOST_RECORDS: usize = 64;

/// Parcels on their way. More would only take more memory.
const DEPTH: usize = 4;

/// What stands around the lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// One document of all records.
    Document,
    /// Nothing.
    Lines,
}

impl Frame {
    /// What stands before a record; `begun` if there was one before it.
    pub(super) fn before(self, begun: bool) -> Cow<'static, str> {
        match (self, begun) {
            (Frame::Lines, _) => "".into(),
            (Frame::Document, true) => ",\n".into(),
            (Frame::Document, false) => format!("{{\"schema\":\"{SCHEMA}\",\"records\":[\n").into(),
        }
    }

    /// What stands after it.
    pub(super) fn after(self) -> &'static str {
        match self {
            Frame::Lines => "\n",
            Frame::Document => "",
        }
    }
}

/// Writes records as they are told.
#[derive(Debug)]
pub(super) struct Pen<'a> {
    names: &'a Names,
    frame: Frame,
    stencils: Stencils<Connection<'a>>,
    /// The texts of lookalikes, by their patterns' numbers.
    fillings: Vec<Option<Arc<Filling>>>,
}

impl<'a> Pen<'a> {
    pub(super) fn new(names: &'a Names, frame: Frame) -> Pen<'a> {
        Pen { names, frame, stencils: Stencils::default(), fillings: Vec::new() }
    }

    /// Appends a record, with the kernel's word on each of its resets where there is one. `begun` if there was one before it.
    pub(super) fn append(&mut self, out: &mut Vec<u8>, record: &Record, heard: &[Heard], begun: bool) {
        out.extend_from_slice(self.frame.before(begun).as_bytes());
        // Nothing in a record can fail to be written: its keys are words and its numbers finite.
        let _ = self.stencils.append(out, Connection::new(record, self.names).with_kernel(heard));
        out.extend_from_slice(self.frame.after().as_bytes());
    }

    /// Learns the text of a pattern of this number.
    pub(super) fn learn(&mut self, pattern: u32, filling: Arc<Filling>) {
        let place = pattern as usize;
        if place >= self.fillings.len() {
            self.fillings.resize(place + 1, None);
        }
        self.fillings[place] = Some(filling);
    }

    /// The text that was learned for it.
    pub(super) fn filling(&self, lookalike: &Lookalike) -> Option<&Filling> {
        self.fillings.get(lookalike.pattern as usize)?.as_deref()
    }

    /// Appends a connection by the pattern that was learned for it. `begun` if there was a record before it.
    pub(super) fn append_lookalike(&mut self, out: &mut Vec<u8>, lookalike: &Lookalike, begun: bool) {
        let Some(filling) = self.filling(lookalike) else { return };
        out.extend_from_slice(self.frame.before(begun).as_bytes());
        filling.append(out, lookalike);
        out.extend_from_slice(self.frame.after().as_bytes());
    }
}

/// What comes next in a parcel.
#[derive(Clone, Copy, Debug)]
enum Next {
    Record,
    Lookalike,
    Filling,
}

/// Records, and the lines that they become.
#[derive(Debug, Default)]
struct Parcel {
    /// The records, and behind them those that were written before, for their room.
    records: Vec<Record>,
    count: usize,
    /// Connections that are told by patterns, and behind them room for more.
    lookalikes: Vec<Lookalike>,
    looked_alike: usize,
    /// Texts that are learned, with their patterns' numbers.
    fillings: Vec<(u32, Arc<Filling>)>,
    /// In which order these come.
    order: Vec<Next>,
    octets: Vec<u8>,
    /// There was a record before these.
    begun: bool,
}

impl Parcel {
    /// Something comes next; `begun` if there was a record before it.
    fn begin(&mut self, begun: bool, next: Next) {
        if self.order.is_empty() {
            self.begun = begun;
        }
        self.order.push(next);
    }

    fn write(&mut self, pen: &mut Pen<'_>) {
        let (mut records, mut lookalikes) = (self.records.iter(), self.lookalikes.iter());
        let mut fillings = self.fillings.drain(..);
        let out = &mut self.octets;
        for next in &self.order {
            match next {
                Next::Record => records.by_ref().take(1).for_each(|record| pen.append(out, record, &[], self.begun)),
                Next::Lookalike => {
                    lookalikes.by_ref().take(1).for_each(|one| pen.append_lookalike(out, one, self.begun));
                }
                Next::Filling => {
                    fillings.by_ref().take(1).for_each(|(pattern, filling)| pen.learn(pattern, filling));
                    continue;
                }
            }
            self.begun = true;
        }
    }

    /// Forgets all, and keeps the room.
    fn clear(&mut self) {
        self.octets.clear();
        self.order.clear();
        (self.count, self.looked_alike) = (0, 0);
    }
}

/// The thread, and the way to it and back.
#[derive(Debug)]
pub(super) struct Scribe {
    parcels: Option<SyncSender<Parcel>>,
    written: Receiver<Parcel>,
    thread: Option<JoinHandle<()>>,
    /// What is being filled.
    next: Parcel,
    /// Parcels on their way.
    away: usize,
    spare: Vec<Parcel>,
}

impl Scribe {
    /// Starts the thread; None where none can be had.
    pub(super) fn start(frame: Frame, names: Names) -> Option<Scribe> {
        let (parcels, come) = sync_channel::<Parcel>(DEPTH);
        let (give_back, written) = sync_channel(DEPTH + 1);
        let write = move || {
            let mut pen = Pen::new(&names, frame);
            for mut parcel in come {
                parcel.write(&mut pen);
                if give_back.send(parcel).is_err() {
                    return;
                }
            }
        };
        let thread = thread::Builder::new().name("scribe".to_owned()).spawn(write).ok()?;
        let (next, spare) = (Parcel::default(), Vec::new());
        Some(Scribe { parcels: Some(parcels), written, thread: Some(thread), next, away: 0, spare })
    }

    /// Takes a record, and leaves one that was written before in its place, or the same; lines that are ready go to `out`. `begun`
    /// if there was a record before it.
    pub(super) fn take(&mut self, record: &mut Record, begun: bool, out: &mut impl FnMut(&[u8])) {
        let next = &mut self.next;
        next.begin(begun, Next::Record);
        match next.records.get_mut(next.count) {
            // Room goes back to where it came from: to free another thread's memory takes longer.
            Some(written) => std::mem::swap(written, record),
            None => next.records.push(record.clone()),
        }
        next.count += 1;
        self.send_whole(out);
    }

    /// Room for a connection that is told by a pattern.
    #[inline]
    pub(super) fn room(&mut self) -> Option<&mut Lookalike> {
        let next = &mut self.next;
        if next.looked_alike == next.lookalikes.len() {
            next.lookalikes.push(Lookalike::default());
        }
        next.lookalikes.get_mut(next.looked_alike)
    }

    /// Takes the connection that was put there, likewise.
    pub(super) fn take_lookalike(&mut self, begun: bool, out: &mut impl FnMut(&[u8])) {
        self.next.begin(begun, Next::Lookalike);
        self.next.looked_alike += 1;
        self.send_whole(out);
    }

    /// Learns the text of a pattern of this number.
    pub(super) fn learn(&mut self, pattern: u32, filling: Arc<Filling>, begun: bool) {
        self.next.begin(begun, Next::Filling);
        self.next.fillings.push((pattern, filling));
    }

    fn send_whole(&mut self, out: &mut impl FnMut(&[u8])) {
        if self.next.order.len() >= MOST_RECORDS {
            self.send(out);
        }
    }

    /// Gives all lines out.
    pub(super) fn flush(&mut self, out: &mut impl FnMut(&[u8])) {
        if !self.next.order.is_empty() {
            self.send(out);
        }
        while self.away > 0 {
            self.fetch(out);
        }
    }

    fn send(&mut self, out: &mut impl FnMut(&[u8])) {
        if self.away == DEPTH {
            self.fetch(out);
        }
        let parcel = std::mem::replace(&mut self.next, self.spare.pop().unwrap_or_default());
        if self.parcels.as_ref().is_some_and(|parcels| parcels.send(parcel).is_ok()) {
            self.away += 1;
        }
    }

    fn fetch(&mut self, out: &mut impl FnMut(&[u8])) {
        self.away -= 1;
        // It fails only where the thread has panicked, and whoever joins it hears of that.
        let Ok(mut parcel) = self.written.recv() else { return };
        out(&parcel.octets);
        parcel.clear();
        self.spare.push(parcel);
    }
}

impl Drop for Scribe {
    fn drop(&mut self) {
        self.parcels = None;
        if let Some(Err(panic)) = self.thread.take().map(JoinHandle::join)
            && !thread::panicking()
        {
            std::panic::resume_unwind(panic);
        }
    }
}

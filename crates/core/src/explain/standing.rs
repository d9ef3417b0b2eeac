//! How a connection stands with its service: whom it was opened to, and whether it counts among the open ones.

use super::memory::Memory;
use super::service::{ServiceId, Services};
use crate::capture::Timestamp;
use crate::tcp::{Segment, SeqNumber};

/// The first SYN of an end.
#[derive(Clone, Copy, Debug)]
struct Opened {
    seq: SeqNumber,
    answers: bool,
}

/// The bits of both ends.
const BOTH: u8 = 0b11;

/// What is known of a connection's opening and closing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Standing {
    /// Whom it was opened to, once that answered.
    pub(super) service: Option<ServiceId>,
    /// When the last SYN that answers none came, and how many there were.
    asked_at: Timestamp,
    asked: u16,
    opened: [Option<Opened>; 2],
    /// A bit for each end that sent a FIN. One word: it is read as soon as it is written.
    fins: u8,
    handshake: bool,
    is_open: bool,
    /// It was reset.
    pub(super) is_reset: bool,
}

impl Standing {
    /// Takes a segment of this end, 0 or 1, that is no reset.
    pub(super) fn note(&mut self, end: usize, segment: &Segment, services: &mut Services, memory: &mut Memory) {
        let flags = segment.flags;
        if flags.is_syn() {
            let opened = Opened { seq: segment.seq, answers: flags.is_ack() };
            self.opened[end].get_or_insert(opened);
            if flags.is_ack() {
                self.note_answer(segment, services);
            } else {
                self.asked = self.asked.saturating_add(1);
                self.asked_at = segment.at;
                memory.note_opening(segment.source, segment.destination);
            }
        }
        self.fins |= u8::from(flags.is_fin()) << end;
        let answered = self.opened[1 - end].filter(|opened| opened.answers);
        let acknowledges = |answer: Opened| flags.is_ack() && segment.ack.distance_from(answer.seq) >= 1;
        let done = !self.handshake && answered.is_some_and(acknowledges);
        self.handshake |= done;
        let Some(service) = self.service else { return };
        if done && !self.is_reset {
            self.is_open = true;
            services.note_open(service);
        } else if self.fins == BOTH {
            self.end(services);
        }
    }

    /// A reset came.
    pub(super) fn note_reset(&mut self, at: Timestamp, services: &mut Services) {
        let first = !core::mem::replace(&mut self.is_reset, true);
        if let Some(service) = self.service.filter(|_| first) {
            services.note_reset(service, at);
        }
        self.end(services);
    }

    /// It is over, or forgotten.
    pub(super) fn end(&mut self, services: &mut Services) {
        if let Some(service) = self.service.filter(|_| self.is_open) {
            self.is_open = false;
            services.note_close(service);
        }
    }

    /// Whether both halves of the opening were seen.
    pub(super) fn is_opened(&self) -> bool {
        let has = |answers: bool| self.opened.iter().flatten().any(|opened| opened.answers == answers);
        has(true) && has(false)
    }

    /// Whether a FIN of both sides, or a reset, was seen.
    pub(super) fn has_ended(&self) -> bool {
        self.is_reset || self.fins == BOTH
    }

    fn note_answer(&mut self, syn_ack: &Segment, services: &mut Services) {
        self.service = services.find(syn_ack.source);
        if let Some(service) = self.service {
            let took = (self.asked == 1).then(|| syn_ack.at.nanos_since(self.asked_at));
            services.note_answer(service, syn_ack, took);
        }
    }
}

//! How a connection stands with its service: whom it was opened to, and whether it counts among the open ones.

use super::memory::Memory;
use super::opening::{Effect, Opening};
use super::service::{Answer, ServiceId, Services};
use crate::capture::Timestamp;
use crate::tcp::{Endpoint, Segment};

/// What is known of a connection's opening and closing, and what its service was told of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Standing {
    pub(super) visit: Visit,
    pub(super) opening: Opening,
}

/// A connection as its service counts it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Visit {
    /// Whom it was opened to, once that answered.
    pub(super) service: Option<ServiceId>,
    is_open: bool,
    /// It was reset.
    pub(super) is_reset: bool,
}

impl Standing {
    /// Takes a segment of this end, 0 or 1, that is no reset.
    pub(super) fn note(&mut self, end: usize, segment: &Segment, services: &mut Services, memory: &mut Memory) {
        let effect = self.opening.take(end, segment);
        if effect.asks() {
            memory.note_opening(&segment.source, &segment.destination);
        }
        if effect.answers() {
            let trip = self.opening.round_trip(segment.at);
            let answer = Answer { frame: segment.frame, ttl: segment.ip.ttl, at: segment.at, trip };
            self.visit.answer(&segment.source, answer, services);
        }
        self.visit.take(effect, services);
    }

    /// Whether a FIN of both sides, or a reset, was seen.
    pub(super) fn has_ended(&self) -> bool {
        self.visit.is_reset || self.opening.has_closed()
    }
}

impl Visit {
    /// The service, at this endpoint, answered.
    pub(super) fn answer(&mut self, service: &Endpoint, answer: Answer, services: &mut Services) {
        self.service = services.find(service);
        if let Some(service) = self.service {
            services.note_answer(service, answer);
        }
    }

    /// A segment did this.
    #[inline(always)]
    pub(super) fn take(&mut self, effect: Effect, services: &mut Services) {
        if effect.establishes() && !self.is_reset {
            if let Some(service) = self.service {
                self.is_open = true;
                services.note_open(service);
            }
        } else if effect.closes() {
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
}

//! What a storm looks like in numbers: flows and their rate, the flags they show, how soon the reset came.
//!
//! Numbers only; whether they are good or bad is decided elsewhere.

use hdrhistogram::Histogram;

use super::{Event, PerSide};
use crate::capture::Timestamp;
use crate::tcp::{Segment, Side};

/// The longest delay that the histogram tells apart, in nanoseconds: an hour. Longer ones count as this.
const LONGEST_DELAY: u64 = 3_600_000_000_000;

/// Counts over all that a [`FlowTable`](super::FlowTable) said about its segments.
#[derive(Clone, Debug)]
pub struct Indicators {
    segments: u64,
    flows: u64,
    syn_flows: u64,
    reset_flows: u64,
    first_resets: PerSide<u64>,
    fin_flows: u64,
    reset_segments: PerSide<u64>,
    first_syn: Option<Timestamp>,
    last_syn: Option<Timestamp>,
    reset_delays: Histogram<u64>,
}

impl Default for Indicators {
    fn default() -> Indicators {
        Indicators::new()
    }
}

impl Indicators {
    /// All counts at zero.
    pub fn new() -> Indicators {
        // The constructor refuses only bounds and precisions that are out of its range; these are in it.
        let reset_delays = Histogram::new_with_bounds(1, LONGEST_DELAY, 3)
            .expect("1 ns to one hour at three digits is within a histogram's range");
        Indicators {
            segments: 0,
            flows: 0,
            syn_flows: 0,
            reset_flows: 0,
            first_resets: PerSide::default(),
            fin_flows: 0,
            reset_segments: PerSide::default(),
            first_syn: None,
            last_syn: None,
            reset_delays,
        }
    }

    /// Counts one segment and what it did to its flow.
    pub fn record(&mut self, segment: &Segment, event: Event) {
        self.segments += 1;
        match event {
            Event::Opened => {
                self.flows += 1;
                self.syn_flows += 1;
                self.first_syn.get_or_insert(segment.at);
                self.last_syn = Some(segment.at);
                self.fin_flows += u64::from(segment.flags.is_fin());
            }
            Event::Midstream => self.record_midstream(segment),
            Event::FirstReset { by, after_syn_nanos } => {
                self.record_first_reset(by);
                if let Some(delay) = after_syn_nanos {
                    self.reset_delays.saturating_record(delay);
                }
            }
            Event::LaterReset { by } => self.reset_segments[by] += 1,
            Event::FirstFin { .. } => self.fin_flows += 1,
            Event::SynRetransmitted | Event::SynAck | Event::HandshakeDone | Event::SecondFin { .. } | Event::Other => {
            }
        }
    }

    /// Segments of any kind.
    pub fn segments(&self) -> u64 {
        self.segments
    }

    /// Flows seen, whether from their SYN or midstream.
    pub fn flows(&self) -> u64 {
        self.flows
    }

    /// Flows opened by a SYN.
    pub fn syn_flows(&self) -> u64 {
        self.syn_flows
    }

    /// Flows with the RST flag on at least one segment.
    pub fn reset_flows(&self) -> u64 {
        self.reset_flows
    }

    /// Flows with the FIN flag on at least one segment (of those without RST).
    pub fn fin_flows(&self) -> u64 {
        self.fin_flows
    }

    /// Flows whose first RST came from this side. Where sides are guessed, the side is too.
    pub fn first_resets_by(&self, side: Side) -> u64 {
        self.first_resets[side]
    }

    /// Segments with RST that went towards this side. Where sides are guessed, the direction is too.
    pub fn reset_segments_towards(&self, side: Side) -> u64 {
        self.reset_segments[side.other()]
    }

    /// When the first flow was opened by a SYN.
    pub fn first_syn(&self) -> Option<Timestamp> {
        self.first_syn
    }

    /// When the last flow was opened by a SYN; retransmissions don't count.
    pub fn last_syn(&self) -> Option<Timestamp> {
        self.last_syn
    }

    /// Nanoseconds from SYN to first RST that half of the reset flows stayed within; `None` without such a flow.
    pub fn reset_delay_p50(&self) -> Option<u64> {
        self.reset_delay_at(0.50)
    }

    /// Nanoseconds from SYN to first RST that 99 of 100 reset flows stayed within; `None` without such a flow.
    pub fn reset_delay_p99(&self) -> Option<u64> {
        self.reset_delay_at(0.99)
    }

    /// The longest time from SYN to first RST in nanoseconds, to three digits; `None` without such a flow.
    pub fn reset_delay_max(&self) -> Option<u64> {
        self.reset_delay_at(1.0)
    }

    /// All times from SYN to first RST, in nanoseconds, to three digits and at most an hour.
    pub fn reset_delays(&self) -> &Histogram<u64> {
        &self.reset_delays
    }

    /// Flows opened by SYN per second, over the time from the first SYN to the last and one mean interval more, so that a
    /// hundred flows at ten a second give ten. `None` under two flows, or if all of them came at once.
    pub fn flows_per_second(&self) -> Option<f64> {
        let span = self.last_syn?.nanos_since(self.first_syn?);
        // n / (span + span / (n - 1)), cancelled down.
        let intervals = self.syn_flows.saturating_sub(1);
        (intervals > 0 && span > 0).then(|| intervals as f64 / (span as f64 / 1e9))
    }

    fn record_midstream(&mut self, segment: &Segment) {
        self.flows += 1;
        if segment.flags.is_rst() {
            self.record_first_reset(Side::Originator);
        } else if segment.flags.is_fin() {
            self.fin_flows += 1;
        }
    }

    fn record_first_reset(&mut self, by: Side) {
        self.reset_flows += 1;
        self.first_resets[by] += 1;
        self.reset_segments[by] += 1;
    }

    fn reset_delay_at(&self, quantile: f64) -> Option<u64> {
        (!self.reset_delays.is_empty()).then(|| self.reset_delays.value_at_quantile(quantile))
    }
}

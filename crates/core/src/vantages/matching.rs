//! Which reset of one capture is which of the other, within one connection and direction: by numbers and order, never by time.

use super::fate::{Change, Field};
use super::pairing::Sighted;
use super::same::Same;

/// What of two resets must be the same, the strictest first.
const PASSES: [fn(&Alike) -> bool; 5] = [
    |alike| alike.flags && alike.seq && alike.ack && alike.id && alike.payload,
    |alike| alike.flags && alike.seq && alike.ack && alike.payload,
    |alike| alike.flags && alike.seq,
    |alike| alike.seq,
    |alike| alike.has_telling_id,
];

/// What of two resets is the same.
struct Alike {
    flags: bool,
    seq: bool,
    ack: bool,
    id: bool,
    payload: bool,
    /// An IP id other than 0, the same in both.
    has_telling_id: bool,
}

/// How the numbers of one direction differ in the second capture, and its hops.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    seq: u32,
    ack: u32,
    /// What the time to live of the connection's other segments in the second is above that in the first.
    hops: Option<i16>,
}

impl Way {
    /// The way of the end at this place in the first capture.
    pub(super) fn of(same: &Same, end: usize, ttls: [Option<u8>; 2]) -> Way {
        let hops = ttls[0].zip(ttls[1]).map(|(first, second)| i16::from(second) - i16::from(first));
        Way { seq: same.shift[end], ack: same.shift[1 - end], hops }
    }

    // What wasn't renumbered with the rest (0 in a refusal) is the same too.
    fn same_seq(&self, one: &Sighted, other: &Sighted) -> bool {
        let (one, other) = (one.segment.seq, other.segment.seq);
        one + self.seq == other || one == other
    }

    fn same_ack(&self, one: &Sighted, other: &Sighted) -> bool {
        let both = one.segment.flags.is_ack() && other.segment.flags.is_ack();
        let (one, other) = (one.segment.ack, other.segment.ack);
        !both || one + self.ack == other || one == other
    }

    fn alike(&self, one: &Sighted, other: &Sighted) -> Alike {
        let id = one.segment.ip.id == other.segment.ip.id;
        Alike {
            flags: one.segment.flags == other.segment.flags,
            seq: self.same_seq(one, other),
            ack: self.same_ack(one, other),
            id,
            payload: one.segment.payload_len == other.segment.payload_len,
            has_telling_id: id && one.segment.ip.id.is_some_and(|id| id != 0),
        }
    }

    /// What isn't the same of one that was matched.
    pub(super) fn changes(&self, one: &Sighted, other: &Sighted) -> Vec<Change> {
        let (a, b) = (&one.segment, &other.segment);
        let mut changes = Vec::new();
        let mut note = |field: Field, is_same: bool, values: [u32; 2]| {
            if !is_same {
                changes.push(Change { field, values });
            }
        };
        let hops = i16::from(b.ip.ttl) - i16::from(a.ip.ttl);
        note(Field::Ttl, self.hops.is_none_or(|usual| usual == hops), [a, b].map(|reset| reset.ip.ttl.into()));
        note(Field::IpId, a.ip.id == b.ip.id, [a, b].map(|reset| reset.ip.id.unwrap_or(0).into()));
        note(Field::Flags, a.flags == b.flags, [a, b].map(|reset| reset.flags.0.into()));
        note(Field::Seq, self.same_seq(one, other), [a.seq.0, b.seq.0.wrapping_sub(self.seq)]);
        note(Field::Ack, self.same_ack(one, other), [a.ack.0, b.ack.0.wrapping_sub(self.ack)]);
        note(Field::Window, a.window == b.window, [a, b].map(|reset| reset.window.into()));
        // What a snap length cut off isn't another.
        let whole = !a.cut && !b.cut;
        let values = [a, b].map(|reset| reset.timestamp_value.unwrap_or(0));
        note(Field::Timestamp, !whole || a.timestamp_value == b.timestamp_value, values);
        note(Field::Payload, a.payload_len == b.payload_len, [a, b].map(|reset| reset.payload_len));
        let digests = [one, other].map(|reset| (reset.digest >> 32) as u32);
        let content = !whole || a.payload_len != b.payload_len || one.digest == other.digest;
        note(Field::Content, content, digests);
        changes
    }
}

/// Brings the resets of one end together: `first` and `second` are theirs in each capture, in order. Gives the pairs and those that
/// have no partner, by their places in the lists.
pub(super) fn match_resets(first: &[&Sighted], second: &[&Sighted], way: &Way) -> Vec<[Option<usize>; 2]> {
    let mut partner: Vec<Option<usize>> = vec![None; first.len()];
    let mut left: Vec<usize> = (0..second.len()).collect();
    for fits in PASSES {
        for (one, sighted) in first.iter().enumerate() {
            if partner[one].is_some() {
                continue;
            }
            let place = left.iter().position(|other| fits(&way.alike(sighted, second[*other])));
            partner[one] = place.map(|place| left.remove(place));
        }
    }
    let pairs = partner.into_iter().enumerate().map(|(one, other)| [Some(one), other]);
    pairs.chain(left.into_iter().map(|other| [None, Some(other)])).collect()
}

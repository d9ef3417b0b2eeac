//! What of a side's data has been seen without holes: a stream reassembled without keeping any data.
//!
//! Numbers are relative: the SYN is 0, the first octet of data 1 (Zeek's `TCP_Reassembler` and `Reassembler`).

/// The most pieces that are kept beyond holes. One more is not kept and counts as never seen.
const MOST_PIECES: usize = 32;

/// A side none of whose data is acknowledged may send so much beyond a hole (`tcp_max_above_hole_without_any_acks`), or at all
/// before its data is no longer waited on (`tcp_max_initial_window`).
const MOST_UNACKNOWLEDGED: u64 = 16_384;

/// A side may send so much beyond the last acknowledgment (`tcp_excessive_data_without_further_acks`).
const MOST_OUTSTANDING: u64 = 10 << 20;

/// From where to where, without the end.
type Piece = (u64, u64);

/// What the sender's peer has said of its data.
#[derive(Clone, Copy, Debug)]
pub(super) struct Acknowledged {
    /// The highest acknowledgment.
    pub(super) up_to: u64,
    /// Whether it covers no data at all.
    pub(super) nothing: bool,
}

/// One direction's data as it was delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stream {
    /// All before this has been delivered, or given up.
    delivered: u64,
    /// All before this is acknowledged and over.
    trimmed: u64,
    /// The end of the furthest piece seen.
    top: u64,
    /// Pieces beyond a hole, in order and apart from each other.
    #[expect(clippy::box_collection, reason = "one word instead of three in every connection")]
    beyond: Option<Box<Vec<Piece>>>,
    /// Nothing is delivered any more: too much came without acknowledgments.
    pub(super) given_up: bool,
}

impl Default for Stream {
    fn default() -> Stream {
        Stream { delivered: 1, trimmed: 1, top: 0, beyond: None, given_up: false }
    }
}

impl Stream {
    pub(super) fn delivered(&self) -> u64 {
        self.delivered
    }

    /// Whether there is data that isn't both delivered and acknowledged.
    pub(super) fn is_outstanding(&self) -> bool {
        self.top > self.trimmed
    }

    /// Takes payload that was sent. `size` is how much its sender has sent in all.
    pub(super) fn send(&mut self, seq: u64, len: u32, acknowledged: Acknowledged, size: u64) {
        let end = seq.saturating_add(u64::from(len));
        let seq = seq.max(acknowledged.up_to).max(self.trimmed);
        if self.given_up {
            return;
        }
        if seq < end {
            let before = self.delivered;
            self.insert((seq, end));
            if acknowledged.nothing && size > MOST_UNACKNOWLEDGED && self.delivered > before {
                // The peer's acknowledgments are probably not in the capture.
                self.trimmed = self.trimmed.max(self.delivered);
            }
        }
        let hidden = if self.beyond.is_some() { self.top.saturating_sub(self.delivered) } else { 0 };
        let excessive = self.top.saturating_sub(self.trimmed) > MOST_OUTSTANDING;
        if (acknowledged.nothing && hidden > MOST_UNACKNOWLEDGED) || excessive {
            self.beyond = None;
            self.top = 0;
            self.given_up = true;
        }
    }

    /// Takes an acknowledgment of the peer and says how many holes it shows. `partial`: the connection's beginning was missed.
    pub(super) fn acknowledge(&mut self, seq: u64, partial: bool) -> usize {
        if seq <= self.trimmed {
            return 0;
        }
        let mut holes = 0;
        // The first octets of a connection seen from its middle are made up.
        if seq > self.delivered && !(seq <= 2 && partial) {
            holes = self.give_up_holes(seq);
        }
        self.join();
        self.trimmed = seq;
        holes
    }

    /// Goes over all holes before `seq`.
    fn give_up_holes(&mut self, seq: u64) -> usize {
        let mut holes = 0;
        while self.delivered < seq {
            let next = self.beyond.as_deref().and_then(|pieces| pieces.first()).map_or(u64::MAX, |piece| piece.0);
            self.delivered = next.min(seq);
            holes += 1;
            self.join();
        }
        if self.given_up { 0 } else { holes }
    }

    fn insert(&mut self, piece: Piece) {
        if piece.0 <= self.delivered {
            self.delivered = self.delivered.max(piece.1);
            self.top = self.top.max(piece.1);
            self.join();
            return;
        }
        let pieces = self.beyond.get_or_insert_default();
        let first = pieces.partition_point(|held| held.1 < piece.0);
        let last = pieces.partition_point(|held| held.0 <= piece.1);
        if first < last {
            let joined = (piece.0.min(pieces[first].0), piece.1.max(pieces[last - 1].1));
            pieces.drain(first + 1..last);
            pieces[first] = joined;
        } else if pieces.len() < MOST_PIECES {
            pieces.insert(first, piece);
        } else {
            return;
        }
        self.top = self.top.max(piece.1);
    }

    /// Delivers the pieces that no hole keeps back any more.
    fn join(&mut self) {
        let Some(pieces) = self.beyond.as_deref_mut() else {
            return;
        };
        let ready = pieces.partition_point(|piece| piece.0 <= self.delivered);
        if let Some(last) = ready.checked_sub(1) {
            self.delivered = self.delivered.max(pieces[last].1);
            pieces.drain(..ready);
        }
        if pieces.is_empty() {
            self.beyond = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Acknowledged, MOST_PIECES, Stream};

    const NOTHING: Acknowledged = Acknowledged { up_to: 1, nothing: true };
    const SOMETHING: Acknowledged = Acknowledged { up_to: 2, nothing: false };

    #[test]
    fn data_in_order_is_delivered() {
        let mut stream = Stream::default();
        stream.send(1, 100, NOTHING, 100);
        stream.send(101, 50, NOTHING, 150);
        assert_eq!(stream.delivered(), 151);
        assert!(stream.is_outstanding());
        assert_eq!(stream.acknowledge(151, false), 0);
        assert!(!stream.is_outstanding());
    }

    #[test]
    fn a_hole_is_filled_by_what_comes_late() {
        let mut stream = Stream::default();
        stream.send(101, 100, NOTHING, 200);
        stream.send(301, 100, NOTHING, 400);
        assert_eq!(stream.delivered(), 1);
        stream.send(1, 150, NOTHING, 400);
        assert_eq!(stream.delivered(), 201);
        stream.send(150, 200, NOTHING, 400);
        assert_eq!(stream.delivered(), 401);
        assert_eq!(stream.acknowledge(401, false), 0);
    }

    #[test]
    fn an_acknowledgment_shows_each_hole_once() {
        let mut stream = Stream::default();
        stream.send(11, 10, SOMETHING, 20);
        stream.send(31, 10, SOMETHING, 40);
        assert_eq!(stream.acknowledge(51, false), 3);
        assert_eq!(stream.acknowledge(51, false), 0);
        assert_eq!(stream.delivered(), 51);
    }

    #[test]
    fn the_made_up_beginning_of_a_partial_connection_is_no_hole() {
        let mut stream = Stream::default();
        assert_eq!(stream.acknowledge(2, true), 0);
        assert_eq!(stream.delivered(), 1);
        assert_eq!(Stream::default().acknowledge(2, false), 1);
        assert_eq!(Stream::default().acknowledge(3, true), 1);
    }

    #[test]
    fn a_sender_that_nobody_acknowledges_is_given_up_beyond_a_hole() {
        let mut stream = Stream::default();
        stream.send(2, 16_384, NOTHING, 16_385);
        assert!(stream.given_up);
        assert_eq!(stream.acknowledge(16_386, false), 0);
        let mut stream = Stream::default();
        stream.send(2, 16_384, SOMETHING, 16_385);
        assert!(!stream.given_up);
    }

    #[test]
    fn pieces_are_bounded() {
        let mut stream = Stream::default();
        for each in 1..1000 {
            stream.send(each * 10, 5, SOMETHING, 10_000);
        }
        assert_eq!(stream.beyond.as_deref().map(Vec::len), Some(MOST_PIECES));
    }
}

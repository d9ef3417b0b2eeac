//! What a socket may have had in its receive buffer when it reset its connection. A close that leaves data unread resets, also
//! without SO_LINGER (RFC 2525 section 2.17), so that this tells two kinds of close apart.

use super::observed::Observed;
use super::trace::Trace;
use crate::tcp::Side;

/// What the sender of a reset may have left unread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// Nothing: it acknowledges no data.
    Nothing,
    /// Its receive buffer was full: this segment of its had closed the window.
    Full(Trace),
    /// It had sent this data after the last that it received.
    Answered(Trace),
    /// It is the server's, acknowledges this data of the client, and none was sent since.
    Unanswered(Trace),
    /// It can't be told.
    Unknown,
}

impl Unread {
    pub(super) fn of(reset: &Observed, by: Side) -> Unread {
        let (facts, segment) = (&reset.facts, &reset.segment);
        let (sender, victim) = (&facts.sender, &facts.victim);
        if !segment.flags.is_ack() {
            return Unread::Unknown;
        }
        // The victim's first number, from its own SYN or from the SYN-ACK that answered it.
        let own = victim.syn.map(|syn| syn.seq + 1);
        let first = own.or(sender.syn.filter(|syn| syn.flags.is_ack()).map(|syn| syn.ack));
        let covers_fin = victim.fin.is_some_and(|fin| segment.ack.distance_from(fin.end()) >= 0);
        if first.is_some_and(|first| segment.ack.distance_from(first) <= i32::from(covers_fin)) {
            return Unread::Nothing;
        }
        if let Some(full) = sender.last.filter(|last| last.window == 0 && last.flags.is_ack()) {
            return Unread::Full(full);
        }
        let received = |data: &Trace| segment.ack.distance_from(data.seq + data.len) >= 0;
        let Some(last) = victim.last_data.filter(received) else {
            return Unread::Unknown;
        };
        let overtaken = reset.overtook().filter(|late| late.len > 0);
        match overtaken.or(sender.last_data) {
            Some(answer) if answer.frame() > last.frame() => Unread::Answered(answer),
            // What a server sends is an answer itself.
            _ if !reset.is_by_server(by) => Unread::Unknown,
            // With its FIN a client sends a request, or its farewell after many.
            Some(_) if victim.fin.is_some() => Unread::Unknown,
            _ => Unread::Unanswered(last),
        }
    }
}

//! Which of two captures lies nearer to which end, and whether it lies at that end: concluded, never assumed.
//!
//! What a handshake takes holds from any point of the way: seen nearer to the originator, the SYN's answer takes longer, since the time
//! to the other capture and back is part of it. That is one clock's word against itself, so that two clocks need not agree.

use core::net::IpAddr;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::clock::difference;
use super::course::Course;
use super::same::Same;

/// Times to live that hosts begin with.
const INITIAL: [u8; 3] = [64, 128, 255];

/// An end's kernel answers a handshake within this, in nanoseconds.
const PROMPT: u64 = 2_000_000;

/// How many times more for one order than for the other.
const CLEAR: u32 = 3;

/// Which capture lies nearer to the end that the first capture names first, mostly the originator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The first.
    First,
    /// The second.
    Second,
}

/// Where a capture stands on a connection's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// At the originator, or so near that no router lies between.
    Originator,
    /// The same of the responder.
    Responder,
    /// On the way.
    Between,
    /// It can't be told.
    Unclear,
}

impl Order {
    /// The capture that lies nearer to the end at this place in the first capture.
    pub(super) fn near(self, end: usize) -> usize {
        end ^ usize::from(self == Order::Second)
    }
}

impl Place {
    /// The word for it in records.
    pub const fn word(self) -> &'static str {
        match self {
            Place::Originator => "originator",
            Place::Responder => "responder",
            Place::Between => "between",
            Place::Unclear => "unclear",
        }
    }
}

/// What handshakes say of each address: so many that the first capture is nearer, and so many that the second is.
#[derive(Debug, Default)]
pub(super) struct Votes(HashMap<IpAddr, [u32; 2], FixedState>);

impl Votes {
    /// Takes what the times of one connection say. `refusal` is when its SYN's refusal was seen in both, if it was.
    pub(super) fn note(&mut self, same: &Same, first: &Course, second: &Course, refusal: Option<i64>) {
        let Some(order) = by_times(same, first, second, refusal) else { return };
        for end in [0, 1] {
            self.0.entry(first.ends[end].addr).or_default()[order.near(end)] += 1;
        }
    }

    /// The order of the captures on the way of a connection: by times to live that routers made less, else by the handshakes of its
    /// two addresses.
    pub(super) fn order(&self, same: &Same, first: &Course, second: &Course) -> Option<Order> {
        if let Some(order) = by_hops(same, first, second) {
            return Some(order);
        }
        let of = |end: usize| self.0.get(&first.ends[end].addr).copied().unwrap_or_default();
        let ([one, other], [far, near]) = (of(0), of(1));
        let votes = [one + near, other + far];
        if votes[0] > 0 && votes[0] >= CLEAR * votes[1] {
            Some(Order::First)
        } else if votes[1] > 0 && votes[1] >= CLEAR * votes[0] {
            Some(Order::Second)
        } else {
            None
        }
    }
}

fn by_times(same: &Same, first: &Course, second: &Course, refusal: Option<i64>) -> Option<Order> {
    let syn = |end: usize| {
        let (own, others) = (first.sent[end].syn?, second.sent[same.end(1, end)].syn?);
        Some(difference(own.at, others.at))
    };
    let again = [first, second].into_iter().any(|course| course.sent.iter().any(|sent| sent.syn_again));
    if same.turned || again || !first.knows_roles() || !second.knows_roles() {
        return None;
    }
    let asked = syn(0)?;
    let answered = syn(1).or(refusal)?;
    let acknowledged = first.handshake.zip(second.handshake).filter(|(own, others)| own.id == others.id);
    let acknowledged = acknowledged.map_or(asked, |(own, others)| difference(own.at, others.at));
    if asked > answered && acknowledged > answered {
        Some(Order::First)
    } else if asked < answered && acknowledged < answered {
        Some(Order::Second)
    } else {
        None
    }
}

fn by_hops(same: &Same, first: &Course, second: &Course) -> Option<Order> {
    let lost = |end: usize| {
        let (own, others) = (first.sent[end].ttl()?, second.sent[same.end(1, end)].ttl()?);
        Some(i16::from(own) - i16::from(others)).filter(|lost| *lost != 0)
    };
    match (lost(0), lost(1)) {
        (Some(one), other) if other.is_none_or(|other| one.signum() != other.signum()) => {
            Some(if one > 0 { Order::First } else { Order::Second })
        }
        (None, Some(other)) => Some(if other < 0 { Order::First } else { Order::Second }),
        _ => None,
    }
}

/// Whether a capture lies at this end or beside it: no router between them, and the end's part of the handshake took no time.
pub(super) fn is_at(course: &Course, end: usize) -> bool {
    let undiminished = course.sent[end].ttl().is_some_and(|ttl| INITIAL.contains(&ttl));
    let [asked, answered] = [0, 1].map(|end| course.sent[end].syn.map(|syn| syn.at));
    let acknowledged = course.handshake.map(|handshake| handshake.at);
    let (from, to) = if end == 0 { (answered, acknowledged) } else { (asked, answered) };
    let whole = asked.zip(acknowledged).map_or(0, |(asked, acknowledged)| acknowledged.nanos_since(asked));
    let prompt =
        !course.knows_roles() || from.zip(to).is_none_or(|(from, to)| to.nanos_since(from) <= PROMPT.max(whole / 10));
    undiminished && prompt
}

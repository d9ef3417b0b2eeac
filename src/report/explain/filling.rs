//! The text of a likeness: what all its connections are told in, and what is filled in for each of them.
//!
//! The places are found in the text of a connection that is made up. Its times, frames and names are unlike any others, so that each moving
//! part shows what it is. A text is only used if it gives what the first connection of its likeness is told in.

use std::io::Write;
use std::net::IpAddr;
use std::ops::Range;

use rst_storm_core::explain::{FrameNumber, Lookalike, Pattern, Record};
use rst_storm_core::reset::{SPAN_LEN, Span};
use rst_storm_core::tcp::Endpoint;

use super::compact;
use super::digits::{Digits, append_micros, append_number, append_octet, is_whole_micros};
use super::draft::Draft;
use super::json::Connection;
use super::kernel::Heard;
use super::moment;
use super::names::Names;

/// So much longer than that of the connection which was made up a text may be before there is more room to be asked for.
const ROOM: usize = 256;

/// The frames whose digits are kept at hand.
const MOST_FRAMES: usize = 6;

/// A text with places to be filled in.
#[derive(Debug)]
pub struct Filling {
    text: Vec<u8>,
    places: Vec<(Range<usize>, Source)>,
}

/// Where what is filled in comes from. Segments are told by their places in the order in which they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// When a segment was captured.
    Time(usize),
    /// The seconds up to a segment.
    Duration(usize),
    /// The time between two segments, as people say it.
    Span(usize, usize),
    /// A segment's frame.
    Frame(usize),
    Uid,
    CommunityId,
    OriginatorAddr,
    OriginatorPort,
    ResponderAddr,
    ResponderPort,
    Group,
}

/// The text of a connection that is told as a whole, and its moving parts.
fn draft(record: &Record, names: &Names) -> Option<Draft> {
    let heard: &[Heard] = &[];
    let mut draft = Draft::default();
    compact::append_to(&mut draft, &Connection::new(record, names).with_kernel(heard)).ok()?;
    Some(draft)
}

impl Filling {
    /// The text of a pattern. None where it doesn't tell what something is that moves.
    pub fn of(pattern: &Pattern, names: &Names) -> Option<Filling> {
        let (made_up, seen) = (draft(&pattern.made_up.record, names)?, draft(&pattern.seen.record, names)?);
        let known = known(&pattern.made_up.lookalike);
        let mut places = Vec::new();
        for (place, part) in made_up.moving().iter().enumerate() {
            let text = &made_up.octets()[part.range.clone()];
            if part.is_count {
                // A likeness has as many, or they would differ here.
                let other = seen.moving().get(place).filter(|other| other.is_count)?;
                (text == &seen.octets()[other.range.clone()]).then_some(())?;
            } else {
                let (within, source) = find(text, &known, &pattern.made_up.lookalike)?;
                places.push((part.range.start + within.start..part.range.start + within.end, source));
            }
        }
        let filling = Filling { text: made_up.into_octets(), places };
        let mut filled = Vec::new();
        filling.append(&mut filled, &pattern.seen.lookalike);
        (filled == seen.octets()).then_some(filling)
    }

    /// Appends a connection's text.
    pub fn append(&self, out: &mut Vec<u8>, lookalike: &Lookalike) {
        out.reserve(self.text.len() + ROOM);
        // A frame is told again and again.
        let mut frames = [Digits::default(); MOST_FRAMES];
        for (segment, frame) in frames.iter_mut().enumerate().take(lookalike.segments()) {
            *frame = Digits::of(FrameNumber(lookalike.frame(segment)).number());
        }
        let mut at = 0;
        for (place, source) in &self.places {
            out.extend_from_slice(&self.text[at..place.start]);
            at = place.end;
            match source {
                Source::Frame(segment) if *segment < MOST_FRAMES => frames[*segment].append(out),
                source => source.append(out, lookalike),
            }
        }
        out.extend_from_slice(&self.text[at..]);
    }

    /// Whether it tells a connection as it is told as a whole.
    pub fn agrees(&self, lookalike: &Lookalike, record: &Record, names: &Names) -> bool {
        let mut filled = Vec::new();
        self.append(&mut filled, lookalike);
        draft(record, names).is_some_and(|whole| filled == whole.octets())
    }
}

/// All that can be filled in, as it is in a connection that is made up.
fn known(made_up: &Lookalike) -> Vec<(Source, Vec<u8>)> {
    use Source::{
        CommunityId, Duration, Frame, Group, OriginatorAddr, OriginatorPort, ResponderAddr, ResponderPort, Time, Uid,
    };
    let of_all = [Uid, CommunityId, OriginatorAddr, OriginatorPort, ResponderAddr, ResponderPort, Group];
    let of_each = (0..made_up.segments()).flat_map(|segment| [Time, Duration, Frame].map(|of| of(segment)));
    let text = |source: Source| {
        let mut text = Vec::new();
        source.append(&mut text, made_up);
        (source, text)
    };
    of_all.into_iter().chain(of_each).map(text).collect()
}

/// What a moving part is, and where in it. None where nothing fits, or more than one thing.
fn find(part: &[u8], known: &[(Source, Vec<u8>)], made_up: &Lookalike) -> Option<(Range<usize>, Source)> {
    let mut found = known.iter().filter(|(_, text)| text == part).map(|(source, _)| (0..part.len(), *source));
    let whole = found.next();
    if whole.is_some() {
        return whole.filter(|_| found.next().is_none());
    }
    let segments = made_up.segments();
    let pairs = (0..segments).flat_map(|first| (first + 1..segments).map(move |second| (first, second)));
    let mut found = pairs.flat_map(|(first, second)| {
        let (source, mut text) = (Source::Span(first, second), vec![b' ']);
        source.append(&mut text, made_up);
        let starts = (0..part.len()).filter(move |start| part[*start..].starts_with(&text));
        starts.map(move |start| (start, source)).collect::<Vec<_>>()
    });
    let (start, source) = found.next().filter(|_| found.next().is_none())?;
    let mut text = Vec::new();
    source.append(&mut text, made_up);
    Some((start + 1..start + 1 + text.len(), source))
}

impl Source {
    #[inline]
    fn append(self, out: &mut Vec<u8>, lookalike: &Lookalike) {
        match self {
            Source::Time(segment) => append_seconds(out, lookalike.at(segment).0),
            Source::Duration(segment) => append_seconds(out, lookalike.between(0, segment)),
            Source::Span(first, second) => append_span(out, lookalike.between(first, second)),
            Source::Frame(segment) => append_number(out, FrameNumber(lookalike.frame(segment)).number()),
            Source::Uid => append_quoted(out, &lookalike.uid()),
            Source::CommunityId => match lookalike.community_id() {
                Some(id) => append_quoted(out, &id),
                None => out.extend_from_slice(b"null"),
            },
            Source::OriginatorAddr => append_addr(out, &lookalike.originator),
            Source::OriginatorPort => append_number(out, lookalike.originator.port.into()),
            Source::ResponderAddr => append_addr(out, &lookalike.responder),
            Source::ResponderPort => append_number(out, lookalike.responder.port.into()),
            Source::Group => append_number(out, lookalike.group.0.into()),
        }
    }
}

/// Nothing in it needs to be escaped.
fn append_quoted(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    out.extend_from_slice(text);
    out.push(b'"');
}

/// Nanoseconds as seconds to the microsecond.
fn append_seconds(out: &mut Vec<u8>, nanos: u64) {
    let micros = nanos / 1_000;
    if is_whole_micros(micros) {
        append_micros(out, micros);
    } else {
        append(out, &moment::span_seconds(nanos));
    }
}

fn append_span(out: &mut Vec<u8>, nanos: u64) {
    let mut room = [0; SPAN_LEN];
    match Span(nanos).octets(&mut room) {
        Some(octets) => out.extend_from_slice(octets),
        // Digits and a unit: nothing in it needs to be escaped, and a vector takes it all.
        None => _ = write!(out, "{}", Span(nanos)),
    }
}

fn append_addr(out: &mut Vec<u8>, end: &Endpoint) {
    match end.addr {
        IpAddr::V4(addr) => {
            for (place, octet) in addr.octets().into_iter().enumerate() {
                out.push(if place == 0 { b'"' } else { b'.' });
                append_octet(out, octet);
            }
            out.push(b'"');
        }
        addr => append(out, &addr),
    }
}

fn append(out: &mut Vec<u8>, value: &impl serde::Serialize) {
    // Words and finite numbers can be written.
    let _ = compact::append(out, value);
}

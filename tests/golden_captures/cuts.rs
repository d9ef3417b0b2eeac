//! Ways to lose a part of a capture.

use std::collections::BTreeSet;
use std::net::IpAddr;

use rst_storm_core::capture::LinkType;

use crate::capture::{Kept, file};

/// Ethernet's header.
const ETHERNET: usize = 14;

/// Each variant's name and its file.
pub type Variants = Vec<(String, Vec<u8>)>;

/// What one host sent.
pub fn one_direction(frames: &[Kept]) -> Variants {
    let hosts: BTreeSet<IpAddr> = frames.iter().map(|kept| kept.segment().source.addr).collect();
    let of = |host: &IpAddr| filtered(frames, |kept| kept.segment().source.addr == *host);
    hosts.iter().map(|host| (format!("only what {host} sent"), of(host))).collect()
}

/// Without what opens connections.
pub fn late_beginnings(frames: &[Kept]) -> Variants {
    let is_opening = |kept: &Kept| kept.segment().flags.is_syn() && !kept.segment().flags.is_ack();
    let is_syn = |kept: &Kept| kept.segment().flags.is_syn();
    let mut seen = BTreeSet::new();
    let in_handshake = |kept: &Kept| {
        let segment = kept.segment();
        let ends = (segment.source.min(segment.destination), segment.source.max(segment.destination));
        let is_last = segment.flags.is_ack() && !segment.flags.is_rst() && segment.payload_len == 0;
        segment.flags.is_syn() || (is_last && seen.insert(ends))
    };
    vec![
        ("without SYNs".to_owned(), filtered(frames, |kept| !is_opening(kept))),
        ("without SYNs and SYN-ACKs".to_owned(), filtered(frames, |kept| !is_syn(kept))),
        ("without handshakes".to_owned(), {
            let mut in_handshake = in_handshake;
            filtered(frames, |kept| !in_handshake(kept))
        }),
    ]
}

/// Headers without options and payload.
pub fn headers(frames: &[Kept]) -> Variants {
    let cut = frames.iter().cloned().map(|mut kept| {
        assert_eq!(kept.link, LinkType::Ethernet);
        let ip = if kept.data[ETHERNET] >> 4 == 4 { 20 } else { 40 };
        kept.data.truncate(ETHERNET + ip + 20);
        kept
    });
    vec![("headers only".to_owned(), file(&cut.collect::<Vec<Kept>>()))]
}

/// Two neighbours in each other's place, as a machine with several processors captures them.
pub fn exchanged(frames: &[Kept], within: u64) -> Variants {
    let pairs = (1..frames.len()).filter(|place| frames[*place].at.nanos_since(frames[place - 1].at) <= within);
    let exchange = |place: usize| {
        let mut frames = frames.to_vec();
        frames.swap(place - 1, place);
        let at = frames[place].at;
        frames[place].at = frames[place - 1].at;
        frames[place - 1].at = at;
        (format!("frames {place} and {} exchanged", place + 1), file(&frames))
    };
    pairs.map(exchange).collect()
}

/// The file broken off: in its last record, and after each frame.
pub fn broken_off(frames: &[Kept], octets: &[u8]) -> Variants {
    let last = frames.last().map_or(0, |last| last.data.len());
    let inside = ("its last frame cut".to_owned(), octets[..octets.len() - last / 2].to_vec());
    let after = (0..frames.len()).map(|count| (format!("the first {count} frames"), file(&frames[..count])));
    after.chain([inside]).collect()
}

/// The capture begins at a later frame.
pub fn begun_late(frames: &[Kept]) -> Variants {
    (1..frames.len()).map(|first| (format!("from frame {} on", first + 1), file(&frames[first..]))).collect()
}

fn filtered(frames: &[Kept], keep: impl FnMut(&&Kept) -> bool) -> Vec<u8> {
    file(&frames.iter().filter(keep).cloned().collect::<Vec<Kept>>())
}

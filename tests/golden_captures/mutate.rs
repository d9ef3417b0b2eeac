//! Captures made worse at random: what no sender sends and no capture shows, and what meets by chance.

use rst_storm_core::capture::Timestamp;

use crate::capture::Kept;

/// Octets before the TCP header in an Ethernet frame with a plain IPv4 header.
const TCP: usize = 34;

/// One change. Any numbers mean something, so that they can be drawn and shrunk freely.
#[derive(Clone, Copy, Debug)]
pub struct Mutation {
    pub what: u8,
    pub place: u16,
    pub by: u32,
}

/// Changes the frames.
pub fn mutate(frames: &mut Vec<Kept>, mutations: &[Mutation]) {
    for mutation in mutations {
        if !frames.is_empty() {
            mutate_once(frames, *mutation);
        }
    }
    // A checksum of 0 is one that a network card was to finish: what was changed isn't thrown away for it.
    for kept in frames {
        put(kept, TCP + 16, &[0, 0]);
    }
}

fn mutate_once(frames: &mut Vec<Kept>, Mutation { what, place, by }: Mutation) {
    let (len, place) = (frames.len(), usize::from(place) % frames.len());
    let other = by as usize % len;
    match what % 16 {
        0 => drop(frames.remove(place)),
        1 => frames.insert(other, frames[place].clone()),
        2 => frames.swap(place, other),
        3 => move_in_time(&mut frames[place..=place], by),
        4 => move_in_time(&mut frames[place..], by),
        5 => copy_number(frames, place, other, 4, by),
        6 => copy_number(frames, place, other, 8, by),
        _ => mutate_octets(&mut frames[place], what, by),
    }
}

fn mutate_octets(kept: &mut Kept, what: u8, by: u32) {
    let len = kept.data.len();
    let [a, b, c, d] = by.to_be_bytes();
    match what % 16 {
        7 => put(kept, TCP + 13, &[d]),
        8 => put(kept, TCP + 14, &[c & 1, d]),
        9 => turn_round(kept),
        // Few endpoints, so that connections collide.
        10 => put(kept, TCP, &[0x9c, c & 1, 0x23, d & 1]),
        11 => put(kept, 26, &[10, 0, 1, c & 3, 10, 0, 1, d & 3]),
        12 => kept.data.truncate(by as usize % (len + 1)),
        13 => kept.original_len = by,
        14 => put(kept, 16, &[c & 7, d]),
        _ => put(kept, usize::from(u16::from_be_bytes([a, b])) % len.max(1), &[d]),
    }
}

/// Silence of up to two minutes, or, rarely, the ends of time.
fn move_in_time(frames: &mut [Kept], by: u32) {
    let by_nanos = u64::from(by >> 5) * 1_000;
    for kept in frames {
        kept.at = Timestamp(match by & 31 {
            0 => 0,
            1 => u64::MAX,
            2 => kept.at.0.saturating_add(by_nanos * 1_000),
            3..10 => kept.at.0.saturating_sub(by_nanos),
            _ => kept.at.0.saturating_add(by_nanos),
        });
    }
}

/// A sequence or acknowledgment number near one of another frame.
fn copy_number(frames: &mut [Kept], place: usize, other: usize, into: usize, by: u32) {
    let from = TCP + if by & 1 == 0 { 4 } else { 8 };
    let Some(octets) = frames[other].data.get(from..from + 4) else { return };
    let number = octets.iter().fold(0, |all: u32, octet| all << 8 | u32::from(*octet));
    let nudge = match by >> 4 & 7 {
        0..3 => 0,
        3 => 1,
        4 => u32::MAX,
        5 => 1460,
        6 => 1 << 30,
        _ => by >> 8,
    };
    put(&mut frames[place], TCP + into, &number.wrapping_add(nudge).to_be_bytes());
}

fn turn_round(kept: &mut Kept) {
    if let Some(header) = kept.data.get_mut(26..38) {
        header[..8].rotate_left(4);
        header[8..].rotate_left(2);
    }
}

fn put(kept: &mut Kept, place: usize, octets: &[u8]) {
    if let Some(there) = kept.data.get_mut(place..place + octets.len()) {
        there.copy_from_slice(octets);
    }
}

//! The taps: a ring in every host, the frames of every link apart, and what they show of each connection's numbers.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use rst_storm_core::capture::{Direction, Frame, FrameSource, Interface, LinkType, PcapngWriter, Timestamp};
use rst_storm_core::scenario::{Host, Tap};
use rst_storm_core::tcp::{Endpoint, Segment, SeqNumber};
use rst_storm_core::wire::decode;
use rst_storm_linux::Result;
use rst_storm_linux::link::Links;
use rst_storm_linux::packet_socket::{PacketRing, RingConfig};

use super::stage::{Stage, host_at, link_at};

/// The kernel hands over a block that isn't full after this.
const BLOCK_TIMEOUT: Duration = Duration::from_millis(2);

/// So much silence at all taps, after the last step, ends a capture: many round trips of the lab.
const SETTLED: Duration = Duration::from_millis(40);

/// A frame kept: when, which way, and where its octets lie.
#[derive(Debug)]
struct Kept {
    at: Timestamp,
    direction: Direction,
    original_len: u32,
    octets: std::ops::Range<usize>,
}

/// What was captured at one tap.
#[derive(Debug, Default)]
pub struct Roll {
    octets: Vec<u8>,
    frames: Vec<Kept>,
    /// The segments among them.
    pub segments: Vec<Segment>,
}

/// What is known of one direction of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    /// The number after the last octet that was sent.
    pub next: SeqNumber,
    /// The last segment that wasn't a reset.
    pub last: Segment,
}

/// All taps of a play.
#[derive(Debug)]
pub struct Taps {
    rings: Vec<(Vec<Tap>, PacketRing)>,
    rolls: [Roll; 4],
    ways: HashMap<(Endpoint, Endpoint), Way>,
}

impl Taps {
    /// Opens the rings; from now on every frame is kept.
    pub fn open(stage: &Stage) -> Result<Taps> {
        let mut rings = Vec::new();
        for host in Host::ALL {
            stage.enter(host)?;
            let taps: Vec<Tap> = Tap::ALL.into_iter().filter(|tap| host_at(*tap) == host).collect();
            let mut links = Links::open()?;
            let numbers = taps.iter().map(|tap| links.index(link_at(*tap))).collect::<Result<Vec<u32>>>()?;
            let config = RingConfig {
                // Many small ones: on a busy machine each is handed over with little in it.
                block_size: 1 << 16,
                block_count: 128,
                block_timeout: BLOCK_TIMEOUT,
                ..RingConfig::new(numbers)
            };
            rings.push((taps, PacketRing::open(&config)?));
        }
        Ok(Taps { rings, rolls: Default::default(), ways: HashMap::new() })
    }

    /// Takes what the kernel has handed over, without waiting; whether there was anything.
    pub fn drain(&mut self) -> Result<bool> {
        let mut any = false;
        for (taps, ring) in &mut self.rings {
            while let Some(frame) = ring.next_frame()? {
                any = true;
                let tap = taps[frame.interface];
                let roll = &mut self.rolls[tap as usize];
                roll.keep(&frame);
                if let Ok(segment) = decode(&frame, roll.frames.len() as u64) {
                    roll.segments.push(segment);
                    // What an end itself sent; a forged segment leaves by a port of the middle.
                    if host_at(tap) != Host::Middle && frame.direction == Direction::Outbound {
                        note(&mut self.ways, &segment);
                    }
                }
            }
        }
        Ok(any)
    }

    /// Waits until nothing passes any more.
    pub fn settle(&mut self) -> Result<()> {
        let mut quiet = Duration::ZERO;
        while quiet < SETTLED {
            std::thread::sleep(BLOCK_TIMEOUT);
            quiet = if self.drain()? { Duration::ZERO } else { quiet + BLOCK_TIMEOUT };
        }
        Ok(())
    }

    /// What was captured at a tap.
    pub fn roll(&self, tap: Tap) -> &Roll {
        &self.rolls[tap as usize]
    }

    /// What one end of a connection has sent.
    pub fn way(&self, from: Endpoint, to: Endpoint) -> Option<&Way> {
        self.ways.get(&(from, to))
    }

    /// What one end has sent to this address.
    pub fn way_to(&self, from: Endpoint, to: IpAddr) -> Option<&Way> {
        self.ways
            .iter()
            .find(|((source, destination), _)| *source == from && destination.addr == to)
            .map(|(_, way)| way)
    }

    /// How many frames all rings have dropped.
    pub fn dropped(&self) -> Result<u64> {
        self.rings.iter().map(|(_, ring)| ring.dropped()).sum()
    }
}

/// The numbers grow only: a retransmission or a stray one changes nothing. What a reset says is left out.
fn note(ways: &mut HashMap<(Endpoint, Endpoint), Way>, segment: &Segment) {
    if segment.flags.is_rst() {
        return;
    }
    let next = segment.seq + segment.sequence_len();
    let way = ways.entry((segment.source, segment.destination)).or_insert(Way { next, last: *segment });
    if segment.flags.is_syn() || next.distance_from(way.next) >= 0 {
        *way = Way { next, last: *segment };
    }
}

impl Roll {
    fn keep(&mut self, frame: &Frame<'_>) {
        let start = self.octets.len();
        self.octets.extend_from_slice(frame.data);
        let octets = start..self.octets.len();
        self.frames.push(Kept { at: frame.at, direction: frame.direction, original_len: frame.original_len, octets });
    }

    /// How many frames there are.
    pub fn frames(&self) -> usize {
        self.frames.len()
    }

    /// The capture as pcapng.
    pub fn to_pcapng(&self, tap: Tap) -> std::io::Result<Vec<u8>> {
        let name = tap.to_string();
        let interface = Interface { name: &name, link: LinkType::Ethernet, description: None };
        let mut writer =
            PcapngWriter::new(Vec::with_capacity(self.octets.len() + 64 * self.frames.len()), &[interface])?;
        for Kept { at, direction, original_len, octets } in &self.frames {
            let frame = Frame {
                at: *at,
                interface: 0,
                direction: *direction,
                link: LinkType::Ethernet,
                original_len: *original_len,
                data: &self.octets[octets.clone()],
            };
            writer.write(&frame, None)?;
        }
        Ok(writer.into_inner())
    }
}

//! The wire between both ends: every segment once, where it entered the bridge.

use std::time::{Duration, Instant};

use rst_storm_core::capture::{Direction, FrameSource};
use rst_storm_core::tcp::Segment;
use rst_storm_core::wire::decode;
use rst_storm_linux::link::Links;
use rst_storm_linux::packet_socket::{PacketRing, RingConfig};
use rst_storm_linux::{Error, Result};

use super::ground::{Ground, PATIENCE};
use crate::lab::topology::{DESTINATION_LINK, SOURCE_LINK};

/// The kernel hands over a block that isn't full after this.
const BLOCK_TIMEOUT: Duration = Duration::from_millis(2);

/// So much of each frame is enough: Ethernet, IP and TCP headers with all options.
const HEADERS: u32 = 14 + 60 + 60;

const ENOBUFS: i32 = 105;

/// A segment, and how many octets its frame had: Ethernet header, no checksum of the frame.
#[derive(Clone, Copy, Debug)]
pub struct Sighting {
    /// The segment.
    pub segment: Segment,
    /// The frame's length.
    pub octets: u64,
}

/// A ring over both ports of the bridge.
#[derive(Debug)]
pub struct Tap {
    ring: PacketRing,
    read: u64,
    sightings: Vec<Sighting>,
}

impl Tap {
    /// Sees everything from now on.
    pub fn open(ground: &Ground) -> Result<Tap> {
        ground.hosts.observer.enter()?;
        let mut links = Links::open()?;
        let ports = vec![links.index(SOURCE_LINK)?, links.index(DESTINATION_LINK)?];
        let config = RingConfig {
            block_size: 1 << 18,
            block_count: 64,
            block_timeout: BLOCK_TIMEOUT,
            snap_length: HEADERS,
            ..RingConfig::new(ports)
        };
        Ok(Tap { ring: PacketRing::open(&config)?, read: 0, sightings: Vec::new() })
    }

    /// Makes room in the ring, without waiting: for those who let more pass than it holds.
    pub fn drain(&mut self) -> Result<()> {
        while let Some(frame) = self.ring.next_frame()? {
            self.read += 1;
            if frame.direction == Direction::Inbound
                && let Ok(segment) = decode(&frame, self.read)
            {
                self.sightings.push(Sighting { segment, octets: frame.original_len.into() });
            }
        }
        Ok(())
    }

    /// All segments since the last call, up to the last frame that the ring had taken when this was called.
    pub fn take(&mut self) -> Result<Vec<Sighting>> {
        let awaited = self.ring.received()?;
        let until = Instant::now() + PATIENCE;
        while self.read + self.ring.skipped() < awaited && Instant::now() < until {
            self.ring.wait(BLOCK_TIMEOUT)?;
            self.drain()?;
        }
        let sightings = std::mem::take(&mut self.sightings);
        // A count of the wire that lacks frames is none.
        match self.ring.dropped()? {
            0 => Ok(sightings),
            _ => Err(Error::from_errno("count the segments of", "the wire", ENOBUFS)),
        }
    }
}

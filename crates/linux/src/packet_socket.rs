//! A packet socket with a TPACKET_V3 receive ring: one ring over several links.
//!
//! One ring for all of them gives one order and one drop counter. The order is causal: what a bridge lets out at one
//! port lies behind what it took in at another. Times are the kernel's, taken before a frame's place in the ring, so
//! that two processors' frames may lie some microseconds against their times; trust the order.
//!
//! A VLAN tag that the link strips (TP_STATUS_VLAN_VALID) is not put back: such a frame is delivered untagged.

mod block;

use std::cell::Cell;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::slice;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rst_storm_core::capture::{Direction, Frame, FrameSource, LinkType, Timestamp};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use rustix::time::Timespec;

use crate::error::{Cause, During, Error, Result};
use block::{BLOCK_STATUS, Cursor, Packet};

/// TPACKET_V3 ignores the frame size but for its arithmetic; this divides every whole number of pages.
const FRAME_SIZE: u32 = 2048;

/// What to capture, and how much room to give it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RingConfig {
    /// The links, by number. A frame's `interface` is its place in this list.
    pub interfaces: Vec<u32>,
    /// The size of a block: a multiple of the page size, and more than the largest frame.
    pub block_size: u32,
    /// How many blocks there are.
    pub block_count: u32,
    /// After this long the kernel hands over a block that isn't full; at least a millisecond.
    pub block_timeout: Duration,
    /// How much of each frame is kept.
    pub snap_length: u32,
}

impl RingConfig {
    /// 64 blocks of 1 MiB, handed over after 10 ms at the latest; whole frames.
    pub fn new(interfaces: Vec<u32>) -> RingConfig {
        RingConfig {
            interfaces,
            block_size: 1 << 20,
            block_count: 64,
            block_timeout: Duration::from_millis(10),
            snap_length: 256 << 10,
        }
    }
}

/// An open ring. It captures from the moment that it is opened, frames of both directions.
#[derive(Debug)]
pub struct PacketRing {
    ring: Mapping,
    socket: OwnedFd,
    interfaces: Vec<u32>,
    /// The block that is being read, or waited for.
    current: usize,
    /// The place in it; `None` while it is still the kernel's.
    cursor: Option<Cursor>,
    skipped: u64,
    statistics: Cell<Statistics>,
}

/// The kernel forgets its own counters when they are read: these are the sums.
#[derive(Clone, Copy, Debug, Default)]
struct Statistics {
    received: u64,
    dropped: u64,
}

impl PacketRing {
    /// Opens a ring in the calling thread's namespace.
    ///
    /// The socket is bound last, when its filter and ring are in place: no frame of another link ever gets in, and
    /// none that this returns before is missed.
    pub fn open(config: &RingConfig) -> Result<PacketRing> {
        if config.interfaces.is_empty() {
            return Err(Error::from_errno("capture from", "no link", libc::EINVAL));
        }
        // Protocol 0 receives nothing, until bind() names another.
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket =
            socket_with(AddressFamily::PACKET, SocketType::RAW, flags, None).during("open packet socket", "")?;
        attach_filter(socket.as_fd(), &config.interfaces, config.snap_length)?;
        let ring = map_ring(socket.as_fd(), config)?;
        bind_to_all(socket.as_fd())?;
        Ok(PacketRing {
            ring,
            socket,
            interfaces: config.interfaces.clone(),
            current: 0,
            cursor: None,
            skipped: 0,
            statistics: Cell::default(),
        })
    }

    /// Waits until there are frames to read, or for so long. A signal ends the wait early.
    pub fn wait(&self, timeout: Duration) -> Result<bool> {
        if self.cursor.is_some() || self.ring.is_ready(self.current) {
            return Ok(true);
        }
        let timeout = Timespec {
            tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: timeout.subsec_nanos().into(),
        };
        let mut waited = [PollFd::new(&self.socket, PollFlags::IN)];
        match poll(&mut waited, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(self.ring.is_ready(self.current)),
            Err(errno) => Err(errno).during("wait for frames", ""),
        }
    }

    /// How many frames were put into the ring since it was opened.
    pub fn received(&self) -> Result<u64> {
        Ok(self.add_statistics()?.received)
    }

    /// How many frames were lost since then for want of room.
    pub fn dropped(&self) -> Result<u64> {
        Ok(self.add_statistics()?.dropped)
    }

    /// How many frames were passed over since then because they don't start with an Ethernet header.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    fn add_statistics(&self) -> Result<Statistics> {
        // SAFETY: the structure is plain integers, for which all zeroes is a value.
        let mut news: libc::tpacket_stats_v3 = unsafe { std::mem::zeroed() };
        let mut length = size_of_val(&news) as libc::socklen_t;
        // SAFETY: the kernel writes at most `length` bytes to `news`, which is that large and lives through the call.
        let result = unsafe {
            libc::getsockopt(
                self.socket.as_raw_fd(),
                libc::SOL_PACKET,
                libc::PACKET_STATISTICS,
                (&raw mut news).cast(),
                &raw mut length,
            )
        };
        check(result).during("read the statistics of a packet socket", "")?;
        let mut sums = self.statistics.get();
        // tp_packets counts the dropped ones too.
        sums.received += u64::from(news.tp_packets.saturating_sub(news.tp_drops));
        sums.dropped += u64::from(news.tp_drops);
        self.statistics.set(sums);
        Ok(sums)
    }

    /// The next packet of the links asked for, as a range of the current block, with its link's place in the list.
    fn advance(&mut self) -> Result<Option<(Packet, usize)>> {
        loop {
            let step = match &mut self.cursor {
                Some(cursor) => cursor.advance(self.ring.block(self.current)),
                None if !self.ring.is_ready(self.current) => return Ok(None),
                None => match Cursor::open(self.ring.block(self.current)) {
                    Ok(cursor) => {
                        self.cursor = Some(cursor);
                        continue;
                    }
                    Err(malformed) => Err(malformed),
                },
            };
            match step {
                Ok(Some(packet)) => {
                    // A loopback link's frames have an Ethernet header too, of zeroes.
                    let is_ethernet = matches!(packet.hardware_type, libc::ARPHRD_ETHER | libc::ARPHRD_LOOPBACK);
                    let interface = self.interfaces.iter().position(|&index| index == packet.interface_index);
                    match interface {
                        Some(interface) if is_ethernet => return Ok(Some((packet, interface))),
                        _ => self.skipped += 1,
                    }
                }
                Ok(None) => self.release(),
                Err(malformed) => {
                    self.release();
                    let cause = Cause::Malformed(malformed.0.to_owned());
                    return Err(Error::from_cause("read the ring of a packet socket", "", cause));
                }
            }
        }
    }

    /// Gives the current block back to the kernel and turns to the next.
    fn release(&mut self) {
        self.cursor = None;
        self.ring.hand_back(self.current);
        self.current = (self.current + 1) % self.ring.block_count;
    }
}

impl FrameSource for PacketRing {
    type Error = Error;

    /// The next frame; `None` when the kernel has handed over no block. The block of the last frame given is the
    /// program's until the next call.
    fn next_frame(&mut self) -> Result<Option<Frame<'_>>> {
        let Some((packet, interface)) = self.advance()? else { return Ok(None) };
        let outbound = packet.packet_type == libc::PACKET_OUTGOING;
        Ok(Some(Frame {
            at: Timestamp(packet.at),
            interface,
            direction: if outbound { Direction::Outbound } else { Direction::Inbound },
            link: LinkType::Ethernet,
            original_len: packet.original_len,
            data: &self.ring.block(self.current)[packet.data],
        }))
    }
}

impl AsFd for PacketRing {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// The ring's memory, shared with the kernel.
#[derive(Debug)]
struct Mapping {
    start: NonNull<u8>,
    block_size: usize,
    block_count: usize,
}

// SAFETY: the memory belongs to the mapping, not to a thread, and nothing in it refers to one. (It is not Sync: a
// block's owner is read and changed without exclusion between threads.)
unsafe impl Send for Mapping {}

impl Mapping {
    /// Whether a block is the program's. Whatever the kernel wrote to it before saying so is visible afterwards.
    fn is_ready(&self, index: usize) -> bool {
        self.status(index).load(Ordering::Acquire) & libc::TP_STATUS_USER != 0
    }

    /// A block that is ready; its bytes stand until it is handed back, which takes an exclusive borrow.
    fn block(&self, index: usize) -> &[u8] {
        assert!(self.is_ready(index), "a block that is the kernel's");
        let start = self.block_start(index);
        // SAFETY: block_start() lies in the mapping with block_size bytes behind it, all initialised (the kernel zeroes
        // a ring's pages) and mapped until drop. The kernel writes nothing to a block whose status is USER, and
        // hand_back() needs `&mut self`, so that no slice is alive when it becomes the kernel's again.
        unsafe { slice::from_raw_parts(start.as_ptr(), self.block_size) }
    }

    /// Gives a block to the kernel, after all reads of it.
    fn hand_back(&mut self, index: usize) {
        self.status(index).store(libc::TP_STATUS_KERNEL, Ordering::Release);
    }

    fn status(&self, index: usize) -> &AtomicU32 {
        let start = self.block_start(index);
        // SAFETY: the status lies within the block (BLOCK_STATUS + 4 is far less than a page) at a multiple of 4 from
        // a page's start, and is mapped until drop. It is shared with the kernel alone, which also writes it whole.
        unsafe { AtomicU32::from_ptr(start.add(BLOCK_STATUS).as_ptr().cast()) }
    }

    fn block_start(&self, index: usize) -> NonNull<u8> {
        assert!(index < self.block_count);
        // SAFETY: the index is within the mapping of block_count blocks, whose size in bytes was a usize at mmap().
        unsafe { self.start.add(index * self.block_size) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: exactly what mmap() gave; all slices of it borrowed `self`. It can't fail for such a range.
        let _ = unsafe { munmap(self.start.as_ptr().cast(), self.block_size * self.block_count) };
    }
}

/// Makes the kernel's ring and maps it.
fn map_ring(socket: BorrowedFd<'_>, config: &RingConfig) -> Result<Mapping> {
    const OPERATION: &str = "make the ring of a packet socket";
    let version = libc::tpacket_versions::TPACKET_V3 as libc::c_int;
    set_option(socket, libc::SOL_PACKET, libc::PACKET_VERSION, &version).during(OPERATION, "")?;
    let request = libc::tpacket_req3 {
        tp_block_size: config.block_size,
        tp_block_nr: config.block_count,
        tp_frame_size: FRAME_SIZE,
        tp_frame_nr: (config.block_size / FRAME_SIZE).saturating_mul(config.block_count),
        // 0 would leave the choice to the kernel.
        tp_retire_blk_tov: u32::try_from(config.block_timeout.as_millis()).unwrap_or(u32::MAX).max(1),
        tp_sizeof_priv: 0,
        tp_feature_req_word: 0,
    };
    set_option(socket, libc::SOL_PACKET, libc::PACKET_RX_RING, &request).during(OPERATION, "")?;
    let (block_size, block_count) = (config.block_size as usize, config.block_count as usize);
    let length = block_size.checked_mul(block_count).filter(|&length| length > 0);
    let length = length.ok_or_else(|| Error::from_errno(OPERATION, "", libc::EINVAL))?;
    let protection = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a new mapping at an address of the kernel's choice: it replaces none.
    let start = unsafe { mmap(std::ptr::null_mut(), length, protection, MapFlags::SHARED, socket, 0) };
    let start = NonNull::new(start.during(OPERATION, "")?.cast());
    let start = start.ok_or_else(|| Error::from_errno(OPERATION, "", libc::ENOMEM))?;
    Ok(Mapping { start, block_size, block_count })
}

/// Lets in frames of the given links only. A bridge's frames are else seen at the bridge again.
fn attach_filter(socket: BorrowedFd<'_>, interfaces: &[u32], snap_length: u32) -> Result<()> {
    const OPERATION: &str = "attach the filter of a packet socket";
    let mut program = index_filter(interfaces, snap_length);
    // The kernel's own bound (BPF_MAXINSNS) is far lower, and it refuses what lies between in the same words.
    let len = u16::try_from(program.len()).map_err(|_| Error::from_errno(OPERATION, "", libc::EINVAL))?;
    let filter = libc::sock_fprog { len, filter: program.as_mut_ptr() };
    set_option(socket, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &filter).during(OPERATION, "")
}

/// `ld ifindex`, then for each link: `jeq #index` and `ret #snap_length`, and at the end `ret #0`.
fn index_filter(interfaces: &[u32], snap_length: u32) -> Vec<libc::sock_filter> {
    let statement = |code: u32, k: u32| libc::sock_filter { code: code as u16, jt: 0, jf: 0, k };
    let interface_index = (libc::SKF_AD_OFF + libc::SKF_AD_IFINDEX) as u32;
    let mut program = vec![statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, interface_index)];
    for &index in interfaces {
        let jump = statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, index);
        program.push(libc::sock_filter { jf: 1, ..jump });
        program.push(statement(libc::BPF_RET | libc::BPF_K, snap_length));
    }
    program.push(statement(libc::BPF_RET | libc::BPF_K, 0));
    program
}

/// From here on the socket receives, of all protocols and all links.
fn bind_to_all(socket: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: the structure is plain integers, for which all zeroes is a value.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
    let length = size_of_val(&address) as libc::socklen_t;
    // SAFETY: the kernel reads `length` bytes of `address`, which is that large and lives through the call.
    let result = unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), length) };
    check(result).during("bind packet socket", "")
}

fn set_option<T>(socket: BorrowedFd<'_>, level: libc::c_int, option: libc::c_int, value: &T) -> std::io::Result<()> {
    let length = size_of::<T>() as libc::socklen_t;
    // SAFETY: the kernel reads `length` bytes of `value`, which is that large and lives through the call. What
    // sock_fprog points to does as well (the caller's vector).
    check(unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const *value).cast(), length) })
}

fn check(result: libc::c_int) -> std::io::Result<()> {
    if result == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}

//! A perf ring: a page of bookkeeping, then the records, each with a header of its kind and length.

use std::os::fd::BorrowedFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use crate::error::{During, Error, Result};

/// Where struct perf_event_mmap_page has data_head; data_tail follows it.
const DATA_HEAD: usize = 1024;
const DATA_TAIL: usize = 1032;

/// struct perf_event_header: u32 type, u16 misc, u16 size.
const HEADER: usize = 8;

/// A mapped ring.
#[derive(Debug)]
pub(super) struct Ring {
    start: NonNull<u8>,
    page: usize,
    /// Octets of records: a power of two.
    size: usize,
}

// SAFETY: the memory belongs to the mapping, not to a thread, and nothing in it refers to one.
unsafe impl Send for Ring {}

impl Ring {
    /// Maps a counter's ring of so many pages of 4096 octets, a power of two.
    pub(super) fn map(counter: BorrowedFd<'_>, pages: usize) -> Result<Ring> {
        const OPERATION: &str = "map a tracepoint's ring";
        let page = rustix::param::page_size();
        let size = (pages * 4096).max(page);
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice: it replaces none.
        let start = unsafe { mmap(std::ptr::null_mut(), page + size, protection, MapFlags::SHARED, counter, 0) };
        let start = NonNull::new(start.during(OPERATION, "")?.cast());
        let start = start.ok_or_else(|| Error::from_errno(OPERATION, "", libc::ENOMEM))?;
        Ok(Ring { start, page, size })
    }

    /// Hands over all records that are there, as their kind and body, and gives their room back. `scratch` is room for
    /// one of them.
    pub(super) fn drain(&mut self, scratch: &mut Vec<u8>, mut take: impl FnMut(u32, &[u8])) {
        let head = self.word(DATA_HEAD).load(Ordering::Acquire);
        let mut tail = self.word(DATA_TAIL).load(Ordering::Relaxed);
        while head.wrapping_sub(tail) >= HEADER as u64 {
            let mut header = [0; HEADER];
            self.copy(tail, &mut header);
            let [a, b, c, d, _, _, low, high] = header;
            let length = usize::from(u16::from_ne_bytes([low, high]));
            if length < HEADER || length as u64 > head.wrapping_sub(tail) {
                // Nothing that a kernel writes: what lies here can't be told apart, and goes.
                tail = head;
                break;
            }
            scratch.resize(length - HEADER, 0);
            self.copy(tail.wrapping_add(HEADER as u64), scratch);
            take(u32::from_ne_bytes([a, b, c, d]), scratch);
            tail = tail.wrapping_add(length as u64);
        }
        self.word(DATA_TAIL).store(tail, Ordering::Release);
    }

    fn word(&self, offset: usize) -> &AtomicU64 {
        // SAFETY: both offsets lie in the first page, at a multiple of 8 of its start, and stay mapped until drop. The
        // kernel writes data_head and reads data_tail, each as one word.
        unsafe { AtomicU64::from_ptr(self.start.as_ptr().add(offset).cast()) }
    }

    /// Copies octets of the ring from a position on, around its end where need be.
    fn copy(&self, position: u64, into: &mut [u8]) {
        let place = (position % self.size as u64) as usize;
        let first = into.len().min(self.size - place);
        let data = self.start.as_ptr().wrapping_add(self.page);
        // SAFETY: `place + first` is at most `size`, and the rest of a record is shorter than the ring (a record's length
        // is 16 bits, the ring at least 64 pages). The kernel doesn't write between data_tail and data_head, where the
        // caller reads, and `into` is memory of the program's own.
        unsafe {
            std::ptr::copy_nonoverlapping(data.wrapping_add(place), into.as_mut_ptr(), first);
            std::ptr::copy_nonoverlapping(data, into.as_mut_ptr().add(first), into.len() - first);
        }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: the mapping is this ring's own and nothing refers to it any more.
        let _ = unsafe { munmap(self.start.as_ptr().cast(), self.page + self.size) };
    }
}

//! TCP_REPAIR: a connection's state read, or dropped, behind TCP's back. It wants CAP_NET_ADMIN over the namespace.

use std::os::fd::AsFd;

use rst_storm_core::tcp::SeqNumber;

use super::{Errno, TcpSocket, options};

// linux/tcp.h; libc has them not for all its targets.
const TCP_REPAIR: libc::c_int = 19;
const TCP_REPAIR_ON: libc::c_int = 1;
/// Off, without the window probe that 0 would send (Linux 4.19).
const TCP_REPAIR_OFF_NO_WP: libc::c_int = -1;
const TCP_RECV_QUEUE: libc::c_int = 1;
const TCP_SEND_QUEUE: libc::c_int = 2;
/// linux/sockios.h: octets of the send queue that were never sent.
const SIOCOUTQNSD: libc::Ioctl = 0x894b;

impl TcpSocket {
    /// Drops the connection's state without a segment: repair mode, then close() (`tcp_disconnect` and `__tcp_close`
    /// send nothing for a socket that is being repaired).
    pub fn vanish(self) -> Result<(), Errno> {
        options::write(self.as_fd(), TCP_REPAIR, TCP_REPAIR_ON)?;
        self.close()
    }

    /// SND.NXT and RCV.NXT (RFC 9293 section 3.3.1). The socket enters repair mode for it and leaves it without a word to
    /// the peer. The kernel forgets SO_REUSEADDR over it. EPERM for a listener.
    pub fn repair_numbers(&self) -> Result<(SeqNumber, SeqNumber), Errno> {
        options::write(self.as_fd(), TCP_REPAIR, TCP_REPAIR_ON)?;
        let numbers = self.read_numbers();
        options::write(self.as_fd(), TCP_REPAIR, TCP_REPAIR_OFF_NO_WP)?;
        numbers
    }

    fn read_numbers(&self) -> Result<(SeqNumber, SeqNumber), Errno> {
        // Of the send queue the kernel tells the end of what was written, sent or not.
        let written = self.queue_number(TCP_SEND_QUEUE)?;
        let never_sent = self.queued(SIOCOUTQNSD)? as u32;
        let received = self.queue_number(TCP_RECV_QUEUE)?;
        Ok((SeqNumber(written.wrapping_sub(never_sent)), SeqNumber(received)))
    }

    fn queue_number(&self, queue: libc::c_int) -> Result<u32, Errno> {
        options::write(self.as_fd(), libc::TCP_REPAIR_QUEUE, queue)?;
        let mut number: libc::c_int = 0;
        options::read(self.as_fd(), libc::TCP_QUEUE_SEQ, &mut number)?;
        Ok(number.cast_unsigned())
    }
}

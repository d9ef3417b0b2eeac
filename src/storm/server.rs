//! The server: accepts and closes, with RST unless it is told otherwise.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rst_storm_linux::epoll::{Epoll, Interest};
use rst_storm_linux::signals::Stop;
use rst_storm_linux::socket::{self, Errno, Linger, errno_name};
use rst_storm_linux::{During, Error, usage};

use super::in_flight::InFlight;
use super::outcome::{Outcome, ServerWord};
use super::plan::{CloseBy, Listing, READ_WAIT, ServerPlan, ServerProgress, TICK};
use super::report::ServerReport;

/// A server that listens; connections queue up until it runs.
pub struct Server {
    plan: ServerPlan,
    listener: OwnedFd,
    address: SocketAddr,
    since: Instant,
}

struct Waiting {
    socket: OwnedFd,
    place: Option<usize>,
    octets: u64,
}

const LISTENER: u64 = u64::MAX;
const STOP_TOKEN: u64 = u64::MAX - 1;

/// How many connections are taken in a row before the clock and the other descriptors are looked at.
const BATCH: usize = 256;

struct Running {
    plan: ServerPlan,
    listener: OwnedFd,
    epoll: Epoll,
    waiting: InFlight<Waiting>,
    first: Option<Instant>,
    last: Instant,
    report: ServerReport,
}

impl Server {
    /// Binds and listens.
    pub fn listen(plan: ServerPlan) -> Result<Server, Error> {
        let linger = if plan.close == CloseBy::Rst { Linger::Zero } else { Linger::Default };
        let listener =
            socket::listen(&plan.address, plan.backlog, linger).during("listen on", plan.address.to_string())?;
        let address = socket::local_address(&listener).during("read the listener's address", "")?;
        Ok(Server { plan, listener, address, since: Instant::now() })
    }

    /// The address it listens at, with the port it got.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until the duration is over or `stop`, then takes what still waits in the queue.
    pub fn run(self, stop: &Stop, on_tick: &mut dyn FnMut(&ServerProgress)) -> Result<ServerReport, Error> {
        let Server { plan, listener, since, .. } = self;
        let cpu = usage::thread_cpu_time().total();
        let epoll = Epoll::new(1024).during("create epoll", "")?;
        epoll.add(stop, STOP_TOKEN, Interest::Readable).during("watch for signals", "")?;
        epoll.add(&listener, LISTENER, Interest::Readable).during("watch the listener", "")?;
        let report = ServerReport::of(plan.close);
        let mut running =
            Running { plan, listener, epoll, waiting: InFlight::default(), first: None, last: since, report };
        running.serve(since, stop, on_tick).during("wait for events", "")?;
        running.drain(stop).during("wait for events", "")?;
        let listened = since.elapsed();
        running.report.elapsed = running.elapsed().unwrap_or(listened);
        // Without a duration, being told to stop is the plan.
        running.report.interrupted = stop.is_requested() && running.plan.duration.is_some();
        running.report.cpu = usage::thread_cpu_time().total().saturating_sub(cpu);
        Ok(running.report)
    }
}

impl Running {
    fn serve(&mut self, since: Instant, stop: &Stop, on_tick: &mut dyn FnMut(&ServerProgress)) -> Result<(), Errno> {
        let end = self.plan.duration.map(|duration| since + duration);
        let mut next_tick = TICK;
        loop {
            let now = Instant::now();
            if stop.is_requested() || end.is_some_and(|end| now >= end) {
                return Ok(());
            }
            let tick_at = self.tick_instant(next_tick);
            if tick_at.is_some_and(|at| at <= now) {
                let ServerReport { connections, resets, .. } = self.report;
                on_tick(&ServerProgress { elapsed: next_tick, connections, resets });
                next_tick += TICK;
                continue;
            }
            self.turn([tick_at, end].into_iter().flatten().min())?;
        }
    }

    /// When the line of `elapsed` is taken: half a mean interval early, since each connection stands for the interval
    /// that it opens, and the one due at `elapsed` itself belongs to the next line.
    fn tick_instant(&self, elapsed: Duration) -> Option<Instant> {
        let intervals = self.report.connections.saturating_sub(1);
        let span = self.last.saturating_duration_since(self.first?);
        let half = span.checked_div(u32::try_from(2 * intervals).unwrap_or(u32::MAX)).unwrap_or_default();
        Some(self.first? + elapsed - half.min(elapsed / 4))
    }

    /// From the first connection to the last plus one mean interval.
    fn elapsed(&self) -> Option<Duration> {
        let intervals = self.report.connections.checked_sub(1).filter(|intervals| *intervals > 0)?;
        let span = self.last.saturating_duration_since(self.first?).as_nanos();
        let nanos = span * u128::from(intervals + 1) / u128::from(intervals);
        Some(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }

    fn turn(&mut self, until: Option<Instant>) -> Result<(), Errno> {
        let wake = [until, self.waiting.next_deadline()].into_iter().flatten().min();
        self.epoll.wait(wake.map(|wake| wake.saturating_duration_since(Instant::now())))?;
        let now = Instant::now();
        for index in 0..self.epoll.ready() {
            match self.epoll.token(index) {
                LISTENER => {
                    self.accept_batch(now);
                }
                STOP_TOKEN => {}
                slot => self.advance(slot as usize),
            }
        }
        while let Some(waiting) = self.waiting.pop_expired(now) {
            self.close(waiting);
        }
        Ok(())
    }

    /// Takes what waits in the accept queue, and says whether it took all of it.
    fn accept_batch(&mut self, now: Instant) -> bool {
        for _ in 0..BATCH {
            match socket::accept(&self.listener) {
                Ok((socket, peer)) => {
                    self.first.get_or_insert(now);
                    self.last = now;
                    self.report.connections += 1;
                    self.take(socket, peer, now);
                }
                Err(Errno::AGAIN) => return true,
                Err(Errno::INTR | Errno::CONNABORTED) => {}
                Err(errno) => {
                    self.count_failure(errno);
                    return true;
                }
            }
        }
        false
    }

    fn count_failure(&mut self, errno: Errno) {
        match Outcome::of_open(errno) {
            Outcome::Short(shortage) => {
                *self.report.short.entry(shortage).or_default() += 1;
                // The connection stays in the queue and would wake us at once, again and again.
                std::thread::sleep(Duration::from_millis(10));
            }
            _ => *self.report.accept_errors.entry(errno_name(errno)).or_default() += 1,
        }
    }

    fn take(&mut self, socket: OwnedFd, peer: Option<SocketAddr>, now: Instant) {
        let place = match self.plan.listing {
            Listing::Counts => None,
            Listing::Roll => peer.and_then(|peer| self.report.roll.enter(peer.port(), None)),
        };
        let waiting = Waiting { socket, place, octets: 0 };
        let deadline = match self.plan.close {
            CloseBy::Hold => None,
            _ if self.plan.read_first => Some(now + READ_WAIT),
            _ => return self.close(waiting),
        };
        let slot = self.waiting.insert(waiting, deadline);
        let Some(waiting) = self.waiting.item_mut(slot) else { return };
        if let Err(errno) = self.epoll.add(&waiting.socket, slot as u64, Interest::Arrivals) {
            self.count_failure(errno);
            self.release(slot);
        }
    }

    /// Reads what a waiting connection has sent. One that is held goes on until the peer closes; one that was to be
    /// read first is closed as soon as something came.
    fn advance(&mut self, slot: usize) {
        let Some(waiting) = self.waiting.item_mut(slot) else { return };
        let mut buffer = [0; 4096];
        let ended = loop {
            match socket::receive(&waiting.socket, &mut buffer) {
                Ok(0) => break true,
                Ok(octets) => waiting.octets += octets as u64,
                Err(Errno::AGAIN) => break false,
                Err(Errno::INTR) => {}
                Err(_) => {
                    if let Some(reset) = self.waiting.remove(slot) {
                        self.count(reset, ServerWord::ResetByPeer);
                    }
                    return;
                }
            }
        };
        let read_enough = self.plan.close != CloseBy::Hold && waiting.octets > 0;
        if ended || read_enough {
            self.release(slot);
        }
    }

    fn release(&mut self, slot: usize) {
        if let Some(waiting) = self.waiting.remove(slot) {
            self.close(waiting);
        }
    }

    /// Ends a connection as planned. What SO_ERROR holds is a reset by the peer: closing such a socket sends nothing.
    fn close(&mut self, waiting: Waiting) {
        let word = match self.plan.close {
            _ if !matches!(socket::take_error(&waiting.socket), Ok(None)) => ServerWord::ResetByPeer,
            CloseBy::Rst => ServerWord::Reset,
            CloseBy::Fin => ServerWord::Fin,
            CloseBy::Hold => ServerWord::Held,
        };
        self.count(waiting, word);
    }

    fn count(&mut self, Waiting { place, octets, .. }: Waiting, word: ServerWord) {
        let report = &mut self.report;
        report.octets_read += octets;
        report.silent += u64::from(self.plan.read_first && octets == 0);
        match word {
            ServerWord::Reset => report.resets += 1,
            ServerWord::Fin => report.fins += 1,
            ServerWord::ResetByPeer => report.reset_by_peer += 1,
            ServerWord::Held => report.held += 1,
        }
        if let Some(place) = place {
            report.roll.tell(place, word);
        }
    }

    /// Takes what still waits in the accept queue and lets what is being read come to its end, then closes all.
    fn drain(&mut self, stop: &Stop) -> Result<(), Errno> {
        // The wish to stop has been heard, and its descriptor would end every wait at once.
        self.epoll.remove(stop)?;
        // Bounded, as a client that never rests could keep the queue full for ever.
        for _ in 0..BATCH {
            if self.accept_batch(Instant::now()) {
                break;
            }
        }
        self.epoll.remove(&self.listener)?;
        while let Some(deadline) = self.waiting.next_deadline() {
            self.turn(Some(deadline))?;
        }
        for slot in 0..self.waiting.slots() {
            // What was sent meanwhile is read, or closing would reset where FIN was meant (TCPAbortOnClose).
            self.advance(slot);
            self.release(slot);
        }
        Ok(())
    }
}

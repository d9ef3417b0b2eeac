//! The client: opens connections on schedule, whatever comes back, and tells how each one ended.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use rst_storm_linux::epoll::{Epoll, Interest, sharpen_deadlines};
use rst_storm_linux::signals::Stop;
use rst_storm_linux::socket::{self, Errno};
use rst_storm_linux::{During, Error, usage};

use super::in_flight::InFlight;
use super::outcome::{Outcome, Stage, Tally};
use super::pacer::{Rate, Schedule};
use super::plan::{ClientPlan, Listing, Progress, TICK, Talk};
use super::report::{ClientReport, Lateness};
use super::roll::Roll;

/// What `--send-data` sends.
pub const PAYLOAD: &[u8] = b"Hello from the RST storm client\n";

struct Attempt {
    socket: OwnedFd,
    stage: Stage,
    sent: bool,
    place: Option<usize>,
}

const STOP_TOKEN: u64 = u64::MAX;

/// A running client: the attempts in flight and what has been counted.
struct Storm<'a> {
    plan: &'a ClientPlan,
    epoll: Epoll,
    in_flight: InFlight<Attempt>,
    tally: Tally,
    lateness: Histogram<u64>,
    roll: Roll<Outcome>,
}

/// Runs `plan` to its end, or until `stop`; `on_tick` sees the figures every two seconds of the sending window.
pub fn run(plan: &ClientPlan, stop: &Stop, on_tick: &mut dyn FnMut(&Progress)) -> Result<ClientReport, Error> {
    let epoll = Epoll::new(1024).during("create epoll", "")?;
    epoll.add(stop, STOP_TOKEN, Interest::Readable).during("watch for signals", "")?;
    let mut storm = Storm {
        plan,
        epoll,
        in_flight: InFlight::default(),
        tally: Tally::default(),
        // Two significant digits up to an hour, in nanoseconds; later than that is an hour late.
        lateness: Histogram::new_with_bounds(1, 3_600_000_000_000, 2).expect("constant bounds are valid"),
        roll: Roll::default(),
    };
    sharpen_deadlines();
    let cpu = usage::thread_cpu_time().total();
    let start = Instant::now();
    let window = storm.open_all(start, stop, on_tick).during("wait for events", "")?;
    storm.drain(stop).during("wait for events", "")?;
    Ok(ClientReport {
        target: plan.target.to_string(),
        requested: plan.rate,
        extent: plan.extent,
        tally: storm.tally,
        window,
        waited: start.elapsed().saturating_sub(window),
        lateness: matches!(plan.rate, Rate::PerSecond(_)).then(|| Lateness::of(&storm.lateness)),
        interrupted: stop.is_requested(),
        timeout: plan.timeout,
        cpu: usage::thread_cpu_time().total().saturating_sub(cpu),
        roll: storm.roll,
    })
}

/// What comes next in the sending window. The order is the precedence at one instant: a line is taken before an
/// attempt that is due then.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Action {
    Tick,
    End,
    Attempt,
}

/// How many attempts may be made in a row before answers are taken, so that catching up makes no timeouts of its own.
const BURST: u32 = 64;

impl Storm<'_> {
    /// Makes every attempt of the schedule and returns the length of the sending window.
    fn open_all(&mut self, start: Instant, stop: &Stop, on_tick: &mut dyn FnMut(&Progress)) -> Result<Duration, Errno> {
        let schedule = Schedule::new(self.plan.rate, self.plan.extent);
        let mut next_tick = TICK;
        let mut last_opened = Duration::ZERO;
        let mut burst = 0;
        loop {
            let now = start.elapsed();
            if stop.is_requested() {
                return Ok(now);
            }
            let next = self.next_action(&schedule, next_tick, now);
            let is_due = next.is_some_and(|(at, _)| at <= now);
            if !is_due || burst == BURST {
                burst = 0;
                let wake = if is_due { Some(start) } else { next.map(|(at, _)| start + at) };
                self.turn(wake)?;
                continue;
            }
            match next {
                Some((_, Action::Tick)) => {
                    on_tick(&Progress { elapsed: next_tick, tally: &self.tally });
                    next_tick += TICK;
                }
                Some((due, Action::Attempt)) => {
                    self.lateness.saturating_record(nanos(now - due));
                    self.open(start + now);
                    last_opened = now;
                    burst += 1;
                }
                // A closed loop that made its count ends before its window does, with its last attempt.
                Some((_, Action::End)) | None => {
                    let window = schedule.window().filter(|window| *window <= now).unwrap_or_default();
                    return Ok(window.max(last_opened));
                }
            }
        }
    }

    fn next_action(&self, schedule: &Schedule, next_tick: Duration, now: Duration) -> Option<(Duration, Action)> {
        let due = schedule.due(self.tally.attempts);
        let attempt = match schedule.concurrency() {
            None => due,
            Some(concurrency) => due.filter(|_| self.in_flight.len() < concurrency).map(|_| now),
        };
        // A closed loop that has made its count is over at once; an open one fills its window.
        let end = match schedule.concurrency() {
            Some(_) if due.is_none() => Some(now),
            _ => schedule.window(),
        };
        let tick = Some(next_tick).filter(|tick| schedule.window().is_none_or(|window| *tick <= window));
        [tick.map(|at| (at, Action::Tick)), end.map(|at| (at, Action::End)), attempt.map(|at| (at, Action::Attempt))]
            .into_iter()
            .flatten()
            .min()
    }

    /// Waits for the answers still due, each at most until its own deadline.
    fn drain(&mut self, stop: &Stop) -> Result<(), Errno> {
        // The wish to stop has been heard, and its descriptor would end every wait at once.
        self.epoll.remove(stop)?;
        while !self.in_flight.is_empty() {
            self.turn(None)?;
        }
        Ok(())
    }

    fn open(&mut self, now: Instant) {
        self.tally.begin();
        let (socket, known) = match self.connect() {
            Ok(connecting) => connecting,
            Err(unsent) => return self.tally.end(unsent),
        };
        let place = match self.plan.listing {
            Listing::Counts => None,
            Listing::Roll => socket::local_address(&socket).ok().and_then(|own| self.roll.enter(own.port(), None)),
        };
        let attempt = Attempt { socket, stage: Stage::Connecting, sent: false, place };
        match known {
            Some(outcome) => self.end(attempt, outcome),
            None => self.follow(attempt, now + self.plan.timeout),
        }
    }

    /// Sends the SYN; gives the socket, and the outcome if connect() told it. An error is the outcome of an attempt
    /// that put nothing on the wire.
    fn connect(&self) -> Result<(OwnedFd, Option<Outcome>), Outcome> {
        let address = self.plan.target.address();
        let socket = socket::open(&address).map_err(Outcome::of_open)?;
        if let Some(source) = self.plan.source {
            socket::bind_source(&socket, source).map_err(Outcome::of_open)?;
        }
        match Outcome::of_connect(socket::connect(&socket, &address)) {
            Some(unsent @ (Outcome::Short(_) | Outcome::Unsent(_))) => Err(unsent),
            known => Ok((socket, known)),
        }
    }

    fn follow(&mut self, attempt: Attempt, deadline: Instant) {
        let interest = match self.plan.talk {
            Talk::Silent => Interest::Arrivals,
            Talk::SendData => Interest::ArrivalsAndWritable,
        };
        let slot = self.in_flight.insert(attempt, Some(deadline));
        let Some(attempt) = self.in_flight.item_mut(slot) else { return };
        if let Err(errno) = self.epoll.add(&attempt.socket, slot as u64, interest) {
            self.release(slot, Outcome::Other(errno, Stage::Connecting));
        }
    }

    fn end(&mut self, attempt: Attempt, outcome: Outcome) {
        self.tally.end(outcome);
        if let Some(place) = attempt.place {
            self.roll.tell(place, outcome);
        }
    }

    /// Waits for events until `wake` or the next deadline, and handles them and the deadlines that have passed.
    fn turn(&mut self, wake: Option<Instant>) -> Result<(), Errno> {
        let wake = [wake, self.in_flight.next_deadline()].into_iter().flatten().min();
        self.epoll.wait(wake.map(|wake| wake.saturating_duration_since(Instant::now())))?;
        for index in 0..self.epoll.ready() {
            match self.epoll.token(index) {
                STOP_TOKEN => {}
                slot => self.advance(slot as usize),
            }
        }
        while let Some(attempt) = self.in_flight.pop_expired(Instant::now()) {
            let outcome = last_look(&attempt);
            self.end(attempt, outcome);
        }
        Ok(())
    }

    fn advance(&mut self, slot: usize) {
        let Some(attempt) = self.in_flight.item_mut(slot) else { return };
        let mut outcome = None;
        if self.plan.talk == Talk::SendData && !attempt.sent && socket::is_connected(&attempt.socket) {
            attempt.stage = Stage::Connected;
            attempt.sent = true;
            outcome = Outcome::of_send(socket::send(&attempt.socket, PAYLOAD), attempt.stage);
        }
        let mut buffer = [0; 512];
        while outcome.is_none() {
            let received = socket::receive(&attempt.socket, &mut buffer);
            outcome = Outcome::of_receive(received, attempt.stage);
            match received {
                Ok(_) => attempt.stage = Stage::Connected,
                Err(Errno::INTR) => {}
                Err(_) => break,
            }
        }
        if let Some(outcome) = outcome {
            self.release(slot, outcome);
        }
    }

    fn release(&mut self, slot: usize, outcome: Outcome) {
        if let Some(attempt) = self.in_flight.remove(slot) {
            self.end(attempt, outcome);
        }
    }
}

/// The outcome of an attempt whose time is over: what has arrived since the last events were told, or else a timeout.
fn last_look(attempt: &Attempt) -> Outcome {
    let connected = socket::is_connected(&attempt.socket);
    let stage = if connected { Stage::Connected } else { attempt.stage };
    let received = socket::receive(&attempt.socket, &mut [0]);
    Outcome::of_receive(received, stage).unwrap_or(Outcome::Timeout(stage))
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

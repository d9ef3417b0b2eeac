//! One storm in the lab: server, client and observer, each in its own namespace on its own thread.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::mpsc::{self, SyncSender};
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

use rst_storm_core::tcp::Endpoint;
use rst_storm_linux::counters::Counters;
use rst_storm_linux::netns::NetNamespace;
use rst_storm_linux::signals::Stop;
use rst_storm_linux::{Error, Result, usage};

use super::capture_file::CaptureFile;
use super::indicators;
use super::ledger::{self, Equation, KernelCounts, Witnesses};
use super::network::Hosts;
use super::observer::{self, Observation, Service, Window, WireProgress};
use super::topology::SOURCE;
use crate::storm::check::Check;
use crate::storm::client;
use crate::storm::outcome::Tally;
use crate::storm::plan::{ClientPlan, CloseBy, Listing, Progress, ServerPlan};
use crate::storm::report::{ClientReport, ServerReport};
use crate::storm::server::Server;

/// What a run is to do.
#[derive(Debug)]
pub struct RunPlan {
    /// The client's part; its target is the lab's destination.
    pub client: ClientPlan,
    /// How the server ends connections.
    pub close: CloseBy,
    /// Whether the server reads first.
    pub read_first: bool,
    /// The length of its accept queue.
    pub backlog: i32,
    /// Where the counted segments go.
    pub capture: Option<CaptureFile>,
}

/// The figures of a run under way.
#[derive(Clone, Debug)]
pub struct RunProgress {
    /// Since the first attempt.
    pub elapsed: Duration,
    /// What the client counted.
    pub client: Tally,
    /// What passed on the wire.
    pub wire: WireProgress,
}

/// What a run tells while it is under way.
#[derive(Clone, Debug)]
pub enum RunEvent {
    /// The observer watches and the server listens; the client starts now.
    Ready,
    /// The figures, every two seconds.
    Progress(RunProgress),
}

/// What a run brings home.
#[derive(Debug)]
pub struct RunReport {
    /// The client's word.
    pub client: ClientReport,
    /// The server's word.
    pub server: ServerReport,
    /// The wire's word.
    pub wire: Observation,
    /// The kernel's word at the source.
    pub source: KernelCounts,
    /// The kernel's word at the destination.
    pub destination: KernelCounts,
    /// JitterTrap's indicators, judged.
    pub indicators: Vec<Check>,
    /// The ledger.
    pub ledger: Vec<Equation>,
    /// The most memory that the process has had resident, in bytes; the observer's ring is 64 MiB of it.
    pub peak_rss: Option<u64>,
}

impl RunReport {
    /// Everything that is checked: both halves' self-checks, the indicators, the ledger.
    pub fn checks(&self) -> Vec<Check> {
        let ledger =
            self.ledger.iter().map(|equation| Check::new(equation.title, equation.holds, equation.to_string()));
        let halves = self.server.checks().into_iter().chain(self.client.checks());
        halves.chain(self.indicators.iter().cloned()).chain(ledger).collect()
    }
}

impl RunReport {
    /// What to do about a failure of the everyday kind, and what explains a ledger that does not settle.
    pub fn hints(&self) -> Vec<String> {
        let mut hints = self.client.hints();
        hints.extend(self.server.hints());
        if self.ledger.iter().all(|equation| equation.holds) {
            return hints;
        }
        if self.destination.listen_overflows > 0 {
            hints.push(format!(
                "ListenOverflows {} may explain the difference: the accept queue was full, and the kernel then drops \
                 the ACK that ends a handshake, so that the client is connected and the server is not (tcp_v4_syn_recv_sock); \
                 raise --backlog or lower --concurrency",
                self.destination.listen_overflows
            ));
        }
        if self.wire.dropped > 0 {
            hints.push(format!(
                "The observer dropped {} packets, so that the wire's figures may be too low by as many",
                self.wire.dropped
            ));
        }
        if self.wire.foreign_flows > 0 {
            hints.push("Foreign traffic is in the kernel's counters: end it, or run without --named".to_owned());
        }
        hints
    }
}

/// Plays the storm of `plan` between `hosts`. `stop` ends the sending; what is under way is still seen to its end.
pub fn play(hosts: &Hosts, plan: RunPlan, stop: &Stop, tell: &mut dyn FnMut(&RunEvent)) -> Result<RunReport> {
    let RunPlan { client: client_plan, close, read_first, backlog, capture } = plan;
    let address = client_plan.target.address();
    let service = Service { client: IpAddr::V4(SOURCE), server: Endpoint::from(address) };
    let server_plan = ServerPlan { address, backlog, close, read_first, duration: None, listing: Listing::Roll };
    let server_stop = Stop::new().map_err(|error| Error::from_errno("create eventfd", "", raw(&error)))?;
    let window = Arc::new(Window::default());
    thread::scope(|scope| {
        let _ending = Ending { window: &window, server: &server_stop };
        let (ready, is_ready) = mpsc::sync_channel(1);
        let observer = scope.spawn({
            let window = &window;
            move || {
                hosts.observer.enter()?;
                observer::observe(service, capture, window, &ready)
            }
        });
        if is_ready.recv().is_err() {
            return Err(failure_of(observer));
        }
        let before = [count(&hosts.source)?, count(&hosts.destination)?];
        let (ready, is_ready) = mpsc::sync_channel(1);
        let server = scope.spawn({
            let server_stop = &server_stop;
            move || serve(&hosts.destination, server_plan, server_stop, &ready)
        });
        let served = is_ready.recv().is_ok();
        let client = served.then(|| {
            tell(&RunEvent::Ready);
            storm(hosts, &client_plan, stop, &window, tell)
        });
        server_stop.request();
        let server = join(server);
        window.end();
        let wire = join(observer);
        let (server, wire) = (server?, wire?);
        // Without a server's report there is no client's either, and its error has been returned above.
        let client = client.expect("a server that served was ready")?;
        let source = KernelCounts::of(&count(&hosts.source)?.since(&before[0]));
        let destination = KernelCounts::of(&count(&hosts.destination)?.since(&before[1]));
        let ledger = ledger::settle(&Witnesses {
            client: &client,
            server: &server,
            wire: &wire,
            source: &source,
            destination: &destination,
        });
        let indicators = indicators::judge(&wire, client_plan.rate, read_first);
        let peak_rss = usage::peak_rss().ok();
        Ok(RunReport { client, server, wire, source, destination, indicators, ledger, peak_rss })
    })
}

/// Ends what would wait for ever when the thread that conducts a run leaves it early, by an error or a panic.
struct Ending<'a> {
    window: &'a Window,
    server: &'a Stop,
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.server.request();
        self.window.end();
    }
}

/// The client on a thread of the source, its ticks handed to the calling thread, which owns the terminal.
fn storm(
    hosts: &Hosts,
    plan: &ClientPlan,
    stop: &Stop,
    window: &Window,
    tell: &mut dyn FnMut(&RunEvent),
) -> Result<ClientReport> {
    thread::scope(|scope| {
        let (ticks, incoming) = mpsc::channel();
        let client = scope.spawn(move || {
            hosts.source.enter()?;
            client::run(plan, stop, &mut |progress: &Progress| {
                let tick = RunProgress {
                    elapsed: progress.elapsed,
                    client: progress.tally.clone(),
                    wire: WireProgress::default(),
                };
                // Nobody listens any more only when the other side has panicked.
                let _ = ticks.send(tick);
            })
        });
        for tick in incoming {
            tell(&RunEvent::Progress(RunProgress { wire: window.progress(), ..tick }));
        }
        join(client)
    })
}

fn serve(namespace: &NetNamespace, plan: ServerPlan, stop: &Stop, ready: &SyncSender<()>) -> Result<ServerReport> {
    namespace.enter()?;
    let server = Server::listen(plan)?;
    let _ = ready.send(());
    server.run(stop, &mut |_| ())
}

fn count(namespace: &NetNamespace) -> Result<Counters> {
    namespace.run(Counters::read)?
}

fn join<T>(handle: ScopedJoinHandle<'_, T>) -> T {
    handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// The error of an observer that ended before it was ready.
fn failure_of(observer: ScopedJoinHandle<'_, Result<Observation>>) -> Error {
    match join(observer) {
        Err(error) => error,
        Ok(_) => Error::from_errno("open the observer's ring", "", 0),
    }
}

fn raw(error: &std::io::Error) -> i32 {
    error.raw_os_error().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_leaves_a_run_early_ends_its_observer_and_its_server() {
        let (window, server) = (Window::default(), Stop::new().unwrap());
        thread::scope(|scope| {
            // Without the ending this thread would never be joined.
            scope.spawn(|| {
                while !(window.is_ended() && server.is_requested()) {
                    thread::yield_now();
                }
            });
            let _ending = Ending { window: &window, server: &server };
        });
    }
}

//! What a connection costs: processor time of storms that differ in their close, and of storms that don't.

use std::sync::mpsc;
use std::thread;

use rst_storm_linux::signals::Stop;
use rst_storm_linux::{Error, Result, usage};
use serde::Serialize;

use super::ComparePlan;
use super::ground::{Ground, PATIENCE, server_address};
use super::pair::{Close, Pair, Spread};
use crate::lab::topology::DESTINATION;
use crate::storm::client;
use crate::storm::pacer::{Extent, Rate};
use crate::storm::plan::{ClientPlan, Listing, ServerPlan, Talk};
use crate::storm::report::ClientReport;
use crate::storm::server::Server;
use crate::storm::target::{PermittedTarget, PublicTargets};

/// Connections in flight.
const CONCURRENCY: usize = 64;

/// The order within a round: what one storm leaves to the next, each kind leaves to each once.
const ROUND: [Close; 4] = [Close::Fin, Close::Rst, Close::Rst, Close::Fin];

const EINVAL: i32 = 22;

/// All rounds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cost {
    /// Rounds, of two storms each way.
    pub rounds: u64,
    /// Connections of each storm.
    pub connections: u64,
    /// Connections in flight.
    pub concurrency: u64,
    /// What each close costs.
    pub storms: Pair<Storms>,
    /// The processor time of a round's storms by RST, as a part of that of its storms by FIN.
    pub rst_to_fin: Spread<f64>,
}

/// All storms of one close.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Storms {
    /// Connections of all storms.
    pub connections: u64,
    /// Of these, how many ended for the client as the server closed them.
    pub ended_so: u64,
    /// Processor time of the whole process for each connection, both ends together, in seconds.
    pub cpu_seconds: Spread<f64>,
    /// Connections a second.
    pub rate_per_second: Spread<f64>,
    /// The processor time of a round's second storm as a part of that of its first.
    pub against_itself: Spread<f64>,
}

/// One storm.
struct Storm {
    ended_so: u64,
    cpu: f64,
    rate: f64,
}

/// Storms in fresh labs, two each way a round.
pub fn measure(plan: &ComparePlan, stop: &Stop) -> Result<Option<Cost>> {
    let mut rounds = Vec::new();
    for _ in 0..plan.rounds {
        let mut round = Pair { fin: Vec::new(), rst: Vec::new() };
        for close in ROUND {
            let storm = storm(plan.count, close, stop)?;
            if stop.is_requested() {
                return Ok(None);
            }
            round.of(close).push(storm);
        }
        rounds.push(round);
    }
    let ratios = rounds.iter().map(|round| cpu(&round.rst) / cpu(&round.fin)).collect();
    let (fin, rst): (Vec<_>, Vec<_>) = rounds.into_iter().map(|round| (round.fin, round.rst)).unzip();
    let storms = sum(plan.count, fin).zip(sum(plan.count, rst));
    Ok(storms.zip(Spread::of(ratios)).map(|((fin, rst), rst_to_fin)| Cost {
        rounds: plan.rounds,
        connections: plan.count,
        concurrency: CONCURRENCY as u64,
        storms: Pair { fin, rst },
        rst_to_fin,
    }))
}

fn cpu(storms: &[Storm]) -> f64 {
    storms.iter().map(|storm| storm.cpu).sum()
}

/// The storms of one close, by rounds.
fn sum(count: u64, rounds: Vec<Vec<Storm>>) -> Option<Storms> {
    let against_itself = rounds.iter().filter_map(|round| Some(round.last()?.cpu / round.first()?.cpu)).collect();
    let storms: Vec<Storm> = rounds.into_iter().flatten().collect();
    Some(Storms {
        connections: count * storms.len() as u64,
        ended_so: storms.iter().map(|storm| storm.ended_so).sum(),
        cpu_seconds: Spread::of(storms.iter().map(|storm| storm.cpu / count as f64).collect())?,
        rate_per_second: Spread::of(storms.iter().map(|storm| storm.rate).collect())?,
        against_itself: Spread::of(against_itself)?,
    })
}

fn storm(count: u64, close: Close, stop: &Stop) -> Result<Storm> {
    let ground = Ground::raise()?;
    let target = PermittedTarget::resolve(&DESTINATION.to_string(), server_address().port(), PublicTargets::Refused);
    let target = target.map_err(|_| Error::from_errno("storm", "the lab's destination", EINVAL))?;
    let plan = ClientPlan {
        target,
        source: None,
        rate: Rate::Max { concurrency: CONCURRENCY },
        extent: Extent { duration: None, count: Some(count) },
        timeout: PATIENCE,
        talk: Talk::Silent,
        listing: Listing::Counts,
    };
    let before = usage::process_cpu_time().total();
    let client = meet(&ground, &plan, close, stop)?;
    let cpu = usage::process_cpu_time().total().saturating_sub(before);
    let ended_so = match close {
        Close::Fin => client.tally.fin,
        Close::Rst => client.tally.reset,
    };
    let took = client.window + client.waited;
    Ok(Storm { ended_so, cpu: cpu.as_secs_f64(), rate: count as f64 / took.as_secs_f64() })
}

/// Client and server, each on a thread of its namespace, until the client is done.
fn meet(ground: &Ground, plan: &ClientPlan, close: Close, stop: &Stop) -> Result<ClientReport> {
    let server_plan = ServerPlan {
        address: server_address(),
        backlog: 4096,
        close: close.into(),
        read_first: false,
        duration: None,
        listing: Listing::Counts,
    };
    let server_stop = Stop::new()
        .map_err(|error| Error::from_errno("create eventfd", "", error.raw_os_error().unwrap_or_default()))?;
    thread::scope(|scope| {
        let (ready, is_ready) = mpsc::sync_channel(1);
        let server = scope.spawn({
            let server_stop = &server_stop;
            move || {
                ground.hosts.destination.enter()?;
                let server = Server::listen(server_plan)?;
                let _ = ready.send(());
                server.run(server_stop, &mut |_| ())
            }
        });
        let client = is_ready.recv().is_ok().then(|| {
            let client = scope.spawn(|| {
                ground.hosts.source.enter()?;
                client::run(plan, stop, &mut |_| ())
            });
            client.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        server_stop.request();
        server.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        // A server that ended well was ready.
        client.unwrap_or_else(|| Err(Error::from_errno("start", "the server", EINVAL)))
    })
}

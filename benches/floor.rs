//! The storm against its floor: a minimal epoll loop that does nothing but socket, connect, recv and close, against
//! accept4 and close, in the same lab, in turn.
//!
//! `cargo bench --bench floor -- [PAIRS] [CONNECTIONS]` prints the median ratios, and those of the floor against itself.

use std::error::Error;
use std::io::{self, BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rst_storm::lab::namespaces::create_nameless;
use rst_storm::lab::network::Hosts;
use rst_storm::lab::topology::DESTINATION;
use rst_storm_linux::usage::process_cpu_time;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, sockopt};
use rustix::process::{Pid, Signal, kill_process};

const PORT: u16 = 9999;
const IN_FLIGHT: usize = 64;
const BACKLOG: i32 = 4096;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let (flags, arguments): (Vec<String>, Vec<String>) = std::env::args().skip(1).partition(|word| word == "--bench");
    let number = |index: usize, default| arguments.get(index).map_or(Ok(default), |text| text.parse::<u64>());
    match arguments.first().map(String::as_str) {
        Some("floor-server") => floor_server(number(1, 0)?),
        Some("floor-client") => floor_client(number(1, 0)?),
        // `cargo test --all-targets` runs benches too, and a benchmark is no test.
        _ if flags.is_empty() => {
            println!("measured by cargo bench --bench floor");
            Ok(())
        }
        _ => compare(number(0, 21)?, number(1, 60_000)?),
    }
}

/// What one storm measured.
#[derive(Clone, Copy)]
struct Measured {
    rate: f64,
    cpu_per_connection: f64,
}

fn compare(pairs: u64, connections: u64) -> Outcome<()> {
    let (hosts, _) = create_nameless().map_err(|error| error.to_string())?;
    let floor = || storm_of_the_floor(&hosts, connections);
    let product = || storm_of_the_product(&hosts, connections);
    // The first storm warms the caches of both.
    floor()?;
    product()?;
    let (mut against_floor, mut against_itself) = (Vec::new(), Vec::new());
    for pair in 0..pairs {
        // In turn, and each first as often as second, so that what drifts falls on both.
        let (ours, one, other) = if pair % 2 == 0 {
            let ours = product()?;
            (ours, floor()?, floor()?)
        } else {
            let (one, other) = (floor()?, floor()?);
            (product()?, other, one)
        };
        println!(
            "pair {:>2}: storm {:.0}/s {:.1} us, floor {:.0}/s {:.1} us, floor {:.0}/s {:.1} us",
            pair + 1,
            ours.rate,
            ours.cpu_per_connection * 1e6,
            one.rate,
            one.cpu_per_connection * 1e6,
            other.rate,
            other.cpu_per_connection * 1e6
        );
        against_floor.push((ours, one));
        against_itself.push((other, one));
    }
    println!("\n{pairs} pairs of {connections} connections, {IN_FLIGHT} in flight; median (quartiles) of the ratios");
    report("storm / floor", &against_floor);
    report("floor / floor", &against_itself);
    Ok(())
}

fn report(name: &str, pairs: &[(Measured, Measured)]) {
    let rate = quartiles(pairs.iter().map(|(one, other)| one.rate / other.rate));
    let cpu = quartiles(pairs.iter().map(|(one, other)| one.cpu_per_connection / other.cpu_per_connection));
    let show = |[low, median, high]: [f64; 3]| format!("{median:.3} ({low:.3} to {high:.3})");
    println!("{name}: connections a second {}, processor time a connection {}", show(rate), show(cpu));
}

fn quartiles(ratios: impl Iterator<Item = f64>) -> [f64; 3] {
    let mut ratios: Vec<f64> = ratios.collect();
    ratios.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| ratios[(ratios.len() - 1) * quarter / 4])
}

/// `rst-storm client --rate max` against `rst-storm server`, as processes of their own.
fn storm_of_the_product(hosts: &Hosts, connections: u64) -> Outcome<Measured> {
    let program = env!("CARGO_BIN_EXE_rst-storm");
    let server = hosts.destination.run(|| {
        Command::new(program)
            .args(["server", "--duration", "600", "--json", "-"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
    })??;
    let mut server = Reaped(server);
    // With --json - the text goes to standard error; its first line says that the server listens.
    let stderr = server.0.stderr.take().ok_or("no standard error")?;
    let mut lines = BufReader::new(stderr).lines();
    lines.next().ok_or("the server said nothing")??;
    let client = hosts.source.run(|| {
        Command::new(program)
            .args(["client", "--rate", "max", "--count", &connections.to_string(), "--json", "-", "-q"])
            .args(["--concurrency", &IN_FLIGHT.to_string()])
            .stderr(Stdio::null())
            .output()
    })??;
    let pid = Pid::from_child(&server.0);
    kill_process(pid, Signal::TERM)?;
    for line in lines {
        line?;
    }
    let client: serde_json::Value = serde_json::from_slice(&client.stdout)?;
    let stdout = server.0.stdout.take().ok_or("no standard output")?;
    let server: serde_json::Value = serde_json::from_reader(stdout)?;
    let field = |document: &serde_json::Value, name| document[name].as_f64().ok_or("a figure is missing");
    assert_eq!(client["outcomes"]["reset"].as_u64(), Some(connections), "every connection is reset: {client}");
    let cpu = field(&client, "cpu_seconds")? + field(&server, "cpu_seconds")?;
    Ok(Measured { rate: field(&client, "rate_per_second")?, cpu_per_connection: cpu / connections as f64 })
}

/// The minimal loops, as processes of their own.
fn storm_of_the_floor(hosts: &Hosts, connections: u64) -> Outcome<Measured> {
    let program = std::env::current_exe()?;
    let count = connections.to_string();
    let start = |role: &str| Command::new(&program).args([role, &count]).stdout(Stdio::piped()).spawn();
    let mut server = Reaped(hosts.destination.run(|| start("floor-server"))??);
    let mut said = BufReader::new(server.0.stdout.take().ok_or("no standard output")?).lines();
    said.next().ok_or("the floor's server said nothing")??;
    let mut client = Reaped(hosts.source.run(|| start("floor-client"))??);
    let client: String = io::read_to_string(client.0.stdout.take().ok_or("no standard output")?)?;
    let server = said.next().ok_or("the floor's server did not end")??;
    let mut figures = client.split_whitespace().map(str::parse::<f64>);
    let (seconds, client_cpu) = (figures.next().ok_or("no time")??, figures.next().ok_or("no processor time")??);
    let cpu = client_cpu + server.parse::<f64>()?;
    Ok(Measured { rate: connections as f64 / seconds, cpu_per_connection: cpu / connections as f64 })
}

/// A child that is ended and waited for whatever happens.
struct Reaped(Child);

impl Drop for Reaped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn floor_server(connections: u64) -> Outcome<()> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let listener = rustix::net::socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
    sockopt::set_socket_reuseaddr(&listener, true)?;
    sockopt::set_socket_linger(&listener, Some(Duration::ZERO))?;
    rustix::net::bind(&listener, &SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, PORT))?;
    rustix::net::listen(&listener, BACKLOG)?;
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&epoll, &listener, EventData::new_u64(0), EventFlags::IN)?;
    println!("ready");
    let before = process_cpu_time().total();
    let mut events = Vec::with_capacity(16);
    let mut accepted = 0;
    while accepted < connections {
        events.clear();
        epoll::wait(&epoll, rustix::buffer::spare_capacity(&mut events), None)?;
        loop {
            match rustix::net::accept_with(&listener, flags) {
                Ok(connection) => drop(connection),
                Err(Errno::AGAIN) => break,
                Err(errno) => return Err(errno.into()),
            }
            accepted += 1;
        }
    }
    println!("{}", (process_cpu_time().total() - before).as_secs_f64());
    Ok(())
}

fn floor_client(connections: u64) -> Outcome<()> {
    let server = SocketAddr::from((DESTINATION, PORT));
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let open = |slot: u64| -> Result<OwnedFd, Errno> {
        let socket = rustix::net::socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
        match rustix::net::connect(&socket, &server) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(errno) => return Err(errno),
        }
        epoll::add(&epoll, &socket, EventData::new_u64(slot), EventFlags::IN | EventFlags::RDHUP | EventFlags::ET)?;
        Ok(socket)
    };
    let before = process_cpu_time().total();
    let start = Instant::now();
    let mut opened = connections.min(IN_FLIGHT as u64);
    let mut sockets = (0..opened).map(open).collect::<Result<Vec<_>, _>>()?;
    let mut events = Vec::with_capacity(IN_FLIGHT);
    let (mut closed, mut buffer) = (0, [0u8; 64]);
    while closed < connections {
        events.clear();
        epoll::wait(&epoll, rustix::buffer::spare_capacity(&mut events), None)?;
        for event in &events {
            let slot = event.data.u64();
            let socket = &mut sockets[slot as usize];
            match rustix::net::recv(&*socket, &mut buffer, RecvFlags::empty()) {
                Err(Errno::CONNRESET) => {}
                other => return Err(format!("not a reset: {other:?}").into()),
            }
            closed += 1;
            if opened < connections {
                // The old socket is closed by the assignment.
                *socket = open(slot)?;
                opened += 1;
            } else {
                epoll::delete(&epoll, &*socket)?;
            }
        }
    }
    println!("{} {}", start.elapsed().as_secs_f64(), (process_cpu_time().total() - before).as_secs_f64());
    Ok(())
}

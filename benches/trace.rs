//! The storm while the kernel's resets are traced, against the storm without: what listening costs, and what it loses.
//!
//! `cargo bench --bench trace -- [PAIRS] [CONNECTIONS]` (root) prints the median ratio of the rates, that of the storm against
//! itself, and how many events were told and lost.

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_rst-storm");

/// A port of its own, so that the trace tells of this storm alone; what else happens is still read, and may be lost.
const PORT: &str = "17392";

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let (flags, arguments): (Vec<String>, Vec<String>) = std::env::args().skip(1).partition(|word| word == "--bench");
    if flags.is_empty() {
        // `cargo test --all-targets` runs benches too, and a benchmark is no test.
        println!("measured by cargo bench --bench trace");
        return Ok(());
    }
    let number = |index: usize, default| arguments.get(index).map_or(Ok(default), |text| text.parse::<u64>());
    compare(number(0, 9)?, number(1, 120_000)?)
}

fn compare(pairs: u64, connections: u64) -> Outcome<()> {
    storm(connections)?;
    let (mut against_plain, mut against_itself) = (Vec::new(), Vec::new());
    let (mut told, mut lost) = (0, 0);
    for pair in 0..pairs {
        // In turn, and each first as often as second, so that what drifts falls on both.
        let (heard, one, other) = if pair % 2 == 0 {
            let heard = traced_storm(connections)?;
            (heard, storm(connections)?, storm(connections)?)
        } else {
            let (one, other) = (storm(connections)?, storm(connections)?);
            (traced_storm(connections)?, other, one)
        };
        println!(
            "pair {:>2}: traced {:.0}/s ({} told, {} lost), not traced {one:.0}/s, {other:.0}/s",
            pair + 1,
            heard.rate,
            heard.told,
            heard.lost
        );
        against_plain.push(heard.rate / one);
        against_itself.push(other / one);
        told += heard.told;
        lost += heard.lost;
    }
    println!("\n{pairs} pairs of {connections} connections; median (quartiles) of the ratios of connections a second");
    println!("traced / not traced: {}", quartiles(against_plain));
    println!("not traced / not traced: {}", quartiles(against_itself));
    println!("events told: {told} of {} resets that were sent; lost: {lost}", pairs * connections);
    Ok(())
}

fn quartiles(mut ratios: Vec<f64>) -> String {
    ratios.sort_by(f64::total_cmp);
    let [low, median, high] = [1, 2, 3].map(|quarter| ratios[(ratios.len() - 1) * quarter / 4]);
    format!("{median:.3} ({low:.3} to {high:.3})")
}

/// Connections a second of one storm.
fn storm(connections: u64) -> Outcome<f64> {
    let output = Command::new(PROGRAM)
        .args(["run", "--auto", "--rate", "max", "--duration", "120", "--port", PORT, "--json", "-", "-q"])
        .args(["--count", &connections.to_string()])
        .stderr(Stdio::null())
        .output()?;
    let document: Value = serde_json::from_slice(&output.stdout)?;
    let client = &document["client"];
    assert_eq!(client["outcomes"]["reset"].as_u64(), Some(connections), "every connection is reset: {client}");
    Ok(client["rate_per_second"].as_f64().ok_or("no rate")?)
}

/// What a storm that was traced measured.
struct Heard {
    rate: f64,
    told: u64,
    lost: u64,
}

fn traced_storm(connections: u64) -> Outcome<Heard> {
    let mut trace = Reaped(
        Command::new(PROGRAM)
            .args(["trace", "--format", "ndjson", "--port", PORT])
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()?,
    );
    let mut lines = BufReader::new(trace.0.stdout.take().ok_or("no standard output")?).lines();
    // Its first line says what it watches.
    lines.next().ok_or("the trace said nothing; is this root?")??;
    let reader = std::thread::spawn(move || -> std::io::Result<(u64, String)> {
        let (mut told, mut last) = (0, String::new());
        for line in lines {
            last = line?;
            told += u64::from(last.contains("\"direction\":\"sent\""));
        }
        Ok((told, last))
    });
    let rate = storm(connections)?;
    kill_process(Pid::from_child(&trace.0), Signal::TERM)?;
    let (told, last) = reader.join().map_err(|_| "the trace's reader panicked")??;
    let summary: Value = serde_json::from_str(&last)?;
    Ok(Heard { rate, told, lost: summary["lost"].as_u64().ok_or("no count of lost events")? })
}

/// A child that is ended and waited for whatever happens.
struct Reaped(Child);

impl Drop for Reaped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

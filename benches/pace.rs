//! How late the storm starts its attempts, against how late a bare sleep wakes on the same machine, in turn.
//!
//! `cargo bench --bench pace -- [ROUNDS] [SECONDS]`: a virtual machine whose host is busy wakes nobody on time, so the
//! bare loop beside it says what of the lateness is the machine's.

use std::error::Error;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use rst_storm::storm::report::Lateness;
use rst_storm_linux::epoll::sharpen_deadlines;

const RATE: u64 = 500;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let (flags, arguments): (Vec<String>, Vec<String>) = std::env::args().skip(1).partition(|word| word == "--bench");
    if flags.is_empty() {
        println!("measured by cargo bench --bench pace");
        return Ok(());
    }
    let number = |index: usize, default| arguments.get(index).map_or(Ok(default), |text| text.parse::<u64>());
    let (rounds, seconds) = (number(0, 7)?, number(1, 10)?);
    let (mut storms, mut sleeps) = (Vec::new(), Vec::new());
    for round in 1..=rounds {
        let (sleep, storm) = (bare_sleep(seconds)?, storm(seconds)?);
        println!("round {round}: storm {}, bare sleep {}", show(&storm), show(&sleep));
        storms.push(storm);
        sleeps.push(sleep);
    }
    println!("\nmedian of {rounds} rounds of {seconds} s at {RATE}/s, each figure for itself");
    println!("storm:      {}", show(&median(&storms)));
    println!("bare sleep: {}", show(&median(&sleeps)));
    Ok(())
}

fn show(lateness: &Lateness) -> String {
    let micros = |duration: Duration| duration.as_micros();
    format!("p50 {} us, p99 {} us, max {} us", micros(lateness.p50), micros(lateness.p99), micros(lateness.max))
}

fn median(rounds: &[Lateness]) -> Lateness {
    let middle = |figure: fn(&Lateness) -> Duration| {
        let mut figures: Vec<Duration> = rounds.iter().map(figure).collect();
        figures.sort();
        figures[figures.len() / 2]
    };
    Lateness { p50: middle(|one| one.p50), p99: middle(|one| one.p99), max: middle(|one| one.max) }
}

/// A loop that does nothing but sleep until each attempt would be due.
fn bare_sleep(seconds: u64) -> Outcome<Lateness> {
    let histogram = thread::spawn(move || {
        sharpen_deadlines();
        let mut histogram = Histogram::<u64>::new_with_bounds(1, 3_600_000_000_000, 2).expect("constant bounds");
        let start = Instant::now();
        for attempt in 0..seconds * RATE {
            let due = Duration::from_nanos(attempt * 1_000_000_000 / RATE);
            thread::sleep(due.saturating_sub(start.elapsed()));
            histogram.saturating_record(start.elapsed().saturating_sub(due).as_nanos() as u64);
        }
        histogram
    });
    Ok(Lateness::of(&histogram.join().map_err(|_| "the sleeper panicked")?))
}

/// `rst-storm run` at the same rate, by its own word.
fn storm(seconds: u64) -> Outcome<Lateness> {
    let run = Command::new(env!("CARGO_BIN_EXE_rst-storm"))
        .args(["run", "--auto", "--rate", &RATE.to_string(), "--duration", &seconds.to_string(), "--json", "-", "-q"])
        .output()?;
    let document: serde_json::Value = serde_json::from_slice(&run.stdout)?;
    assert_eq!(document["client"]["outcomes"]["reset"].as_u64(), Some(seconds * RATE), "every attempt is reset");
    let figure = |name: &str| {
        let seconds = document["client"]["lateness"][name].as_f64();
        seconds.map(Duration::from_secs_f64).ok_or("a figure is missing")
    };
    Ok(Lateness { p50: figure("p50_seconds")?, p99: figure("p99_seconds")?, max: figure("max_seconds")? })
}

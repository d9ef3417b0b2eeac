//! What explaining a storm costs, against what tcpdump takes to copy it and tshark to list its connections.
//!
//! `cargo bench --bench explain -- [ROUNDS] [CONNECTIONS]` makes the capture with the storm itself, in a lab of its own, and
//! prints the median ratios of commands run in turn, with tcpdump against itself beside them. It needs tcpdump, and tshark for
//! the ratio to that.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// How often tshark lists the connections: it takes longer than all else together.
const LISTS: usize = 5;

const PROGRAM: &str = env!("CARGO_BIN_EXE_rst-storm");

fn main() -> Outcome<()> {
    let (flags, arguments): (Vec<String>, Vec<String>) = std::env::args().skip(1).partition(|word| word == "--bench");
    if flags.is_empty() {
        // `cargo test --all-targets` runs benches too, and a benchmark is no test.
        println!("measured by cargo bench --bench explain");
        return Ok(());
    }
    let number = |index: usize, default| arguments.get(index).map_or(Ok(default), |text| text.parse::<u64>());
    let (rounds, connections) = (number(0, 11)?, number(1, 440_000)?);
    let folder = Folder::make()?;
    let capture = folder.0.join("storm.pcap");
    make_capture(&capture, connections)?;
    println!("{} connections, {} octets", connections, fs::metadata(&capture)?.len());
    compare(&capture, rounds)?;
    memory(&folder.0, &capture)
}

/// A folder that goes with the benchmark.
struct Folder(PathBuf);

impl Folder {
    fn make() -> Outcome<Folder> {
        let path = std::env::temp_dir().join(format!("rst-storm-bench-{}", std::process::id()));
        fs::create_dir(&path)?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn make_capture(capture: &Path, connections: u64) -> Outcome<()> {
    let mut storm = Command::new(PROGRAM);
    storm.args(["run", "--auto", "--rate", "max", "--duration", "600", "--count", &connections.to_string(), "--pcap"]);
    let done = storm.arg(capture).stdout(Stdio::null()).status()?;
    if done.success() { Ok(()) } else { Err("the storm that makes the capture failed".into()) }
}

fn compare(capture: &Path, rounds: u64) -> Outcome<()> {
    let copy = || run(Command::new("tcpdump").arg("-r").arg(capture).args(["-w", "/dev/null"]));
    let text = || run(Command::new(PROGRAM).arg("explain").arg(capture));
    let one_core = || run(Command::new("taskset").args(["-c", "0", PROGRAM, "explain"]).arg(capture));
    let ndjson = || run(Command::new(PROGRAM).arg("explain").arg(capture).args(["--format", "ndjson"]));
    let list = || run(Command::new("tshark").args(["-q", "-z", "conv,tcp", "-r"]).arg(capture));
    copy()?;
    text()?;
    let mut ratios: [Vec<f64>; 4] = Default::default();
    for round in 0..rounds {
        // In turn, and each first as often as last, so that what drifts falls on all.
        let before = copy()?;
        let (two, one, lines) = if round % 2 == 0 {
            (text()?, one_core()?, ndjson()?)
        } else {
            let lines = ndjson()?;
            let one = one_core()?;
            (text()?, one, lines)
        };
        let after = copy()?;
        let tcpdump = (before + after).as_secs_f64() / 2.0;
        let measured = [two, one, lines, after];
        println!(
            "round {:>2}: tcpdump {before:.2?} and {after:.2?}, text {two:.2?}, on one core {one:.2?}, ndjson {lines:.2?}",
            round + 1
        );
        for (ratios, took) in ratios.iter_mut().zip(measured) {
            ratios.push(took.as_secs_f64() / tcpdump);
        }
        ratios[3].pop();
        ratios[3].push(after.as_secs_f64() / before.as_secs_f64());
    }
    println!("\n{rounds} rounds; median (quartiles) of the ratios to tcpdump -r F -w /dev/null");
    for (name, ratios) in ["text", "text on one core", "ndjson", "tcpdump again"].iter().zip(&ratios) {
        let [low, median, high] = quartiles(ratios);
        println!("{name:>17}: {median:.2} ({low:.2} to {high:.2})");
    }
    let mut lists = Vec::new();
    for _ in 0..LISTS {
        match list() {
            Ok(took) => lists.push(took.as_secs_f64() / ndjson()?.as_secs_f64()),
            Err(error) => {
                println!("tshark wasn't measured: {error}");
                return Ok(());
            }
        }
    }
    let [low, median, high] = quartiles(&lists);
    println!("ndjson / tshark -q -z conv,tcp, in turn, {LISTS} times: 1/{median:.0} (1/{low:.0} to 1/{high:.0})");
    Ok(())
}

/// The most memory that explaining takes: of this capture, and of one ten times as long.
fn memory(folder: &Path, capture: &Path) -> Outcome<()> {
    let long = folder.join("long.pcap");
    let whole = fs::read(capture)?;
    // The records alone, again and again: time goes back at each seam, as it does in captures that were put together.
    let mut octets = whole.clone();
    for _ in 1..10 {
        octets.extend_from_slice(&whole[24..]);
    }
    fs::write(&long, octets)?;
    for (name, file) in [("this capture", capture), ("ten times as long", &long)] {
        let peak = peak_kibibytes(file)?;
        println!("memory, {name}: {:.1} MiB", peak as f64 / 1024.0);
    }
    Ok(())
}

/// VmHWM of an `explain` of this file, read from its /proc while it ends.
fn peak_kibibytes(file: &Path) -> Outcome<u64> {
    let mut child = Command::new(PROGRAM).arg("explain").arg(file).stdout(Stdio::null()).spawn()?;
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait()?.is_none() {
        let read = fs::read_to_string(&status).unwrap_or_default();
        let line = read.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kibibytes =
            line.and_then(|line| line.trim().strip_suffix(" kB")).and_then(|number| number.trim().parse().ok());
        peak = peak.max(kibibytes.unwrap_or(0));
        std::thread::sleep(Duration::from_millis(2));
    }
    if peak == 0 { Err("its memory could not be read".into()) } else { Ok(peak) }
}

fn run(command: &mut Command) -> Outcome<Duration> {
    let begun = Instant::now();
    let done = command.stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    let took = begun.elapsed();
    if done.success() { Ok(took) } else { Err(format!("{command:?} failed: {done}").into()) }
}

fn quartiles(ratios: &[f64]) -> [f64; 3] {
    let mut ratios = ratios.to_vec();
    ratios.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| ratios[(ratios.len() - 1) * quarter / 4])
}

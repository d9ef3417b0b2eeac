//! Plays side by side, each in a process of its own, while one reader listens to the kernel for all.

use std::collections::{HashMap, VecDeque};
use std::ffi::OsString;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rst_storm_core::kernel::KernelReset;
use rst_storm_core::scenario::IpVersion;
use rst_storm_linux::signals::Stop;

use super::choice::Chosen;
use super::events;
use super::judge::{Heard, judge};
use super::listener::Listener;
use super::row::Row;
use crate::lab::play::addresses::{Addresses, MOST_PLAYS};
use crate::lab::play::recording::{MANIFEST, Recording};

/// The subcommand that one play's process is started with; it isn't shown to users.
pub const SUBCOMMAND: &str = "play-apart";

/// A play that takes longer than this has hung.
const LONGEST: Duration = Duration::from_secs(60);

/// An event is there at the latest so long after the process that caused it has ended.
const EVENTS_COME: Duration = Duration::from_millis(30);

/// How often one looks around.
const LOOK: Duration = Duration::from_millis(5);

/// What is to be played.
#[derive(Debug)]
pub struct Programme {
    /// The plays.
    pub plays: Vec<Chosen>,
    /// What addresses are drawn by.
    pub seed: u64,
    /// The most at once.
    pub jobs: usize,
    /// Where the bundles go.
    pub folder: PathBuf,
    /// This program.
    pub program: PathBuf,
}

/// What a programme brings home.
#[derive(Debug, Default)]
pub struct Played {
    /// A row for each play, in the order of the programme.
    pub rows: Vec<Row>,
    /// Plays that left no bundle: which, and why.
    pub failures: Vec<(Chosen, String)>,
    /// Kernel events of others.
    pub foreign: u64,
    /// Kernel events that were lost.
    pub lost: u64,
    /// Why the kernel was not listened to, where it was not.
    pub not_watched: Option<String>,
}

struct Playing {
    place: usize,
    addresses: Addresses,
    child: Child,
    since: Instant,
    /// How many kernel events were lost before it began.
    lost_before: u64,
    ended: Option<(Instant, bool)>,
}

/// Plays all of it. `tell` sees each row as it comes. The wish to stop ends what is being played.
pub fn play(
    programme: &Programme,
    listener: &mut Result<impl Listener, String>,
    stop: &Stop,
    tell: &mut dyn FnMut(&Row),
) -> io::Result<Played> {
    let numbers = numbers(programme.seed, programme.plays.len());
    let mut waiting: VecDeque<usize> = (0..programme.plays.len()).collect();
    let mut playing: Vec<Playing> = Vec::new();
    let mut rows: Vec<Option<Row>> = programme.plays.iter().map(|_| None).collect();
    let mut heard: HashMap<(u16, bool), Vec<KernelReset>> = HashMap::new();
    let mut played = Played { not_watched: listener.as_ref().err().cloned(), ..Played::default() };
    while !(waiting.is_empty() && playing.is_empty()) {
        while playing.len() < programme.jobs
            && !stop.is_requested()
            && let Some(place) = waiting.pop_front()
        {
            let lost_before = listener.as_ref().map_or(0, Listener::lost);
            playing.push(start(programme, place, numbers[place], lost_before)?);
        }
        if stop.is_requested() {
            // What is dropped is killed; its namespaces go with it.
            return Ok(finish(played, rows, listener));
        }
        thread::sleep(LOOK);
        if let Ok(listener) = listener {
            for event in listener.hear() {
                match known(&event, &playing) {
                    Some(key) => heard.entry(key).or_default().push(event),
                    None => played.foreign += 1,
                }
            }
        }
        let mut still = Vec::new();
        for mut one in playing {
            one.look()?;
            if one.ended.is_none_or(|(at, _)| at.elapsed() < EVENTS_COME) {
                still.push(one);
                continue;
            }
            let chosen = programme.plays[one.place];
            let events = heard.remove(&(one.addresses.number, chosen.version == IpVersion::V6)).unwrap_or_default();
            let heard = match listener {
                Err(why) => Heard::NotWatched(why.clone()),
                Ok(listener) => {
                    let folder = programme.folder.join(chosen.folder());
                    let unwritten = |error: io::Error| {
                        io::Error::new(error.kind(), format!("cannot write {}: {error}", folder.display()))
                    };
                    let lost = listener.lost() - one.lost_before;
                    events::write(&folder, listener, &events, lost).map_err(unwritten)?;
                    Heard::Listened { events, lost }
                }
            };
            match conclude(programme, &mut one, &heard, stop) {
                Ok(row) => {
                    tell(&row);
                    rows[one.place] = Some(row);
                }
                Err(why) => played.failures.push((chosen, why)),
            }
        }
        playing = still;
    }
    Ok(finish(played, rows, listener))
}

fn finish(mut played: Played, rows: Vec<Option<Row>>, listener: &Result<impl Listener, String>) -> Played {
    played.rows = rows.into_iter().flatten().collect();
    played.lost = listener.as_ref().map_or(0, Listener::lost);
    played
}

fn start(programme: &Programme, place: usize, number: u16, lost_before: u64) -> io::Result<Playing> {
    let chosen = &programme.plays[place];
    let folder = programme.folder.join(chosen.folder());
    fs::create_dir_all(&folder)?;
    let mut arguments: Vec<OsString> = vec![SUBCOMMAND.into(), chosen.to_string().into()];
    arguments.extend(["--ip".into(), chosen.ip().to_string().into()]);
    arguments.extend(["--seed".into(), programme.seed.to_string().into()]);
    arguments.extend(["--parent".into(), std::process::id().to_string().into()]);
    arguments.extend(["--number".into(), number.to_string().into(), folder.into_os_string()]);
    let child = Command::new(&programme.program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let addresses = Addresses { version: chosen.version, topology: chosen.play.topology, number };
    Ok(Playing { place, addresses, child, since: Instant::now(), lost_before, ended: None })
}

impl Playing {
    fn look(&mut self) -> io::Result<()> {
        if self.ended.is_some() {
            return Ok(());
        }
        if let Some(status) = self.child.try_wait()? {
            self.ended = Some((Instant::now(), status.success()));
        } else if self.since.elapsed() > LONGEST {
            self.child.kill()?;
            self.child.wait()?;
            self.ended = Some((Instant::now(), false));
        }
        Ok(())
    }
}

impl Drop for Playing {
    fn drop(&mut self) {
        // One that has ended can't be killed any more, and that is well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn conclude(programme: &Programme, one: &mut Playing, heard: &Heard, stop: &Stop) -> Result<Row, String> {
    let chosen = &programme.plays[one.place];
    let folder = programme.folder.join(chosen.folder());
    if !one.ended.is_some_and(|(_, success)| success) {
        let mut said = String::new();
        if let Some(stderr) = &mut one.child.stderr {
            // What it can't say, its exit has said.
            let _ = stderr.read_to_string(&mut said);
        }
        let said = said.trim().trim_start_matches("rst-storm: ");
        return Err(if said.is_empty() { "its process ended without a word".to_owned() } else { said.to_owned() });
    }
    let recording = read_manifest(&folder)?;
    judge(chosen, &recording, &folder, heard, stop).map_err(|error| error.to_string())
}

/// Reads the manifest of a bundle.
pub fn read_manifest(folder: &Path) -> Result<Recording, String> {
    let file = folder.join(MANIFEST);
    let text = fs::read(&file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    serde_json::from_slice(&text).map_err(|error| format!("{} is no manifest: {error}", file.display()))
}

/// Whose event it is: by the addresses, since it names no namespace.
fn known(event: &KernelReset, playing: &[Playing]) -> Option<(u16, bool)> {
    let its = |one: &&Playing| {
        let hosts = [event.source.addr, event.destination.addr].map(|address| one.addresses.host_of(address));
        let nobody = [event.source.addr, event.destination.addr].contains(&one.addresses.nobody());
        let known = hosts.iter().flatten().count();
        known == 2 || (known == 1 && (nobody || event.is_of_a_listener()))
    };
    let one = playing.iter().find(its)?;
    Some((one.addresses.number, one.addresses.version == IpVersion::V6))
}

/// So many different numbers, the same for the same seed (SplitMix64 of Steele, Lea and Flood, OOPSLA 2014).
pub fn numbers(seed: u64, count: usize) -> Vec<u16> {
    let mut state = seed;
    let mut next = move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    };
    let mut all: Vec<u16> = (0..MOST_PLAYS).collect();
    for place in (1..all.len()).rev() {
        let other = (next() % (place as u64 + 1)) as usize;
        all.swap(place, other);
    }
    all.into_iter().cycle().take(count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_numbers_and_no_two_plays_share_one() {
        let drawn = numbers(7, 200);
        assert_eq!(drawn, numbers(7, 200));
        assert_ne!(drawn, numbers(8, 200));
        let different: std::collections::HashSet<u16> = drawn.iter().copied().collect();
        assert_eq!(different.len(), 200);
    }
}

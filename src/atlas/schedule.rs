//! Plays side by side, each in a process of its own, while one reader listens to the kernel for all.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rst_storm_core::kernel::KernelReset;
use rst_storm_linux::signals::Stop;

use super::choice::Chosen;
use super::events;
use super::judge::{Heard, judge};
use super::listener::Listener;
use super::row::Row;
use crate::lab::play::addresses::Addresses;
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
    /// What the kernel said of it.
    events: Vec<KernelReset>,
}

/// Plays all of it. `tell` sees each row as it comes. The wish to stop ends what is being played.
///
/// They begin in the order of the programme, but for those whose addresses somebody has who still plays: they wait.
pub fn play(
    programme: &Programme,
    listener: &mut Result<impl Listener, String>,
    stop: &Stop,
    tell: &mut dyn FnMut(&Row),
) -> io::Result<Played> {
    let drawn: Vec<Addresses> = programme.plays.iter().map(|chosen| chosen.addresses(programme.seed)).collect();
    let mut waiting: VecDeque<usize> = (0..programme.plays.len()).collect();
    let mut playing: Vec<Playing> = Vec::new();
    let mut rows: Vec<Option<Row>> = programme.plays.iter().map(|_| None).collect();
    let mut played = Played { not_watched: listener.as_ref().err().cloned(), ..Played::default() };
    while !(waiting.is_empty() && playing.is_empty()) {
        while playing.len() < programme.jobs
            && !stop.is_requested()
            && let Some(place) = next(&mut waiting, &drawn, playing.iter().map(|one| one.place))
        {
            let lost_before = listener.as_ref().map_or(0, Listener::lost);
            playing.push(start(programme, place, drawn[place], lost_before)?);
        }
        if stop.is_requested() {
            // What is dropped is killed; its namespaces go with it.
            break;
        }
        thread::sleep(LOOK);
        if let Ok(listener) = listener {
            for event in listener.hear() {
                match playing.iter_mut().find(|one| one.knows(&event)) {
                    Some(one) => one.events.push(event),
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
            let heard = heard(programme, &mut one, listener)?;
            match conclude(programme, &mut one, &heard, stop) {
                Ok(row) => {
                    tell(&row);
                    rows[one.place] = Some(row);
                }
                Err(why) => played.failures.push((programme.plays[one.place], why)),
            }
        }
        playing = still;
    }
    played.rows = rows.into_iter().flatten().collect();
    played.lost = listener.as_ref().map_or(0, Listener::lost);
    Ok(played)
}

/// Takes the first that waits and whose addresses nobody has who plays: a seed may give the same ones to two, and an event would be
/// taken for the other's.
fn next(
    waiting: &mut VecDeque<usize>,
    drawn: &[Addresses],
    playing: impl Iterator<Item = usize> + Clone,
) -> Option<usize> {
    let is_free = |place: &usize| playing.clone().all(|other| !drawn[*place].overlaps(&drawn[other]));
    let at = waiting.iter().position(is_free)?;
    waiting.remove(at)
}

fn start(programme: &Programme, place: usize, addresses: Addresses, lost_before: u64) -> io::Result<Playing> {
    let chosen = &programme.plays[place];
    let folder = programme.folder.join(chosen.folder());
    fs::create_dir_all(&folder)?;
    let mut arguments: Vec<OsString> = vec![SUBCOMMAND.into(), chosen.to_string().into()];
    arguments.extend(["--ip".into(), chosen.ip().to_string().into()]);
    arguments.extend(["--seed".into(), programme.seed.to_string().into()]);
    arguments.extend(["--parent".into(), std::process::id().to_string().into(), folder.into_os_string()]);
    let child = Command::new(&programme.program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    Ok(Playing { place, addresses, child, since: Instant::now(), lost_before, ended: None, events: Vec::new() })
}

/// What the kernel said of a play that has ended; where it was listened to, that is written into the bundle too.
fn heard(programme: &Programme, one: &mut Playing, listener: &Result<impl Listener, String>) -> io::Result<Heard> {
    let listener = match listener {
        Err(why) => return Ok(Heard::NotWatched(why.clone())),
        Ok(listener) => listener,
    };
    let folder = programme.folder.join(programme.plays[one.place].folder());
    let events = std::mem::take(&mut one.events);
    let unwritten =
        |error: io::Error| io::Error::new(error.kind(), format!("cannot write {}: {error}", folder.display()));
    let lost = listener.lost() - one.lost_before;
    events::write(&folder, listener, &events, lost).map_err(unwritten)?;
    Ok(Heard::Listened { events, lost })
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

    /// Whether an event is its own: by the addresses, since it names no namespace.
    fn knows(&self, event: &KernelReset) -> bool {
        let ends = [event.source.addr, event.destination.addr];
        match ends.iter().filter(|address| self.addresses.host_of(**address).is_some()).count() {
            0 => false,
            1 => ends.contains(&self.addresses.nobody()) || event.is_of_a_listener(),
            _ => true,
        }
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

#[cfg(test)]
mod tests {
    use rst_storm_core::scenario::{IpVersion, Topology};

    use super::*;
    use crate::atlas::choice::choose;

    #[test]
    fn plays_begin_in_order_and_one_whose_addresses_are_taken_waits() {
        let drawn = [(IpVersion::V4, 5), (IpVersion::V4, 5), (IpVersion::V6, 5), (IpVersion::V4, 6)];
        let drawn = drawn.map(|(version, number)| Addresses { version, topology: Topology::Bridged, number });
        let mut waiting: VecDeque<usize> = (0..drawn.len()).collect();
        let mut next_beside = |playing: &[usize]| next(&mut waiting, &drawn, playing.iter().copied());
        assert_eq!(next_beside(&[]), Some(0));
        assert_eq!(next_beside(&[0]), Some(2), "the other version has other addresses");
        assert_eq!(next_beside(&[0, 2]), Some(3));
        assert_eq!(next_beside(&[0, 2, 3]), None);
        assert_eq!(next_beside(&[2, 3]), Some(1));
        assert_eq!(next_beside(&[]), None);
    }

    #[test]
    fn a_play_has_the_same_addresses_alone_and_among_others() {
        let versions = [IpVersion::V4, IpVersion::V6];
        let among = choose("all", &versions).expect("all there is");
        let alone = choose("linger-zero/after-data", &versions).expect("a play");
        assert_eq!(alone.len(), 2);
        for one in alone {
            let same = among.iter().find(|other| other.folder() == one.folder()).expect("it among others");
            assert_eq!(same.addresses(7), one.addresses(7));
        }
        let of_seeds: std::collections::HashSet<u16> = (0..8).map(|seed| among[0].addresses(seed).number).collect();
        assert!(of_seeds.len() > 1, "{of_seeds:?}");
    }
}

//! One play, played in a process of its own: stage, taps, steps, and the bundle that it leaves.

pub mod addresses;
pub mod error;
pub mod filters;
pub mod forge;
pub mod player;
pub mod recording;
pub mod stage;
pub mod taps;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use rst_storm_core::scenario::{Host, Play};
use rst_storm_linux::counters::Counters;
use rst_storm_linux::sysctl;
use rst_storm_linux::victim::die_with;

use addresses::Addresses;
use error::PlayError;
use player::{Player, write_captures};
use recording::{Recording, RuleCount, VERSION};
use stage::Stage;

use super::namespaces::{self, Kind, LabError};

/// What a process is to play.
#[derive(Debug)]
pub struct Part {
    /// `cause/play`, for the manifest.
    pub name: String,
    /// The play.
    pub play: &'static Play,
    /// Who is where.
    pub addresses: Addresses,
    /// What the addresses were drawn by.
    pub seed: u64,
    /// Where the bundle goes; the folder is there.
    pub folder: PathBuf,
    /// This program, which becomes the processes that die.
    pub program: PathBuf,
    /// The process that started this one, and with which it ends.
    pub parent: u32,
}

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum PartError {
    /// There is no stage.
    #[error("{0}")]
    Lab(LabError),
    /// The kernel refused the stage.
    #[error(transparent)]
    Play(#[from] PlayError),
    /// The bundle can't be written.
    #[error("cannot write {0}: {1}")]
    Write(PathBuf, std::io::Error),
}

/// Plays, and writes the bundle: captures first, the manifest last. Must be called while the process has a single thread. A play
/// that stumbles leaves a bundle too, which says where.
pub fn play(part: &Part) -> Result<Recording, PartError> {
    let (hosts, kind) = namespaces::bare().map_err(PartError::Lab)?;
    die_with(part.parent).map_err(PlayError::Stage)?;
    let stage = Stage::raise(hosts, part.addresses).map_err(PlayError::Stage)?;
    let mut player = Player::new(stage, part.program.clone())?;
    let began = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let clock = Instant::now();
    let stumble = player.play(part.play).err().map(|error| error.to_string());
    let took = clock.elapsed();
    let taps = write_captures(&player.taps, &part.folder);
    let taps = taps.map_err(|error| PartError::Write(part.folder.clone(), error))?;
    let by_host = |counters: [Counters; 3]| -> BTreeMap<String, BTreeMap<String, u64>> {
        Host::ALL.into_iter().zip(counters).map(|(host, counters)| (host.to_string(), grown(&counters))).collect()
    };
    let recording = Recording {
        version: VERSION,
        play: part.name.clone(),
        ip: match part.addresses.version {
            rst_storm_core::scenario::IpVersion::V4 => 4,
            rst_storm_core::scenario::IpVersion::V6 => 6,
        },
        seed: part.seed,
        number: part.addresses.number,
        kernel: kernel(),
        program: env!("CARGO_PKG_VERSION").to_owned(),
        rootless: kind == Kind::User,
        began: u64::try_from(began.as_nanos()).unwrap_or(u64::MAX),
        took: u64::try_from(took.as_nanos()).unwrap_or(u64::MAX),
        dropped: player.taps.dropped().map_err(PlayError::Stage)?,
        counters: by_host(player.counted()?),
        rules: counts(&mut player)?,
        octets: Host::ALL.into_iter().map(|host| (host.to_string(), player.cast.octets(host))).collect(),
        calls: player.cast.calls().to_vec(),
        probes: player.probes.clone(),
        settings: player.settings.clone(),
        taps,
        stumble,
    };
    write_manifest(&recording, &part.folder)?;
    Ok(recording)
}

/// The counters that have grown, as `group.name`.
fn grown(counters: &Counters) -> BTreeMap<String, u64> {
    let grown = counters.iter().filter(|(.., value)| *value > 0);
    grown.map(|(group, name, value)| (format!("{group}.{name}"), value)).collect()
}

fn counts(player: &mut Player) -> Result<Vec<RuleCount>, PlayError> {
    let counts = player.filters.counts()?;
    Ok(counts.into_iter().map(|(rule, packets)| RuleCount { rule: rule.to_owned(), packets }).collect())
}

fn write_manifest(recording: &Recording, folder: &Path) -> Result<(), PartError> {
    let file = folder.join(recording::MANIFEST);
    let written = serde_json::to_vec_pretty(recording).map_err(std::io::Error::other);
    let written = written.and_then(|mut text| {
        text.push(b'\n');
        std::fs::write(&file, text)
    });
    written.map_err(|error| PartError::Write(file, error))
}

/// The running kernel, as `Linux 6.18.0`.
pub fn kernel() -> String {
    format!("Linux {}", sysctl::read("kernel/osrelease").unwrap_or_default())
}

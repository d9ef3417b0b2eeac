//! Plays a play: one thread goes from host to host and does what each step says.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rst_storm_core::scenario::{
    Ack, Condition, Disguise, Forgery, Host, Name, Number, Peer, Play, Replies, SocketOption, Step, Tap,
};
use rst_storm_linux::counters::Counters;
use rst_storm_linux::frames::FrameSender;
use rst_storm_linux::{conntrack, sock_diag, sysctl};

use super::error::PlayError;
use super::filters::Filters;
use super::forge;
use super::recording::{ProbeAnswer, Reply};
use super::stage::Stage;
use super::taps::Taps;
use crate::actor::call::Answer;
use crate::actor::cast::{Cast, Key, Stumble};
use crate::actor::process::Processes;
use crate::actor::wait::until;

/// A probe that isn't answered within this gets no answer: a hundred round trips of the lab and more.
const SILENCE: Duration = Duration::from_millis(300);

/// A play under way.
#[derive(Debug)]
pub struct Player {
    stage: Stage,
    /// The taps.
    pub taps: Taps,
    /// The sockets and the ledger.
    pub cast: Cast,
    /// The rules.
    pub filters: Filters,
    processes: Processes,
    before: [Counters; 3],
    round: u32,
    forged: u32,
    /// What answered the probes.
    pub probes: Vec<ProbeAnswer>,
    /// What was set, by host.
    pub settings: BTreeMap<String, BTreeMap<String, String>>,
}

impl Player {
    /// Opens the taps and reads the counters: from now on everything counts. `program` becomes the processes that die.
    pub fn new(stage: Stage, program: PathBuf) -> Result<Player, PlayError> {
        let taps = Taps::open(&stage)?;
        let before = counters(&stage)?;
        let version = stage.addresses.version;
        Ok(Player {
            stage,
            taps,
            cast: Cast::new(version),
            filters: Filters::default(),
            processes: Processes::new(program),
            before,
            round: 0,
            forged: 0,
            probes: Vec::new(),
            settings: BTreeMap::new(),
        })
    }

    /// Plays all steps, and waits until nothing passes any more.
    pub fn play(&mut self, play: &Play) -> Result<(), PlayError> {
        let played = self.play_all(play.steps);
        self.taps.settle()?;
        played
    }

    /// By how much the counters of each host have grown.
    pub fn counted(&self) -> Result<[Counters; 3], PlayError> {
        let now = counters(&self.stage)?;
        Ok(std::array::from_fn(|host| now[host].since(&self.before[host])))
    }

    fn play_all(&mut self, steps: &[Step]) -> Result<(), PlayError> {
        for step in steps {
            self.play_one(step)?;
            self.taps.drain()?;
        }
        Ok(())
    }

    fn key(&self, name: Name) -> Key {
        (name, self.round)
    }

    fn play_one(&mut self, step: &Step) -> Result<(), PlayError> {
        match *step {
            Step::Do(steps) => self.play_all(steps)?,
            Step::Rounds(count, steps) => {
                for round in 1..=count {
                    self.round = round;
                    self.play_all(steps)?;
                }
                self.round = 0;
            }
            Step::Set(host, setting, value) => self.set(host, setting, value)?,
            Step::Filter(rule) => self.filters.add(&self.stage, rule)?,
            Step::Unfilter(name) => self.filters.remove(name)?,
            Step::FlushConntrack(host) => {
                self.stage.enter(host)?;
                conntrack::flush()?;
            }
            Step::LinkChecksums(tap) => self.stage.leave_checksums(tap)?,
            Step::BridgeAddress => self.stage.address_bridge()?,
            Step::Await(condition) => self.wait_for(condition)?,
            Step::Pause(milliseconds) => self.pause(milliseconds)?,
            Step::Forge(forgery) => self.forge(&[forgery])?,
            Step::Volley(forgeries) => self.forge(forgeries)?,
            Step::Probe(forgery, wanted) => self.probe(&forgery, wanted)?,
            Step::Hand(socket, process) => {
                let actor = self.cast.take(self.key(socket))?;
                let handed = self.processes.hand(self.key(process), actor);
                let answer = handed.as_ref().map_or_else(|error| error.clone(), |()| Answer::Done);
                self.cast.note(self.processes.host(self.key(process)), self.key(process), "exec", answer);
                handed.map_err(|answer| Stumble::Refused(format!("exec of {process}"), answer.to_string()))?;
            }
            Step::End(process, fate) => {
                let key = self.key(process);
                let ended = self.processes.end(key, fate)?;
                self.cast.note(self.processes.host(key), key, ended, Answer::Done);
            }
            _ => self.play_socket(step)?,
        }
        Ok(())
    }

    fn play_socket(&mut self, step: &Step) -> Result<(), PlayError> {
        let address = |player: &Player, host, port| player.stage.addresses.peer(Peer::At(host, port));
        match *step {
            Step::Listen(host, name, port, backlog) => {
                self.stage.enter(host)?;
                let at = address(self, host, port);
                self.cast.listen(host, self.key(name), at, backlog)?;
            }
            Step::Bind(host, name, port) => {
                self.stage.enter(host)?;
                let at = address(self, host, port);
                self.cast.bind(host, self.key(name), at)?;
            }
            Step::Open(host, name) => {
                self.stage.enter(host)?;
                self.cast.open(host, self.key(name))?;
            }
            Step::Option(name, option) => self.set_option(name, option)?,
            Step::Connect(host, name, peer, how) => {
                self.stage.enter(host)?;
                let peer = self.stage.addresses.peer(peer);
                self.cast.connect(host, self.key(name), peer, how)?;
            }
            Step::Accept(listener, name) => self.cast.accept(self.key(listener), self.key(name))?,
            Step::Write(name, octets) => self.cast.write(self.key(name), octets)?,
            Step::Read(name, how) => self.cast.read(self.key(name), how)?,
            Step::TakeError(name) => self.cast.take_error(self.key(name))?,
            Step::Shutdown(name, direction) => self.cast.shut_down(self.key(name), direction)?,
            Step::Close(name) => self.cast.close(self.key(name))?,
            Step::Disconnect(name) => self.cast.disconnect(self.key(name))?,
            Step::Vanish(name) => self.cast.vanish(self.key(name))?,
            Step::Destroy(name) => self.destroy(name)?,
            _ => unreachable!("the other steps are played by play_one"),
        }
        Ok(())
    }

    fn set(&mut self, host: Host, setting: &str, value: &str) -> Result<(), PlayError> {
        self.stage.enter(host)?;
        sysctl::write(setting, value)?;
        self.settings.entry(host.to_string()).or_default().insert(setting.replace('/', "."), value.to_owned());
        Ok(())
    }

    fn set_option(&mut self, name: Name, option: SocketOption) -> Result<(), PlayError> {
        let host = self.cast.find(self.key(name))?.host;
        let own = self.stage.addresses.peer(Peer::At(host, 0));
        Ok(self.cast.set(self.key(name), option, own)?)
    }

    fn destroy(&mut self, name: Name) -> Result<(), PlayError> {
        let key = self.key(name);
        let host = self.cast.find(key)?.host;
        let (own, peer) = self.cast.ends(key)?;
        self.stage.enter(host)?;
        sock_diag::destroy(own, peer)?;
        self.cast.note(host, key, "SOCK_DESTROY", Answer::Done);
        Ok(())
    }

    /// The taps are read all the while, so that their rings don't run over.
    fn pause(&mut self, milliseconds: u32) -> Result<(), PlayError> {
        let over = Instant::now() + Duration::from_millis(milliseconds.into());
        loop {
            let left = over.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            thread::sleep(left.min(PIECE));
            self.taps.drain()?;
        }
    }

    fn wait_for(&mut self, condition: Condition) -> Result<(), PlayError> {
        let come = until(|| -> Result<Option<()>, PlayError> { Ok(self.is_met(condition)?.then_some(())) })?;
        come.ok_or_else(|| Stumble::InVain(condition.to_string()).into())
    }

    fn is_met(&mut self, condition: Condition) -> Result<bool, PlayError> {
        self.taps.drain()?;
        Ok(match condition {
            Condition::Seen(host, mask, flags, count) => {
                let tap = if host == Host::Server { Tap::ServerPort } else { Tap::ClientPort };
                let own = self.stage.addresses.of(host);
                let segments = self.taps.roll(tap).segments.iter();
                let alike = segments.filter(|seen| seen.source.addr == own && seen.flags.0 & mask.0 == flags.0);
                alike.count() >= count as usize
            }
            Condition::State(name, state) => {
                let now = self.cast.find(self.key(name))?.socket.state();
                now.is_ok_and(|now| now.name() == state)
            }
            Condition::Forgotten(name) => {
                let (own, peer) = self.cast.ends(self.key(name))?;
                self.stage.enter(self.stage.addresses.host_of(own.ip()).unwrap_or(Host::Server))?;
                sock_diag::find(own, peer)?.is_none()
            }
            Condition::Arrived(name, octets) => {
                self.cast.find(self.key(name))?.socket.unread().is_ok_and(|unread| unread >= octets as usize)
            }
            Condition::Acknowledged(name) => {
                self.cast.find(self.key(name))?.socket.unsent().is_ok_and(|unsent| unsent == 0)
            }
            Condition::Counted(host, counter, by) => {
                self.stage.enter(host)?;
                let now = Counters::read()?.since(&self.before[host as usize]);
                let (group, name) = counter.split_once('.').unwrap_or(("TcpExt", counter));
                now.value(group, name).is_some_and(|count| count >= by)
            }
            Condition::Idle(name, milliseconds) => {
                self.cast.idle(self.key(name)) >= Duration::from_millis(milliseconds.into())
            }
            Condition::Met(rule, packets) => self.filters.met(rule)? >= packets,
        })
    }

    /// All are made before the first is sent, so that they leave together; they are of one host.
    fn forge(&mut self, forgeries: &[Forgery]) -> Result<(), PlayError> {
        // The rings hand over late what has passed, and numbers are told by that.
        let told = |forgery: &Forgery| {
            let copied = forgery.ttl.is_none() && matches!(forgery.disguise, Disguise::PeerOf(_) | Disguise::As(_));
            copied || matches!(forgery.seq, Number::Next(_)) || matches!(forgery.ack, Ack::Sent(_))
        };
        if forgeries.iter().any(told) {
            self.taps.settle()?;
        }
        let mut frames = Vec::new();
        for forgery in forgeries {
            frames.extend(forge::frames(&self.stage, &self.taps, &self.cast, self.round, forgery, self.forged)?);
            self.forged += forgery.count;
        }
        let sender = FrameSender::open()?;
        if forgeries.len() > 1 {
            // After a sleep the thread has a whole slice of processor time: nobody comes between the first and the last.
            thread::sleep(Duration::from_millis(1));
        }
        for some in frames.chunks(PORTION) {
            sender.send_all(some)?;
            self.taps.drain()?;
        }
        Ok(())
    }

    /// What answers is looked for at the victim's own link, where nothing in between can add to it or take from it.
    fn probe(&mut self, forgery: &Forgery, wanted: Replies) -> Result<(), PlayError> {
        self.taps.drain()?;
        let tap = if forgery.to == Host::Server { Tap::ServerPort } else { Tap::ClientPort };
        let before = self.taps.roll(tap).segments.len();
        let (source, target) = forge::ends(&self.stage, &self.cast, self.round, forgery, self.forged)?;
        self.forge(&[*forgery])?;
        let mut asked = None;
        let mut answer = None;
        for _ in 0..SILENCE.as_millis() {
            self.taps.drain()?;
            for segment in &self.taps.roll(tap).segments[before..] {
                if segment.source == source && segment.destination == target {
                    asked = asked.or(Some(segment.at));
                } else if segment.source == target && segment.destination == source && asked.is_some() {
                    answer = Some((reply(segment.flags), segment.at));
                    break;
                }
            }
            if answer.is_some() {
                break;
            }
            thread::sleep(Duration::from_millis(1));
        }
        // An answer that didn't come to a probe that didn't leave is none.
        let asked = asked.ok_or_else(|| Stumble::InVain(format!("a probe of {source} to {target} has left")))?;
        let after = answer.map(|(_, at)| at.nanos_since(asked));
        let got = answer.map_or(Reply::Silence, |(got, _)| got);
        self.probes.push(ProbeAnswer { wanted: wanted.into(), got, after });
        Ok(())
    }
}

/// So many forged frames are sent between two looks at the taps, so that their rings don't run over.
const PORTION: usize = 128;

/// The most that is slept without a look at the taps.
const PIECE: Duration = Duration::from_millis(20);

fn reply(flags: rst_storm_core::tcp::Flags) -> Reply {
    if flags.is_rst() {
        Reply::Reset
    } else if flags.is_syn() {
        Reply::SynAck
    } else {
        Reply::ChallengeAck
    }
}

impl From<Replies> for Reply {
    fn from(replies: Replies) -> Reply {
        match replies {
            Replies::SynAck => Reply::SynAck,
            Replies::Reset => Reply::Reset,
            Replies::ChallengeAck => Reply::ChallengeAck,
            Replies::Silence => Reply::Silence,
        }
    }
}

fn counters(stage: &Stage) -> Result<[Counters; 3], PlayError> {
    let mut counters = [Counters::default(), Counters::default(), Counters::default()];
    for host in Host::ALL {
        stage.enter(host)?;
        counters[host as usize] = Counters::read()?;
    }
    Ok(counters)
}

/// Writes captures into a folder and says which.
pub fn write_captures(taps: &Taps, folder: &Path) -> std::io::Result<Vec<super::recording::TapFile>> {
    let one = |tap: Tap| {
        let file = format!("{tap}.pcapng");
        let roll = taps.roll(tap);
        std::fs::write(folder.join(&file), roll.to_pcapng(tap)?)?;
        Ok(super::recording::TapFile { tap: tap.to_string(), file, frames: roll.frames() as u64 })
    };
    Tap::ALL.into_iter().map(one).collect()
}

//! A play's recording and its captures against what the play promises.

mod kernel;

use std::path::{Path, PathBuf};

use rst_storm_core::causes::CauseId;
use rst_storm_core::explain::{Judged, Verdict};
use rst_storm_core::kernel::KernelReset;
use rst_storm_core::reset::Finding;
use rst_storm_core::scenario::{Count, Ending, Host, Tap, Told};
use rst_storm_linux::signals::Stop;

use super::choice::Chosen;
use super::row::{Row, Tried, Truth, WireVerdict};
use super::wire::{self, Shown};
use crate::actor::call::{Answer, Call};
use crate::lab::play::addresses::Addresses;
use crate::lab::play::recording::Recording;
use crate::watch::SourceError;

/// What is known of the kernel's events.
#[derive(Clone, Debug)]
pub enum Heard {
    /// Somebody listened all the while.
    Listened {
        /// What was heard of the play's addresses.
        events: Vec<KernelReset>,
        /// How many events were lost meanwhile, whosever they were.
        lost: u64,
    },
    /// Nobody listened.
    NotWatched(String),
}

/// Judges a bundle.
pub fn judge(
    chosen: &Chosen,
    recording: &Recording,
    bundle: &Path,
    heard: &Heard,
    stop: &Stop,
) -> Result<Row, SourceError> {
    let file = |tap: Tap| {
        let file = recording.taps.iter().find(|file| file.tap == tap.to_string());
        file.map(|file| bundle.join(&file.file))
    };
    let mut shown = Vec::new();
    for tap in Tap::ALL {
        if let Some(file) = file(tap) {
            shown.push((tap, wire::explain(&[file], stop)?));
        }
    }
    let ports: Vec<PathBuf> = [Tap::ClientPort, Tap::ServerPort].into_iter().filter_map(file).collect();
    let between = if chosen.play.shows.between { Some(wire::explain(&ports, stop)?) } else { None };
    let addresses = Addresses { version: chosen.version, topology: chosen.play.topology, number: recording.number };
    Ok(Judging { chosen, recording, shown, between, heard, addresses, checks: Vec::new() }.into_row())
}

struct Judging<'a> {
    chosen: &'a Chosen,
    recording: &'a Recording,
    shown: Vec<(Tap, Shown)>,
    /// Both ports of the middle as one, where the play asks for it.
    between: Option<Shown>,
    heard: &'a Heard,
    addresses: Addresses,
    checks: Vec<Tried>,
}

impl Judging<'_> {
    fn into_row(mut self) -> Row {
        let shows = &self.chosen.play.shows;
        let stumble = self.recording.stumble.clone();
        self.try_that("played to the end", stumble.is_none(), stumble.unwrap_or_else(|| "yes".to_owned()));
        self.try_that("the taps lost nothing", self.recording.dropped == 0, self.recording.dropped.to_string());
        self.check_endings();
        self.check_programs();
        self.check_counts();
        self.check_probes();
        let resetting = shows.reset_by();
        let wire = resetting.map(|host| self.check_wire(host));
        let judged = resetting.and_then(|host| self.judged_at(host)).map(|(tap, judged)| (tap, judged.clone()));
        let tap = judged.as_ref().and_then(|(tap, _)| *tap);
        let (kernel, fused) = self.check_kernel(tap, judged.as_ref().map(|(_, judged)| judged));
        let occasion = self.check_occasion();
        let octets = |host: Host| self.recording.octets.get(&host.to_string()).copied().unwrap_or_default();
        let (client, server) = (octets(Host::Client), octets(Host::Server));
        let lost = [client.written.saturating_sub(server.read), server.written.saturating_sub(client.read)];
        Row {
            play: self.recording.play.clone(),
            ip: self.chosen.ip(),
            cause: self.chosen.card.id.to_string(),
            title: self.chosen.play.title.to_owned(),
            control: resetting.is_none(),
            wire,
            kernel,
            fused,
            occasion,
            client: self.told(Host::Client),
            middle: self.told(Host::Middle),
            server: self.told(Host::Server),
            lost,
            probed: self.recording.probes.iter().filter_map(|probe| probe.after).collect(),
            checks: self.checks,
        }
    }

    fn try_that(&mut self, wanted: impl Into<String>, holds: bool, found: impl Into<String>) {
        self.checks.push(Tried { wanted: wanted.into(), holds, found: found.into() });
    }

    /// How each tap shows the end.
    fn check_endings(&mut self) {
        let mut tried = Vec::new();
        for (tap, shown) in &self.shown {
            let wanted = self.chosen.play.shows.at(*tap);
            let found = self.ending(shown, wanted);
            tried.push((format!("wire at {tap}: {wanted}"), found == wanted, found.to_string()));
        }
        for (wanted, holds, found) in tried {
            self.try_that(wanted, holds, found);
        }
    }

    /// How a tap shows the end, as near to what is wanted as it comes.
    fn ending(&self, shown: &Shown, wanted: Ending) -> Ending {
        let resets: Vec<&Judged> = shown.records.iter().flat_map(|record| &record.resets).collect();
        let fins = shown.records.iter().any(|record| record.connection.fin_first.is_some());
        let by = |judged: &Judged| self.addresses.host_of(judged.reset.segment.source.addr);
        let to = |judged: &Judged, host| self.addresses.host_of(judged.reset.segment.destination.addr) == Some(host);
        let challenged = |judged: &&Judged| judged.reset.challenge().is_some();
        match wanted {
            Ending::Reset(host) if resets.iter().any(|judged| by(judged) == Some(host)) => Ending::Reset(host),
            Ending::Challenged(host) if resets.iter().any(|judged| to(judged, host) && challenged(judged)) => {
                Ending::Challenged(host)
            }
            Ending::Ignored(host) if resets.iter().any(|judged| to(judged, host)) && !resets.iter().any(challenged) => {
                Ending::Ignored(host)
            }
            _ if !resets.is_empty() => Ending::Reset(by(resets[0]).unwrap_or(Host::Middle)),
            _ if fins => Ending::Fin,
            _ => Ending::Silence,
        }
    }

    /// What the programs were told.
    fn check_programs(&mut self) {
        let shows = &self.chosen.play.shows;
        for (host, wanted) in [(Host::Client, shows.client), (Host::Middle, shows.middle), (Host::Server, shows.server)]
        {
            let found: Vec<&Call> = self.telling(host).collect();
            let holds =
                found.len() == wanted.len() && found.iter().zip(wanted).all(|(call, told)| call.answer.is(*told));
            let told = |told: Vec<String>| if told.is_empty() { "nothing".to_owned() } else { told.join(", ") };
            let (wanted, found) = (told(wanted.iter().map(Told::to_string).collect()), told(self.told(host)));
            self.try_that(format!("the {host}'s program is told: {wanted}"), holds, found);
        }
    }

    fn telling(&self, host: Host) -> impl Iterator<Item = &Call> {
        let host = host.to_string();
        self.recording.calls.iter().filter(move |call| call.host == host && call.answer.is_telling())
    }

    fn told(&self, host: Host) -> Vec<String> {
        self.telling(host)
            .map(|call| match &call.answer {
                Answer::Eof => Told::Eof.to_string(),
                answer => answer.to_string(),
            })
            .collect()
    }

    fn check_counts(&mut self) {
        for count in self.chosen.play.shows.counts {
            let (found, quantity) = match count {
                Count::Counter(host, counter, quantity) => (self.counter(*host, counter), quantity),
                Count::Rule(name, quantity) => {
                    let met = self.recording.rules.iter().find(|rule| rule.rule == *name);
                    (met.map_or(0, |rule| rule.packets), quantity)
                }
            };
            self.try_that(count.to_string(), quantity.holds(found), found.to_string());
        }
    }

    fn counter(&self, host: Host, counter: &str) -> u64 {
        let counters = self.recording.counters.get(&host.to_string());
        counters.and_then(|counters| counters.get(counter)).copied().unwrap_or(0)
    }

    fn check_probes(&mut self) {
        let tried: Vec<_> = self.recording.probes.iter().enumerate().collect();
        for (place, probe) in tried {
            let (wanted, found) = (format!("{:?}", probe.wanted), format!("{:?}", probe.got));
            let holds = probe.wanted == probe.got;
            self.checks.push(Tried { wanted: format!("probe {} is answered by {wanted}", place + 1), holds, found });
        }
    }

    /// The reset that is judged, at the tap that is named: where its sender's kernel put it on the wire, else where it is seen.
    /// No tap is named where it is judged at both ports of the middle as one.
    fn judged_at(&self, host: Host) -> Option<(Option<Tap>, &Judged)> {
        if let Some(between) = &self.between {
            return Some((None, self.first_reset(between, host)?));
        }
        let mut taps = [Tap::ClientPort, Tap::ServerPort, Tap::Client, Tap::Server];
        if self.chosen.play.shows.kernel.is_some() && host == Host::Server {
            taps.swap(0, 1);
        }
        // Rather where the wire can show the truth.
        taps.sort_by_key(|tap| self.chosen.play.shows.seen_as(*tap).is_some());
        taps.into_iter().find_map(|tap| Some((Some(tap), self.first_reset_at(tap, host)?)))
    }

    /// The first reset of a host at a tap.
    fn first_reset_at(&self, tap: Tap, host: Host) -> Option<&Judged> {
        let (_, shown) = self.shown.iter().find(|(known, _)| *known == tap)?;
        self.first_reset(shown, host)
    }

    fn first_reset<'a>(&self, shown: &'a Shown, host: Host) -> Option<&'a Judged> {
        let resets = shown.records.iter().flat_map(|record| &record.resets);
        let its = resets.filter(|judged| self.addresses.host_of(judged.reset.segment.source.addr) == Some(host));
        its.min_by_key(|judged| (judged.reset.segment.at, judged.reset.segment.frame))
    }

    /// The wire alone: the truth must be the best finding or a twin wherever the reset is seen, and nothing wrong certain.
    fn check_wire(&mut self, host: Host) -> WireVerdict {
        let (truth, shows) = (self.chosen.card.id, &self.chosen.play.shows);
        let mut worst = None;
        let mut wrongly_certain = false;
        let mut elsewhere = Vec::new();
        for tap in Tap::ALL {
            let Some(judged) = self.first_reset_at(tap, host) else { continue };
            let verdict = &judged.verdict;
            wrongly_certain |= verdict.finding() == Some(Finding::Certain) && verdict.cause() != Some(truth);
            if let Some(other) = shows.seen_as(tap) {
                elsewhere.push((tap, other, verdict.cause().map_or("unexplained", |cause| cause.0)));
            } else if self.between.is_none() {
                worst = worst.max(Some(stands(truth, verdict)));
            }
        }
        if let Some(judged) = self.between.as_ref().and_then(|between| self.first_reset(between, host)) {
            worst = Some(stands(truth, &judged.verdict));
        }
        let hidden = worst.is_none() && !elsewhere.is_empty();
        for (tap, other, found) in elsewhere {
            self.try_that(format!("the wire at {tap} shows {other}"), found == other, found);
        }
        let named = self.judged_at(host).map(|(tap, judged)| {
            let verdict = &judged.verdict;
            WireVerdict {
                tap: tap.map_or_else(|| "both ports".to_owned(), |tap| tap.to_string()),
                cause: verdict.cause().map(|cause| cause.to_string()),
                confidence: verdict.finding().map(|finding| finding.to_string()),
                twins: verdict.twins().iter().map(|(twin, _)| twin.to_string()).collect(),
                sender: judged.reset.sender.who.word().to_owned(),
                truth: worst.unwrap_or(Truth::Missed),
                wrongly_certain,
            }
        });
        let verdict = named.unwrap_or_else(|| WireVerdict {
            tap: String::new(),
            cause: None,
            confidence: None,
            twins: Vec::new(),
            sender: String::new(),
            truth: Truth::Missed,
            wrongly_certain: false,
        });
        let found = verdict.cause.clone().unwrap_or_else(|| "unexplained".to_owned());
        if !hidden {
            self.try_that(
                format!("the wire alone says {truth}, or a twin of it"),
                verdict.truth <= Truth::Twin,
                format!("{found}, worst at any tap: {:?}", verdict.truth),
            );
        }
        self.try_that("nothing wrong is certain", !verdict.wrongly_certain, found);
        verdict
    }

    fn check_occasion(&mut self) -> Option<String> {
        let named = self.shown.iter().find(|(tap, _)| *tap == Tap::ClientPort).and_then(|(_, shown)| {
            let groups = shown.summary.groups.iter();
            groups.flat_map(|group| shown.summary.occasions(group)).map(|(cause, ..)| cause.to_string()).next()
        });
        if let Some(wanted) = self.chosen.play.shows.occasion {
            let found = named.clone().unwrap_or_else(|| "nothing".to_owned());
            self.try_that(format!("all together name the occasion {wanted}"), found == wanted, found);
        }
        named
    }
}

fn stands(truth: CauseId, verdict: &Verdict) -> Truth {
    match verdict.cause() {
        Some(cause) if cause == truth => Truth::Best,
        _ if verdict.twins().iter().any(|(twin, _)| *twin == truth) => Truth::Twin,
        None => Truth::Unexplained,
        Some(_) => Truth::Missed,
    }
}

//! Which plays are meant.

use std::fmt;

use rst_storm_core::causes::{CATALOGUE, ResetCause, find};
use rst_storm_core::scenario::{IpVersion, Play};

use crate::lab::play::addresses::Addresses;

/// One play of a card, in one version of IP.
#[derive(Clone, Copy, Debug)]
pub struct Chosen {
    /// The card.
    pub card: &'static ResetCause,
    /// The play.
    pub play: &'static Play,
    /// The version.
    pub version: IpVersion,
}

impl fmt::Display for Chosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.card.id, self.play.id)
    }
}

impl Chosen {
    /// 4 or 6.
    pub const fn ip(&self) -> u8 {
        match self.version {
            IpVersion::V4 => 4,
            IpVersion::V6 => 6,
        }
    }

    /// The name of its folder in a bundle of many.
    pub fn folder(&self) -> String {
        format!("{}/{}-ipv{}", self.card.id, self.play.id, self.ip())
    }

    /// What this seed gives it, whatever else is played.
    pub fn addresses(&self, seed: u64) -> Addresses {
        Addresses::draw(seed, &self.to_string(), self.version, self.play.topology)
    }
}

/// All plays of a cause, one play of it, or all there are (`all`), each in these versions of IP; an error says what there is.
pub fn choose(typed: &str, versions: &[IpVersion]) -> Result<Vec<Chosen>, String> {
    let (cause, play) = match typed.split_once('/') {
        Some((cause, play)) => (cause, Some(play)),
        None => (typed, None),
    };
    let cards: Vec<&'static ResetCause> = match find(cause) {
        _ if typed == "all" => CATALOGUE.to_vec(),
        Some(card) => vec![card],
        None => {
            return Err(format!(
                "there is no cause {cause:?} to run as {typed:?}; 'rst-storm causes' lists the causes, 'all' means all, and the storm is \
                 tcp-lifecycle/rst-storm"
            ));
        }
    };
    if let (Some(play), [card]) = (play, cards.as_slice())
        && !card.plays.iter().any(|known| known.id == play)
    {
        let known: Vec<&str> = card.plays.iter().map(|known| known.id).collect();
        return Err(format!("{cause} has no play {play:?}; it has: {}", known.join(", ")));
    }
    let mut chosen = Vec::new();
    for card in cards {
        for known in card.plays.iter().filter(|known| play.is_none_or(|play| known.id == play)) {
            chosen.extend(versions.iter().map(|version| Chosen { card, play: known, version: *version }));
        }
    }
    Ok(chosen)
}

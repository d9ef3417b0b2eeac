//! Segments that no socket sent, put on a link as bytes.

use rst_storm_core::scenario::{Ack, Disguise, Forgery, Host, Number, Tap, Topology};
use rst_storm_core::tcp::{Endpoint, SeqNumber};
use rst_storm_core::wire::{Draft, TcpOption};
use rst_storm_linux::frames::Outgoing;
use rst_storm_linux::link::{LinkAddress, Links};
use rst_storm_linux::{Cause, Error};

use super::error::PlayError;
use super::stage::{Stage, link_at};
use super::taps::Taps;
use crate::actor::cast::{Cast, Stumble};

/// The first port of nobody's.
const NOBODYS_PORTS: u16 = 20_000;

/// The IP id of a forger who doesn't care.
const CARELESS_ID: u16 = 0xbeef;

/// The time to live of a segment out of the blue.
const OWN_TTL: u8 = 64;

/// Whose name is on the first of the forged segments, and to whom they go. `forged` segments were sent before.
pub fn ends(
    stage: &Stage,
    cast: &Cast,
    round: u32,
    forgery: &Forgery,
    forged: u32,
) -> Result<(Endpoint, Endpoint), PlayError> {
    let addresses = &stage.addresses;
    Ok(match forgery.disguise {
        Disguise::PeerOf(name) => {
            let (own, peer) = cast.ends((name, round))?;
            (Endpoint::from(peer), Endpoint::from(own))
        }
        Disguise::As(name) => {
            let (own, peer) = cast.ends((name, round))?;
            (Endpoint::from(own), Endpoint::from(peer))
        }
        Disguise::Nobody(port) => {
            let from = NOBODYS_PORTS + (forged % u32::from(NOBODYS_PORTS)) as u16;
            (Endpoint::new(addresses.nobody(), from), Endpoint::new(addresses.of(forgery.to), port))
        }
        Disguise::Own(from, to) => {
            (Endpoint::new(addresses.of(forgery.by), from), Endpoint::new(addresses.of(forgery.to), to))
        }
    })
}

/// Their frames, with the link that they leave by. The calling thread ends up in their sender's namespace.
pub fn frames(
    stage: &Stage,
    taps: &Taps,
    cast: &Cast,
    round: u32,
    forgery: &Forgery,
    forged: u32,
) -> Result<Vec<Outgoing>, PlayError> {
    stage.enter(forgery.by)?;
    let interface_index = Links::open()?.index(link_at(out_of(forgery)))?;
    let first = draft(stage, taps, cast, round, forgery, forged)?;
    let mut frames = Vec::with_capacity(forgery.count as usize);
    for place in 0..forgery.count {
        let mut draft = first.clone();
        draft.seq = first.seq + place.wrapping_mul(forgery.stride);
        if let Disguise::Nobody(_) = forgery.disguise {
            draft.source = ends(stage, cast, round, forgery, forged + place)?.0;
        }
        let malformed = |error| Error::from_cause("write", "a forged segment", Cause::Malformed(format!("{error}")));
        frames.push(Outgoing { interface_index, frame: draft.to_frame().map_err(malformed)? });
    }
    Ok(frames)
}

/// The link that forged segments leave by.
fn out_of(forgery: &Forgery) -> Tap {
    match (forgery.by, forgery.to) {
        (Host::Client, _) => Tap::Client,
        (Host::Server, _) => Tap::Server,
        (Host::Middle, Host::Server) => Tap::ServerPort,
        (Host::Middle, _) => Tap::ClientPort,
    }
}

fn draft(
    stage: &Stage,
    taps: &Taps,
    cast: &Cast,
    round: u32,
    forgery: &Forgery,
    forged: u32,
) -> Result<Draft, PlayError> {
    let (source, destination) = ends(stage, cast, round, forgery, forged)?;
    let unseen = || Stumble::InVain(format!("segments of {source} to {destination} have passed"));
    // What the impersonated end has sent, and what the victim has.
    let theirs = taps.way(source, destination);
    // A victim behind an address translation knows its peer by another address.
    let known = || taps.way_to(destination, stage.addresses.virtual_one());
    let victims = taps.way(destination, source).or_else(known);
    let seq = match forgery.seq {
        Number::Next(offset) => moved(theirs.ok_or_else(unseen)?.next, offset),
        Number::Plain(seq) => SeqNumber(seq),
    };
    let ack = match forgery.ack {
        Ack::Sent(offset) => moved(victims.ok_or_else(unseen)?.next, offset),
        Ack::Plain(ack) => SeqNumber(ack),
    };
    let mut draft = Draft::new(source, destination, forgery.flags, seq);
    (draft.source_link, draft.destination_link) = links(stage, forgery);
    draft.ack = Some(ack);
    draft.window = forgery.window;
    draft.payload = vec![b'z'; forgery.payload.into()];
    match (forgery.ttl, theirs) {
        (Some(ttl), _) => {
            draft.ttl = ttl;
            draft.id = CARELESS_ID;
        }
        // A careful forger copies what an end's own next segment would have.
        (None, Some(theirs)) => {
            let last = &theirs.last;
            let hops = u8::from(forgery.by == Host::Middle && stage.addresses.topology == Topology::Routed);
            draft.ttl = last.ip.ttl.saturating_sub(hops);
            draft.tos = last.ip.tos;
            draft.id = last.ip.id.map_or(0, |id| id.wrapping_add(1));
            if let (Some(value), echo) = (last.timestamp_value, victims.and_then(|way| way.last.timestamp_value)) {
                draft.options = vec![TcpOption::Timestamps { value, echo: echo.unwrap_or_default() }];
            }
        }
        (None, None) => draft.ttl = OWN_TTL,
    }
    Ok(draft)
}

/// A number so much further on, or back.
fn moved(number: SeqNumber, offset: i64) -> SeqNumber {
    SeqNumber(number.0.wrapping_add(offset as u32))
}

/// The Ethernet addresses that a segment on this link has.
fn links(stage: &Stage, forgery: &Forgery) -> (Option<LinkAddress>, Option<LinkAddress>) {
    let routed = stage.addresses.topology == Topology::Routed;
    let (from, to) = match (forgery.by, forgery.to) {
        (Host::Client, _) if routed => (Tap::Client, Tap::ClientPort),
        (Host::Client, _) => (Tap::Client, Tap::Server),
        (Host::Server, _) if routed => (Tap::Server, Tap::ServerPort),
        (Host::Server, _) => (Tap::Server, Tap::Client),
        (Host::Middle, Host::Server) => (if routed { Tap::ServerPort } else { Tap::Client }, Tap::Server),
        (Host::Middle, _) => (if routed { Tap::ClientPort } else { Tap::Server }, Tap::Client),
    };
    (Some(stage.link_address(from)), Some(stage.link_address(to)))
}

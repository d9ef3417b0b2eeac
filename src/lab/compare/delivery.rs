//! What becomes of data that was written before the close: the server writes and closes, the client reads slowly.

use std::net::IpAddr;
use std::time::Duration;

use rst_storm_linux::signals::Stop;
use rst_storm_linux::tcp_socket::{Errno, PollFlags, TcpSocket};
use rst_storm_linux::{During, Result};
use serde::Serialize;

use super::ComparePlan;
use super::ground::{Ground, PORT, await_event};
use super::pair::{Close, Pair, Spread};
use super::tap::{Sighting, Tap};
use crate::actor::call::Answer;
use crate::lab::topology::DESTINATION;

/// What the reader takes at a time while the writer can't go on.
const SIP: usize = 16 << 10;

/// How long the writer waits for room before the reader takes the next sip.
const PAUSE: Duration = Duration::from_millis(1);

/// Several transfers, each of them closed at once after the last write.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Deliveries {
    /// Transfers.
    pub transfers: u64,
    /// Octets that send() took of each.
    pub written: u64,
    /// Octets of each that the reader had got when close() was called.
    pub read_before_close: Spread<u64>,
    /// Octets of each that were not acknowledged when close() was called.
    pub unacknowledged_at_close: Spread<u64>,
    /// Octets of each that passed the wire.
    pub carried: Spread<u64>,
    /// Octets of each that the reader got.
    pub delivered: Spread<u64>,
    /// Transfers of which the reader got exactly what had passed the wire.
    pub delivered_as_carried: u64,
    /// What the reader's last recv() answered, of each transfer that it answered something else the first of those.
    #[serde(serialize_with = "super::finding::as_word")]
    pub end: Answer,
    /// Transfers that ended so.
    pub ended_so: u64,
}

struct Transfer {
    read: u64,
    unacknowledged: u64,
    carried: u64,
    delivered: u64,
    end: Answer,
}

/// Writes, closes, and reads what is left.
pub fn measure(plan: &ComparePlan, stop: &Stop) -> Result<Option<Pair<Deliveries>>> {
    Pair::measure(|close| {
        let ground = Ground::raise()?;
        let mut tap = Tap::open(&ground)?;
        let listener = ground.listen()?;
        let mut transfers = Vec::new();
        for _ in 0..plan.rounds {
            if stop.is_requested() {
                return Ok(None);
            }
            transfers.push(transfer(&ground, &listener, &mut tap, plan.bytes, close)?);
        }
        Ok(sum(plan.bytes, transfers))
    })
}

fn sum(written: u64, transfers: Vec<Transfer>) -> Option<Deliveries> {
    let spread = |of: fn(&Transfer) -> u64| Spread::of(transfers.iter().map(of).collect());
    let end = transfers.first()?.end.clone();
    Some(Deliveries {
        transfers: transfers.len() as u64,
        written,
        read_before_close: spread(|transfer| transfer.read)?,
        unacknowledged_at_close: spread(|transfer| transfer.unacknowledged)?,
        carried: spread(|transfer| transfer.carried)?,
        delivered: spread(|transfer| transfer.delivered)?,
        delivered_as_carried: transfers.iter().filter(|transfer| transfer.delivered == transfer.carried).count() as u64,
        ended_so: transfers.iter().filter(|transfer| transfer.end == end).count() as u64,
        end,
    })
}

fn transfer(ground: &Ground, listener: &TcpSocket, tap: &mut Tap, octets: u64, close: Close) -> Result<Transfer> {
    let connection = ground.connect(listener)?;
    let (client, server, source) = (connection.client, connection.server, connection.source);
    let read = write(&server, &client, octets, tap)?;
    let unacknowledged = server.unsent().during("read", "the send queue")? as u64;
    close.end(server).during("close", "the writer")?;
    let mut delivered = read;
    let end = loop {
        await_event(&client, PollFlags::IN, "wait for data")?;
        tap.drain()?;
        match client.receive(&mut [0; SIP]) {
            Ok(0) => break Answer::Eof,
            Ok(octets) => delivered += octets as u64,
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(errno) => break Answer::error(errno),
        }
    };
    client.close().during("close", "the reader")?;
    ground.await_closed(source)?;
    let carried = carried(&tap.take()?);
    Ok(Transfer { read, unacknowledged, carried, delivered, end })
}

/// Writes so many octets. The reader reads only when the writer can't go on, so that both queues are as full as they
/// get when the last octet is written. How many the reader got meanwhile.
fn write(writer: &TcpSocket, reader: &TcpSocket, octets: u64, tap: &mut Tap) -> Result<u64> {
    let chunk = [b'.'; SIP];
    let (mut left, mut read) = (octets, 0);
    while left > 0 {
        let next = usize::try_from(left).unwrap_or(SIP).min(SIP);
        match writer.send(&chunk[..next]) {
            Ok(taken) => left -= taken as u64,
            Err(Errno::AGAIN) => {
                // Nothing to read yet is no error: the data is on its way.
                read += reader.receive(&mut [0; SIP]).unwrap_or(0) as u64;
                let _ = writer.poll(PollFlags::OUT, PAUSE);
                tap.drain()?;
            }
            Err(errno) => return Err(errno).during("send", "the data"),
        }
    }
    Ok(read)
}

/// How many octets of data the server has sent: to the last one's number, from the first one's.
fn carried(sightings: &[Sighting]) -> u64 {
    let from_server = |sighting: &&Sighting| {
        let source = sighting.segment.source;
        source.addr == IpAddr::V4(DESTINATION) && source.port == PORT
    };
    let segments = || sightings.iter().filter(from_server).map(|sighting| sighting.segment);
    let Some(first) = segments().find(|segment| segment.flags.is_syn()).map(|segment| segment.seq + 1) else {
        return 0;
    };
    let ends = segments().filter(|segment| segment.payload_len > 0).map(|segment| segment.seq + segment.payload_len);
    ends.map(|end| u64::try_from(end.distance_from(first)).unwrap_or(0)).max().unwrap_or(0)
}

//! What the close tells the applications: the closer by close(), the other end by poll(), recv() and send().

use rst_storm_linux::Result;
use rst_storm_linux::signals::Stop;
use rst_storm_linux::tcp_socket::{Errno, PollFlags, TcpSocket};
use serde::Serialize;

use super::ground::{Connection, Ground, await_event};
use super::pair::{Close, Pair};
use crate::actor::call::Answer;

/// What was told. The server closes; recv() and send() are tried on connections of their own, since the first call that
/// fails takes the error away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Errors {
    /// close() of the closer.
    #[serde(serialize_with = "super::finding::as_word")]
    pub close: Answer,
    /// What poll() and epoll tell the other end, by the names of their bits.
    pub events: Vec<&'static str>,
    /// Its first recv().
    #[serde(serialize_with = "super::finding::as_word")]
    pub read: Answer,
    /// Its next recv().
    #[serde(serialize_with = "super::finding::as_word")]
    pub read_again: Answer,
    /// Its first send(), on another connection.
    #[serde(serialize_with = "super::finding::as_word")]
    pub write: Answer,
    /// Its next send(), after what the first one called forth has come.
    #[serde(serialize_with = "super::finding::as_word")]
    pub write_again: Answer,
}

/// Asks both ends of connections that are closed both ways.
pub fn measure(stop: &Stop) -> Result<Option<Pair<Errors>>> {
    Pair::measure(|close| {
        let ground = Ground::raise()?;
        let listener = ground.listen()?;
        let (reader, answer) = closed(ground.connect(&listener)?, close)?;
        let all = PollFlags::IN | PollFlags::OUT | PollFlags::RDHUP | PollFlags::PRI;
        let events = await_event(&reader, all, "wait for the close")?;
        let (read, read_again) = (receive(&reader), receive(&reader));
        let (writer, _) = closed(ground.connect(&listener)?, close)?;
        let write = send(&writer);
        if !matches!(write, Answer::Error { .. }) {
            // Data to a socket that is closed is answered with RST.
            await_event(&writer, PollFlags::empty(), "wait for the answer to data after the close")?;
        }
        let write_again = send(&writer);
        let answers = Errors { close: answer, events: names(events), read, read_again, write, write_again };
        Ok((!stop.is_requested()).then_some(answers))
    })
}

/// A connection after a talk whose server has closed, and what its close() answered.
fn closed(connection: Connection, close: Close) -> Result<(TcpSocket, Answer)> {
    connection.talk()?;
    let answer = Answer::of(close.end(connection.server));
    await_event(&connection.client, PollFlags::RDHUP, "wait for the close")?;
    Ok((connection.client, answer))
}

fn receive(socket: &TcpSocket) -> Answer {
    match socket.receive(&mut [0; 64]) {
        Ok(0) => Answer::Eof,
        Ok(octets) => Answer::Octets(octets as u64),
        Err(errno) => Answer::error(errno),
    }
}

fn send(socket: &TcpSocket) -> Answer {
    let result: Result<usize, Errno> = socket.send(b"after the close\n");
    Answer::of(result)
}

fn names(events: PollFlags) -> Vec<&'static str> {
    let known = [
        (PollFlags::IN, "IN"),
        (PollFlags::PRI, "PRI"),
        (PollFlags::OUT, "OUT"),
        (PollFlags::ERR, "ERR"),
        (PollFlags::HUP, "HUP"),
        (PollFlags::RDHUP, "RDHUP"),
    ];
    known.into_iter().filter(|(flag, _)| events.contains(*flag)).map(|(_, name)| name).collect()
}

//! What can be used again at once: the closer's port, the server's port, and the whole 4-tuple.

use rst_storm_linux::signals::Stop;
use rst_storm_linux::socket::Errno;
use rst_storm_linux::{During, Error, Result};
use serde::Serialize;

use super::ground::{Closer, Ground, client_address, server_address};
use super::pair::{Close, Pair};
use crate::actor::call::Answer;

/// The port that the client uses twice, outside the range of those that the kernel gives.
const AGAIN: u16 = 20_000;

/// What the kernel answered when something was used for the second time, both ends being closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reuse {
    /// bind() to the client's port, which closed first.
    #[serde(serialize_with = "super::finding::as_word")]
    pub client_port: Answer,
    /// bind() to the server's port, which closed first; its listener is closed too.
    #[serde(serialize_with = "super::finding::as_word")]
    pub server_port: Answer,
    /// connect() by the same 4-tuple; the server closed first.
    #[serde(serialize_with = "super::finding::as_word")]
    pub tuple_of_server: Answer,
    /// connect() by the same 4-tuple; the client closed first. Both sockets had SO_REUSEADDR, or bind() would refuse.
    /// What a TIME_WAIT has against it then depends on timestamps, and not on tcp_tw_reuse (`tcp_twsk_unique`).
    #[serde(serialize_with = "super::finding::as_word")]
    pub tuple_of_client: Answer,
}

/// Uses again, after both closes.
pub fn measure(stop: &Stop) -> Result<Option<Pair<Reuse>>> {
    Pair::measure(|close| {
        let reuse = Reuse {
            client_port: client_port(close)?,
            server_port: server_port(close)?,
            tuple_of_server: tuple(Closer::Server, close)?,
            tuple_of_client: tuple(Closer::Client, close)?,
        };
        Ok((!stop.is_requested()).then_some(reuse))
    })
}

fn client_port(close: Close) -> Result<Answer> {
    let ground = Ground::raise()?;
    let listener = ground.listen()?;
    let connection = ground.connect(&listener)?;
    let source = connection.source;
    connection.close(Closer::Client, close)?;
    ground.await_closed(source)?;
    Ok(Answer::of(ground.client_socket()?.bind(source)))
}

fn server_port(close: Close) -> Result<Answer> {
    let ground = Ground::raise()?;
    let listener = ground.listen()?;
    let connection = ground.connect(&listener)?;
    let source = connection.source;
    connection.close(Closer::Server, close)?;
    ground.await_closed(source)?;
    listener.close().during("close", "the listener")?;
    Ok(Answer::of(ground.server_socket()?.bind(server_address())))
}

fn tuple(closer: Closer, close: Close) -> Result<Answer> {
    let ground = Ground::raise()?;
    let listener = ground.listen()?;
    let client = || {
        let client = ground.client_socket()?;
        client.set_reuse_address().during("set SO_REUSEADDR of", "the client")?;
        client.bind(client_address(AGAIN)).during("bind", "the client's port")?;
        Ok::<_, Error>(client)
    };
    let connection = ground.join(&listener, client()?)?;
    let source = connection.source;
    connection.close(closer, close)?;
    ground.await_closed(source)?;
    match ground.join(&listener, client()?) {
        Ok(_) => Ok(Answer::Done),
        Err(error) => error.errno().map(|errno| Answer::error(Errno::from_raw_os_error(errno))).ok_or(error),
    }
}

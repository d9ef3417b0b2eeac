//! The sockets of a play by their names, and what was called on them.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rst_storm_core::scenario::{Connecting, Direction, Host, Name, SocketOption, Until};
use rst_storm_linux::socket::Errno;
use rst_storm_linux::tcp_socket::{IpVersion, PollFlags, Shutdown, TcpSocket};

use super::call::{Answer, Call};
use super::wait::{PATIENCE, until};

/// A name within its round.
pub type Key = (Name, u32);

/// A socket on the stage.
#[derive(Debug)]
pub struct Actor {
    /// Whose it is.
    pub host: Host,
    /// The socket.
    pub socket: TcpSocket,
}

/// Octets that a host's programs have written and read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Octets {
    /// Taken by send().
    pub written: u64,
    /// Given by recv().
    pub read: u64,
}

/// Why a step could not be played.
#[derive(Debug, thiserror::Error)]
pub enum Stumble {
    /// No socket of this name is open.
    #[error("there is no open socket {0}")]
    NoSocket(String),
    /// It didn't come.
    #[error("waited {} s in vain until {_0}", PATIENCE.as_secs())]
    InVain(String),
    /// A call that the play builds on failed.
    #[error("{0} failed with {1}")]
    Refused(String, String),
}

/// All sockets, and the ledger.
#[derive(Debug)]
pub struct Cast {
    began: Instant,
    version: IpVersion,
    actors: HashMap<Key, Actor>,
    /// Own address and peer of every socket that ever had both.
    known: HashMap<Key, (SocketAddr, SocketAddr)>,
    calls: Vec<Call>,
    octets: HashMap<Host, Octets>,
}

impl Cast {
    /// Nobody yet.
    pub fn new(version: IpVersion) -> Cast {
        Cast {
            began: Instant::now(),
            version,
            actors: HashMap::new(),
            known: HashMap::new(),
            calls: Vec::new(),
            octets: HashMap::new(),
        }
    }

    /// The calls so far.
    pub fn calls(&self) -> &[Call] {
        &self.calls
    }

    /// What a host's programs have written and read.
    pub fn octets(&self, host: Host) -> Octets {
        self.octets.get(&host).copied().unwrap_or_default()
    }

    /// Writes a call down.
    pub fn note(&mut self, host: Host, on: Key, call: &str, answer: Answer) {
        let at = u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let (host, on, call) = (host.to_string(), shown(on), call.to_owned());
        self.calls.push(Call { at, host, on, call, answer });
    }

    /// How long a socket's last call is ago.
    pub fn idle(&self, key: Key) -> Duration {
        let name = shown(key);
        let last = self.calls.iter().rev().find(|call| call.on == name);
        self.began.elapsed().saturating_sub(Duration::from_nanos(last.map_or(0, |call| call.at)))
    }

    /// The socket of this name: this round's, or that of the play as a whole.
    pub fn find(&self, key: Key) -> Result<&Actor, Stumble> {
        self.actors.get(&key).or_else(|| self.actors.get(&(key.0, 0))).ok_or_else(|| Stumble::NoSocket(shown(key)))
    }

    /// Own address and peer of a socket, though it may be closed.
    pub fn ends(&self, key: Key) -> Result<(SocketAddr, SocketAddr), Stumble> {
        let known = self.known.get(&key).or_else(|| self.known.get(&(key.0, 0)));
        known.copied().ok_or_else(|| Stumble::NoSocket(shown(key)))
    }

    /// Takes the socket of this name away.
    pub fn take(&mut self, key: Key) -> Result<Actor, Stumble> {
        let taken = self.actors.remove(&key).or_else(|| self.actors.remove(&(key.0, 0)));
        taken.ok_or_else(|| Stumble::NoSocket(shown(key)))
    }

    /// A new socket in the calling thread's namespace, which is the host's.
    pub fn open(&mut self, host: Host, key: Key) -> Result<(), Stumble> {
        let opened = TcpSocket::open(self.version);
        let socket = self.built_on(host, key, "socket", opened)?;
        self.actors.insert(key, Actor { host, socket });
        Ok(())
    }

    /// Binds and listens.
    pub fn listen(&mut self, host: Host, key: Key, at: SocketAddr, backlog: i32) -> Result<(), Stumble> {
        self.bind(host, key, at)?;
        let listening = self.find(key)?.socket.listen(backlog);
        self.built_on(host, key, "listen", listening)
    }

    /// A socket bound to an address.
    pub fn bind(&mut self, host: Host, key: Key, at: SocketAddr) -> Result<(), Stumble> {
        self.open(host, key)?;
        let actor = self.find(key)?;
        let bound = actor.socket.set_reuse_address().and_then(|()| actor.socket.bind(at));
        self.built_on(host, key, "bind", bound)
    }

    /// Sets an option; `own` is the host's address.
    pub fn set(&mut self, key: Key, option: SocketOption, own: SocketAddr) -> Result<(), Stumble> {
        let actor = self.find(key)?;
        let (host, socket) = (actor.host, &actor.socket);
        let set = match option {
            SocketOption::LingerZero => socket.set_linger_zero(),
            SocketOption::Linger2(seconds) => socket.set_linger2(seconds),
            SocketOption::Keepalive(idle, interval, count) => socket.set_keepalive(idle, interval, count),
            SocketOption::UserTimeout(milliseconds) => {
                socket.set_user_timeout(Duration::from_millis(u64::from(milliseconds)))
            }
            SocketOption::Ttl(ttl) => socket.set_ttl(ttl),
            SocketOption::ReceiveBuffer(octets) => socket.set_receive_buffer(octets as usize),
            SocketOption::Port(port) => {
                let at = SocketAddr::new(own.ip(), port);
                socket.set_reuse_address().and_then(|()| socket.bind(at))
            }
        };
        self.built_on(host, key, "setsockopt", set)
    }

    /// connect(), and what is to be waited for after it.
    pub fn connect(&mut self, host: Host, key: Key, peer: SocketAddr, how: Connecting) -> Result<(), Stumble> {
        if !self.actors.contains_key(&key) {
            self.open(host, key)?;
        }
        let answer = match self.find(key)?.socket.connect(peer) {
            Err(Errno::INPROGRESS) if how == Connecting::UnderWay => Ok(()),
            Err(Errno::INPROGRESS) => self.connected(key)?,
            answer => answer,
        };
        if how == Connecting::Done {
            self.built_on(host, key, "connect", answer)?;
        } else {
            self.note(host, key, "connect", Answer::of(answer));
        }
        if let Ok(own) = self.find(key)?.socket.local_address() {
            self.known.insert(key, (own, peer));
        }
        Ok(())
    }

    /// Waits for the end of a handshake.
    fn connected(&self, key: Key) -> Result<Result<(), Errno>, Stumble> {
        let socket = &self.find(key)?.socket;
        match socket.poll(PollFlags::OUT, PATIENCE) {
            Ok(events) if !events.is_empty() => match socket.take_error() {
                Ok(None) => Ok(Ok(())),
                Ok(Some(errno)) | Err(errno) => Ok(Err(errno)),
            },
            _ => Err(Stumble::InVain(format!("connect() of {} comes to an end", shown(key)))),
        }
    }

    /// accept(), waiting for a connection.
    pub fn accept(&mut self, listener: Key, name: Key) -> Result<(), Stumble> {
        let host = self.find(listener)?.host;
        let accepted = until(|| match self.find(listener)?.socket.accept() {
            Err(Errno::AGAIN) => Ok(None),
            answer => Ok::<_, Stumble>(Some(answer)),
        })?;
        let accepted = accepted.ok_or_else(|| Stumble::InVain(format!("{} accepts", shown(listener))))?;
        let (socket, peer) = self.built_on(host, name, "accept", accepted)?;
        if let Ok(own) = socket.local_address() {
            self.known.insert(name, (own, peer));
        }
        self.actors.insert(name, Actor { host, socket });
        Ok(())
    }

    /// send() until all octets are taken, the kernel takes no more, or it fails.
    pub fn write(&mut self, key: Key, octets: u32) -> Result<(), Stumble> {
        let actor = self.find(key)?;
        let host = actor.host;
        let data = vec![b'x'; octets as usize];
        let mut sent = 0;
        let mut failed = None;
        while sent < data.len() && failed.is_none() {
            match actor.socket.send(&data[sent..]) {
                Ok(count) => sent += count,
                Err(errno) => failed = Some(errno),
            }
        }
        self.octets.entry(host).or_default().written += sent as u64;
        let answer = match failed {
            Some(errno) if errno != Errno::AGAIN => Answer::error(errno),
            _ => Answer::Octets(sent as u64),
        };
        self.note(host, key, "send", answer);
        Ok(())
    }

    /// recv() until so much has come, or the end.
    pub fn read(&mut self, key: Key, how: Until) -> Result<(), Stumble> {
        let host = self.find(key)?.host;
        let mut left = match how {
            Until::Bytes(octets) => u64::from(octets),
            Until::End => u64::MAX,
        };
        let mut read = 0;
        let ending = loop {
            if left == 0 {
                break None;
            }
            match self.receive(key, left)? {
                Ok(0) => break Some(Answer::Eof),
                Ok(count) => {
                    read += count;
                    left -= count;
                }
                Err(errno) => break Some(Answer::error(errno)),
            }
        };
        self.octets.entry(host).or_default().read += read;
        if read > 0 {
            self.note(host, key, "recv", Answer::Octets(read));
        }
        if let Some(ending) = ending {
            self.note(host, key, "recv", ending);
        }
        Ok(())
    }

    fn receive(&self, key: Key, most: u64) -> Result<Result<u64, Errno>, Stumble> {
        let socket = &self.find(key)?.socket;
        let mut buffer = vec![0; most.min(1 << 16) as usize];
        let received = until(|| match socket.receive(&mut buffer) {
            Err(Errno::AGAIN) => Ok(None),
            answer => Ok::<_, Stumble>(Some(answer.map(|count| count as u64))),
        })?;
        received.ok_or_else(|| Stumble::InVain(format!("recv() of {} has something", shown(key))))
    }

    /// SO_ERROR.
    pub fn take_error(&mut self, key: Key) -> Result<(), Stumble> {
        let actor = self.find(key)?;
        let host = actor.host;
        let answer = match actor.socket.take_error() {
            Ok(None) => Answer::Done,
            Ok(Some(errno)) | Err(errno) => Answer::error(errno),
        };
        self.note(host, key, "SO_ERROR", answer);
        Ok(())
    }

    /// shutdown().
    pub fn shut_down(&mut self, key: Key, direction: Direction) -> Result<(), Stumble> {
        let how = match direction {
            Direction::Read => Shutdown::Read,
            Direction::Write => Shutdown::Write,
            Direction::Both => Shutdown::Both,
        };
        let actor = self.find(key)?;
        let (host, answer) = (actor.host, actor.socket.shutdown(how));
        self.note(host, key, "shutdown", Answer::of(answer));
        Ok(())
    }

    /// close().
    pub fn close(&mut self, key: Key) -> Result<(), Stumble> {
        let actor = self.take(key)?;
        self.note(actor.host, key, "close", Answer::of(actor.socket.close()));
        Ok(())
    }

    /// connect() to AF_UNSPEC.
    pub fn disconnect(&mut self, key: Key) -> Result<(), Stumble> {
        let actor = self.find(key)?;
        let (host, answer) = (actor.host, actor.socket.disconnect());
        self.note(host, key, "connect(AF_UNSPEC)", Answer::of(answer));
        Ok(())
    }

    /// The socket goes without a segment.
    pub fn vanish(&mut self, key: Key) -> Result<(), Stumble> {
        let actor = self.take(key)?;
        self.built_on(actor.host, key, "close in TCP_REPAIR", actor.socket.vanish())
    }

    /// Writes a call down and passes on what it gave; the play can't go on where it failed.
    fn built_on<T>(&mut self, host: Host, key: Key, call: &str, answer: Result<T, Errno>) -> Result<T, Stumble> {
        match answer {
            Ok(value) => {
                self.note(host, key, call, Answer::Done);
                Ok(value)
            }
            Err(errno) => {
                let refused = Answer::error(errno);
                let stumble = Stumble::Refused(format!("{call}() of {}", shown(key)), refused.to_string());
                self.note(host, key, call, refused);
                Err(stumble)
            }
        }
    }
}

/// A name with its round, where there are several.
pub fn shown((name, round): Key) -> String {
    if round == 0 { name.to_owned() } else { format!("{name} {round}") }
}

//! Processes that hold one socket each, until they come to their end.

use std::collections::HashMap;
use std::path::PathBuf;

use rst_storm_core::scenario::{Fate, Host};
use rst_storm_linux::victim::{Signal, Victim, await_death, restore_default_signals, spawn};

use super::call::Answer;
use super::cast::{Actor, Key, Stumble, shown};
use super::wait::PATIENCE;

/// The subcommand that a process is started with; it isn't shown to users.
pub const SUBCOMMAND: &str = "hold-a-socket";

/// The processes of a play.
#[derive(Debug)]
pub struct Processes {
    program: PathBuf,
    living: HashMap<Key, (Host, Victim)>,
    hosts: HashMap<Key, Host>,
}

impl Processes {
    /// None yet; each will be this program.
    pub fn new(program: PathBuf) -> Processes {
        Processes { program, living: HashMap::new(), hosts: HashMap::new() }
    }

    /// Whose a process is; the server's where there is none of the name.
    pub fn host(&self, process: Key) -> Host {
        self.hosts.get(&process).copied().unwrap_or(Host::Server)
    }

    /// Starts a process that has this socket, which nobody else has any more.
    pub fn hand(&mut self, process: Key, actor: Actor) -> Result<(), Answer> {
        self.hosts.insert(process, actor.host);
        let mut victim = spawn(&self.program, &[SUBCOMMAND], actor.socket.into_fd())
            .map_err(|error| Answer::Error { errno: error.errno().unwrap_or_default(), name: error.to_string() })?;
        // Before it is ready, std's own handler would swallow a SIGSEGV.
        match victim.await_ready(PATIENCE) {
            Ok(true) => {}
            Ok(false) => return Err(Answer::Error { errno: 0, name: "it never got ready".to_owned() }),
            Err(error) => {
                return Err(Answer::Error { errno: error.errno().unwrap_or_default(), name: error.to_string() });
            }
        }
        self.living.insert(process, (actor.host, victim));
        Ok(())
    }

    /// Ends a process and says how, as the ledger has it.
    pub fn end(&mut self, process: Key, fate: Fate) -> Result<&'static str, Stumble> {
        let (_, mut victim) = self.living.remove(&process).ok_or_else(|| Stumble::NoSocket(shown(process)))?;
        let (signal, name) = match fate {
            Fate::Terminate => (Signal::TERM, "SIGTERM"),
            Fate::Kill => (Signal::KILL, "SIGKILL"),
            Fate::Segfault => (Signal::SEGV, "SIGSEGV"),
        };
        let ended = victim.signal(signal).and_then(|()| victim.wait(PATIENCE));
        match ended {
            Ok(Some(_)) => Ok(name),
            Ok(None) => Err(Stumble::InVain(format!("{} has ended", shown(process)))),
            Err(error) => Err(Stumble::Refused(format!("the end of {}", shown(process)), error.to_string())),
        }
    }
}

/// For such a process itself: holds what it has inherited until a signal ends it.
pub fn hold() -> Result<std::convert::Infallible, rst_storm_linux::Error> {
    restore_default_signals()?;
    await_death()
}

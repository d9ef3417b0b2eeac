//! A room: a mount namespace with an empty /run, where a named lab is in nobody's way.

use std::process::Command;

use crate::common::{BINARY, Done, Running, alike, run};
use crate::players::{can_play, need};
use crate::trials::Player;

/// The names of the lab's namespaces, in order.
pub const NAMES: [&str; 3] = ["pp-dest", "pp-observer", "pp-source"];

/// A mount namespace with an empty /run, held by a process that ends with the trial, or soon after a killed one.
pub struct Room {
    holder: Running,
}

impl Room {
    pub fn open() -> Result<Room, String> {
        can_play(Player::Root)?;
        need(&["unshare", "nsenter", "mount", "ip"])?;
        let mut command = Command::new("unshare");
        let script = "mount -t tmpfs tmpfs /run && echo open && exec sleep 120";
        command.args(["--mount", "--propagation", "private", "sh", "-c", script]);
        alike(&mut command);
        let mut holder = Running::start(command);
        holder.await_line("open");
        Ok(Room { holder })
    }

    /// `program` in this room, with the blank-separated arguments of `line`.
    pub fn command(&self, program: &str, line: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--mount=/proc/{}/ns/mnt", self.holder.id())).arg("--").arg(program);
        command.args(line.split_whitespace());
        alike(&mut command);
        command
    }

    pub fn storm(&self, line: &str) -> Command {
        self.command(BINARY, line)
    }

    /// The program inside one of the named namespaces, entered as the specification does.
    pub fn storm_in(&self, name: &str, line: &str) -> Command {
        let mut command = self.command("ip", &format!("netns exec {name} {BINARY}"));
        command.args(line.split_whitespace());
        command
    }

    #[track_caller]
    pub fn run(&self, line: &str, code: i32) -> Done {
        run(self.storm(line)).exits(code)
    }

    /// The names of the namespaces, in order.
    #[track_caller]
    pub fn names(&self) -> Vec<String> {
        let done = run(self.command("ip", "netns list")).exits(0);
        let first = |line: &str| line.split_whitespace().next().unwrap_or_default().to_owned();
        let mut names: Vec<String> = done.out.lines().map(first).collect();
        names.sort();
        names
    }

    /// The identities behind the names.
    #[track_caller]
    pub fn identities(&self) -> String {
        run(self.command("stat", "-L -c %i /run/netns/pp-source /run/netns/pp-observer /run/netns/pp-dest"))
            .exits(0)
            .out
    }
}

//! The doors tried for real: as root, and rootless in a user namespace of the test's own.
//!
//! Each case is a process of its own (this binary, re-executed): `unshare(CLONE_NEWUSER)` wants a single thread, which
//! the standard harness can't give. Each has its own mount namespace with an empty /run, and makes all its network
//! namespaces, so that nothing outlives it. A missing privilege is a loud skip, and the summary counts skips.

mod bridge;
mod cases;
mod frames;
mod hosts;
mod loopback;
mod netfilter;
mod outgoing;
mod routes;
mod sockets;
mod tracepoints;
mod victims;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use rst_storm_linux::privilege::{Capability, has_capability};
use rst_storm_linux::user_namespace::enter_user_namespace;
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};
use rustix::thread::{UnshareFlags, unshare_unsafe};

/// What a case says of itself: done, or what the machine lacks. A failure is a panic.
enum Outcome {
    Passed,
    Skipped(String),
}

/// A case and its name.
type Case = (&'static str, fn() -> Outcome);

fn all_cases() -> impl Iterator<Item = &'static Case> {
    cases::ALL
        .iter()
        .chain(&sockets::ALL)
        .chain(&netfilter::ALL)
        .chain(&frames::ALL)
        .chain(&outgoing::ALL)
        .chain(&victims::ALL)
        .chain(&routes::ALL)
        .chain(&tracepoints::ALL)
}

/// What the exit status of a case's process means, beside 0 and a panic's 101 (automake's number for a skip).
const SKIPPED: u8 = 77;

/// The user that plays "rootless": the kernel's overflow id, nobody.
const NOBODY: u32 = 65534;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Player {
    Own,
    Nobody,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [flag, name] if flag == "--play" => play(name),
        [flag] if flag == victims::FLAG => victims::be_one(),
        _ => run_all(&arguments),
    }
}

/// In the case's own process.
fn play(name: &str) -> ExitCode {
    let Some((_, case)) = all_cases().find(|(known, _)| *known == name) else { return ExitCode::from(2) };
    let outcome = match close_the_room() {
        Ok(()) => case(),
        Err(reason) => Outcome::Skipped(reason),
    };
    match outcome {
        Outcome::Passed => ExitCode::SUCCESS,
        Outcome::Skipped(reason) => {
            eprintln!("SKIPPED: {reason}");
            ExitCode::from(SKIPPED)
        }
    }
}

/// Takes the privileges that there are to be had, and a mount namespace in which /run is empty.
fn close_the_room() -> Result<(), String> {
    for capability in [Capability::SysAdmin, Capability::NetAdmin, Capability::NetRaw] {
        if !has_capability(capability).map_err(|error| error.to_string())? {
            enter_user_namespace().map_err(|error| format!("no {}, and can't {error}", capability.name()))?;
        }
    }
    // SAFETY: unshare is unsafe for CLONE_FILES, which isn't asked for.
    unsafe { unshare_unsafe(UnshareFlags::NEWNS) }.map_err(|errno| format!("create mount namespace: {errno}"))?;
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .map_err(|errno| format!("make the mounts private: {errno}"))?;
    mount("tmpfs", "/run", "tmpfs", MountFlags::empty(), None).map_err(|errno| format!("mount /run: {errno}"))
}

fn run_all(arguments: &[String]) -> ExitCode {
    let is_root = rustix::process::geteuid().is_root();
    let players = if is_root { vec![Player::Own, Player::Nobody] } else { vec![Player::Own] };
    let filters: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let room = Room::make();
    let (mut passed, mut skipped, mut failed) = (0, 0, 0);
    for player in players {
        let who = if is_root && player == Player::Own { "root" } else { "rootless" };
        for (name, _) in all_cases() {
            let id = format!("{who}::{name}");
            if arguments.iter().any(|argument| argument == "--list") {
                println!("{id}: test");
                continue;
            }
            if !filters.is_empty() && !filters.iter().any(|filter| id.contains(filter.as_str())) {
                continue;
            }
            match spawn(&room.binary, player, name) {
                Some(0) => {
                    passed += 1;
                    println!("test {id} ... ok");
                }
                Some(status) if status == i32::from(SKIPPED) => {
                    skipped += 1;
                    println!("test {id} ... SKIPPED");
                }
                status => {
                    failed += 1;
                    println!("test {id} ... FAILED (exit status {status:?})");
                }
            }
        }
    }
    println!("\nlab: {passed} passed, {failed} failed, {skipped} skipped");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn spawn(binary: &Path, player: Player, case: &str) -> Option<i32> {
    let mut command = Command::new(binary);
    command.args(["--play", case]).current_dir("/");
    if player == Player::Nobody {
        // std drops root's supplementary groups as well.
        command.uid(NOBODY).gid(NOBODY);
    }
    command.status().expect("re-execute this binary").code()
}

/// A folder that anyone may read, with a copy of this binary: nobody can't reach root's build folder.
struct Room {
    folder: PathBuf,
    binary: PathBuf,
}

impl Room {
    fn make() -> Room {
        let folder = std::env::temp_dir().join(format!("rst-storm-lab-{}", std::process::id()));
        fs::create_dir(&folder).expect("make a folder for the binary");
        let binary = folder.join("lab");
        fs::copy(std::env::current_exe().expect("find this binary"), &binary).expect("copy this binary");
        for path in [&folder, &binary] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("let anyone read it");
        }
        Room { folder, binary }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

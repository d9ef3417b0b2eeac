//! Who plays, and whether this machine lets them: the program run as root and rootless.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use crate::common::{BINARY, Folder, alike, has_program, run};
use crate::trials::{Outcome, Player};

/// The user that plays "rootless": the kernel's overflow id, nobody.
const NOBODY: u32 = 65534;

/// A copy of the program that anyone can reach; root's build folder is closed to nobody.
pub static EVERYBODYS: LazyLock<(Folder, PathBuf)> = LazyLock::new(|| {
    let folder = Folder::new();
    let copy = folder.file("rst-storm");
    copy_program(&copy);
    fs::set_permissions(&copy, PermissionsExt::from_mode(0o755)).expect("let anyone run it");
    (folder, copy)
});

/// Copies the program, by another process: while one is open for writing nobody can run it, and whatever this process has open, children
/// that other trials start have open too until they are other programs.
pub fn copy_program(to: &Path) {
    let done = Command::new("cp").arg(BINARY).arg(to).status().expect("run cp");
    assert!(done.success(), "copy the program to {}", to.display());
}

pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// `program` run by `player`: without root's rights, groups and surroundings, and without a home, if rootless.
pub fn by(player: Player, program: &str) -> Command {
    if player == Player::Root {
        let mut command = Command::new(program);
        alike(&mut command);
        return command;
    }
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        let nobody = NOBODY.to_string();
        command.args(["--reuid", &nobody, "--regid", &nobody, "--clear-groups", program]);
        command
    } else {
        Command::new(program)
    };
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).current_dir("/");
    alike(&mut command);
    command
}

/// The program's path for `player`.
pub fn program_of(player: Player) -> String {
    let path = if player == Player::Root { Path::new(BINARY) } else { EVERYBODYS.1.as_path() };
    path.to_str().expect("a path in UTF-8").to_owned()
}

/// `rst-storm` run by `player` with the blank-separated arguments of `line`.
pub fn storm_by(player: Player, line: &str) -> Command {
    let mut command = by(player, &program_of(player));
    command.args(line.split_whitespace());
    command
}

/// Whether `player` can make the namespaces of a nameless lab here at all, asked of unshare(1) and not of ourselves.
pub fn can_play(player: Player) -> Outcome {
    static ANSWERS: LazyLock<[Outcome; 2]> = LazyLock::new(|| {
        [Player::Root, Player::Rootless].map(|player| {
            if player == Player::Root && !is_root() {
                return Err("these tests don't run as root".to_owned());
            }
            need(if player == Player::Rootless && is_root() { &["setpriv", "unshare"] } else { &["unshare"] })?;
            let mut command = by(player, "unshare");
            command.arg(if player == Player::Root { "--net" } else { "-Urn" }).arg("true");
            let done = run(command);
            if done.code == Some(0) { Ok(()) } else { Err(format!("no namespaces here: {}", done.err.trim())) }
        })
    });
    ANSWERS[player as usize].clone()
}

pub fn need(programs: &[&str]) -> Outcome {
    match programs.iter().find(|program| !has_program(program)) {
        Some(missing) => Err(format!("there is no {missing} on the PATH")),
        None => Ok(()),
    }
}

/// A folder that `player` may write to.
pub fn folder_of(player: Player) -> Folder {
    let folder = Folder::new();
    if player == Player::Rootless && is_root() {
        chown(folder.path(), Some(NOBODY), Some(NOBODY)).expect("give the folder away");
    }
    folder
}

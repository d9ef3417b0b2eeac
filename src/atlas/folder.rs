//! The folder of bundles: one that is kept, or one that goes with the process.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// What every passing folder's name begins with; the process's id follows.
const PREFIX: &str = "rst-storm-";

/// A file in every passing folder, which its process has locked for as long as it lives: so a folder that somebody named alike is
/// known from one that was left, and one in use from one that isn't, in whatever namespace its process is.
const MARK: &str = ".in-use";

/// Processes have numbers below this (PID_MAX_LIMIT of linux/threads.h).
const MOST_PROCESSES: u32 = 1 << 22;

/// The most numbers that a process tries.
const NUMBERS: u32 = 64;

/// A folder for bundles.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// The locked mark of a folder that goes.
    mark: Option<File>,
}

impl Folder {
    /// A folder that is kept; it is made where it isn't there.
    pub fn kept(path: &Path) -> Result<Folder, (PathBuf, io::Error)> {
        fs::create_dir_all(path).map_err(|error| (path.to_owned(), error))?;
        Ok(Folder { path: path.to_owned(), mark: None })
    }

    /// A folder that goes when this value does. What processes that were killed have left is removed first.
    pub fn passing() -> Result<Folder, (PathBuf, io::Error)> {
        let place = std::env::temp_dir();
        sweep(&place);
        make_in(&place)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.mark.is_some() {
            // What can't be removed now, the next run tries again.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// Makes a folder of this process's own. Where one of the same number is there, of somebody in another namespace or of no run at all,
/// it goes by a number that no process has.
fn make_in(place: &Path) -> Result<Folder, (PathBuf, io::Error)> {
    let numbers = (0..NUMBERS).map(|turn| std::process::id().saturating_add(turn * MOST_PROCESSES));
    let mut paths = numbers.map(|number| place.join(format!("{PREFIX}{number}"))).peekable();
    while let Some(path) = paths.next() {
        match fs::create_dir(&path) {
            Ok(()) => match mark(&path) {
                Ok(mark) => return Ok(Folder { path, mark: Some(mark) }),
                // Another run may have swept it before it was locked.
                Err(error) if error.kind() == io::ErrorKind::NotFound && paths.peek().is_some() => {}
                Err(error) => {
                    let _ = fs::remove_dir_all(&path);
                    return Err((path, error));
                }
            },
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && paths.peek().is_some() => {}
            Err(error) => return Err((path, error)),
        }
    }
    Err((place.to_owned(), io::ErrorKind::AlreadyExists.into()))
}

/// Marks a folder as in use.
fn mark(folder: &Path) -> io::Result<File> {
    let path = folder.join(MARK);
    let mark = File::create(&path)?;
    mark.lock()?;
    fs::metadata(&path).map(|_| mark)
}

/// Removes the folders of processes that are gone. One that isn't ours can't be removed, and is left.
fn sweep(place: &Path) {
    let Ok(entries) = fs::read_dir(place) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let is_named =
            name.to_str().and_then(|name| name.strip_prefix(PREFIX)).is_some_and(|id| id.parse::<u32>().is_ok());
        if is_named && is_left(&entry.path()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Whether a folder has the mark of a passing one and nobody uses it.
fn is_left(folder: &Path) -> bool {
    let mark = OpenOptions::new().write(true).open(folder.join(MARK));
    mark.is_ok_and(|mark| mark.try_lock().is_ok())
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use super::{MARK, sweep};

    #[test]
    fn only_what_was_left_goes() {
        let place = std::env::temp_dir().join(format!("rst-storm-swept-{}", std::process::id()));
        fs::create_dir(&place).expect("a folder");
        let folder = |name: &str, is_marked: bool| {
            let path = place.join(name);
            fs::create_dir(&path).expect("a folder in it");
            is_marked.then(|| File::create(path.join(MARK)).expect("its mark"))
        };
        folder("rst-storm-7", true);
        folder("rst-storm-8", false);
        folder("other", true);
        let in_use = folder("rst-storm-9", true).expect("its mark");
        in_use.lock().expect("nobody else has it");
        sweep(&place);
        let mut left: Vec<_> =
            fs::read_dir(&place).expect("the folder").flatten().map(|entry| entry.file_name()).collect();
        left.sort();
        fs::remove_dir_all(&place).expect("it goes");
        assert_eq!(left, ["other", "rst-storm-8", "rst-storm-9"]);
    }
}

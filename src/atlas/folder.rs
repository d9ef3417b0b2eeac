//! The folder of bundles: one that is kept, or one that goes with the process.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What every passing folder's name begins with; the process's id follows.
const PREFIX: &str = "rst-storm-";

/// A folder for bundles.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    goes: bool,
}

impl Folder {
    /// A folder that is kept; it is made where it isn't there.
    pub fn kept(path: &Path) -> Result<Folder, (PathBuf, io::Error)> {
        fs::create_dir_all(path).map_err(|error| (path.to_owned(), error))?;
        Ok(Folder { path: path.to_owned(), goes: false })
    }

    /// A folder that goes when this value does. What processes that were killed have left is removed first.
    pub fn passing() -> Result<Folder, (PathBuf, io::Error)> {
        let place = std::env::temp_dir();
        sweep(&place);
        let path = place.join(format!("{PREFIX}{}", std::process::id()));
        fs::create_dir(&path).map_err(|error| (path.clone(), error))?;
        Ok(Folder { path, goes: true })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.goes {
            // What can't be removed now, the next run tries again.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// Removes the folders of processes that are gone, and of one that had this process's id before it. One that isn't ours can't be
/// removed, and is left.
fn sweep(place: &Path) {
    let Ok(entries) = fs::read_dir(place) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.strip_prefix(PREFIX)).and_then(|pid| pid.parse::<u32>().ok());
        let is_gone = |pid: u32| pid == std::process::id() || !Path::new("/proc").join(pid.to_string()).exists();
        if pid.is_some_and(is_gone) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

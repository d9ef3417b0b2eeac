//! The folder of bundles that goes with its process, and what killed processes have left.

use std::fs;
use std::process::Command;

use crate::common::{BINARY, Folder, alike, run, shell, storm_line};

/// A process's id that is nobody's any more.
fn dead() -> u32 {
    let mut child = Command::new("true").spawn().expect("start a process");
    let id = child.id();
    child.wait().expect("its end");
    id
}

fn names(folder: &Folder) -> Vec<String> {
    let entries = fs::read_dir(folder.path()).expect("a folder").flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// The folder is made before anything is played, so that this needs no privilege: with it or without, nothing of ours is left.
#[test]
fn what_dead_processes_left_goes_and_what_living_ones_have_stays() {
    let folder = Folder::new();
    let (dead, living) = (dead(), std::process::id());
    for name in [format!("rst-storm-{dead}"), format!("rst-storm-{living}")] {
        fs::create_dir_all(folder.file(&name).join("linger-zero/after-accept-ipv4")).expect("make a folder");
        fs::write(folder.file(&name).join("linger-zero/after-accept-ipv4/manifest.json"), "{}").expect("write");
    }
    // The mark of each; a living process has its own locked. What has none was never a run's.
    let mark = |number: u32| fs::File::create(folder.file(&format!("rst-storm-{number}/.in-use"))).expect("a mark");
    let (_left, in_use) = (mark(dead), mark(living));
    in_use.lock().expect("nobody else has it");
    fs::create_dir(folder.file("rst-storm-4194303")).expect("make a folder");
    for other in ["rst-storm-", "rst-storm-x", "rst-storm-test-1", "other", "rst-storm-99999999999999999999"] {
        fs::create_dir(folder.file(other)).expect("make a folder");
    }
    let before = names(&folder);
    let mut command = storm_line("run linger-zero/after-accept --ip 4");
    command.env("TMPDIR", folder.path());
    let done = run(command);
    assert!(done.code.is_some(), "{done}");
    let expected: Vec<String> = before.into_iter().filter(|name| *name != format!("rst-storm-{dead}")).collect();
    assert_eq!(names(&folder), expected, "{done}");
    assert!(folder.file(&format!("rst-storm-{living}/linger-zero/after-accept-ipv4/manifest.json")).exists());
}

/// Numbers of processes come round, in a container soon, and somebody may have named a folder so: that one stays.
#[test]
fn what_one_with_the_same_number_left_is_in_nobodys_way() {
    let folder = Folder::new();
    for (mark, left) in [("touch \"$TMPDIR/rst-storm-$$/.in-use\"", 0), ("true", 1)] {
        let mut command = shell(&format!(
            "mkdir -p \"$TMPDIR/rst-storm-$$/linger-zero/after-accept-ipv4\" && {mark} && exec \"$BIN\" run linger-zero/after-accept --ip 4",
        ));
        command.env("TMPDIR", folder.path());
        let done = run(command);
        assert!(!done.err.contains("File exists"), "{done}");
        assert_ne!(done.code, Some(2), "{done}");
        assert_eq!(names(&folder).len(), left, "{done}");
    }
}

#[test]
fn a_link_that_bears_such_a_name_costs_nothing_but_itself() {
    let (folder, elsewhere) = (Folder::new(), Folder::new());
    fs::write(elsewhere.file("kept"), "").expect("write");
    let link = folder.file(&format!("rst-storm-{}", dead()));
    std::os::unix::fs::symlink(elsewhere.path(), link).expect("a link");
    let mut command = Command::new(BINARY);
    command.args(["run", "linger-zero/after-accept", "--ip", "4"]).env("TMPDIR", folder.path());
    alike(&mut command);
    run(command);
    assert_eq!(names(&elsewhere), ["kept"]);
}

#[test]
fn a_place_that_cannot_be_written_is_told_first() {
    let folder = Folder::new();
    fs::write(folder.file("file"), "").expect("write");
    let mut command = storm_line("run linger-zero/after-accept");
    command.env("TMPDIR", folder.file("missing"));
    let line = format!("run linger-zero/after-accept --out {}", folder.file("file/out").display());
    for command in [command, storm_line(&line)] {
        let done = run(command).exits(2);
        assert_eq!((done.out.as_str(), done.err.lines().count()), ("", 1), "{done}");
        assert!(done.err.contains("cannot write"), "{done}");
    }
}

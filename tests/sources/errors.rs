//! Inputs that can't be read, each told in one sentence before anything is begun.

use std::path::{Path, PathBuf};

use rst_storm::watch::{MOST_INPUTS, SourcePlan, Workers};

use crate::build::{Recorder, START, gzip, pcap, plan, row, try_read};
use crate::common::Folder;

/// What is said of a file of these octets, named last of three.
#[track_caller]
fn complaint(octets: Option<&[u8]>) -> String {
    let folder = Folder::new();
    let (good, bad) = (folder.file("good"), folder.file("bad"));
    std::fs::write(&good, pcap(row(START, 1))).unwrap();
    if let Some(octets) = octets {
        std::fs::write(&bad, octets).unwrap();
    }
    let said = complaint_of([good.as_path(), &good, &bad]);
    said.replace(bad.to_str().unwrap(), "BAD")
}

#[track_caller]
fn complaint_of<'a>(files: impl IntoIterator<Item = &'a Path>) -> String {
    let plan = plan(files);
    let mut said = Vec::new();
    for (merge, workers) in [(false, Workers::One), (true, Workers::Two)] {
        let mut recorder = Recorder::default();
        let plan = SourcePlan { merge, workers, ..plan.clone() };
        said.push(try_read(&plan, &mut recorder).expect_err("it can't be read").to_string());
        assert_eq!(recorder.calls, [""; 0], "nothing is begun");
    }
    assert_eq!(said[0], said[1]);
    said.remove(0)
}

#[test]
fn a_file_that_is_not_there() {
    assert_eq!(complaint(None), "cannot open BAD: No such file or directory (os error 2); name a capture that exists");
}

#[test]
fn a_directory() {
    let folder = Folder::new();
    let name = folder.path().to_str().unwrap();
    assert_eq!(complaint_of([folder.path()]), format!("{name} is a directory; name the capture files in it"));
}

#[test]
fn a_file_that_is_no_capture() {
    assert_eq!(complaint(Some(b"")), "BAD is empty; see whether anything was captured");
    assert_eq!(
        complaint(Some(b"text")),
        "BAD is neither pcap nor pcapng (it begins with 74 65 78 74); name a pcap or pcapng file, or one packed with gzip"
    );
    assert_eq!(
        complaint(Some(&gzip(b"te"))),
        "BAD is neither pcap nor pcapng (it begins with 74 65); name a pcap or pcapng file, or one packed with gzip"
    );
    assert_eq!(complaint(Some(&gzip(b""))), "BAD is empty; see whether anything was captured");
    assert_eq!(
        complaint(Some(&gzip(&gzip(&pcap(row(START, 1)))))),
        "BAD is packed with gzip; it is packed more than once: unpack it first"
    );
    let cut = complaint(Some(&[0x1f, 0x8b, 8]));
    assert!(cut.starts_with("BAD can't be read: ") && cut.ends_with("; see whether it is whole"), "{cut}");
}

#[test]
fn too_many_inputs_and_one_input_twice() {
    let many = vec![PathBuf::from("x"); MOST_INPUTS + 1];
    assert_eq!(
        complaint_of(many.iter().map(PathBuf::as_path)),
        "1025 captures were named, and at most 1024 are read at once; name fewer"
    );
    assert_eq!(
        complaint_of([Path::new("-"), Path::new("-")]),
        "- was named more than once; standard input can be read only once"
    );
}

//! A full disk under the capture and under the result: neither costs the report.

use std::process::Command;

use crate::captures::read_capture;
use crate::common::{BINARY, Folder, alike, check_schema, number, run};
use crate::findings::check_all_reset;
use crate::players::{can_play, need};
use crate::trials::{Once, Outcome, Player};

pub const ONCE: &[Once] = &[
    ("a full disk under the capture costs no report", a_full_disk_under_the_capture),
    ("a full disk under the result costs no report", a_full_disk_under_the_result),
];

/// A run whose folder is a file system of `size`, in a mount namespace of its own.
pub fn on_a_tiny_disk(folder: &Folder, size: &str, line: &str) -> Result<Command, String> {
    can_play(Player::Root)?;
    need(&["mount"])?;
    let mut command = Command::new("unshare");
    let script = "mount -t tmpfs -o size=\"$SIZE\" tmpfs \"$DISK\" && \"$BIN\" \"$@\"; \
                  code=$?; [ -z \"$COPIES\" ] || cp \"$DISK\"/* \"$COPIES\"; exit $code";
    command.args(["--mount", "--propagation", "private", "sh", "-c", script, "sh"]).args(line.split_whitespace());
    command.env("SIZE", size).env("DISK", folder.path()).env("BIN", BINARY);
    alike(&mut command);
    Ok(command)
}

/// Too small for what the first buffer holds, and for the second.
fn a_full_disk_under_the_capture() -> Outcome {
    for (options, count) in [("--rate 300 --duration 0.5", 150), ("--rate max --count 3000", 3000)] {
        for name in ["storm.pcap", "storm.pcapng"] {
            let folder = Folder::new();
            let copies = Folder::new();
            let line = format!("run --auto --json - {options} --pcap {}", folder.file(name).display());
            let mut command = on_a_tiny_disk(&folder, "16k", &line)?;
            command.env("COPIES", copies.path());
            let done = run(command).exits(3);
            let complaint = format!("rst-storm: cannot write {}: No space left on device", folder.file(name).display());
            let incomplete = "The capture is incomplete: No space left on device";
            for part in ["Capture: ", incomplete, "VERDICT [", &complaint] {
                assert!(done.err.contains(part), "{part}: {done}");
            }
            let document = done.json();
            check_schema("run", &document);
            check_all_reset(&document, count);
            let (segments, missing) =
                (number(&document, "/observer/capture/segments"), number(&document, "/observer/capture/missing"));
            assert_eq!(segments + missing, number(&document, "/observer/segments"));
            assert!(missing > 0, "16 KiB do not hold them all: {done}");
            assert_eq!(segments, read_capture(&copies.file(name)).frames, "what is said to lie in the file lies there");
            assert!(document["observer"]["capture"]["error"].is_string());
        }
    }
    Ok(())
}

fn a_full_disk_under_the_result() -> Outcome {
    let folder = Folder::new();
    let line = format!("run --auto --rate 100 --duration 0.3 --json {}", folder.file("run.json").display());
    let done = run(on_a_tiny_disk(&folder, "4k", &line)?).exits(3);
    assert!(done.out.contains("VERDICT [") && done.out.contains("Total connection attempts: 30"), "{done}");
    assert!(done.err.contains("run.json") && done.err.contains("No space left on device"), "{done}");
    Ok(())
}

//! Captures in a folder of their own, and the program run over them there.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::common::{Done, Folder, run, storm_line};
use crate::encode::{frames, pcap};

/// How wide text may be.
const COLUMNS: usize = 80;

/// A folder with captures in it.
pub struct Captures(Folder);

impl Captures {
    /// An empty one.
    pub fn new() -> Captures {
        Captures(Folder::new())
    }

    /// One with this conversation as `a.pcap`.
    pub fn of(conversation: &str) -> Captures {
        let captures = Captures::new();
        captures.put("a.pcap", &pcap(&frames(conversation)));
        captures
    }

    /// Puts a file there.
    pub fn put(&self, name: &str, octets: &[u8]) {
        std::fs::write(self.path(name), octets).expect("write a capture");
    }

    /// What is in a file.
    pub fn octets(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).expect("read a file")
    }

    /// Where a file lies.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.file(name)
    }

    /// `rst-storm explain` with these words, to be run there.
    pub fn command(&self, words: &str) -> Command {
        let mut command = storm_line(&format!("explain {words}"));
        command.current_dir(self.0.path());
        command
    }

    /// Runs it. Whatever it says, text has to fit its columns.
    #[track_caller]
    pub fn explain(&self, words: &str, code: i32) -> Done {
        let done = run(self.command(words)).exits(code);
        if !words.contains("json") {
            check_width(&done.out);
        }
        done
    }

    /// The text of a run that goes well and says nothing beside it.
    #[track_caller]
    pub fn text(&self, words: &str) -> String {
        let done = self.explain(words, 0);
        assert_eq!(done.err, "", "{done}");
        done.out
    }

    /// The records of a run that goes well.
    #[track_caller]
    pub fn records(&self, words: &str) -> Vec<Value> {
        lines(&self.text(&format!("{words} --format ndjson")))
    }

    /// Those of one type.
    #[track_caller]
    pub fn records_of(&self, kind: &str, words: &str) -> Vec<Value> {
        self.records(words).into_iter().filter(|record| record["type"] == kind).collect()
    }
}

/// Lines of JSON.
#[track_caller]
pub fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

/// Checks that every line fits, colours aside.
#[track_caller]
pub fn check_width(text: &str) {
    for line in plain(text).lines() {
        assert!(line.chars().count() <= COLUMNS, "{} columns: {line}\n--- in\n{text}", line.chars().count());
    }
}

/// Text without its colours.
pub fn plain(text: &str) -> String {
    let mut pieces = text.split("\x1b[");
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        plain.push_str(piece.split_once('m').expect("an escape sequence that sets a colour").1);
    }
    plain
}

/// Text without what depends on which other causes are known: twins, those ruled out, occasions, and whether
/// others are as likely.
pub fn without_twins(text: &str) -> String {
    let mut kept = String::new();
    let mut skipping = false;
    for line in text.lines() {
        let label = line.get(2..8).unwrap_or_default().trim_end();
        skipping = ["or", "not", "when"].contains(&label) || (skipping && line.starts_with("          "));
        if !skipping {
            kept.push_str(&line.replace(", like others)", ")"));
            kept.push('\n');
        }
    }
    kept
}

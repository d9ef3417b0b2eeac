//! What keeps this crate pure: no path in its sources leads into the world, and its folders depend downwards only.
//!
//! clippy.toml can list functions and types one by one, but naming a module there catches nothing.

use std::fs;
use std::path::{Path, PathBuf};

/// Modules of std that touch something: `core::net` is only the address types and is allowed.
const WORLD: [&str; 7] = ["fs", "net", "thread", "env", "time", "process", "os"];

/// Clocks, under whatever path they come.
const CLOCKS: [&str; 2] = ["SystemTime", "Instant"];

/// Which folders each folder may use. A folder that isn't listed may use none, so a new one has to be thought about.
const ARROWS: [(&str, &[&str]); 11] = [
    ("capture", &[]),
    ("tcp", &["capture::Timestamp"]),
    ("wire", &["tcp", "capture"]),
    ("flow", &["tcp", "capture::Timestamp"]),
    ("kernel", &["tcp", "capture::Timestamp"]),
    ("reset", &["flow", "tcp", "wire::Contents", "capture::Timestamp"]),
    ("scenario", &["kernel", "tcp"]),
    ("causes", &["reset", "scenario", "kernel", "tcp"]),
    ("explain", &["causes", "reset", "flow", "kernel", "tcp", "capture::Timestamp"]),
    ("vantages", &["explain", "causes", "reset", "tcp", "capture::Timestamp"]),
    ("testing", &["explain", "causes", "reset", "tcp", "capture::Timestamp"]),
];

#[test]
fn core_touches_nothing_of_the_world() {
    let complaints = check_sources(|_, source| worldly_paths(source));
    assert!(complaints.is_empty(), "{complaints:#?}");
}

#[test]
fn arrows_run_down_only() {
    let complaints = check_sources(rising_paths);
    assert!(complaints.is_empty(), "{complaints:#?}");
}

#[test]
fn a_path_into_the_world_is_found_in_whatever_way_it_is_written() {
    for sample in [
        "use std::fs;",
        "use std::net::TcpStream;",
        "use std::{io, fs::File};",
        "use std::{\n    io::{self, Read},\n    thread,\n};",
        "use {core::fmt, std::env};",
        "use ::std::time::Duration;",
        "use std::*;",
        "use std as world;",
        "fn f() { std :: thread::sleep(d) }",
        "extern crate std as s;",
        "let now = Instant::now();",
        "fn f(at: SystemTime) {}",
        "const C: char = '\"'; use std::fs;",
        "/* /* nested */ */ use std::fs;",
        "let s = r#\"\"quoted\"\"#; use std::fs;",
        "fn f<'a>(x: &'a str) { std::env::args(); }",
    ] {
        assert!(!worldly_paths(sample).is_empty(), "missed: {sample}");
    }
}

#[test]
fn what_only_looks_like_the_world_is_left_alone() {
    for sample in [
        "use core::net::IpAddr;",
        "use std::{io::Write, fmt};",
        "// use std::fs;",
        "/* std::net */ fn f() {}",
        "let s = \"std::fs\";",
        "let s = r\"std::thread\";",
        "use crate::fs;",
        "let std_fs = fs; let net = 1;",
    ] {
        assert_eq!(worldly_paths(sample), Vec::<String>::new(), "{sample}");
    }
}

#[test]
fn a_rising_arrow_is_found() {
    for (folder, sample) in [
        ("capture", "use crate::tcp::Segment;"),
        ("capture", "use crate::{tcp::Segment, capture::Frame};"),
        ("tcp", "use crate::capture::{Frame, Timestamp};"),
        ("tcp", "use crate::capture;"),
        ("tcp", "fn f(x: crate::wire::Skip) {}"),
        ("wire", "use crate::flow::Flow;"),
        ("flow", "use crate::capture::Frame;"),
        ("flow", "use crate::wire;"),
        ("flow", "use super::super::wire;"),
        ("flow", "use super::wire::decode;"),
        ("flow", "use crate::*;"),
        ("tcp", "use rst_storm_core::wire::decode;"),
        ("surprise", "use crate::tcp::Flags;"),
    ] {
        assert!(!rising_paths(folder, sample).is_empty(), "missed in {folder}: {sample}");
    }
}

#[test]
fn a_falling_arrow_is_left_alone() {
    for (folder, sample) in [
        ("tcp", "use crate::capture::Timestamp;"),
        ("wire", "use crate::{capture::{Frame, LinkType}, tcp::Segment};"),
        ("wire", "mod tcp; use super::{Layer, Skip};"),
        ("flow", "use crate::flow::PerSide; use super::Flow;"),
        ("flow", "use crate::tcp::{FlowKey, Segment};"),
    ] {
        assert_eq!(rising_paths(folder, sample), Vec::<String>::new(), "{folder}: {sample}");
    }
}

// The walk.

/// Runs a check over every source file; it gets the file's folder (or the stem of a file beside lib.rs) and its text.
fn check_sources(check: impl Fn(&str, &str) -> Vec<String>) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = rust_files(&root);
    assert!(files.len() > 10, "the walk found only {files:?}");
    let mut complaints = Vec::new();
    for file in files {
        let inside = file.strip_prefix(&root).expect("the walk began there");
        let folder = inside.iter().next().expect("a file has a name");
        let folder = folder.to_string_lossy();
        let source = fs::read_to_string(&file).expect("a readable source file");
        let found = check(folder.trim_end_matches(".rs"), &source);
        let place = inside.display();
        complaints.extend(found.iter().map(|path| format!("{place}: {path}")));
    }
    complaints
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

// The checks.

/// Paths into std's outside world, and clocks.
fn worldly_paths(source: &str) -> Vec<String> {
    let tokens = tokens(source);
    let clocks = tokens.iter().filter(|token| CLOCKS.contains(&token.as_str())).cloned();
    let paths = paths_from(&tokens, "std").into_iter().filter(|path| {
        let first = path.split("::").nth(1).unwrap_or("*");
        first == "*" || WORLD.contains(&first)
    });
    paths.chain(clocks).collect()
}

/// Paths from a folder's source to another folder that it may not use.
fn rising_paths(folder: &str, source: &str) -> Vec<String> {
    // A file's own tests stand at its end and may use what is made for tests.
    let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let tokens = tokens(source);
    let allowed = ARROWS.iter().find(|(name, _)| *name == folder).map_or(&[][..], |(_, allowed)| *allowed);
    let is_allowed = |path: &str| {
        path.split("::").next() == Some(folder)
            || allowed.iter().any(|arrow| path == *arrow || path.starts_with(&format!("{arrow}::")))
    };
    let mut rising = Vec::new();
    for start in ["crate", "rst_storm_core"] {
        for path in paths_from(&tokens, start) {
            let inside = path.split_once("::").map_or("*", |(_, inside)| inside);
            if !is_allowed(inside) {
                rising.push(path);
            }
        }
    }
    for path in paths_from(&tokens, "super") {
        // In a folder's mod.rs `super` is the crate; climbing further is never needed, `crate::` says it better.
        let inside = path.split_once("::").map_or("*", |(_, inside)| inside);
        let first = inside.split("::").next().unwrap_or("*");
        let is_a_folder = ARROWS.iter().any(|(name, _)| *name == first);
        if first == "super" || (is_a_folder && !is_allowed(inside)) {
            rising.push(path);
        }
    }
    rising
}

// Just enough of Rust's grammar to see paths.

/// Every path that begins with `start`, groups written out: `std::{fmt, io::Write}` is two. `start` alone, renamed, is one too.
fn paths_from(tokens: &[String], start: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for (place, token) in tokens.iter().enumerate() {
        // Not where it continues a path: `crate::std`, or the second of `super::super`; but `::std` is std.
        let continues = place >= 2 && tokens[place - 1] == "::" && is_word(&tokens[place - 2]);
        if token != start || (continues && !is_keyword(&tokens[place - 2])) {
            continue;
        }
        match tokens.get(place + 1).map(String::as_str) {
            Some("::") => _ = expand(&tokens[place + 2..], start, &mut paths),
            Some("as") => paths.push(start.to_owned()),
            _ => {}
        }
    }
    paths
}

/// Writes out the path or group that begins here and returns how many tokens it took.
fn expand(tokens: &[String], prefix: &str, paths: &mut Vec<String>) -> usize {
    match tokens.first().map(String::as_str) {
        Some("{") => {
            let mut at = 1;
            while let Some(token) = tokens.get(at).filter(|token| *token != "}") {
                let skipped = token == "," || token == "as" || tokens[at - 1] == "as";
                at += if skipped { 1 } else { expand(&tokens[at..], prefix, paths).max(1) };
            }
            at + 1
        }
        Some(word) if word == "*" || is_word(word) => {
            let path = format!("{prefix}::{word}");
            if tokens.get(1).is_some_and(|token| token == "::") {
                return 2 + expand(&tokens[2..], &path, paths);
            }
            paths.push(path);
            1
        }
        // `Vec::<u8>` and the like: the path is over.
        _ => {
            paths.push(prefix.to_owned());
            0
        }
    }
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphanumeric() || c == '_')
}

fn is_keyword(token: &str) -> bool {
    ["use", "return", "in", "as", "mut", "dyn", "else"].contains(&token)
}

/// Words, `::` and single signs; without comments, strings, characters and lifetimes.
fn tokens(source: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = source;
    while let Some(next) = rest.chars().next() {
        if let Some(skipped) = skip_unread(rest) {
            rest = &rest[skipped..];
            continue;
        }
        let length = match next {
            _ if rest.starts_with("::") => 2,
            _ if is_word(rest) => rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len()),
            _ => next.len_utf8(),
        };
        if !next.is_whitespace() {
            tokens.push(rest[..length].to_owned());
        }
        rest = &rest[length..];
    }
    tokens
}

/// The length of the comment, string, character or lifetime that begins here.
fn skip_unread(rest: &str) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Some(skip_block_comment(rest));
    }
    if rest.starts_with("r\"") || rest.starts_with("r#") || rest.starts_with("br") {
        return skip_raw_string(rest);
    }
    if rest.starts_with('"') {
        return Some(skip_quoted(rest, '"'));
    }
    let quoted = rest.strip_prefix('\'')?;
    let mut chars = quoted.chars();
    let (first, second) = (chars.next()?, chars.next());
    if first == '\\' || second == Some('\'') {
        return Some(skip_quoted(rest, '\''));
    }
    // A lifetime: its name is no path.
    let name = quoted.find(|c: char| !(c.is_alphanumeric() || c == '_'));
    Some(1 + name.unwrap_or(quoted.len()))
}

fn skip_block_comment(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        let here = &rest.as_bytes()[at..];
        if here.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

fn skip_raw_string(rest: &str) -> Option<usize> {
    let marks = rest.trim_start_matches('b').strip_prefix('r')?;
    let content = marks.trim_start_matches('#');
    let hashes = &marks[..marks.len() - content.len()];
    let content = content.strip_prefix('"')?;
    let closing = format!("\"{hashes}");
    let end = content.find(&closing).map_or(content.len(), |end| end + closing.len());
    Some(rest.len() - content.len() + end)
}

fn skip_quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        if c == quote && !escaped {
            return at + 1;
        }
        escaped = c == '\\' && !escaped;
    }
    rest.len()
}

//! The rules of the house that no compiler checks: arrows between rooms, captions, sizes, words that must not stay.
//!
//! Each rule is a function from a file's path and text to its breaches, and each is shown to find a bad sample.

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms of src/ and the rooms that each may use besides itself.
const ROOMS: [(&str, &[&str]); 7] = [
    ("cli", &["report", "atlas", "lab", "watch", "actor", "storm"]),
    ("report", &["atlas", "lab", "watch", "actor", "storm"]),
    ("atlas", &["lab", "watch", "actor"]),
    ("lab", &["actor", "storm"]),
    ("watch", &[]),
    ("actor", &[]),
    ("storm", &[]),
];

/// No file of the product is longer than this.
const MOST_LINES: usize = 500;

type Rule = fn(&str, &str) -> Vec<String>;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files under `folder` for which `wanted` holds, as paths from the project's root with their text.
fn files(folders: &[&str], wanted: fn(&Path) -> bool) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.expect("an entry of a folder").path();
            if path.is_dir() {
                folders.push(path);
            } else if wanted(&path) {
                let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                let path = path.strip_prefix(root()).expect("below the root").to_str().expect("a path in UTF-8");
                found.push((path.to_owned(), text));
            }
        }
    }
    found.sort();
    found
}

fn is_rust(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "rs")
}

fn is_text(path: &Path) -> bool {
    let is_written = path
        .extension()
        .is_none_or(|end| ["rs", "md", "sh", "toml", "json", "snap", "py"].iter().any(|known| end == *known));
    is_written && !path.starts_with(root().join("target"))
}

/// The product's own sources.
fn product() -> Vec<(String, String)> {
    let files = files(&["src", "crates/core/src", "crates/linux/src"], is_rust);
    assert!(files.len() > 40, "the sources are found: {}", files.len());
    files
}

#[track_caller]
fn check(files: &[(String, String)], rule: Rule) {
    assert!(!files.is_empty());
    let breaches: Vec<String> = files.iter().flat_map(|(path, text)| rule(path, text)).collect();
    assert!(breaches.is_empty(), "\n{}", breaches.join("\n"));
}

#[track_caller]
fn finds(rule: Rule, path: &str, text: &str, count: usize) {
    let breaches = rule(path, text);
    assert_eq!(breaches.len(), count, "{path}:\n{text}\n--- breaches: {breaches:#?}");
}

/// The lines of code, each with its number: comments and what follows them left out.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(index, line)| (index + 1, line.split("//").next().unwrap_or_default()))
}

/// The rooms that a line names by a path from the crate's root: `crate::lab::x`, `crate::{lab, storm::y}`, or
/// `super::` often enough to come there.
fn named_rooms(line: &str, depth: usize) -> Vec<&str> {
    let to_root = "super::".repeat(depth);
    let mut rooms = Vec::new();
    for start in ["crate::", "rst_storm::", to_root.as_str()].into_iter().filter(|start| !start.is_empty()) {
        for (place, _) in line.match_indices(start) {
            let is_whole = line[..place]
                .chars()
                .next_back()
                .is_none_or(|before| !before.is_alphanumeric() && before != '_' && before != ':');
            let rest = &line[place + start.len()..];
            if !is_whole || rest.starts_with("super::") {
                continue;
            }
            let list = rest
                .strip_prefix('{')
                .unwrap_or(rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default());
            let mut nesting = 0;
            for part in list.split_inclusive(['{', '}', ',']) {
                let name = part.trim().split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
                if nesting == 0 && !name.is_empty() {
                    rooms.push(name);
                }
                nesting += match part.chars().next_back() {
                    Some('{') => 1,
                    Some('}') => -1,
                    _ => 0,
                };
            }
        }
    }
    rooms
}

/// How many `super::` lead from this file's module to the crate's root.
fn depth(path: &str) -> usize {
    let inner = path.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
    inner.split('/').count()
}

/// Arrows run down only.
fn arrows(path: &str, text: &str) -> Vec<String> {
    let Some(inner) = path.strip_prefix("src/") else { return Vec::new() };
    let room = inner.split(['/', '.']).next().unwrap_or_default();
    let Some((_, below)) = ROOMS.iter().find(|(known, _)| *known == room) else {
        return if ["main", "lib"].contains(&room) { Vec::new() } else { vec![format!("{path}: {room} is no room")] };
    };
    // A use over several lines is one line here.
    let joined = text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join(" ");
    let statements = joined.split_inclusive(';');
    statements
        .flat_map(|statement| named_rooms(statement, depth(path)))
        .filter(|named| *named != room && ROOMS.iter().any(|(known, _)| known == named) && !below.contains(named))
        .map(|named| format!("{path}: {room} uses {named}, which doesn't stand below it"))
        .collect()
}

/// `use` trees without their braces: `a::{b, c::{d}}` is `a::b` and `a::c::d`.
fn flattened(tree: &str) -> Vec<String> {
    let Some((start, rest)) = tree.split_once('{') else { return vec![tree.trim().to_owned()] };
    let inner = rest.rsplit_once('}').map_or(rest, |(inner, _)| inner);
    let mut parts = vec![String::new()];
    let mut nesting = 0;
    for c in inner.chars() {
        nesting += i32::from(c == '{') - i32::from(c == '}');
        match c {
            ',' if nesting == 0 => parts.push(String::new()),
            c => parts.last_mut().expect("one to begin with").push(c),
        }
    }
    let parts = parts.iter().filter(|part| !part.trim().is_empty());
    parts.flat_map(|part| flattened(&format!("{}{}", start.trim_start(), part.trim()))).collect()
}

/// The files among `known` (as `storm/client`) that the file `own` uses, tests aside.
fn used_files(own: &str, text: &str, known: &[String]) -> Vec<String> {
    let room = own.rsplit_once('/').map_or("", |(room, _)| room);
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    let joined = text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join(" ");
    let mut used = Vec::new();
    for (place, word) in joined.match_indices("use ") {
        if joined[..place].chars().next_back().is_some_and(|before| !before.is_whitespace()) {
            continue;
        }
        for path in flattened(joined[place + word.len()..].split(';').next().unwrap_or_default()) {
            let path = path.replace("::", "/");
            let below = path.strip_prefix("super/").filter(|rest| !rest.starts_with("super/"));
            let path = path.strip_prefix("crate/").map(str::to_owned).or(below.map(|rest| format!("{room}/{rest}")));
            let is_it = |file: &&String| {
                path.as_ref().is_some_and(|path| path == *file || path.starts_with(&format!("{file}/")))
            };
            used.extend(known.iter().filter(is_it).filter(|file| *file != own).cloned());
        }
    }
    used
}

/// The files that use each other in a circle, or lead into one from both sides; none, if there is no circle.
fn circle(files: &[(String, String)]) -> Vec<String> {
    let inner = |path: &str| path.trim_start_matches("src/").trim_end_matches(".rs").to_owned();
    let known: Vec<String> = files.iter().map(|(path, _)| inner(path)).filter(|file| !file.ends_with("/mod")).collect();
    let mut open: Vec<(String, Vec<String>)> =
        files.iter().map(|(path, text)| (inner(path), used_files(&inner(path), text, &known))).collect();
    // What uses nothing that is still open is part of no circle.
    loop {
        let names: Vec<String> = open.iter().map(|(name, _)| name.clone()).collect();
        open.retain(|(_, used)| used.iter().any(|file| names.contains(file)));
        if open.len() == names.len() {
            return names;
        }
    }
}

/// clap is known in cli/ alone.
fn no_clap(path: &str, text: &str) -> Vec<String> {
    if path.starts_with("src/cli/") {
        return Vec::new();
    }
    code(text)
        .filter(|(_, line)| line.contains("clap::") || line.contains("use clap"))
        .map(|(number, line)| format!("{path}:{number}: {}", line.trim()))
        .collect()
}

/// core knows neither linux nor the program, linux not the program.
fn packages(path: &str, text: &str) -> Vec<String> {
    let forbidden: &[&str] = if path.starts_with("crates/core/src/") {
        &["rst_storm_linux", "rst_storm::", "libc::", "rustix::"]
    } else if path.starts_with("crates/linux/src/") {
        &["rst_storm::"]
    } else {
        return Vec::new();
    };
    code(text)
        .filter(|(_, line)| forbidden.iter().any(|word| line.contains(word)))
        .map(|(number, line)| format!("{path}:{number}: {}", line.trim()))
        .collect()
}

/// unsafe lives in crates/linux alone.
fn no_unsafe(path: &str, text: &str) -> Vec<String> {
    if path.starts_with("crates/linux/") {
        return Vec::new();
    }
    code(text)
        .filter(|(_, line)| line.contains("unsafe {") || line.contains("unsafe fn") || line.contains("unsafe impl"))
        .map(|(number, line)| format!("{path}:{number}: {}", line.trim()))
        .collect()
}

/// Every file begins with its caption.
fn captions(path: &str, text: &str) -> Vec<String> {
    if text.starts_with("//! ") { Vec::new() } else { vec![format!("{path}: no caption (//!) in its first line")] }
}

/// Every line of comment and code fits.
fn sizes(path: &str, text: &str) -> Vec<String> {
    let lines = text.lines().count();
    if lines <= MOST_LINES { Vec::new() } else { vec![format!("{path}: {lines} lines, at most {MOST_LINES}")] }
}

/// What is for the workshop and not for the shop.
fn leftovers(path: &str, text: &str) -> Vec<String> {
    code(text)
        .filter(|(_, line)| ["todo!", "unimplemented!", "dbg!"].iter().any(|word| line.contains(&format!("{word}("))))
        .map(|(number, line)| format!("{path}:{number}: {}", line.trim()))
        .collect()
}

/// Paths of the machine on which it was written.
fn machine_paths(path: &str, text: &str) -> Vec<String> {
    // Put together here, so that this file does not accuse itself.
    let machine: Vec<String> = ["work", "root", "home"].iter().map(|name| format!("/{name}")).collect();
    let names_one = |line: &str| {
        machine.iter().any(|name| {
            line.match_indices(name.as_str()).any(|(place, _)| {
                let before = line[..place].chars().next_back();
                let after = line[place + name.len()..].chars().next();
                let is_start = before.is_none_or(|c| !c.is_alphanumeric() && !"._-/}$".contains(c));
                is_start && after == Some('/') && !line[place..].starts_with("/home/runner")
            })
        })
    };
    text.lines()
        .enumerate()
        .filter(|(_, line)| names_one(line))
        .map(|(index, line)| format!("{path}:{}: {}", index + 1, line.trim()))
        .collect()
}

#[test]
fn arrows_between_rooms_run_down_only() {
    check(&product(), arrows);
}

#[test]
fn an_arrow_that_runs_up_is_found() {
    for (path, text, count) in [
        ("src/storm/client.rs", "use crate::lab::run;", 1),
        ("src/storm/client.rs", "use crate::report::text;\nuse crate::cli::Failure;", 2),
        ("src/storm/client.rs", "use crate::{storm::units, lab::{run, plan}, report};", 2),
        ("src/storm/client.rs", "use crate::{\n    storm::units,\n    report,\n};", 1),
        ("src/storm/client.rs", "use super::super::lab::run;", 1),
        ("src/storm/mod.rs", "use super::lab;", 1),
        ("src/storm.rs", "use super::lab;", 1),
        ("src/lab/run.rs", "fn f() { crate::report::text::x() }", 1),
        ("src/lab/run.rs", "use crate::cli;", 1),
        ("src/report/json.rs", "use crate::cli::Verdict;", 1),
        ("src/watch/source.rs", "use crate::lab::run;\nuse crate::{report, storm::units};", 3),
        ("src/watch/source.rs", "use super::super::cli::exit;", 1),
        ("src/lab/run.rs", "use crate::watch::Sink;", 1),
        ("src/storm/client.rs", "use crate::watch;", 1),
        ("src/attic/x.rs", "", 1),
        ("src/watch/source.rs", "use crate::watch::batch::Batch; use super::plan::Input;", 0),
        ("src/report/json.rs", "use crate::watch::FileReport; use crate::lab::run;", 0),
        ("src/report/json.rs", "use crate::lab::run; use crate::storm::client;", 0),
        ("src/cli/run.rs", "use crate::report; use crate::lab; use crate::storm; use super::exit;", 0),
        ("src/storm/client.rs", "use super::report::X; use crate::storm::report::Y; // crate::lab", 0),
        ("src/storm/client.rs", "use super::super::storm::report::X;", 0),
    ] {
        finds(arrows, path, text, count);
    }
}

#[test]
fn no_files_use_each_other_in_a_circle() {
    let product = files(&["src"], is_rust);
    let arrows: usize = {
        let inner = |path: &str| path.trim_start_matches("src/").trim_end_matches(".rs").to_owned();
        let known: Vec<String> = product.iter().map(|(path, _)| inner(path)).collect();
        product.iter().map(|(path, text)| used_files(&inner(path), text, &known).len()).sum()
    };
    assert!(arrows > 50, "the arrows are found: {arrows}");
    assert_eq!(circle(&product), [""; 0]);
    let sample = |files: &[(&str, &str)]| {
        circle(&files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect::<Vec<_>>())
    };
    let (a, b, c) = ("src/storm/a.rs", "src/storm/b.rs", "src/lab/c.rs");
    let two = ["storm/a", "storm/b"];
    assert_eq!(sample(&[(a, "use super::b::X;"), (b, "use crate::storm::{x, a::{Y, Z}};")]), two);
    assert_eq!(sample(&[(a, "use std::fs;\nuse super::{\n    b::X,\n};"), (b, "\npub use super::a;"), (c, "")]), two);
    assert_eq!(sample(&[(a, "use super::b;"), (b, "// use super::a;"), (c, "use crate::storm::a;")]), [""; 0]);
    assert_eq!(sample(&[(a, "use super::b;"), (b, "#[cfg(test)] mod t { use super::a; }")]), [""; 0]);
    assert_eq!(sample(&[(a, "use super::b;"), (b, "use crate::lab::c;"), (c, "use crate::storm::a;")]).len(), 3);
}

#[test]
fn the_option_parser_is_known_in_cli_alone() {
    check(&product(), no_clap);
    finds(no_clap, "src/storm/server.rs", "#[derive(clap::ValueEnum)]\nenum X {}", 1);
    finds(no_clap, "src/report/text.rs", "use clap::Args;", 1);
    finds(no_clap, "src/cli/run.rs", "use clap::Args;", 0);
}

#[test]
fn packages_know_only_what_stands_below_them() {
    check(&product(), packages);
    finds(packages, "crates/core/src/wire/tcp.rs", "use rst_storm_linux::link::Links;", 1);
    finds(packages, "crates/core/src/wire/tcp.rs", "let x = libc::getpid();", 1);
    finds(packages, "crates/linux/src/link.rs", "use rst_storm::lab;", 1);
    finds(packages, "crates/linux/src/link.rs", "use rst_storm_core::tcp;", 0);
}

#[test]
fn unsafe_code_lives_in_the_linux_package_alone() {
    check(&product(), no_unsafe);
    finds(no_unsafe, "src/storm/client.rs", "let x = unsafe { f() };", 1);
    finds(no_unsafe, "src/storm/client.rs", "#![forbid(unsafe_code)] // unsafe {", 0);
}

#[test]
fn every_source_begins_with_its_caption() {
    check(&files(&["src", "crates", "tests", "benches"], is_rust), captions);
    finds(captions, "src/x.rs", "use std::fs;", 1);
    finds(captions, "src/x.rs", "", 1);
    finds(captions, "src/x.rs", "\n//! late", 1);
}

#[test]
fn no_source_of_the_product_is_too_long() {
    check(&product(), sizes);
    finds(sizes, "src/x.rs", &"x\n".repeat(MOST_LINES), 0);
    finds(sizes, "src/x.rs", &"x\n".repeat(MOST_LINES + 1), 1);
}

#[test]
fn nothing_of_the_workshop_is_left() {
    check(&product(), leftovers);
    finds(leftovers, "src/x.rs", "fn f() { todo!() }\nfn g() { unimplemented!(\"x\") }\n dbg!(1);", 3);
    finds(leftovers, "src/x.rs", "// todo!() is what this is not", 0);
}

#[test]
fn no_file_names_a_path_of_the_machine_it_was_written_on() {
    let folders = ["src", "crates", "tests", "benches", "schema", "docs", "infra", ".ci"];
    let mut all = files(&folders, is_text);
    for entry in fs::read_dir(root()).expect("the project's root").flatten() {
        let path = entry.path();
        if path.is_file() && is_text(&path) {
            let text = fs::read_to_string(&path).unwrap_or_default();
            all.push((entry.file_name().to_string_lossy().into_owned(), text));
        }
    }
    check(&all, machine_paths);
    for (text, count) in [
        (format!("see /{}/main/x", "work"), 1),
        (format!("cd /{}/.cargo", "root"), 1),
        (format!("(\"/{}/jane/x\")", "home"), 1),
        (format!("a/{}/b and net/{}ers and /{}space/x", "work", "work", "work"), 0),
        (format!("/proc/1/{}/x", "root"), 0),
    ] {
        finds(machine_paths, "README.md", &text, count);
    }
}

//! What the tests of the built binary share: starting it, waiting for it with a bound, leaving nothing of it behind.

#![allow(dead_code, reason = "each test binary uses its own part of this")]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use jsonschema::Validator;
use rustix::process::{Pid, Signal};
use serde_json::Value;

/// The program under test.
pub const BINARY: &str = env!("CARGO_BIN_EXE_rst-storm");

/// Only a hang lasts longer than this.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// `rst-storm` with `arguments`, its surroundings made alike everywhere.
pub fn storm<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(BINARY);
    command.args(arguments);
    alike(&mut command);
    command
}

/// `line`, split at blanks, as arguments of `rst-storm`.
pub fn storm_line(line: &str) -> Command {
    storm(line.split_whitespace())
}

/// A shell that runs `script` with the program's path in `$BIN`.
pub fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]).env("BIN", BINARY);
    alike(&mut command);
    command
}

/// Standard input empty, a terminal's width of 100, no colour setting.
pub fn alike(command: &mut Command) {
    command.stdin(Stdio::null()).env("COLUMNS", "100").env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
}

/// What a finished command left.
#[derive(Debug)]
pub struct Done {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Done {
    /// Itself, if the exit code is `code`.
    #[track_caller]
    pub fn exits(self, code: i32) -> Done {
        assert_eq!(self.code, Some(code), "exit code\n{self}");
        assert!(!self.err.contains("panicked"), "it panicked\n{self}");
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("no JSON on standard output: {error}\n{self}"))
    }
}

impl std::fmt::Display for Done {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "exit code {:?}, signal {:?}\n--- standard output\n{}\n--- standard error\n{}",
            self.code, self.signal, self.out, self.err
        )
    }
}

/// A command under way; killed when it goes out of scope.
pub struct Running {
    child: Child,
    lines: Receiver<String>,
    out: Option<JoinHandle<String>>,
    err: Option<JoinHandle<String>>,
    seen: Vec<String>,
}

impl Running {
    /// Starts `command` and reads both of its streams.
    #[track_caller]
    pub fn start(mut command: Command) -> Running {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let (tell, lines) = mpsc::channel();
        let out = collect(child.stdout.take().expect("standard output is piped"), tell.clone());
        let err = collect(child.stderr.take().expect("standard error is piped"), tell);
        Running { child, lines, out: Some(out), err: Some(err), seen: Vec::new() }
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line, of either stream, that contains `part`.
    #[track_caller]
    pub fn await_line(&mut self, part: &str) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) if line.contains(part) => return line,
                Ok(line) => self.seen.push(line),
                Err(error) => panic!("no line with {part:?} ({error}); so far:\n{}", self.seen.join("\n")),
            }
        }
    }

    /// Sends `signal`.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().cast_signed()).expect("a process id");
        rustix::process::kill_process(pid, signal).expect("the process is there to be signalled");
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("wait for the process").is_some()
    }

    /// Waits for its end.
    #[track_caller]
    pub fn finish(mut self) -> Done {
        let until = Instant::now() + PATIENCE;
        let status = loop {
            match self.child.try_wait().expect("wait for the process") {
                Some(status) => break status,
                None if Instant::now() > until => {
                    self.child.kill().expect("kill what hangs");
                    self.child.wait().expect("wait for what was killed");
                    panic!("still running after {PATIENCE:?}; its text so far:\n{}", self.text_so_far());
                }
                None => thread::sleep(Duration::from_millis(5)),
            }
        };
        Done { code: status.code(), signal: status.signal(), out: text_of(&mut self.out), err: text_of(&mut self.err) }
    }

    fn text_so_far(&mut self) -> String {
        self.seen.extend(self.lines.try_iter());
        self.seen.join("\n")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn collect(stream: impl Read + Send + 'static, tell: Sender<String>) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut text = String::new();
        let mut stream = BufReader::new(stream);
        let mut line = Vec::new();
        while stream.read_until(b'\n', &mut line).is_ok_and(|octets| octets > 0) {
            let decoded = String::from_utf8_lossy(&line).into_owned();
            text.push_str(&decoded);
            let _ = tell.send(decoded.trim_end_matches('\n').to_owned());
            line.clear();
        }
        text
    })
}

fn text_of(stream: &mut Option<JoinHandle<String>>) -> String {
    stream.take().expect("asked once").join().expect("a reader of a stream does not panic")
}

/// Runs `command` to its end.
#[track_caller]
pub fn run(command: Command) -> Done {
    Running::start(command).finish()
}

/// A folder that goes with its test.
pub struct Folder(PathBuf);

impl Folder {
    /// A fresh one, open to everybody for reading.
    pub fn new() -> Folder {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("rst-storm-test-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).expect("make a folder for the test");
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&path, open).expect("open the folder to everybody");
        Folder(path)
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The JSON document in the file at `path`.
#[track_caller]
pub fn read_json(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}\n{text}", path.display()))
}

/// The whole number at `pointer` of `document`.
#[track_caller]
pub fn number(document: &Value, pointer: &str) -> u64 {
    let value = document.pointer(pointer).unwrap_or_else(|| panic!("nothing at {pointer} of {document:#}"));
    value.as_u64().unwrap_or_else(|| panic!("{value} at {pointer} is no whole number"))
}

/// Checks the sums that hold of every client, however it went.
#[track_caller]
pub fn check_client_sums(client: &Value) {
    let outcome = |name: &str| number(client, &format!("/outcomes/{name}"));
    let sum = |name: &str| -> u64 {
        let values = client.pointer(&format!("/outcomes/{name}")).and_then(Value::as_object).expect("a map of counts");
        values.values().map(|value| value.as_u64().expect("a count")).sum()
    };
    let ended =
        outcome("reset") + outcome("fin") + outcome("refused") + outcome("timeout") + outcome("other") + sum("short");
    assert_eq!(ended, outcome("attempts"), "every attempt has one outcome: {client:#}");
    assert_eq!(sum("other_by_errno"), outcome("other"), "{client:#}");
    assert!(outcome("reset") + outcome("fin") <= outcome("connected"), "{client:#}");
    assert!(outcome("connected") + outcome("refused") + sum("short") <= outcome("attempts"), "{client:#}");
    assert!(outcome("timeout_connected") <= outcome("timeout"), "{client:#}");
    let percent = client.pointer("/reset_percent").and_then(Value::as_f64);
    assert!(percent.is_none_or(|percent| percent <= 100.0), "{client:#}");
    assert_eq!(percent.is_none(), outcome("connected") == 0, "{client:#}");
}

/// `text` with its figures taken out and their format left: `12` becomes `N`, `10.0` `N.D`, `0.25` `N.DD`.
pub fn figures(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text.chars().peekable();
    while let Some(next) = rest.next() {
        if !next.is_ascii_digit() {
            plain.push(next);
            continue;
        }
        while rest.next_if(char::is_ascii_digit).is_some() {}
        plain.push('N');
        let mut ahead = rest.clone();
        if ahead.next() == Some('.') && ahead.peek().is_some_and(char::is_ascii_digit) {
            rest.next();
            plain.push('.');
            while rest.next_if(char::is_ascii_digit).is_some() {
                plain.push('D');
            }
        }
    }
    plain
}

/// Checks that `block` stands in `text` exactly once, its figures aside, with no line between its lines.
#[track_caller]
pub fn check_block(text: &str, block: &[&str]) {
    let lines: Vec<String> = text.lines().map(figures).collect();
    let block: Vec<String> = block.iter().map(|line| figures(line)).collect();
    let count = lines.windows(block.len()).filter(|window| *window == block.as_slice()).count();
    assert_eq!(count, 1, "this block must stand there once and whole:\n{}\n--- in\n{text}", block.join("\n"));
}

/// Whether a program lies in one of the PATH's folders.
pub fn has_program(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

/// The validator of `schema/NAME.schema.json`, made once: that takes longer than to use it.
fn validator(name: &str) -> Arc<Validator> {
    static KNOWN: Mutex<BTreeMap<String, Arc<Validator>>> = Mutex::new(BTreeMap::new());
    let read = |name: &str| {
        read_json(&Path::new(env!("CARGO_MANIFEST_DIR")).join("schema").join(format!("{name}.schema.json")))
    };
    let make = || {
        let mut registry = jsonschema::Registry::new();
        for part in ["client", "server"] {
            registry = registry.add(format!("urn:rst-storm:{part}:1"), read(part)).expect("a schema with its own name");
        }
        let registry = registry.prepare().expect("schemas whose references lead somewhere");
        Arc::new(jsonschema::options().with_registry(&registry).build(&read(name)).expect("a valid schema"))
    };
    let mut known = KNOWN.lock().expect("no validator panics while it is made");
    known.entry(name.to_owned()).or_insert_with(make).clone()
}

/// The faults of `document` by `schema/NAME.schema.json`.
pub fn schema_faults(name: &str, document: &Value) -> Vec<String> {
    let faults = validator(name);
    faults.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// Checks `document` by `schema/NAME.schema.json`.
#[track_caller]
pub fn check_schema(name: &str, document: &Value) {
    let faults = schema_faults(name, document);
    assert!(faults.is_empty(), "by schema/{name}.schema.json:\n{}\n{document:#}", faults.join("\n"));
}

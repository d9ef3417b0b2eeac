//! The lab for real: whole runs in namespaces, as root and rootless; named labs, captures, ways to end and to fail.
//!
//! A trial that this machine can't do is ignored, with its reason on standard error, and the closing line counts it.
//! Named labs stand in a mount namespace of the trial's own with an empty /run: a lab that the user has standing is
//! neither seen nor touched, trials don't get in each other's way, and whatever happens nothing is left behind.

mod by_hand;
mod captures;
#[path = "../common/mod.rs"]
mod common;
mod compare;
mod disk;
mod endings;
mod findings;
mod kernel;
mod named;
mod players;
mod plays;
mod refusals;
mod room;
mod storms;
mod terminal;
mod trials;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::RwLock;

use libtest_mimic::{Arguments, Completion, Failed, Trial};

use players::{EVERYBODYS, can_play};
use trials::{Each, Once, Outcome, Player};

/// The trials that each player plays.
const EACH: &[&[Each]] = &[storms::EACH, captures::EACH, endings::EACH, terminal::EACH, compare::EACH, plays::EACH];

/// The trials that are played once, by whoever runs the tests.
const ONCE: &[&[Once]] = &[
    by_hand::ONCE,
    named::ONCE,
    captures::ONCE,
    refusals::ONCE,
    disk::ONCE,
    terminal::ONCE,
    kernel::ONCE,
    plays::ONCE,
];

/// Trials read it; those of [`NEED_QUIET`] write it.
static ALONE: RwLock<()> = RwLock::new(());

/// Trials during which no other is played, by how their names begin: one looks through all processes of the machine, one needs
/// all of its processors, and the last ask who closed a socket, and how. A child that another trial starts has copies of those
/// sockets until it becomes another program, and may so be the last to close one.
const NEED_QUIET: [&str; 3] = ["SIGKILL leaves nothing", "all plays", "the kernel's "];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for &(name, play) in EACH.iter().copied().flatten() {
        for player in [Player::Root, Player::Rootless] {
            let who = if player == Player::Root { "as root" } else { "rootless" };
            trials.push(trial(format!("{name}, {who}"), move || can_play(player).and_then(|()| play(player))));
        }
    }
    for &(name, play) in ONCE.iter().copied().flatten() {
        trials.push(trial(name.to_owned(), play));
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    // What is static is never dropped.
    let _ = fs::remove_dir_all(EVERYBODYS.0.path());
    conclusion.exit_code()
}

fn trial(name: String, play: impl Fn() -> Outcome + Send + 'static) -> Trial {
    Trial::ignorable_test(name.clone(), move || {
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let needs_quiet = NEED_QUIET.iter().any(|beginning| name.starts_with(beginning));
            // A panic elsewhere has poisoned nothing: the lock guards no value.
            let _shared = (!needs_quiet).then(|| ALONE.read().unwrap_or_else(|poison| poison.into_inner()));
            let _alone = needs_quiet.then(|| ALONE.write().unwrap_or_else(|poison| poison.into_inner()));
            play()
        }));
        match outcome {
            Ok(Ok(())) => Ok(Completion::Completed),
            Ok(Err(reason)) => {
                eprintln!("SKIPPED: {name}: {reason}");
                Ok(Completion::ignored_with(reason))
            }
            Err(panic) => {
                let text = panic.downcast_ref::<String>().cloned();
                let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
                Err(Failed::from(text.unwrap_or_else(|| "a panic without a text".to_owned())))
            }
        }
    })
}

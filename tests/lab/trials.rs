//! What a trial is, who plays it, and what it brings.

/// What a trial brings: done, or the reason why it can't be done here.
pub type Outcome = Result<(), String>;

/// Who runs the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Player {
    Root,
    Rootless,
}

/// A trial of each player, with its name.
pub type Each = (&'static str, fn(Player) -> Outcome);

/// A trial that is played once, with its name.
pub type Once = (&'static str, fn() -> Outcome);

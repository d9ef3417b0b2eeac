//! Colour, where it is wanted.

use std::io::IsTerminal;

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Whether a text is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Plain text.
    Plain,
    /// With ANSI colours.
    Coloured,
}

const GREEN: &str = "\x1b[32m";
const RED: &str = "\x1b[31m";
const RESET: &str = "\x1b[0m";

impl Style {
    /// The style for `stream` under `choice`. NO_COLOR counts when it is set and not empty (no-color.org).
    pub fn new(choice: ColorChoice, stream: &impl IsTerminal) -> Style {
        let unwanted = || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        match choice {
            ColorChoice::Always => Style::Coloured,
            ColorChoice::Auto if stream.is_terminal() && !unwanted() => Style::Coloured,
            _ => Style::Plain,
        }
    }

    /// `[PASS]` where a check holds, else `[FAIL]`.
    pub fn mark(self, holds: bool) -> String {
        let (colour, word) = if holds { (GREEN, "PASS") } else { (RED, "FAIL") };
        match self {
            Style::Plain => format!("[{word}]"),
            Style::Coloured => format!("[{colour}{word}{RESET}]"),
        }
    }
}

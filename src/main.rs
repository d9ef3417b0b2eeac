//! The `rst-storm` command.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    rst_storm::main()
}

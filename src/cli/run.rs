//! `rst-storm run`.
use super::{Common, Failure, Verdict};
#[derive(Debug, clap::Args)]
pub struct RunArgs {}
pub fn run(_args: RunArgs, _common: Common) -> Result<Verdict, Failure> {
    Err(Failure::lacks("later"))
}

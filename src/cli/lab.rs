//! `rst-storm lab`.
use super::{Common, Failure, Verdict};
#[derive(Debug, clap::Args)]
pub struct LabArgs {}
pub fn run(_args: LabArgs, _common: Common) -> Result<Verdict, Failure> {
    Err(Failure::lacks("later"))
}

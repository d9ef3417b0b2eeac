//! The two subcommands that rst-storm starts itself: one play, and a process that holds a socket.

use std::path::PathBuf;

use clap::Args;
use rst_storm_core::scenario::IpVersion;

use super::exit::{Failure, Verdict};
use crate::actor::process;
use crate::atlas::choice::choose;
use crate::lab::play::{self, Part, PartError};

#[derive(Debug, Args)]
pub struct PlayArgs {
    play: String,
    #[arg(long)]
    ip: u8,
    #[arg(long)]
    seed: u64,
    #[arg(long)]
    parent: u32,
    folder: PathBuf,
}

/// Plays one play and leaves its bundle in the folder.
pub fn play(args: PlayArgs) -> Result<Verdict, Failure> {
    let version = if args.ip == 6 { IpVersion::V6 } else { IpVersion::V4 };
    let chosen = choose(&args.play, &[version]).map_err(Failure::usage)?;
    let [chosen] = chosen.as_slice() else { return Err(Failure::usage("this plays one play")) };
    let program = std::env::current_exe().map_err(|error| Failure::lacks(format!("find this program: {error}")))?;
    let part = Part {
        name: chosen.to_string(),
        play: chosen.play,
        addresses: chosen.addresses(args.seed),
        seed: args.seed,
        folder: args.folder,
        program,
        parent: args.parent,
    };
    match play::play(&part) {
        Ok(_) => Ok(Verdict::Holds),
        Err(PartError::Lab(error)) => Err(error.into()),
        Err(error) => Err(Failure::lacks(error)),
    }
}

/// Holds what it inherited.
pub fn hold() -> Result<Verdict, Failure> {
    match process::hold() {
        Ok(never) => match never {},
        Err(error) => Err(Failure::lacks(error)),
    }
}

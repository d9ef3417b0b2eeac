//! Copies the captures of a kept matrix into tests/golden/atlas: `cargo run --example atlas_captures -- DIR`, after
//! `rst-storm run all --ip 4 --out DIR`.
//!
//! Of each play the tap at which its reset is judged, named `<cause>--<play>.pcapng`; a control's is `control--<cause>--<play>.pcapng`.
//! Captures of floods are too large to be kept. Of some plays both ends are kept too, in tests/golden/atlas_ends.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use rst_storm::atlas::matrix::Matrix;

/// The plays of which both ends' captures are kept: resets that were sent and came, and some that nobody at that end had sent.
const BOTH_ENDS: [&str; 7] = [
    "firewall-reject/routed-to-the-server",
    "forged-both-ends/copied",
    "forged-exact/copied",
    "forged-exact/wrong-ttl",
    "linger-zero/after-accept",
    "nat-without-mapping/state-flushed",
    "stray-segment/forgotten",
];

/// No capture that is kept is larger.
const LARGEST: u64 = 32 << 10;

fn main() -> ExitCode {
    let Some(bundles) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: cargo run --example atlas_captures -- DIR");
        return ExitCode::from(2);
    };
    match copy(&bundles) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("atlas_captures: {error}");
            ExitCode::FAILURE
        }
    }
}

fn copy(bundles: &Path) -> std::io::Result<()> {
    let matrix: Matrix = serde_json::from_slice(&fs::read(bundles.join("matrix.json"))?)?;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/atlas");
    fs::create_dir_all(&folder)?;
    for row in matrix.rows.iter().filter(|row| row.ip == 4 && row.holds()) {
        let name = row.play.replace('/', "--");
        let (tap, name) = match &row.wire {
            Some(wire) => (wire.tap.as_str(), name),
            None => ("client-port", format!("control--{name}")),
        };
        let capture = bundles.join(format!("{}-ipv4/{tap}.pcapng", row.play));
        if capture.exists() && fs::metadata(&capture)?.len() <= LARGEST {
            fs::copy(&capture, folder.join(name + ".pcapng"))?;
        }
    }
    let ends = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/atlas_ends");
    fs::create_dir_all(&ends)?;
    for play in BOTH_ENDS {
        for end in ["client", "server"] {
            let name = format!("{}--{end}.pcapng", play.replace('/', "--"));
            fs::copy(bundles.join(format!("{play}-ipv4/{end}.pcapng")), ends.join(name))?;
        }
    }
    Ok(())
}

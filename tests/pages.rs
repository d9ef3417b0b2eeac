//! docs/causes says what the cards and the committed matrix say, and the matrix has a row for each play.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use rst_storm::atlas::choice::choose;
use rst_storm::atlas::coverage::{NOT_MADE, UNKNOWN, UNPLAYED};
use rst_storm::atlas::matrix::Matrix;
use rst_storm::report::pages;
use rst_storm_core::causes::CATALOGUE;
use rst_storm_core::kernel::Format;
use rst_storm_core::scenario::IpVersion;

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

fn matrix() -> Matrix {
    let text = fs::read(docs().join("matrix-6.18.json")).expect("the committed matrix");
    serde_json::from_slice(&text).expect("a matrix")
}

#[test]
fn the_pages_of_the_causes_are_not_stale() {
    let pages = pages::all(&matrix());
    for page in &pages {
        let written = fs::read_to_string(docs().join("causes").join(&page.file)).unwrap_or_default();
        assert_eq!(written, page.text, "docs/causes/{} is stale: cargo run --example cause_pages", page.file);
    }
    let files: BTreeSet<String> = fs::read_dir(docs().join("causes"))
        .expect("docs/causes")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    let wanted: BTreeSet<String> = pages.into_iter().map(|page| page.file).collect();
    assert_eq!(files, wanted, "pages of causes that are not there any more, or not yet");
}

#[test]
fn the_matrix_has_a_row_for_each_play_and_every_one_held() {
    let matrix = matrix();
    let played: BTreeSet<(String, u8)> = matrix.rows.iter().map(|row| (row.play.clone(), row.ip)).collect();
    let all = choose("all", &[IpVersion::V4, IpVersion::V6]).expect("plays");
    let wanted: BTreeSet<(String, u8)> = all.iter().map(|chosen| (chosen.to_string(), chosen.ip())).collect();
    assert_eq!(played, wanted, "docs/matrix-6.18.json is stale: rst-storm run all --format json");
    assert!(matrix.holds());
    assert_eq!(matrix.totals.wrongly_certain, 0);
    let again = Matrix::new(matrix.rows.clone(), matrix.kernel.clone());
    assert_eq!(again.totals, matrix.totals, "totals that nobody counted");
}

#[test]
fn each_reason_of_the_kernel_is_made_or_it_is_said_why_not() {
    let matrix = matrix();
    let format = include_str!("../crates/core/tests/formats/tcp_send_reset.format");
    let recorded = Format::parse(format).expect("the recorded format");
    let names: BTreeSet<String> = recorded.names_of("reason").map(|name| name.to_string()).collect();
    let known: BTreeSet<String> = matrix.reasons.iter().map(|reason| reason.reason.clone()).collect();
    assert_eq!(known, names, "the reasons of the kernel that the matrix is of");
    for reason in &matrix.reasons {
        match &reason.why_not {
            None => assert!(!reason.made_by.is_empty(), "{}", reason.reason),
            Some(why) => assert!(why != UNKNOWN && why != UNPLAYED && !why.is_empty(), "{}: {why}", reason.reason),
        }
    }
    for (mechanism, why) in NOT_MADE {
        let made = CATALOGUE
            .iter()
            .flat_map(|card| card.plays)
            .any(|play| play.shows.kernel.is_some_and(|(_, shown)| shown == mechanism));
        assert!(!made, "{} is made, and is said not to be: {why}", mechanism.name());
    }
}

//! Writes docs/causes from the cards and the committed matrix. tests/pages.rs fails where they are stale.

use std::path::Path;
use std::process::ExitCode;

use rst_storm::atlas::matrix::Matrix;
use rst_storm::report::pages;

fn main() -> ExitCode {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let written = std::fs::read(docs.join("matrix-6.18.json"))
        .and_then(|text| serde_json::from_slice::<Matrix>(&text).map_err(Into::into))
        .and_then(|matrix| {
            let folder = docs.join("causes");
            std::fs::create_dir_all(&folder)?;
            pages::all(&matrix).iter().try_for_each(|page| std::fs::write(folder.join(&page.file), &page.text))
        });
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cause_pages: {error}");
            ExitCode::FAILURE
        }
    }
}

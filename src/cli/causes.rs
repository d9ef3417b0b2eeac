//! `rst-storm causes`.

use clap::Args;
use rst_storm_core::causes::{self, CATALOGUE, ResetCause};

use super::Common;
use super::exit::{Failure, Verdict};
use super::session::Session;
use super::typed::TypedFormat;
use crate::report::explain::layout::Page;
use crate::report::explain::{card, catalogue};

#[derive(Debug, Args)]
pub struct CausesArgs {
    /// A cause, to be told in full
    id: Option<String>,
    /// How to tell it
    #[arg(long, value_enum, default_value_t = TypedFormat::Text)]
    format: TypedFormat,
}

pub fn run(args: CausesArgs, common: Common) -> Result<Verdict, Failure> {
    let cards: Vec<&'static ResetCause> = match &args.id {
        None => CATALOGUE.to_vec(),
        Some(id) => vec![causes::find(id).ok_or_else(|| unknown(id))?],
    };
    let mut session = Session::open(common, None)?;
    let page = Page::new(session.output.style());
    let text = match (args.format, args.id) {
        (TypedFormat::Text, None) => catalogue::list(&cards, &page),
        (TypedFormat::Text, Some(_)) => cards.iter().map(|known| card::full(known, &page)).collect(),
        (TypedFormat::Json, _) => catalogue::json(&cards),
        (TypedFormat::Ndjson, _) => catalogue::ndjson(&cards),
    };
    session.output.insist(&text);
    session.close()?;
    Ok(Verdict::Holds)
}

fn unknown(id: &str) -> Failure {
    let known: Vec<&str> = CATALOGUE.iter().map(|card| card.id.0).collect();
    Failure::usage(format!("there is no cause {id:?}; there are: {}", known.join(", ")))
}

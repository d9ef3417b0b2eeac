//! `rst-storm compare`.

use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use clap::Args;
use rst_storm_linux::signals::Stop;

use super::Common;
use super::exit::{Failure, Verdict};
use super::session::Session;
use super::typed::TypedFormat;
use crate::lab::compare::finding::Finding;
use crate::lab::compare::{self, ComparePlan, theory};
use crate::lab::namespaces;
use crate::report::compare::records::{self, Conclusion};
use crate::report::compare::text;
use crate::report::output::Loudness;
use crate::report::run;
use crate::report::text::failures;

#[derive(Debug, Args)]
pub struct CompareArgs {
    /// Connections of each storm whose processor time is measured
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    count: u64,
    /// Octets written before the close, to see how many arrive
    #[arg(long, value_name = "N", default_value_t = 1 << 20, value_parser = clap::value_parser!(u64).range(1..=1 << 26))]
    bytes: u64,
    /// Rounds of four storms (FIN, RST, RST, FIN), and transfers of each close
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=1000))]
    rounds: u64,
    /// How to tell it
    #[arg(long, value_enum, default_value_t = TypedFormat::Text)]
    format: TypedFormat,
}

pub fn run(args: CompareArgs, common: Common) -> Result<Verdict, Failure> {
    let plan = ComparePlan { count: args.count, bytes: args.bytes, rounds: args.rounds };
    rst_storm_linux::privilege::raise_descriptor_limit().map_err(Failure::lacks)?;
    let mut session = Session::open(common, None)?;
    let began = Instant::now();
    // The first lab shows what this machine allows; each measurement makes a fresh one after it.
    let (hosts, kind) = namespaces::create_nameless()?;
    let up_in = began.elapsed();
    drop(hosts);
    let (output, stop) = (&mut session.output, &session.stop);
    let format = args.format;
    if format == TypedFormat::Text {
        output.say(&run::lab_is_up(kind, up_in));
        output.say(&text::beginning());
    }
    let mut findings = Vec::new();
    let mut tell = |finding| {
        match format {
            TypedFormat::Text => output.say(&text::section(&finding)),
            TypedFormat::Ndjson => output.insist(&records::line(&finding)),
            TypedFormat::Json => {}
        }
        findings.push(finding);
    };
    let complete = measure(&plan, stop, &mut tell)?;
    let checks: Vec<_> = findings.iter().filter_map(theory::judge).collect();
    let conclusion = Conclusion { namespaces: kind, complete, checks: &checks };
    let style = output.style();
    match format {
        TypedFormat::Text if output.loudness() == Loudness::Quiet => output.insist(&failures(&checks, style)),
        TypedFormat::Text => output.say(&text::checks(&checks, complete, style)),
        TypedFormat::Ndjson => output.insist(&records::last_line(conclusion)),
        TypedFormat::Json => output.insist(&records::document(&findings, conclusion)),
    }
    session.close()?;
    Ok(if complete { Verdict::of(&checks) } else { Verdict::Fails })
}

/// Measures on a thread of its own, which moves through the namespaces, and tells on this one.
fn measure(plan: &ComparePlan, stop: &Stop, tell: &mut dyn FnMut(Finding)) -> Result<bool, Failure> {
    thread::scope(|scope| {
        let (sender, findings) = mpsc::channel();
        let measuring = scope.spawn(move || {
            // The receiver outlives this thread.
            compare::measure(plan, stop, &mut |finding| drop(sender.send(finding)))
        });
        findings.into_iter().for_each(tell);
        measuring.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)).map_err(Failure::lacks)
    })
}

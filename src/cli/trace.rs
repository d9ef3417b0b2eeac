//! `rst-storm trace`.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use clap::Args;
use rst_storm_core::capture::Timestamp;
use rst_storm_core::kernel::{KernelReset, REASONS_SINCE};

use super::Common;
use super::exit::{Failure, Verdict};
use super::session::{self, Session};
use super::typed::TypedFormat;
use crate::report::explain::layout::Page;
use crate::report::output::{Loudness, Output};
use crate::report::trace::{records, text};
use crate::storm::decimal::Decimal;
use crate::watch::{Filter, KernelTally, KernelWatch, KernelWatchPlan, Line, ResetRecord};

#[derive(Debug, Args)]
pub struct TraceArgs {
    /// Tell only of resets that this process decided on (may be repeated)
    #[arg(long, value_name = "PID", value_parser = clap::value_parser!(i32).range(1..))]
    pid: Vec<i32>,
    /// Tell only of resets from or to this address (may be repeated)
    #[arg(long, value_name = "ADDRESS")]
    host: Vec<IpAddr>,
    /// Tell only of resets with this port at either end (may be repeated)
    #[arg(long, value_name = "PORT")]
    port: Vec<u16>,
    /// Tell only of resets sent for this reason, by the kernel's name of it (may be repeated)
    #[arg(long, value_name = "NAME", value_parser = parse_reason)]
    reason: Vec<String>,
    /// Tell the kernel functions that led to each: more mechanisms are told apart, and a storm is slower for it
    #[arg(long)]
    stack: bool,
    /// Watch for so many seconds [default: until Ctrl-C]
    #[arg(short, long, value_name = "SECONDS")]
    duration: Option<Decimal>,
    /// End after so many resets
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// How to tell it
    #[arg(long, value_enum, default_value_t = TypedFormat::Text)]
    format: TypedFormat,
}

/// How long a reset may lie in the ring before it is told.
const LONGEST_WAIT: Duration = Duration::from_millis(50);

pub fn run(args: TraceArgs, common: Common) -> Result<Verdict, Failure> {
    let mut session = Session::open(common, None)?;
    let plan = KernelWatchPlan { stacks: args.stack, deaths: true, taken: true, awake: false };
    let mut watch = KernelWatch::open(&plan).map_err(Failure::lacks)?;
    check_reasons(&args.reason, &watch)?;
    let filter = Filter { pids: args.pid, hosts: args.host, ports: args.port, reasons: args.reason };
    let until = args.duration.map(|duration| Instant::now() + duration.as_seconds());
    let left = || until.map_or(LONGEST_WAIT, |until| until.saturating_duration_since(Instant::now()));
    let filtered = !filter.is_empty();
    let mut telling = Telling::begin(&mut session.output, args.format, filter, args.count, &watch);
    while !session.stop.is_requested() && !telling.is_enough() && !left().is_zero() {
        watch.wait(&session.stop, left().min(LONGEST_WAIT)).map_err(Failure::lacks)?;
        let resets = watch.drain();
        telling.tell(&resets);
    }
    let mut end = watch.now();
    telling.tell(&watch.drain_all());
    if let Some(last) = telling.last.filter(|_| telling.is_enough()) {
        end = last;
    }
    let lost = watch.lost();
    let told = telling.conclude(end, lost);
    session.close()?;
    if lost > 0 {
        session::warn(format!(
            "{lost} records were lost: the rings had no room, or the kernel counted and never handed them over"
        ));
    }
    if filtered && told == 0 {
        session::warn("no reset was such as was asked for");
        return Ok(Verdict::Fails);
    }
    Ok(Verdict::Holds)
}

/// A word that can be a name of the kernel's; whether it is one, the kernel alone tells, to those who may ask.
fn parse_reason(text: &str) -> Result<String, String> {
    let is_of_a_name = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    if !text.is_empty() && text.bytes().all(is_of_a_name) {
        Ok(text.to_owned())
    } else {
        Err("no name of a reason: the kernel's have capitals, digits and underscores only, as TCP_STATE has".to_owned())
    }
}

fn check_reasons(typed: &[String], watch: &KernelWatch) -> Result<(), Failure> {
    let known: Vec<&str> = watch.reasons().map(|reason| &**reason).collect();
    match typed.iter().find(|reason| !known.contains(&reason.as_str())) {
        None => Ok(()),
        Some(_) if known.is_empty() => {
            Err(Failure::lacks(format!("this kernel gives no reasons; --reason takes Linux {REASONS_SINCE}")))
        }
        Some(unknown) => {
            Err(Failure::usage(format!("this kernel has no reason {unknown:?}; it has: {}", known.join(", "))))
        }
    }
}

/// A trace being told.
struct Telling<'a> {
    output: &'a mut Output,
    format: TypedFormat,
    page: Page,
    filter: Filter,
    most: Option<u64>,
    tally: KernelTally,
    last: Option<Timestamp>,
}

impl<'a> Telling<'a> {
    fn begin(
        output: &'a mut Output,
        format: TypedFormat,
        filter: Filter,
        most: Option<u64>,
        watch: &KernelWatch,
    ) -> Telling<'a> {
        let page = Page::new(output.style());
        let trace = watch.describe(Some(filter.clone()).filter(|filter| !filter.is_empty()));
        let begin = match format {
            TypedFormat::Text => text::heading(&trace, &page),
            TypedFormat::Json => records::opening() + &records::record(&Line::Trace(trace)),
            TypedFormat::Ndjson => records::record(&Line::Trace(trace)) + "\n",
        };
        let mut telling = Telling { output, format, page, filter, most, tally: KernelTally::default(), last: None };
        telling.write(&begin);
        telling
    }

    fn is_enough(&self) -> bool {
        self.most.is_some_and(|most| self.tally.told() >= most)
    }

    /// Those that are asked for, up to as many as are.
    fn tell(&mut self, resets: &[KernelReset]) {
        let mut told = String::new();
        for reset in resets {
            if self.is_enough() {
                break;
            }
            if !self.filter.keeps(reset) {
                self.tally.leave_out();
                continue;
            }
            self.tally.tell(reset);
            self.last = Some(reset.at);
            match self.format {
                TypedFormat::Text => told += &text::reset(reset, &self.page),
                TypedFormat::Json => told = told + records::BETWEEN + &record(reset),
                TypedFormat::Ndjson => told = told + &record(reset) + "\n",
            }
        }
        if !told.is_empty() {
            self.write(&told);
        }
    }

    /// The sums; gives how many were told.
    fn conclude(mut self, until: Timestamp, lost: u64) -> u64 {
        let summary = self.tally.summary(until, lost);
        let end = match self.format {
            TypedFormat::Text => text::summary(&summary, &self.page),
            TypedFormat::Json => {
                records::BETWEEN.to_owned() + &records::record(&Line::Summary(summary)) + records::CLOSING
            }
            TypedFormat::Ndjson => records::record(&Line::Summary(summary)) + "\n",
        };
        self.write(&end);
        self.tally.told()
    }

    fn write(&mut self, text: &str) {
        match self.format {
            TypedFormat::Text if self.output.loudness() == Loudness::Quiet => {}
            _ => self.output.insist(text),
        }
    }
}

fn record(reset: &KernelReset) -> String {
    records::record(&Line::Reset(ResetRecord::new(reset)))
}

//! `rst-storm client`.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::Args;
use rst_storm_linux::link::Links;
use rst_storm_linux::socket;

use super::Common;
use super::exit::{Failure, Verdict};
use super::setup::{self, TypedRate};
use crate::lab::topology;
use crate::report::json::ClientDocument;
use crate::report::output::{Loudness, Output};
use crate::report::text;
use crate::storm::client;
use crate::storm::decimal::Decimal;
use crate::storm::plan::{ClientPlan, Listing, Talk};
use crate::storm::target::{PermittedTarget, PublicTargets};
use crate::storm::units::short_time;

#[derive(Debug, Args)]
pub struct ClientArgs {
    /// Server address [default: 10.0.1.2, inside the lab]
    #[arg(short = 'H', long)]
    host: Option<String>,
    /// Server port
    #[arg(short, long, default_value_t = 9999, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
    /// Test duration in seconds [default: 10, or until --count is reached]
    #[arg(short, long, value_name = "SECONDS")]
    duration: Option<Decimal>,
    /// Connections per second, or 'max' for as many as go
    #[arg(short, long, default_value = "10", value_parser = setup::parse_rate, value_name = "RATE")]
    rate: TypedRate,
    /// Send data before expecting RST
    #[arg(long)]
    send_data: bool,
    /// Make this many attempts at most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Connections in flight under --rate max [default: 64]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    concurrency: Option<u32>,
    /// How long to wait for the end of each connection, in seconds
    #[arg(long, default_value = "2", value_name = "SECONDS")]
    timeout: Decimal,
    /// Source address
    #[arg(long, value_name = "ADDR")]
    source: Option<IpAddr>,
    /// Permit a public target: only for a host that is yours
    #[arg(long)]
    allow_public_target: bool,
    /// Write the whole result as JSON to FILE ('-': standard output, and the text to standard error)
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

pub fn run(args: ClientArgs, common: Common) -> Result<Verdict, Failure> {
    let plan = plan(&args)?;
    let warning = setup::check_descriptors(plan.rate, plan.timeout)?;
    let stop = setup::stop_on_signals()?;
    let json = setup::open_json(args.json.as_deref())?;
    let mut output =
        Output::new(common.color.into(), common.loudness(), setup::takes_stdout(args.json.as_deref()), &stop);
    if let Some(warning) = warning {
        setup::warn(warning);
    }
    output.say(&text::client_start(&plan));
    output.detail(&format!("Target address: {}\n", plan.target.address()));
    let report =
        client::run(&plan, &stop, &mut |progress| output.say(&text::client_tick(progress))).map_err(Failure::lacks)?;
    output.say(&text::client_results(&report, output.style()));
    output.detail(&format!("\nProcessor time: {}\n", short_time(report.cpu)));
    let checks = report.checks();
    if output.loudness() == Loudness::Quiet {
        output.insist(&text::failures(&checks, output.style()));
    }
    output.say(&text::hints(&report.hints()));
    setup::finish(output, json, &ClientDocument::new(&report))?;
    Ok(Verdict::of(&checks))
}

fn plan(args: &ClientArgs) -> Result<ClientPlan, Failure> {
    let rate = setup::rate(args.rate, args.concurrency)?;
    let target = target(args)?;
    if let Some(source) = args.source {
        check_source(source, target.address())?;
    }
    Ok(ClientPlan {
        target,
        source: args.source,
        rate,
        extent: setup::extent(args.duration, args.count),
        timeout: args.timeout.as_seconds(),
        talk: if args.send_data { Talk::SendData } else { Talk::Silent },
        listing: Listing::Counts,
    })
}

fn target(args: &ClientArgs) -> Result<PermittedTarget, Failure> {
    let public = if args.allow_public_target { PublicTargets::Allowed } else { PublicTargets::Refused };
    let lab_destination = topology::DESTINATION.to_string();
    let host = match &args.host {
        Some(host) => host,
        None if is_lab_source() => &lab_destination,
        None => return Err(outside_the_lab()),
    };
    PermittedTarget::resolve(host, args.port, public).map_err(Failure::usage)
}

/// Whether this network namespace is the lab's source. 10.0.1.0/24 is a common LAN, and the default host is only
/// meant inside the lab.
fn is_lab_source() -> bool {
    let addresses = Links::open().and_then(|mut links| links.addresses(topology::SOURCE_LINK));
    addresses.is_ok_and(|addresses| addresses.contains(&IpAddr::V4(topology::SOURCE)))
}

fn outside_the_lab() -> Failure {
    Failure::lacks(format!(
        "the default host {} is the lab's destination, and this network namespace is not the lab's source, so that \
         nothing was sent. Make and enter the lab (rst-storm lab up, then ip netns exec {} rst-storm client), or let \
         'rst-storm run' do it all, or name a server with --host",
        topology::DESTINATION,
        topology::SOURCE_NAME,
    ))
}

fn check_source(source: IpAddr, target: SocketAddr) -> Result<(), Failure> {
    if source.is_ipv4() != target.is_ipv4() {
        return Err(Failure::usage(format!("--source {source} and the target {} are not of one family", target.ip())));
    }
    let bound = socket::open(&target).and_then(|socket| socket::bind_source(&socket, source));
    bound.map_err(|errno| {
        Failure::usage(format!(
            "--source {source}: {}: it must be an address of this network namespace (ip address shows them)",
            socket::errno_name(errno)
        ))
    })
}

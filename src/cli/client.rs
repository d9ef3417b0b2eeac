//! `rst-storm client`.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::Args;
use rst_storm_linux::link::Links;
use rst_storm_linux::socket;

use super::Common;
use super::exit::{Failure, Verdict};
use super::session::{self, Session};
use super::typed::{self, StormArgs};
use crate::lab::topology;
use crate::report::json::ClientDocument;
use crate::report::text;
use crate::storm::client;
use crate::storm::plan::{ClientPlan, Listing};
use crate::storm::target::{PermittedTarget, PublicTargets};

#[derive(Debug, Args)]
pub struct ClientArgs {
    /// Server address [default: 10.0.1.2, inside the lab]
    #[arg(short = 'H', long)]
    host: Option<String>,
    /// Server port
    #[arg(short, long, default_value_t = 9999, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
    #[command(flatten)]
    storm: StormArgs,
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
    let warning = typed::check_descriptors(plan.rate, plan.timeout)?;
    let mut session = Session::open(common, args.json.as_deref())?;
    if let Some(warning) = warning {
        session::warn(warning);
    }
    let output = &mut session.output;
    output.say(&text::client_start(&plan));
    output.detail(&format!("Address: {}\n\n", plan.target.address()));
    let report = client::run(&plan, &session.stop, &mut |progress| output.say(&text::client_tick(progress)))
        .map_err(Failure::lacks)?;
    output.say(&text::client_results(&report, output.style()));
    output.detail(&text::processor_time(report.cpu));
    session.conclude(&report.checks(), &report.hints(), &ClientDocument::new(&report))
}

fn plan(args: &ClientArgs) -> Result<ClientPlan, Failure> {
    let rate = args.storm.rate()?;
    let target = target(args)?;
    if let Some(source) = args.source {
        check_source(source, target.address())?;
    }
    Ok(ClientPlan {
        target,
        source: args.source,
        rate,
        extent: args.storm.extent(),
        timeout: args.storm.timeout(),
        talk: args.storm.talk(),
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

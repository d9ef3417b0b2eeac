//! `rst-storm server`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::Args;
use rst_storm_linux::Error;
use rst_storm_linux::socket::Errno;

use super::Common;
use super::exit::{Failure, Verdict};
use super::session::Session;
use super::typed::TypedClose;
use crate::report::json::ServerDocument;
use crate::report::text;
use crate::storm::decimal::Decimal;
use crate::storm::plan::{Listing, ServerPlan};
use crate::storm::server::Server;

/// The accept queue's length; the kernel caps it at net.core.somaxconn (4096 by default).
pub const DEFAULT_BACKLOG: u16 = 4096;

#[derive(Debug, Args)]
pub struct ServerArgs {
    /// Listen port; 0 takes a free one and prints it
    #[arg(short, long, default_value_t = 9999)]
    port: u16,
    /// How long to accept connections, in seconds
    #[arg(short, long, default_value = "12", value_name = "SECONDS")]
    duration: Decimal,
    /// Read what the client sends before closing (waits at most 0.5 s for it)
    #[arg(long)]
    read_first: bool,
    /// Address to listen at
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::UNSPECIFIED), value_name = "ADDR")]
    bind: IpAddr,
    /// How to end connections: SO_LINGER {1,0} and close, a plain close, or not at all
    #[arg(long, value_enum, default_value_t = TypedClose::Rst)]
    close: TypedClose,
    /// Length of the accept queue
    #[arg(long, default_value_t = DEFAULT_BACKLOG, value_name = "N")]
    backlog: u16,
    /// Write the whole result as JSON to FILE ('-': standard output, and the text to standard error)
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

pub fn run(args: ServerArgs, common: Common) -> Result<Verdict, Failure> {
    let mut session = Session::open(common, args.json.as_deref())?;
    let limit = rst_storm_linux::privilege::raise_descriptor_limit().map_err(Failure::lacks)?;
    let server = Server::listen(ServerPlan {
        address: SocketAddr::new(args.bind, args.port),
        backlog: args.backlog.into(),
        close: args.close.into(),
        read_first: args.read_first,
        duration: Some(args.duration.as_seconds()),
        listing: Listing::Counts,
    })
    .map_err(|error| explain_listen(error, args.port))?;
    let output = &mut session.output;
    output.say(&text::server_start(server.address().port(), args.close.into(), args.duration));
    output.detail(&format!("Address: {}\n", server.address()));
    output.detail(&limit.soft.map(|limit| format!("Open descriptors: {limit} at most\n")).unwrap_or_default());
    let report =
        server.run(&session.stop, &mut |progress| output.say(&text::server_tick(progress))).map_err(Failure::lacks)?;
    output.say(&text::server_results(&report, output.style()));
    output.detail(&text::processor_time(report.cpu));
    session.conclude(&report.checks(), &report.hints(), &ServerDocument::new(&report))
}

/// What to do about an address that can't be listened at.
pub fn explain_listen(error: Error, port: u16) -> Failure {
    match error.errno().map(Errno::from_raw_os_error) {
        Some(Errno::ADDRINUSE) => Failure::usage(format!(
            "{error}: another program listens there (ss -ltnp 'sport = :{port}' names it); stop it, or take another \
             --port (0: any free one)"
        )),
        Some(Errno::ADDRNOTAVAIL) => Failure::usage(format!(
            "{error}: --bind must be an address of this network namespace (ip address shows them)"
        )),
        Some(Errno::ACCESS) => Failure::lacks(format!(
            "{error}: ports below net.ipv4.ip_unprivileged_port_start need CAP_NET_BIND_SERVICE; take a --port from \
             1024 up"
        )),
        _ => Failure::lacks(error),
    }
}

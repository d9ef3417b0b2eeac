//! The ledger: equations between what the applications, the wire and the kernel counted, each with both sides shown.

use std::collections::HashMap;

use rst_storm_core::flow::CloseKind;
use rst_storm_linux::counters::Counters;
use serde::Serialize;

use super::observer::{Observation, WireTally, WireWord};
use super::topology::{DESTINATION, SOURCE};
use crate::storm::outcome::Outcome;
use crate::storm::outcome::ServerWord;
use crate::storm::plan::CloseBy;
use crate::storm::report::{ClientReport, ServerReport};
use crate::storm::roll::CAPACITY;

/// What the kernel counted in one namespace during the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct KernelCounts {
    /// TcpActiveOpens: connections opened.
    pub active_opens: u64,
    /// TcpPassiveOpens: connections accepted by the stack.
    pub passive_opens: u64,
    /// TcpAttemptFails: connections that ended in SYN-SENT or SYN-RECEIVED.
    pub attempt_fails: u64,
    /// TcpEstabResets: connections that went from ESTABLISHED or CLOSE-WAIT straight to CLOSED.
    pub estab_resets: u64,
    /// TcpOutRsts: RST segments sent.
    pub out_rsts: u64,
    /// TcpRetransSegs: segments sent again.
    pub retrans_segs: u64,
    /// TcpExtTCPAbortOnData: closed with linger 0, or data after close.
    pub abort_on_data: u64,
    /// TcpExtTCPAbortOnClose: closed with unread data.
    pub abort_on_close: u64,
    /// TcpExtListenOverflows: handshakes that found the accept queue full.
    pub listen_overflows: u64,
    /// TcpExtListenDrops: SYNs and handshakes dropped at a listener.
    pub listen_drops: u64,
}

impl KernelCounts {
    /// The counts of interest among `counters`; a kernel that lacks one of them has counted none.
    pub fn of(counters: &Counters) -> KernelCounts {
        let tcp = |name| counters.value("Tcp", name).unwrap_or(0);
        let extended = |name| counters.value("TcpExt", name).unwrap_or(0);
        KernelCounts {
            active_opens: tcp("ActiveOpens"),
            passive_opens: tcp("PassiveOpens"),
            attempt_fails: tcp("AttemptFails"),
            estab_resets: tcp("EstabResets"),
            out_rsts: tcp("OutRsts"),
            retrans_segs: tcp("RetransSegs"),
            abort_on_data: extended("TCPAbortOnData"),
            abort_on_close: extended("TCPAbortOnClose"),
            listen_overflows: extended("ListenOverflows"),
            listen_drops: extended("ListenDrops"),
        }
    }
}

/// All witnesses of one run.
#[derive(Clone, Copy, Debug)]
pub struct Witnesses<'a> {
    /// The client.
    pub client: &'a ClientReport,
    /// The server.
    pub server: &'a ServerReport,
    /// The wire.
    pub wire: &'a Observation,
    /// The kernel at the source.
    pub source: &'a KernelCounts,
    /// The kernel at the destination.
    pub destination: &'a KernelCounts,
}

/// One side of an equation: a witness's expression and its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Term {
    /// Who says so: "client", "source kernel", "wire".
    pub witness: &'static str,
    /// What is added up, with its figures.
    pub expression: String,
    /// The sum.
    pub value: u64,
}

/// One equation of the ledger. It holds when all its terms have one value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Equation {
    /// What is counted.
    pub title: &'static str,
    /// The sides.
    pub terms: Vec<Term>,
    /// Whether all are the same.
    pub holds: bool,
    /// The first connection on which the witnesses differ, where one could be found.
    pub difference: Option<String>,
}

/// One connection, as far as each witness listed it.
#[derive(Clone, Copy, Debug)]
struct Row {
    port: u16,
    client: Option<Outcome>,
    wire: Option<WireWord>,
    server: Option<ServerWord>,
}

impl std::fmt::Display for Equation {
    /// `client: 100 attempts = source kernel: ActiveOpens 100 + local failures 0`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, term) in self.terms.iter().enumerate() {
            let relation = match index.checked_sub(1).map(|before| self.terms[before].value == term.value) {
                None => "",
                Some(true) => " = ",
                Some(false) => " != ",
            };
            write!(f, "{relation}{}: {}", term.witness, term.expression)?;
        }
        Ok(())
    }
}

type Differs = fn(&Row) -> bool;

/// The equations of a run.
pub fn settle(witnesses: &Witnesses<'_>) -> Vec<Equation> {
    [attempts, connected, reset, rst_segments, closed_by_reset, refused, source_resets]
        .map(|equation| equation(witnesses))
        .into()
}

fn term(witness: &'static str, expression: String, value: u64) -> Term {
    Term { witness, expression, value }
}

/// An attempt that failed on its own host put no SYN on the wire; it is added where only SYNs are counted.
fn attempts(witnesses: &Witnesses<'_>) -> Equation {
    let Witnesses { client, wire, source, .. } = *witnesses;
    let (made, local) = (client.tally.attempts, client.tally.local_failures);
    let (opens, syns) = (source.active_opens, wire.tally.syns);
    let terms = vec![
        term("client", format!("{made} attempts"), made),
        term("source kernel", format!("ActiveOpens {opens} + local failures {local}"), opens + local),
        term("wire", format!("SYNs {syns} + local failures {local}"), syns + local),
    ];
    equation("Attempts", terms, |row| row.client.is_some() != row.wire.is_some(), witnesses)
}

fn connected(witnesses: &Witnesses<'_>) -> Equation {
    let Witnesses { client, server, wire, destination, .. } = *witnesses;
    let (connects, handshakes) = (client.tally.connected, wire.tally.handshakes);
    let (opens, accepted, waiting) = (destination.passive_opens, server.connections, closed_in_queue(witnesses));
    let terms = vec![
        term("client", format!("successful connects {connects}"), connects),
        term("destination kernel", format!("PassiveOpens {opens}"), opens),
        term("wire", format!("handshakes {handshakes}"), handshakes),
        term("server", format!("accepted {accepted} + closed in the accept queue {waiting}"), accepted + waiting),
    ];
    let differs: Differs = |row| {
        let on_wire = row.wire.is_some_and(|wire| wire.handshake);
        row.client.is_some_and(Outcome::is_connected) != on_wire || row.server.is_some() != on_wire
    };
    equation("Connected", terms, differs, witnesses)
}

/// EstabResets counts a connection that goes from ESTABLISHED or CLOSE-WAIT straight to CLOSED (RFC 4022), by whichever
/// side's RST: a reset counts once at either end.
fn reset(witnesses: &Witnesses<'_>) -> Equation {
    let Witnesses { client, wire, source, destination, .. } = *witnesses;
    let (seen, on_wire) = (client.tally.reset, wire.tally.reset);
    let kernels = [("destination kernel", destination.estab_resets), ("source kernel", source.estab_resets)];
    let mut terms = vec![
        term("client", format!("resets {seen}"), seen),
        term("wire", format!("connections with a RST from {DESTINATION} {on_wire}"), on_wire),
    ];
    terms.extend(kernels.map(|(kernel, count)| term(kernel, format!("EstabResets {count}"), count)));
    let differs: Differs =
        |row| (row.client == Some(Outcome::Reset)) != row.wire.is_some_and(|wire| wire.reset_by_responder);
    equation("Reset", terms, differs, witnesses)
}

/// Segments, where [`reset`] counts connections: refusals and second RSTs are among them.
fn rst_segments(witnesses: &Witnesses<'_>) -> Equation {
    let Witnesses { wire, destination, .. } = *witnesses;
    let WireTally { reset, refused, late_replies, stray_resets, destination_rst_segments, .. } = wire.tally;
    let terms = vec![
        term("destination kernel", format!("OutRsts {}", destination.out_rsts), destination.out_rsts),
        term(
            "wire",
            format!(
                "resets {reset} + refusals {refused} + replies to late data {late_replies} + strays {stray_resets}"
            ),
            destination_rst_segments,
        ),
    ];
    equation("RST segments", terms, |_| false, witnesses)
}

/// Closing with unread data resets before linger is looked at, and counts as TCPAbortOnClose (`__tcp_close`).
fn closed_by_reset(witnesses: &Witnesses<'_>) -> Equation {
    let Witnesses { server, destination, .. } = *witnesses;
    let KernelCounts { abort_on_data, abort_on_close, .. } = *destination;
    let terms = vec![
        term("server", format!("RSTs sent {}", server.resets), server.resets),
        term(
            "destination kernel",
            format!("TCPAbortOnData {abort_on_data} + TCPAbortOnClose {abort_on_close} (unread data)"),
            abort_on_data + abort_on_close,
        ),
    ];
    let differs: Differs =
        |row| (row.server == Some(ServerWord::Reset)) != row.wire.is_some_and(|wire| wire.reset_by_responder);
    equation("Closed by reset", terms, differs, witnesses)
}

fn refused(witnesses: &Witnesses<'_>) -> Equation {
    let Witnesses { client, wire, source, .. } = *witnesses;
    let (seen, on_wire, fails) = (client.tally.refused, wire.tally.refused, source.attempt_fails);
    let terms = vec![
        term("client", format!("refused {seen}"), seen),
        term("source kernel", format!("AttemptFails {fails}"), fails),
        term("wire", format!("refused {on_wire}"), on_wire),
    ];
    let differs: Differs =
        |row| (row.client == Some(Outcome::Refused)) != row.wire.is_some_and(|wire| wire.close == CloseKind::Refused);
    equation("Refused", terms, differs, witnesses)
}

/// In a reset storm the source sends no RST at all. In a storm of FINs the server's TIME-WAIT answers what comes late
/// with an ACK of its own, and that ACK may find nothing at the source: the socket is gone (a second ACK after the
/// close, RFC 9293 section 3.10.7.1) or the port is in use again (a stale ACK in SYN-SENT, section 3.10.7.3). Either
/// way the source answers with RST.
fn source_resets(witnesses: &Witnesses<'_>) -> Equation {
    let Witnesses { server, wire, source, .. } = *witnesses;
    let on_wire = wire.tally.source_rst_segments;
    let mut seen = format!("RSTs from {SOURCE} {on_wire}");
    if on_wire > 0 {
        seen.push_str(&format!(
            " (connections: {} answering a second ACK after the close, {} a stale ACK on a port used again in TIME-WAIT)",
            wire.tally.reset_after_close, wire.tally.reset_in_syn_sent
        ));
    }
    let mut terms = vec![
        term("source kernel", format!("OutRsts {}", source.out_rsts), source.out_rsts),
        term("wire", seen, on_wire),
    ];
    if server.close == CloseBy::Rst {
        terms.push(term("expected", "0 in a reset storm".to_owned(), 0));
    }
    equation("RSTs from the source", terms, |_| false, witnesses)
}

fn equation(title: &'static str, terms: Vec<Term>, differs: Differs, witnesses: &Witnesses<'_>) -> Equation {
    let holds = terms.windows(2).all(|pair| pair[0].value == pair[1].value);
    let difference = if holds { None } else { first_difference(differs, witnesses) };
    Equation { title, terms, holds, difference }
}

fn first_difference(differs: Differs, witnesses: &Witnesses<'_>) -> Option<String> {
    let found = rows(witnesses).iter().find(|row| differs(row)).map(Row::to_string);
    let is_cut = witnesses.client.roll.beyond() > 0;
    found.or_else(|| {
        is_cut
            .then(|| format!("no difference among the first {CAPACITY} connections; only those are listed one by one"))
    })
}

/// Connections whose handshake was done on the wire and that the server never accepted, though it reset them: it
/// closed its listener while they waited (`inet_csk_listen_stop`).
fn closed_in_queue(witnesses: &Witnesses<'_>) -> u64 {
    if witnesses.server.connections == witnesses.destination.passive_opens {
        return 0;
    }
    let waiting =
        |row: &&Row| row.server.is_none() && row.wire.is_some_and(|wire| wire.handshake && wire.reset_by_responder);
    rows(witnesses).iter().filter(waiting).count() as u64
}

/// The connections side by side, in the wire's order, then those that only the client knows. The n-th use of a source
/// port is the same connection for the client and the wire; the n-th handshake on it, for the wire and the server.
fn rows(witnesses: &Witnesses<'_>) -> Vec<Row> {
    let mut client: HashMap<u16, Vec<Option<Outcome>>> = HashMap::new();
    for entry in witnesses.client.roll.entries().iter().rev() {
        client.entry(entry.port).or_default().push(entry.word);
    }
    let mut server: HashMap<u16, Vec<Option<ServerWord>>> = HashMap::new();
    for entry in witnesses.server.roll.entries().iter().rev() {
        server.entry(entry.port).or_default().push(entry.word);
    }
    let mut rows: Vec<Row> = Vec::new();
    for entry in witnesses.wire.roll.entries() {
        let handshake = entry.word.is_some_and(|wire| wire.handshake);
        let accepted = if handshake { server.get_mut(&entry.port).and_then(Vec::pop) } else { None };
        rows.push(Row {
            port: entry.port,
            client: client.get_mut(&entry.port).and_then(Vec::pop).flatten(),
            wire: entry.word,
            server: accepted.flatten(),
        });
    }
    let mut rest: Vec<Row> = client
        .into_iter()
        .flat_map(|(port, words)| words.into_iter().map(move |client| Row { port, client, wire: None, server: None }))
        .collect();
    rest.sort_by_key(|row| row.port);
    rows.extend(rest);
    rows
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "first difference: {SOURCE}:{}", self.port)?;
        match self.wire {
            Some(wire) => write!(f, ", SYN in frame {} (wire: {}", wire.frame, wire.close)?,
            None => f.write_str(" (wire: no SYN of it")?,
        }
        match self.client {
            Some(outcome) => write!(f, "; client: {outcome}")?,
            None => f.write_str("; client: knows nothing of it")?,
        }
        match self.server {
            Some(word) => write!(f, "; server: {word})"),
            None => f.write_str("; server: never accepted it)"),
        }
    }
}

#[cfg(test)]
mod tests;

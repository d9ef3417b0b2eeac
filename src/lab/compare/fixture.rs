//! Made-up findings for tests: what a comparison finds when all comes as theory says.

use super::cost::{Cost, Storms};
use super::delivery::Deliveries;
use super::errors::Errors;
use super::finding::Finding;
use super::ground::AtEnds;
use super::handshake::{Endings, Handshake};
use super::pair::{Pair, Spread};
use super::ports::{Lasting, Ports};
use super::release::Release;
use super::reuse::Reuse;
use super::time_wait::TimeWaits;
use crate::actor::call::Answer;

/// One of each, in the order in which they are measured.
pub fn findings() -> Vec<Finding> {
    vec![handshake(), delivery(), errors(), time_wait(), reuse(), release(), cost(), ports()]
}

fn all<T: Copy>(value: T) -> Spread<T> {
    Spread { median: value, least: value, most: value }
}

fn failed(name: &str) -> Answer {
    Answer::Error { errno: 0, name: name.to_owned() }
}

fn handshake() -> Finding {
    let segments = Spread { median: 4, least: 3, most: 4 };
    let octets = Spread { median: 264, least: 198, most: 264 };
    let fin = Endings { connections: 20, segments, octets, fins: 40, resets: 0, sent_again: 0 };
    let rst = Endings { connections: 20, segments: all(1), octets: all(66), fins: 0, resets: 20, sent_again: 0 };
    Finding::Handshake(Pair {
        fin: Handshake { acknowledged: Endings { segments: all(4), octets: all(264), ..fin.clone() }, at_once: fin },
        rst: Handshake { at_once: rst.clone(), acknowledged: rst },
    })
}

fn delivery() -> Finding {
    let written = 1 << 20;
    let fin = Deliveries {
        transfers: 3,
        written,
        read_before_close: Spread { median: 16_384, least: 0, most: 32_768 },
        unacknowledged_at_close: Spread { median: 500_000, least: 400_000, most: 600_000 },
        carried: all(written),
        delivered: all(written),
        delivered_as_carried: 3,
        end: Answer::Eof,
        ended_so: 3,
    };
    let arrived = Spread { median: 600_000, least: 500_000, most: 700_000 };
    let rst = Deliveries { carried: arrived, delivered: arrived, end: failed("ECONNRESET"), ..fin.clone() };
    Finding::Delivery(Pair { fin, rst })
}

fn errors() -> Finding {
    Finding::Errors(Pair {
        fin: Errors {
            close: Answer::Done,
            events: vec!["IN", "OUT", "RDHUP"],
            read: Answer::Eof,
            read_again: Answer::Eof,
            write: Answer::Done,
            write_again: failed("EPIPE"),
        },
        rst: Errors {
            close: Answer::Done,
            events: vec!["IN", "OUT", "ERR", "HUP", "RDHUP"],
            read: failed("ECONNRESET"),
            read_again: Answer::Eof,
            write: failed("ECONNRESET"),
            write_again: failed("EPIPE"),
        },
    })
}

fn time_wait() -> Finding {
    let at = |client, server| AtEnds { client, server };
    Finding::TimeWait(Pair {
        fin: TimeWaits { connections: 20, server_closed: at(0, 20), client_closed: at(20, 0) },
        rst: TimeWaits { connections: 20, server_closed: at(0, 0), client_closed: at(0, 0) },
    })
}

fn reuse() -> Finding {
    Finding::Reuse(Pair {
        fin: Reuse {
            client_port: failed("EADDRINUSE"),
            server_port: failed("EADDRINUSE"),
            tuple_of_server: Answer::Done,
            tuple_of_client: Answer::Done,
        },
        rst: Reuse {
            client_port: Answer::Done,
            server_port: Answer::Done,
            tuple_of_server: Answer::Done,
            tuple_of_client: Answer::Done,
        },
    })
}

fn release() -> Finding {
    let closed_seconds = Spread { median: 0.000_123, least: 0.000_1, most: 0.002 };
    Finding::Release(Pair {
        fin: Release { connections: 20, closed_seconds, time_waits: 20, time_wait_seconds: Some(all(59.999)) },
        rst: Release { connections: 20, closed_seconds, time_waits: 0, time_wait_seconds: None },
    })
}

fn cost() -> Finding {
    let storms = Storms {
        connections: 120_000,
        ended_so: 120_000,
        cpu_seconds: Spread { median: 40e-6, least: 38e-6, most: 45e-6 },
        rate_per_second: Spread { median: 30_000.0, least: 28_000.0, most: 31_000.0 },
        against_itself: Spread { median: 1.01, least: 0.97, most: 1.04 },
    };
    Finding::Cost(Cost {
        rounds: 3,
        connections: 20_000,
        concurrency: 64,
        storms: Pair { fin: storms.clone(), rst: storms },
        rst_to_fin: Spread { median: 0.8, least: 0.78, most: 0.83 },
    })
}

fn ports() -> Finding {
    let refused = Some("EADDRNOTAVAIL".to_owned());
    Finding::Ports(Ports {
        ports: 200,
        enough: 1000,
        tcp_tw_reuse: "2".to_owned(),
        runs: Some(Pair {
            fin: Lasting { connections: 200, refused, time_waits: 200 },
            rst: Lasting { connections: 1000, refused: None, time_waits: 0 },
        }),
        time_wait_seconds: 60,
        computed_per_second: 200.0 / 60.0,
        default_ports: 28_232,
        computed_default_per_second: 28_232.0 / 60.0,
    })
}

//! Who is taken for the originator where no SYN tells it: ports that servers are likely to have.

use core::net::{IpAddr, Ipv4Addr};

use crate::tcp::Segment;

/// Ports whose established connections may be silent for an hour (`port_inactivity_timeouts`).
const PATIENT_PORTS: [u16; 4] = [21, 22, 23, 513];

/// Whether a server is likely to have this port: Zeek's `likely_server_ports` for TCP, as its default scripts fill it.
pub(super) const fn is_likely_server_port(port: u16) -> bool {
    matches!(
        port,
        21 | 22
            | 25
            | 53
            | 79
            | 80
            | 81
            | 88
            | 110
            | 135
            | 139
            | 143
            | 389
            | 443
            | 445
            | 465
            | 502
            | 514
            | 563
            | 585
            | 587
            | 614
            | 631
            | 636
            | 989
            | 990
            | 992
            | 993
            | 995
            | 1080
            | 1434
            | 1883
            | 2811
            | 3128
            | 3268
            | 3306
            | 3389
            | 5222
            | 5223
            | 5269
            | 5432
            | 6379
            | 6666..=6669 | 8000 | 8080 | 8888 | 20000
    )
}

/// Whether connections to this port may be silent for long.
pub(super) fn is_patient_port(port: u16) -> bool {
    PATIENT_PORTS.contains(&port)
}

/// Whether the sender of a connection's first segment is to be taken for its responder.
///
/// A SYN-ACK between two likely ports doesn't flip: it may be a stealth scan.
pub(super) fn begins_flipped(first: &Segment) -> bool {
    let (flags, source, destination) = (first.flags, first.source.port, first.destination.port);
    if flags.is_syn() && !flags.is_ack() || first.destination.addr == IpAddr::V4(Ipv4Addr::BROADCAST) {
        return false;
    }
    is_likely_server_port(source) && (!is_likely_server_port(destination) || (!flags.is_syn() && source < destination))
}

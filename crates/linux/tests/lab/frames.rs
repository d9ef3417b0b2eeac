//! Forged segments, and what the host that gets them does.

use rst_storm_core::tcp::{Endpoint, Flags};
use rst_storm_core::wire::{Draft, Fault};
use rst_storm_linux::frames::{FrameSender, Outgoing};
use rst_storm_linux::link::Links;
use rst_storm_linux::tcp_socket::{Errno, PollFlags, TcpSocket};

use crate::bridge::{await_condition, counters_in};
use crate::hosts::{CLIENT_LINK, Hosts, SERVER_LINK};
use crate::loopback::{BOTH, alone, await_events};
use crate::{Case, Outcome};

pub const ALL: [Case; 3] = [
    ("a_forged_reset_ends_a_connection_if_its_number_fits", a_forged_reset_ends_a_connection_if_its_number_fits),
    ("a_flood_of_resets_arrives_whole_and_hits_nothing", a_flood_of_resets_arrives_whole_and_hits_nothing),
    ("a_link_that_is_not_there_is_an_error", a_link_that_is_not_there_is_an_error),
];

/// A connection between the hosts, and a reset that the client is to have sent, exactly where the server expects it.
fn open(hosts: &Hosts) -> (TcpSocket, TcpSocket, Draft) {
    let listener = hosts.listen();
    let client = hosts.connect(listener.local_address().unwrap()).unwrap();
    await_events(&listener, PollFlags::IN);
    let (server, _) = listener.accept().unwrap();
    let (source, destination) = (client.local_address().unwrap(), server.local_address().unwrap());
    let reset = Draft {
        source_link: Some(CLIENT_LINK),
        destination_link: Some(SERVER_LINK),
        ..Draft::new(
            Endpoint::from(source),
            Endpoint::from(destination),
            Flags::RST,
            client.repair_numbers().unwrap().0,
        )
    };
    (client, server, reset)
}

/// Sends frames out of the client's link.
fn send_frames(hosts: &Hosts, frames: Vec<Vec<u8>>) {
    let send = || {
        let interface_index = Links::open().unwrap().index("eth0").unwrap();
        let frames: Vec<Outgoing> = frames.into_iter().map(|frame| Outgoing { interface_index, frame }).collect();
        FrameSender::open().unwrap().send_all(&frames)
    };
    hosts.client.run(send).unwrap().unwrap();
}

fn a_forged_reset_ends_a_connection_if_its_number_fits() -> Outcome {
    for version in BOTH {
        let hosts = Hosts::build(version);
        let (client, server, reset) = open(&hosts);
        let before = counters_in(&hosts.server);
        let heard = |name| counters_in(&hosts.server).since(&before).value("Tcp", name);
        send_frames(&hosts, vec![Draft { fault: Some(Fault::TcpChecksum), ..reset.clone() }.to_frame().unwrap()]);
        await_condition("the bad one is counted", || heard("InErrs") == Some(1));
        assert_eq!(heard("EstabResets"), Some(0));
        send_frames(&hosts, vec![reset.to_frame().unwrap()]);
        await_events(&server, PollFlags::IN);
        assert_eq!(server.take_error(), Ok(Some(Errno::CONNRESET)));
        assert_eq!(heard("EstabResets"), Some(1));
        assert_eq!(client.take_error(), Ok(None), "the one in whose name it was sent knows nothing");
    }
    Outcome::Passed
}

fn a_flood_of_resets_arrives_whole_and_hits_nothing() -> Outcome {
    // One in every window over all numbers, and none at the number that is expected.
    const STEP: u32 = 60_000;
    const COUNT: u32 = u32::MAX / STEP + 1;
    for version in BOTH {
        let hosts = Hosts::build(version);
        let (client, server, reset) = open(&hosts);
        let numbers = (0..COUNT).map(|nth| reset.seq + (STEP / 2 + nth * STEP));
        let frames: Vec<Vec<u8>> = numbers.map(|seq| Draft { seq, ..reset.clone() }.to_frame().unwrap()).collect();
        assert_eq!(frames.len(), 71_583);
        let before = counters_in(&hosts.server);
        send_frames(&hosts, frames);
        let heard = |group, name| counters_in(&hosts.server).since(&before).value(group, name);
        await_condition("all have arrived", || heard("Tcp", "InSegs") == Some(u64::from(COUNT)));
        assert_eq!((heard("Tcp", "EstabResets"), heard("Tcp", "InErrs")), (Some(0), Some(0)));
        assert_eq!(client.send(b"alive"), Ok(5));
        await_events(&server, PollFlags::IN);
        assert_eq!(server.unread(), Ok(5));
    }
    Outcome::Passed
}

fn a_link_that_is_not_there_is_an_error() -> Outcome {
    let nowhere = Outgoing { interface_index: u32::MAX, frame: vec![0; 60] };
    let error = alone(|| FrameSender::open().unwrap().send_all(&[nowhere]).unwrap_err());
    assert!(error.errno().is_some(), "{error}");
    Outcome::Passed
}

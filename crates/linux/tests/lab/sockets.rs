//! What one end does to its connection, and what the other end gets of it.

use std::net::{Shutdown, SocketAddr};
use std::time::Duration;

use rst_storm_linux::counters::Counters;
use rst_storm_linux::sock_diag::{self, PortFilter};
use rst_storm_linux::tcp_socket::{Errno, IpVersion, PollFlags, TcpSocket};
use rst_storm_linux::tcp_state::TcpState;

use crate::bridge::await_condition;
use crate::loopback::{BOTH, Pair, alone, await_events, connect, listen};
use crate::{Case, Outcome};

pub const ALL: [Case; 8] = [
    ("a_socket_says_how_it_stands", a_socket_says_how_it_stands),
    ("each_way_to_close_is_told_apart_by_the_peer", each_way_to_close_is_told_apart_by_the_peer),
    ("a_negative_linger2_resets_after_an_orderly_close", a_negative_linger2_resets_after_an_orderly_close),
    ("a_vanished_socket_answers_data_with_a_reset", a_vanished_socket_answers_data_with_a_reset),
    ("repair_tells_the_numbers_and_the_connection_lives_on", repair_tells_the_numbers_and_the_connection_lives_on),
    ("a_destroyed_connection_is_aborted_and_its_peer_reset", a_destroyed_connection_is_aborted_and_its_peer_reset),
    ("a_lookup_finds_connections_and_no_listener", a_lookup_finds_connections_and_no_listener),
    ("time_waits_are_counted_by_port", time_waits_are_counted_by_port),
];

fn read(socket: &TcpSocket) -> Result<usize, Errno> {
    await_events(socket, PollFlags::IN);
    socket.receive(&mut [0; 64])
}

fn a_socket_says_how_it_stands() -> Outcome {
    alone(|| {
        for version in BOTH {
            let Pair { client, server, listener } = Pair::open(version);
            assert_eq!(listener.state(), Ok(TcpState::Listen));
            assert_eq!(client.state(), Ok(TcpState::Established));
            assert_eq!(client.peer_address(), server.local_address());
            assert_eq!(TcpSocket::open(version).unwrap().peer_address(), Err(Errno::NOTCONN));

            client.set_no_delay().unwrap();
            client.set_ttl(33).unwrap();
            client.set_tos(0x10).unwrap();
            client.set_keepalive(5, 1, 3).unwrap();
            client.set_user_timeout(Duration::from_secs(3)).unwrap();
            client.set_receive_buffer(4096).unwrap();
            assert_eq!(server.unread(), Ok(0));
            assert_eq!(client.send(b"hello"), Ok(5));
            await_events(&server, PollFlags::IN);
            assert_eq!(server.unread(), Ok(5));
            assert_eq!(read(&server), Ok(5));
            await_condition("all acknowledged", || client.unsent() == Ok(0));
            let info = client.info().unwrap();
            assert_eq!((info.unacked, info.retransmits, info.probes, info.backoff), (0, 0, 0, 0));
            assert_eq!(server.receive(&mut [0; 8]), Err(Errno::AGAIN));

            client.shutdown(Shutdown::Write).unwrap();
            assert_eq!(read(&server), Ok(0));
            assert_eq!(server.state(), Ok(TcpState::CloseWait));
            assert_eq!(server.close(), Ok(()));
            assert_eq!(read(&client), Ok(0));
        }
    });
    Outcome::Passed
}

fn each_way_to_close_is_told_apart_by_the_peer() -> Outcome {
    alone(|| {
        for version in BOTH {
            let orderly = Pair::open(version);
            orderly.client.close().unwrap();
            assert_eq!(read(&orderly.server), Ok(0));

            let lingering = Pair::open(version);
            lingering.client.set_linger_zero().unwrap();
            lingering.client.close().unwrap();
            assert_eq!(read(&lingering.server), Err(Errno::CONNRESET));

            let disconnected = Pair::open(version);
            disconnected.client.disconnect().unwrap();
            assert_eq!(read(&disconnected.server), Err(Errno::CONNRESET));
            assert_eq!(disconnected.client.state(), Ok(TcpState::Close));

            let unread = Pair::open(version);
            unread.server.send(b"unread").unwrap();
            await_events(&unread.client, PollFlags::IN);
            unread.client.close().unwrap();
            let seen = await_events(&unread.server, PollFlags::IN);
            assert!(seen.contains(PollFlags::ERR | PollFlags::HUP), "{seen:?}");
            assert_eq!(unread.server.take_error(), Ok(Some(Errno::CONNRESET)));
            assert_eq!(unread.server.take_error(), Ok(None));
        }
        let Pair { client, listener, .. } = Pair::open(IpVersion::V4);
        let address = listener.local_address().unwrap();
        drop((client, listener));
        assert_eq!(connect(address).unwrap_err(), Errno::CONNREFUSED);
    });
    Outcome::Passed
}

fn a_negative_linger2_resets_after_an_orderly_close() -> Outcome {
    alone(|| {
        for version in BOTH {
            // The FIN is acknowledged before the descriptor is closed: close() finds FIN_WAIT2.
            let Pair { client, server, .. } = Pair::open(version);
            client.set_linger2(-1).unwrap();
            client.shutdown(Shutdown::Write).unwrap();
            assert_eq!(read(&server), Ok(0));
            await_condition("FIN_WAIT2", || client.state() == Ok(TcpState::FinWait2));
            let before = Counters::read().unwrap();
            client.close().unwrap();
            assert_eq!(Counters::read().unwrap().since(&before).value("TcpExt", "TCPAbortOnLinger"), Some(1));
            await_events(&server, PollFlags::empty());
            // In CLOSE_WAIT a RST is EPIPE (`tcp_reset`).
            assert_eq!(server.take_error(), Ok(Some(Errno::PIPE)));
        }
    });
    Outcome::Passed
}

fn a_vanished_socket_answers_data_with_a_reset() -> Outcome {
    alone(|| {
        for version in BOTH {
            let Pair { client, server, listener } = Pair::open(version);
            let before = Counters::read().unwrap();
            server.vanish().unwrap();
            assert_eq!(Counters::read().unwrap().since(&before).value("Tcp", "OutSegs"), Some(0));
            assert_eq!(client.state(), Ok(TcpState::Established), "it hasn't heard of it");
            client.send(b"anybody there?").unwrap();
            assert_eq!(read(&client), Err(Errno::CONNRESET));
            assert_eq!(Counters::read().unwrap().since(&before).value("Tcp", "OutRsts"), Some(1));
            assert_eq!(listener.state(), Ok(TcpState::Listen));
        }
    });
    Outcome::Passed
}

fn repair_tells_the_numbers_and_the_connection_lives_on() -> Outcome {
    alone(|| {
        for version in BOTH {
            let Pair { client, server, .. } = Pair::open(version);
            let before = Counters::read().unwrap();
            let (next, expected) = client.repair_numbers().unwrap();
            assert_eq!(server.repair_numbers(), Ok((expected, next)));
            assert_eq!(Counters::read().unwrap().since(&before).value("Tcp", "OutSegs"), Some(0));

            client.send(b"on").unwrap();
            assert_eq!(read(&server), Ok(2));
            assert_eq!(client.repair_numbers(), Ok((next + 2, expected)));

            // More than the peer has room for: what was written isn't what was sent.
            while client.send(&[0; 65536]).is_ok() {}
            await_condition("no more is taken", || client.info().unwrap().unacked == 0);
            let sent = client.repair_numbers().unwrap().0;
            assert_eq!(sent, server.repair_numbers().unwrap().1, "all that was sent has arrived");
            assert!(client.unsent().unwrap() > 0, "and not all that was written was sent");
        }
    });
    Outcome::Passed
}

fn a_destroyed_connection_is_aborted_and_its_peer_reset() -> Outcome {
    alone(|| {
        for version in BOTH {
            let Pair { client, server, .. } = Pair::open(version);
            let (local, peer) = (server.local_address().unwrap(), server.peer_address().unwrap());
            sock_diag::destroy(local, peer).unwrap();
            assert_eq!(server.take_error(), Ok(Some(Errno::CONNABORTED)));
            assert_eq!(read(&client), Err(Errno::CONNRESET));
            let again = sock_diag::destroy(local, peer).unwrap_err();
            assert_eq!(
                again.to_string(),
                format!("destroy connection {local} -> {peer}: No such file or directory (ENOENT)")
            );
        }
    });
    Outcome::Passed
}

fn a_lookup_finds_connections_and_no_listener() -> Outcome {
    alone(|| {
        for version in BOTH {
            let Pair { client, server, listener } = Pair::open(version);
            let (local, peer) = (server.local_address().unwrap(), server.peer_address().unwrap());
            client.send(b"seven!!").unwrap();
            await_events(&server, PollFlags::IN);
            let found = sock_diag::find(local, peer).unwrap().expect("it stands");
            assert_eq!((found.state, found.receive_queue, found.send_queue), (TcpState::Established, 7, 0));
            assert_ne!(found.inode, 0);
            let other = SocketAddr::new(peer.ip(), peer.port() ^ 1);
            assert_eq!(sock_diag::find(local, other).unwrap(), None, "the listener is no connection");
            assert_eq!(sock_diag::destroy(local, other).unwrap_err().errno(), Some(libc::ENOENT));
            assert_eq!(listener.state(), Ok(TcpState::Listen));
        }
    });
    Outcome::Passed
}

fn time_waits_are_counted_by_port() -> Outcome {
    const CONNECTIONS: usize = 300;
    alone(|| {
        assert_eq!(sock_diag::count_in(TcpState::TimeWait, PortFilter::Any).unwrap(), 0);
        for version in BOTH {
            let (listener, address) = listen(version);
            let mut last = address;
            for _ in 0..CONNECTIONS {
                let client = connect(address).unwrap();
                await_events(&listener, PollFlags::IN);
                let (server, peer) = listener.accept().unwrap();
                last = peer;
                server.close().unwrap();
                assert_eq!(read(&client), Ok(0));
                client.close().unwrap();
            }
            let waiting = |ports| sock_diag::count_in(TcpState::TimeWait, ports).unwrap();
            await_condition("the last one waits", || waiting(PortFilter::Local(address.port())) == CONNECTIONS);
            assert_eq!(waiting(PortFilter::Peer(address.port())), 0, "it waits where it was closed first");
            let found = sock_diag::find(address, last).unwrap().expect("it waits");
            assert_eq!(found.state, TcpState::TimeWait);
            // TCP_TIMEWAIT_LEN (include/net/tcp.h), to the jiffy.
            assert!(!found.timer_left.is_zero() && found.timer_left < Duration::from_secs(61), "{found:?}");
            assert_eq!(sock_diag::count_in(TcpState::Listen, PortFilter::Local(address.port())).unwrap(), 1);
        }
        assert_eq!(sock_diag::count_in(TcpState::TimeWait, PortFilter::Any).unwrap(), 2 * CONNECTIONS);
    });
    Outcome::Passed
}

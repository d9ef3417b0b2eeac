//! Processes that die with a connection in hand.

use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use rst_storm_linux::tcp_socket::{Errno, IpVersion, PollFlags, TcpSocket};
use rst_storm_linux::victim::{Ending, Signal, Victim, await_death, restore_default_signals, spawn};
use rustix::event::{PollFd, poll};

use crate::bridge::PATIENCE;
use crate::loopback::{Pair, alone, await_events};
use crate::{Case, Outcome};

pub const ALL: [Case; 4] = [
    ("a_killed_process_resets_if_it_had_not_read", a_killed_process_resets_if_it_had_not_read),
    ("a_killed_process_closes_in_order_if_it_had_read", a_killed_process_closes_in_order_if_it_had_read),
    ("a_victim_holds_nothing_else", a_victim_holds_nothing_else),
    ("a_victim_dies_with_the_thread_that_made_it", a_victim_dies_with_the_thread_that_made_it),
];

/// By what this binary knows that it is to be a victim.
pub const FLAG: &str = "--victim";

pub fn be_one() -> ! {
    restore_default_signals().unwrap();
    await_death()
}

fn victim_with(inherited: impl Into<OwnedFd>) -> Victim {
    let own = std::env::current_exe().unwrap();
    let mut victim = spawn(&own, &[FLAG], inherited.into()).unwrap();
    assert!(victim.await_ready(PATIENCE).unwrap());
    victim
}

fn kill(victim: &mut Victim, signal: Signal) {
    assert_eq!(victim.wait(Duration::ZERO).unwrap(), None, "it lives");
    victim.signal(signal).unwrap();
    // One signal is enough: the default action is back.
    assert_eq!(victim.wait(PATIENCE).unwrap(), Some(Ending::Signal(signal.as_raw())));
    assert_eq!(victim.wait(Duration::ZERO).unwrap(), Some(Ending::Signal(signal.as_raw())));
    assert_eq!(victim.signal(signal).unwrap_err().errno(), Some(libc::ESRCH));
}

const DEADLY: [Signal; 3] = [Signal::KILL, Signal::SEGV, Signal::TERM];

fn a_killed_process_resets_if_it_had_not_read() -> Outcome {
    alone(|| {
        for signal in DEADLY {
            let Pair { client, server, .. } = Pair::open(IpVersion::V4);
            client.send(b"unread").unwrap();
            await_events(&server, PollFlags::IN);
            let mut victim = victim_with(server.into_fd());
            assert_eq!(client.poll(PollFlags::IN, Duration::ZERO), Ok(PollFlags::empty()), "it holds the connection");
            kill(&mut victim, signal);
            await_events(&client, PollFlags::IN);
            assert_eq!(client.receive(&mut [0; 8]), Err(Errno::CONNRESET), "{signal:?}");
        }
    });
    Outcome::Passed
}

fn a_killed_process_closes_in_order_if_it_had_read() -> Outcome {
    alone(|| {
        for signal in DEADLY {
            let Pair { client, server, .. } = Pair::open(IpVersion::V6);
            let mut victim = victim_with(server.into_fd());
            kill(&mut victim, signal);
            await_events(&client, PollFlags::IN);
            assert_eq!(client.receive(&mut [0; 8]), Ok(0), "{signal:?}");
        }
        let Pair { client, server, .. } = Pair::open(IpVersion::V4);
        drop(victim_with(server.into_fd()));
        await_events(&client, PollFlags::IN);
        assert_eq!(client.receive(&mut [0; 8]), Ok(0), "nothing is left of a dropped one");
    });
    Outcome::Passed
}

fn a_victim_holds_nothing_else() -> Outcome {
    alone(|| {
        let Pair { client, server, .. } = Pair::open(IpVersion::V4);
        // Without CLOEXEC, so that a child would get it.
        let (hears, speaks) = rustix::pipe::pipe().unwrap();
        let _victim = victim_with(server.into_fd());
        drop(speaks);
        let mut waited = [PollFd::new(&hears, PollFlags::IN)];
        poll(&mut waited, Some(&rustix::time::Timespec { tv_sec: 0, tv_nsec: 0 })).unwrap();
        assert_eq!(waited[0].revents(), PollFlags::HUP);
        client.shutdown(Shutdown::Write).unwrap();

        let nothing = TcpSocket::open(IpVersion::V4).unwrap().into_fd();
        let missing = spawn(Path::new("/no/such/program"), &[""; 0], nothing).unwrap_err();
        assert_eq!(missing.to_string(), "start /no/such/program: No such file or directory (ENOENT)");
        let nothing = TcpSocket::open(IpVersion::V4).unwrap().into_fd();
        let mut other = spawn(&std::env::current_exe().unwrap(), &["--play", "no such case"], nothing).unwrap();
        assert!(!other.await_ready(PATIENCE).unwrap(), "it isn't ready, it has ended");
        assert_eq!(other.wait(PATIENCE).unwrap(), Some(Ending::Exit(2)));
    });
    Outcome::Passed
}

fn a_victim_dies_with_the_thread_that_made_it() -> Outcome {
    alone(|| {
        let Pair { client, server, .. } = Pair::open(IpVersion::V4);
        let mut victim = std::thread::scope(|scope| scope.spawn(|| victim_with(server.into_fd())).join().unwrap());
        assert_eq!(victim.wait(PATIENCE).unwrap(), Some(Ending::Signal(libc::SIGKILL)));
        await_events(&client, PollFlags::IN);
        assert_eq!(client.receive(&mut [0; 8]), Ok(0));
    });
    Outcome::Passed
}

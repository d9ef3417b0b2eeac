//! Frames sent as they are.

use std::time::Duration;

use rst_storm_core::capture::{Direction, FrameSource};
use rst_storm_linux::frames::{FrameSender, Outgoing};
use rst_storm_linux::link::Links;

use crate::bridge::{Lab, await_condition};
use crate::{Case, Outcome};

pub const ALL: [Case; 2] = [
    ("frames_leave_by_the_links_that_they_name", frames_leave_by_the_links_that_they_name),
    ("a_frame_for_no_link_says_how_many_were_sent", a_frame_for_no_link_says_how_many_were_sent),
];

/// More than one system call takes.
const MANY: u16 = 2500;

/// An Ethernet frame of a type for local experiments (IEEE 802), with its number.
fn frame(number: u16) -> Vec<u8> {
    let mut frame = vec![2; 12];
    frame.extend([0x88, 0xb5]);
    frame.extend(number.to_be_bytes());
    frame.resize(60, 0);
    frame
}

fn ports(lab: &Lab) -> [u32; 2] {
    let number = |name: &str| Links::open().unwrap().index(name).unwrap();
    lab.observer.run(|| [number("port-source"), number("port-dest")]).unwrap()
}

fn frames_leave_by_the_links_that_they_name() -> Outcome {
    let lab = Lab::build().unwrap();
    let mut ring = lab.open_ring(|_| {}).unwrap();
    let ports = ports(&lab);
    let by_turns = |number: u16| Outgoing { interface_index: ports[usize::from(number % 2)], frame: frame(number) };
    let frames: Vec<Outgoing> = (0..MANY).map(by_turns).collect();
    lab.observer.run(|| FrameSender::open().unwrap().send_all(&frames).unwrap()).unwrap();
    let mut seen = Vec::new();
    await_condition("all frames in the ring", || {
        ring.wait(Duration::from_millis(20)).unwrap();
        while let Some(frame) = ring.next_frame().unwrap() {
            if frame.direction == Direction::Outbound {
                seen.push((frame.interface, frame.data.to_vec()));
            }
        }
        seen.len() >= frames.len()
    });
    let sent: Vec<(usize, Vec<u8>)> = (0..MANY).map(|number| (usize::from(number % 2), frame(number))).collect();
    assert_eq!(seen, sent);
    assert_eq!(ring.dropped().unwrap(), 0);
    Outcome::Passed
}

fn a_frame_for_no_link_says_how_many_were_sent() -> Outcome {
    let lab = Lab::build().unwrap();
    let [port, _] = ports(&lab);
    let frames = [port, port, 9999].map(|interface_index| Outgoing { interface_index, frame: frame(0) });
    let error = lab.observer.run(|| FrameSender::open().unwrap().send_all(&frames).unwrap_err()).unwrap();
    assert_eq!(error.errno(), Some(libc::ENXIO));
    assert!(error.to_string().contains("2 of 3 were sent"), "{error}");
    Outcome::Passed
}

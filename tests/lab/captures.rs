//! Captures: exactly the counted segments, read by a library and by tcpdump.

use std::collections::HashSet;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use pcap_parser::{Block, PcapBlockOwned, PcapError, create_reader};
use serde_json::Value;

use crate::common::{alike, number, run};
use crate::findings::{check_all_reset, check_ledger_holds, play};
use crate::players::{can_play, folder_of, is_root, need};
use crate::trials::{Each, Once, Outcome, Player};

pub const EACH: &[Each] = &[
    ("a pcapng capture holds exactly the counted segments", a_pcapng_is_exact),
    ("a pcap capture holds exactly the counted segments", a_pcap_is_exact),
    ("a capture of a FIN storm and of talk is exact too", a_capture_of_talk_is_exact),
];

pub const ONCE: &[Once] = &[("tcpdump reads a capture and finds the ledger's number", tcpdump_reads_the_capture)];

/// What a capture file holds.
#[derive(Default)]
pub struct Capture {
    pub frames: u64,
    resets: u64,
    distinct: HashSet<Vec<u8>>,
    interfaces: u64,
}

pub fn read_capture(path: &Path) -> Capture {
    let mut capture = Capture::default();
    let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut reader = create_reader(1 << 20, file).expect("the header of a capture");
    loop {
        match reader.next() {
            Ok((offset, block)) => {
                match block {
                    PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
                        let length = usize::try_from(packet.caplen).expect("a length");
                        capture.take(&packet.data[..length]);
                    }
                    PcapBlockOwned::NG(Block::InterfaceDescription(_)) => capture.interfaces += 1,
                    PcapBlockOwned::Legacy(packet) => capture.take(packet.data),
                    PcapBlockOwned::NG(_) | PcapBlockOwned::LegacyHeader(_) => {}
                }
                reader.consume(offset);
            }
            // The second is the end of a file that was cut short.
            Err(PcapError::Eof | PcapError::UnexpectedEof) => return capture,
            Err(PcapError::Incomplete(_)) => reader.refill().expect("read the capture"),
            Err(error) => panic!("{}: {error:?}", path.display()),
        }
    }
}

impl Capture {
    fn take(&mut self, frame: &[u8]) {
        assert_eq!(frame[12..14], [0x08, 0x00], "an IPv4 frame");
        let ip = &frame[14..];
        assert_eq!(ip[9], 6, "a TCP segment");
        let tcp = &ip[usize::from(ip[0] & 0x0f) * 4..];
        self.frames += 1;
        self.resets += u64::from(tcp[13] & 0x04 != 0);
        // Addresses, IP identification; ports, numbers and flags.
        self.distinct.insert([&ip[12..20], &ip[4..6], &tcp[..14]].concat());
    }
}

fn check_capture(player: Player, name: &str, options: &str) -> Value {
    let folder = folder_of(player);
    let path = folder.file(name);
    let (done, document) = play(player, &format!("{options} --pcap {}", path.display()));
    check_ledger_holds(&document);
    let capture = read_capture(&path);
    let wire = |name: &str| number(&document, &format!("/observer/{name}"));
    assert_eq!(capture.frames, wire("segments"), "as many frames as were counted");
    assert_eq!(capture.frames, wire("capture/segments"));
    assert_eq!(wire("capture/missing"), 0);
    let resets = wire("connections/destination_rst_segments") + wire("connections/source_rst_segments");
    assert_eq!(capture.resets, resets, "as many resets as in the ledger");
    assert_eq!(capture.resets, number(&document, "/kernel/destination/out_rsts"));
    assert_eq!(capture.distinct.len() as u64, capture.frames, "each segment once");
    assert_eq!(capture.interfaces, if name.ends_with(".pcap") { 0 } else { 2 });
    for part in [path.to_str().expect("UTF-8"), "tcp[tcpflags] & tcp-rst != 0"] {
        assert!(done.err.contains(part), "how to read it: {done}");
    }
    if player == Player::Root {
        assert!(fs::metadata(&path).is_ok_and(|metadata| metadata.uid() == 0));
    }
    document
}

fn a_pcapng_is_exact(player: Player) -> Outcome {
    check_all_reset(&check_capture(player, "storm.pcapng", "--rate 200 --duration 0.5"), 100);
    check_all_reset(&check_capture(player, "storm", "--rate max --count 3000"), 3000);
    Ok(())
}

fn a_pcap_is_exact(player: Player) -> Outcome {
    check_all_reset(&check_capture(player, "storm.pcap", "--rate 200 --duration 0.5"), 100);
    Ok(())
}

fn a_capture_of_talk_is_exact(player: Player) -> Outcome {
    check_capture(player, "fin.pcapng", "--close fin --rate 100 --duration 0.3");
    check_all_reset(&check_capture(player, "talk.pcapng", "--send-data --rate 100 --duration 0.3"), 30);
    Ok(())
}

fn tcpdump_reads_the_capture() -> Outcome {
    let player = if is_root() { Player::Root } else { Player::Rootless };
    can_play(player)?;
    need(&["tcpdump"])?;
    for name in ["storm.pcapng", "storm.pcap"] {
        let folder = folder_of(player);
        let path = folder.file(name);
        let (_, document) = play(player, &format!("--rate 200 --duration 0.3 --pcap {}", path.display()));
        for (filter, expected) in [
            ("tcp[tcpflags] & tcp-rst != 0", number(&document, "/kernel/destination/out_rsts")),
            ("tcp", number(&document, "/observer/segments")),
            ("tcp[tcpflags] & tcp-fin != 0", 0),
        ] {
            let mut command = Command::new("tcpdump");
            command.arg("-nr").arg(&path).arg(filter);
            alike(&mut command);
            let done = run(command).exits(0);
            assert_eq!(done.out.lines().count() as u64, expected, "{filter}: {done}");
            let complaint = ["truncated", "bad", "invalid"].into_iter().find(|word| done.err.contains(word));
            assert_eq!(complaint, None, "{done}");
        }
    }
    Ok(())
}

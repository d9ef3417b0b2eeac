//! Zeek's rules as conversations: each case is a sentence, the segments, and the rows that Zeek would write for them.
//!
//! The cases under "golden" are Zeek's own (`scripts/base/protocols/conn/conn_state-RST-behavior.zeek`); the others are derived
//! from the rules in its sources.

use rst_storm_core::flow::PerSide;
use rst_storm_core::flow::zeek::{Connection, ConnectionTable, EndpointState, Limits};
use rst_storm_core::tcp::Side;
use rst_storm_core::testing::sightings;

/// The connections of a conversation, in the order in which they ended.
fn follow(conversation: &str) -> Vec<Connection> {
    let mut table = ConnectionTable::default();
    let mut ended = Vec::new();
    for (segment, checksum) in sightings(conversation) {
        table.push(&segment, checksum, &mut |connection| ended.push(connection));
    }
    table.finish(&mut |connection| ended.push(connection));
    ended
}

/// `history conn_state` of each row.
fn rows(conversation: &str) -> Vec<String> {
    follow(conversation).iter().map(|row| format!("{} {}", row.history, row.conn_state())).collect()
}

fn check(cases: &[(&str, &str, &[&str])]) {
    let mut wrong = Vec::new();
    for (sentence, conversation, expected) in cases {
        let rows = rows(conversation);
        if rows != *expected {
            wrong.push(format!("{sentence}: {rows:?} instead of {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn golden() {
    check(&[
        ("single-rst", "> R 100", &["R OTH"]),
        ("syn-then-rst", "> S 100\n> R 101", &["SR RSTOS0"]),
        ("syn-then-ack-then-rst", "> S 100\n< A 300 ack 101\n> R 101", &["SaR RSTOS0"]),
        ("syn-then-stuff-then-rst", "> S 100\n< A 300 ack 101\n> F 101\n> R 102", &["SaFR OTH"]),
    ]);
}

#[test]
fn ends() {
    check(&[
        ("a SYN that nothing answers", "> S 100", &["S S0"]),
        ("a handshake and nothing else", "> S 100\n< SA 300 ack 101\n> A 101 ack 301", &["ShA S1"]),
        ("a SYN-ACK establishes at once, without the last acknowledgment", "> S 100\n< SA 300 ack 101", &["Sh S1"]),
        (
            "a request, an answer, and both close",
            "> S 100
             < SA 300 ack 101
             > A 101 ack 301
             > PA 101 ack 301 len 20
             < A 301 ack 121
             < PA 301 ack 121 len 50
             > A 121 ack 351
             > FA 121 ack 351
             < FA 351 ack 122
             > A 122 ack 352",
            &["ShADadFf SF"],
        ),
        ("only the originator closes", "> S 100\n< SA 300 ack 101\n> A 101 ack 301\n> FA 101 ack 301", &["ShAF S2"]),
        ("only the responder closes", "> S 100\n< SA 300 ack 101\n> A 101 ack 301\n< FA 301 ack 101", &["ShAf S3"]),
        ("a refused attempt", "> S 100\n< RA 0 ack 101", &["Sr REJ"]),
        ("the responder resets", "> S 100\n< SA 300 ack 101\n> A 101 ack 301\n< RA 301 ack 101", &["ShAr RSTR"]),
        ("the originator resets", "> S 100\n< SA 300 ack 101\n> A 101 ack 301\n> RA 101 ack 301", &["ShAR RSTO"]),
        ("the originator resets a SYN-ACK, as a scanner does", "> S 100\n< SA 300 ack 101\n> R 101", &["ShR RSTO"]),
        ("a SYN and a FIN, and no answer", "> S 100\n> F 101", &["SF SH"]),
        (
            "a FIN and then a RST of the same side is a reset",
            "> S 100\n< SA 300 ack 101\n> A 101 ack 301\n> FA 101 ack 301\n> R 102",
            &["ShAFR RSTO"],
        ),
        (
            "a RST after both FINs leaves a normal end",
            "> S 100\n< SA 300 ack 101\n> A 101 ack 301\n> FA 101 ack 301\n< FA 301 ack 102\n< R 302",
            &["ShAFfr SF"],
        ),
        (
            "a FIN and a RST, and then the FIN of the other side, are a normal end",
            "> S 100\n< SA 300 ack 101\n> A 101 ack 301\n> FA 101 ack 301\n> R 102\n< FA 301 ack 102",
            &["ShAFRf SF"],
        ),
    ]);
}

#[test]
fn resets_of_both_sides() {
    check(&[
        (
            "one RST each way without data is a rejection",
            "> S 100\n< SA 300 ack 101\n> A 101 ack 301\n< RA 301 ack 101\n> R 101",
            &["ShArR REJ"],
        ),
        (
            "with data the responder's counts, though the originator's was first",
            "> S 100\n< SA 300 ack 101\n> PA 101 ack 301 len 5\n> R 106\n< R 301",
            &["ShDRr RSTR"],
        ),
        (
            "a SYN-ACK and a RST of one that was never asked",
            "server 10.0.1.2:80\n< SA 300 ack 101\n< R 301",
            &["^hr RSTRH"],
        ),
        (
            "a SYN-ACK and a FIN of one that was never asked",
            "server 10.0.1.2:80\n< SA 300 ack 101\n< F 301",
            &["^hf SHR"],
        ),
        ("a backscattered SYN-ACK that is reset", "< SA 300 ack 101\n> R 101", &["Hr REJ"]),
        ("the same of a likely server", "server 10.0.1.2:80\n< SA 300 ack 101\n> R 101", &["^hR RSTO"]),
    ]);
}

#[test]
fn letters() {
    let handshake = |rest: &str| format!("> S 100\n< SA 300 ack 101\n> A 101 ack 301\n{rest}");
    let cases = [
        ("data in a FIN is not shown", "> FPA 101 ack 301 len 20", "ShAF S2"),
        ("a second acknowledgment is not shown", "< A 301 ack 101\n> A 101 ack 301\n< A 301 ack 101", "ShAa S1"),
        ("a segment without any flag and payload leaves no letter", "> - 101", "ShA S1"),
        ("a repeated FIN is shown once", "> FA 101 ack 301\n> FA 101 ack 301", "ShAF S2"),
        ("a FIN with another number is shown again", "> FA 101 ack 301\n> FA 102 ack 301", "ShAFF S2"),
        ("a FIN is where its data ends", "> FPA 101 ack 301 len 9\n> FA 110 ack 301", "ShAF S2"),
        ("a repeated RST is shown once", "< R 301\n< R 301", "ShAr RSTR"),
        ("a RST with another number is shown again", "< R 301\n< R 1761\n< R 4681", "ShArrr RSTR"),
        ("only the last number is compared", "< R 301\n< R 302\n< R 301", "ShArrr RSTR"),
        ("FIN and RST together are inconsistent", "> FR 101", "ShAI RSTO"),
        ("and shown once", "> FR 101\n> FR 105", "ShAI RSTO"),
        ("a RST beside a FIN is not the RST of R", "> FR 101\n> R 101", "ShAIR RSTO"),
        ("a zero window", "< A 301 ack 101 win 0", "ShAaw S1"),
        ("a zero window of a RST is boring", "< R 301 win 0", "ShAr RSTR"),
        ("so is one after the peer's FIN", "> FA 101 ack 301\n< A 301 ack 102 win 0", "ShAFa S2"),
        ("one after the own FIN is not", "> FA 101 ack 301 win 0", "ShAFW S2"),
        ("a zero window after the own RST is boring", "> R 101\n> A 101 ack 301 win 0", "ShAR RSTO"),
        ("a retransmission", "> PA 101 ack 301 len 5\n> PA 101 ack 301 len 5", "ShADT S1"),
        ("a keepalive with an octet is one", "> A 100 ack 301 len 1", "ShADT S1"),
        ("part of it new is none", "> PA 101 ack 301 len 5\n> PA 103 ack 301 len 5", "ShAD S1"),
        ("so is data that comes out of order", "> A 106 ack 301 len 5\n> A 101 ack 301 len 5", "ShADT S1"),
        ("after the own RST nothing is one", "> R 101\n> PA 90 ack 301 len 5", "ShARD RSTO"),
        ("a RST with a message at its place is one", "< R 301 len 12", "ShArt RSTR"),
        ("the letters of one segment: flag, window, retransmission", "> A 90 ack 301 len 5 win 0", "ShADWT S1"),
        ("an acknowledgment of what was not seen is a gap", "< A 301 ack 201", "ShAaG S1"),
        (
            "a hole that is filled is none",
            "> A 151 ack 301 len 50\n> A 101 ack 301 len 50\n< A 301 ack 201",
            "ShADTa S1",
        ),
        ("a hole that is acknowledged is one", "> A 151 ack 301 len 50\n< A 301 ack 201", "ShADaG S1"),
        ("payload that was cut is not delivered", "> PA 101 ack 301 len 50 cut\n< A 301 ack 151", "ShADaG S1"),
        (
            "once for all of it that is acknowledged together",
            "> A 101 ack 301 len 50 cut\n> A 151 ack 301 len 50 cut\n< A 301 ack 201",
            "ShADaG S1",
        ),
        ("a cut one makes no hole before it is acknowledged", "> PA 101 ack 301 len 50 cut", "ShAD S1"),
        (
            "one that comes again whole is delivered",
            "> A 101 ack 301 len 50 cut\n> A 101 ack 301 len 50\n< A 301 ack 151",
            "ShADTa S1",
        ),
        (
            "whole ones around it are delivered",
            "> A 101 ack 301 len 50\n> A 151 ack 301 len 50 cut\n> A 201 ack 301 len 50\n< A 301 ack 251",
            "ShADaG S1",
        ),
        ("a cut segment without payload misses nothing", "> A 101 ack 301 cut\n< A 301 ack 101", "ShAa S1"),
        ("the payload of a cut FIN is a gap", "> FPA 101 ack 301 len 20 cut\n< A 301 ack 122", "ShAFaG S2"),
        ("a FIN's octet is no gap", "> FA 101 ack 301\n< A 301 ack 102", "ShAFa S2"),
        ("a gap before a FIN is one", "> FA 151 ack 301\n< A 301 ack 152", "ShAFaG S2"),
        ("a gap that a RST shows is none", "< RA 301 ack 201", "ShAr RSTR"),
        ("nor one after a RST", "> R 151\n< A 301 ack 151", "ShARa RSTO"),
        ("data after a FIN and an answer", "> FA 101 ack 301\n< PA 301 ack 102 len 9\n< FA 310 ack 102", "ShAFdf SF"),
    ];
    let mut wrong = Vec::new();
    for (sentence, rest, expected) in cases {
        let rows = rows(&handshake(rest));
        if rows != [expected] {
            wrong.push(format!("{sentence}: {rows:?} instead of {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn letters_of_the_beginning() {
    check(&[
        ("a retransmitted SYN is shown once", "> S 100\n+1s\n> S 100\n< SA 300 ack 101", &["Sh S1"]),
        ("a SYN with data counts as retransmitted", "> S 100 len 20", &["ST S0"]),
        ("a SYN with a zero window", "> S 100 win 0", &["SW S0"]),
        ("SYN and FIN together", "> SF 100", &["Q SH"]),
        ("SYN and RST together", "> SR 100", &["Q OTH"]),
        ("SYN, FIN and RST together are inconsistent", "> SFR 100", &["I OTH"]),
        ("a SYN-ACK that comes twice", "> S 100\n< SA 300 ack 101\n< SA 300 ack 101", &["Sh S1"]),
        (
            "a SYN-ACK of another number, which the numbers are relative to from then on",
            "> S 100\n< SA 300 ack 101\n< SA 900 ack 101",
            &["Sh S1"],
        ),
        ("a bad checksum creates the connection and nothing more", "> S 100 bad", &["C OTH"]),
        ("bad checksums are shown at 1 and 10", &"> A 100 ack 300 bad\n".repeat(12), &["CC OTH"]),
        ("a bad RST resets nothing", "> S 100\n< SA 300 ack 101\n> R 101 bad", &["ShC S1"]),
        (
            "window, retransmission: at 1, 10, 100",
            &format!("> S 100\n< SA 300 ack 101\n{}", "> A 90 ack 301 len 1 win 0\n".repeat(100)),
            &["ShDWTWTWT S1"],
        ),
    ]);
}

#[test]
fn roles() {
    check(&[
        ("midstream data is the originator's", "< PA 301 ack 101 len 5", &["D OTH"]),
        ("unless it comes from a likely server's port", "server 10.0.1.2:443\n< PA 301 ack 101 len 5", &["^d OTH"]),
        ("a SYN is never flipped", "client 10.0.0.1:443\n> S 100", &["S S0"]),
        (
            "both ports are likely: the lower one serves",
            "client 10.0.0.1:443\nserver 10.0.1.2:80\n< A 301 ack 101",
            &["^a OTH"],
        ),
        (
            "both are likely, and the sender's is the higher",
            "client 10.0.0.1:443\nserver 10.0.1.2:80\n> A 101 ack 301",
            &["A OTH"],
        ),
        (
            "a SYN-ACK between likely ports isn't flipped",
            "client 10.0.0.1:443\nserver 10.0.1.2:80\n< SA 301 ack 101",
            &["H OTH"],
        ),
        ("a lone RST of a likely server", "server 10.0.1.2:80\n< R 301", &["^r RSTRH"]),
        (
            "a SYN-ACK first, and an acknowledgment shows that it was no scan",
            "< SA 300 ack 101\n> A 101 ack 301",
            &["^hA OTH"],
        ),
        ("also one of its own side", "< SA 300 ack 101\n< A 301 ack 101\n< FA 301 ack 101", &["^haf SHR"]),
        ("or data", "< SA 300 ack 101\n< PA 301 ack 101 len 5", &["^hd OTH"]),
        ("a RST or FIN doesn't", "< SA 300 ack 101\n> R 101\n> A 101 ack 301", &["Hra REJ"]),
        (
            "a SYN-ACK of a likely server, and the last acknowledgment",
            "server 10.0.1.2:80\n< SA 300 ack 101\n> A 101 ack 301",
            &["^hA S1"],
        ),
        ("a handshake whose SYN comes second", "< SA 300 ack 101\n> S 100\n> A 101 ack 301", &["Hs^A S1"]),
        ("an early acknowledgment leaves the responder inactive", "> S 100\n< A 300 ack 101", &["Sa S0"]),
        ("early data doesn't", "> S 100\n< A 300 ack 101 len 5", &["Sd OTH"]),
        ("midstream of both sides", "> A 101 ack 301\n< A 301 ack 101", &["Aa OTH"]),
        ("midstream and both close", "> FA 101 ack 301\n< FA 301 ack 102", &["Ff SF"]),
        ("midstream and the responder resets", "> A 101 ack 301\n< R 301", &["Ar RSTRH"]),
        ("midstream and the originator resets", "> A 101 ack 301\n> R 101", &["AR OTH"]),
    ]);
}

#[test]
fn splitting() {
    check(&[
        (
            "a refused attempt that is made again is a row each",
            "> S 100\n< RA 0 ack 101\n+1s\n> S 100\n< RA 0 ack 101",
            &["Sr REJ"; 2],
        ),
        ("a SYN with another number is another connection", "> S 100\n> S 900\n< SA 300 ack 901", &["S S0", "Sh S1"]),
        ("so is one after a reset", "> S 100\n< SA 300 ack 101\n> R 101\n> S 100", &["ShR RSTO", "S S0"]),
        ("or after one FIN", "> S 100\n< SA 300 ack 101\n> F 101\n> S 100", &["ShF S2", "S S0"]),
        ("a SYN of the other side too, with its roles", "> S 100\n< S 300", &["S S0", "S S0"]),
        ("a SYN-ACK never splits an attempt", "> S 100\n< SA 300 ack 101\n< SA 999 ack 101\n> SA 7 ack 7", &["Sh S1"]),
        (
            "but a half that began with one",
            "server 10.0.1.2:80\n< SA 300 ack 101\n< SA 900 ack 101",
            &["^h OTH", "^h OTH"],
        ),
        (
            "five seconds after a RST the rest is another connection",
            "> S 100\n< SA 300 ack 101\n> A 101 ack 301\n< R 301\n+4.9s\n< R 301\n+0.2s\n< R 301",
            &["ShAr RSTR", "R OTH"],
        ),
        (
            "what comes meanwhile does not put the end off",
            "> S 100\n< SA 300 ack 101\n> A 101 ack 301\n< R 301\n+3s\n> A 101 ack 301\n+3s\n> A 101 ack 301",
            &["ShAr RSTR", "A OTH"],
        ),
        (
            "a FIN closes nothing while the other side's data is not acknowledged",
            "> S 100\n< SA 300 ack 101\n> A 101 ack 301\n< PA 301 ack 101 len 50\n> FA 101 ack 301\n> S 100",
            &["ShAdF S2"],
        ),
        (
            "once it is, a SYN finds it closed",
            "> S 100\n< SA 300 ack 101\n> A 101 ack 301\n< PA 301 ack 101 len 50\n> FA 101 ack 301\n> A 102 ack 351\n> S 100",
            &["ShAdF S2", "S S0"],
        ),
        (
            "a RST beyond a hole doesn't close either, until the hole is acknowledged",
            "> S 100\n< SA 300 ack 101\n> A 101 ack 301\n> R 500\n+6s\n> A 101 ack 301\n< A 301 ack 500\n+6s\n> A 101 ack 301",
            &["ShARa RSTO", "A OTH"],
        ),
        ("so after both FINs", "> FA 101 ack 301\n< FA 301 ack 102\n+5s\n> A 102 ack 302", &["Ff SF", "A OTH"]),
        (
            "one FIN alone keeps it",
            "> S 100\n< SA 300 ack 101\n> FA 101 ack 301\n+200s\n< PA 301 ack 102 len 5",
            &["ShFd S2"],
        ),
        ("a SYN that comes again after the attempt is another row", "> S 100\n+5s\n> S 100", &["S S0"; 2]),
        ("one within it is the same", "> S 100\n+4.9s\n> S 100", &["S S0"]),
        ("the attempt is not put off by it", "> S 100\n+3s\n> S 100\n+3s\n> S 100", &["S S0"; 2]),
        ("a late SYN-ACK finds its attempt gone", "> S 100\n+6s\n< SA 300 ack 101", &["S S0", "H OTH"]),
        (
            "a FIN, then a RST of the same side: gone with the next session check",
            "> S 100\n< SA 300 ack 101\n> FA 101 ack 301\n> R 102\n+5.9s\n> R 102\n+11.5s\n> R 102",
            &["ShFR RSTO", "R OTH"],
        ),
        (
            "five minutes of silence",
            "> S 100\n< SA 300 ack 101\n> A 101 ack 301\n+299s\n> A 101 ack 301\n+300s\n> A 101 ack 301",
            &["ShA S1", "A OTH"],
        ),
        (
            "an hour on the ports of shells",
            "server 10.0.1.2:22\n> S 100\n< SA 300 ack 101\n> A 101 ack 301\n+3599s\n< A 301 ack 101\n+1h\n> A 101 ack 301",
            &["ShAa S1", "A OTH"],
        ),
        ("a bad checksum alone is gone after five seconds", "> S 100 bad\n+6s\n> S 100", &["C OTH", "S S0"]),
        (
            "timers go off with any segment",
            "> S 100\n+6s\nclient 10.0.0.9:40000\n> S 100\n< RA 0 ack 101",
            &["S S0", "Sr REJ"],
        ),
    ]);
}

fn follow_one(conversation: &str) -> Connection {
    let mut rows = follow(conversation);
    assert_eq!(rows.len(), 1, "{rows:#?}");
    rows.remove(0)
}

fn both<T>(originator: T, responder: T) -> PerSide<T> {
    PerSide { originator, responder }
}

#[test]
fn a_row_counts_packets_octets_and_time() {
    let row = follow_one(
        "> S 100
         < SA 300 ack 101
         > A 101 ack 301
         > PA 101 ack 301 len 20
         > PA 101 ack 301 len 20
         < PA 301 ack 121 len 1000
         > FA 121 ack 1301
         +1s
         < FA 1301 ack 122
         < A 1302 ack 122 bad
         +1s
         > A 122 ack 1302",
    );
    assert_eq!((row.packets(), row.bad_checksums()), (both(6, 3), both(0, 1)));
    assert_eq!(row.bytes(), both(20, 1000));
    // The last acknowledgment comes when both have closed.
    assert_eq!(row.duration_nanos(), 1_007_000_000);
    assert_eq!((row.fin_count(), row.rst_count()), (both(1, 1), both(0, 0)));
    assert_eq!(row.fin_first, Some(Side::Originator));
    assert_eq!(row.states(), both(EndpointState::Closed, EndpointState::Closed));
    assert_eq!(row.tshark_completeness.0, 31);
}

#[test]
fn octets_are_counted_by_numbers_not_by_segments() {
    let cases = [
        ("what was missed and acknowledged", "> S 100\n< SA 300 ack 101\n< A 301 ack 5101", both(5000, 0)),
        (
            "over the end of the numbers",
            "> S 4294967290\n< SA 300 ack 4294967291\n> A 4294967291 ack 301 len 20",
            both(20, 0),
        ),
        ("midstream", "> PA 5000 ack 301 len 20\n< A 301 ack 5020", both(20, 0)),
        ("from number 0", "> PA 0 ack 1 len 20\n< A 1 ack 20", both(20, 0)),
        ("payload of a RST is none", "> S 100\n< SA 300 ack 101\n< R 301 len 30", both(0, 0)),
        ("a RST far away moves nothing", "> S 100\n< SA 300 ack 101\n< R 99999999", both(0, 0)),
        ("a half-open connection that is discovered", "> S 100\n< A 300 ack 9000\n> R 9000", both(0, 0)),
    ];
    for (sentence, conversation, expected) in cases {
        assert_eq!(follow_one(conversation).bytes(), expected, "{sentence}");
    }
}

#[test]
fn who_was_first_stands_beside_the_state_that_hides_it() {
    let row = follow_one("> S 100\n< SA 300 ack 101\n> PA 101 ack 301 len 5\n> R 106\n< R 301\n< R 301");
    assert_eq!(row.conn_state().to_string(), "RSTR");
    assert_eq!(row.rst_first.map(|(side, seen)| (side, seen.frame)), Some((Side::Originator, 4)));
    assert_eq!(row.rst_count(), both(1, 2));
    assert_eq!((row.syn(), row.syn_ack(), row.fin_first), (true, true, None));
}

#[test]
fn a_flip_takes_the_facts_with_it() {
    let row = follow_one("< SA 300 ack 101\n> S 100\n< FA 301 ack 101");
    assert_eq!(row.history.to_string(), "Hs^f");
    assert_eq!(row.originator.port, 40000);
    assert_eq!(row.fin_first, Some(Side::Responder));
    assert_eq!((row.packets(), row.fin_count()), (both(1, 2), both(0, 1)));
}

#[test]
fn completeness_is_in_wiresharks_bits() {
    let handshake = "> S 100\n< SA 300 ack 101\n> A 101 ack 301\n";
    let cases = [
        ("> S 100".to_owned(), 1),
        ("> S 100\n< RA 0 ack 101".to_owned(), 33),
        ("> S 100\n< SA 300 ack 101\n> R 101".to_owned(), 35),
        (format!("{handshake}< RA 301 ack 101"), 39),
        (format!("{handshake}> PA 101 ack 301 len 5\n< RA 301 ack 106"), 47),
        (format!("{handshake}> FA 101 ack 301\n< R 301"), 55),
        (format!("{handshake}> PA 101 ack 301 len 5\n> FA 106 ack 301\n< R 301"), 63),
    ];
    for (conversation, expected) in cases {
        assert_eq!(follow_one(&conversation).tshark_completeness.0, expected, "{conversation}");
    }
}

#[test]
fn a_uid_is_the_same_each_time_and_another_for_each_connection() {
    let conversation =
        "> S 100\n> S 200\nclient 10.0.0.2:40000\n> S 100\nclient [2001:db8::1]:40000\nserver [2001:db8::2]:80\n> S 1";
    let uids = || -> Vec<String> { follow(conversation).iter().map(Connection::uid).collect() };
    let first = uids();
    assert_eq!(first, uids());
    let mut distinct = first.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), 4, "{first:?}");
    assert!(first.iter().all(|uid| uid.len() == 18 && uid.starts_with('C')), "{first:?}");
    assert_eq!(first[0], "CAXfGGBAxJbJorDdC0");
}

#[test]
fn a_community_id_is_that_of_its_specification_in_both_directions() {
    // The first vector of its baseline, corelight/community-id-spec.
    let ends = "client 128.232.110.120:34855\nserver 66.35.250.204:80\n";
    for segment in ["> S 1", "< A 1 ack 1"] {
        let row = follow_one(&format!("{ends}{segment}"));
        assert_eq!(row.community_id().as_deref(), Some("1:LQU9qZlK+B5F3KDmev6m5PMibrg="));
    }
}

#[test]
fn a_full_table_lets_go_first_what_is_over_then_attempts_then_the_rest() {
    let mut table = ConnectionTable::new(Limits { max_connections: 3 });
    let conversation = "client 10.0.0.1:1
         > S 100
         < SA 300 ack 101
         client 10.0.0.1:2
         > S 100
         client 10.0.0.1:3
         > S 100
         < RA 0 ack 101
         client 10.0.0.1:4
         > A 1 ack 1
         client 10.0.0.1:5
         > A 1 ack 1
         client 10.0.0.1:6
         > A 1 ack 1";
    let mut ended = Vec::new();
    for (segment, checksum) in sightings(conversation) {
        table.push(&segment, checksum, &mut |row| ended.push(row.originator.port));
    }
    assert_eq!(ended, [3, 2, 1]);
    assert_eq!((table.len(), table.evicted()), (3, 3));
}

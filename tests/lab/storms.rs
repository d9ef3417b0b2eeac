//! Storms of every kind in a nameless lab, each exact in every witness's count.

use crate::common::{Running, number};
use crate::findings::{array, check, check_all_reset, check_flags, check_ledger_holds, check_run, play};
use crate::players::storm_by;
use crate::trials::{Each, Outcome, Player};

pub const EACH: &[Each] = &[
    ("a storm is exact in every witness's count", a_storm_is_exact),
    ("read first and send data hold in every combination", every_talk_holds),
    ("a high rate is exact", a_high_rate_is_exact),
    ("twenty thousand at the rate max are exact", the_rate_max_is_exact),
    ("a server that closes with FIN fails the checks and no equation", fin_fails_the_checks_alone),
    ("a server that holds shows as timeouts", hold_shows_as_timeouts),
    ("a tiny backlog breaks no sum and is explained by its overflows", a_tiny_backlog_is_explained),
    ("another port and a count are kept to", another_port_and_a_count),
    ("eight runs side by side disturb each other in nothing", eight_side_by_side),
];

fn a_storm_is_exact(player: Player) -> Outcome {
    let (_, document) = play(player, "--rate 100 --duration 1");
    check_all_reset(&document, 100);
    check(
        &document,
        &[
            // SYN, SYN-ACK, ACK, RST.
            ("/observer/segments", 400),
            ("/observer/connections/destination_rst_segments", 100),
            ("/kernel/destination/out_rsts", 100),
            ("/kernel/destination/abort_on_data", 100),
            ("/kernel/destination/abort_on_close", 0),
            // The first connection of a fresh lab finds a bridge that forwards: nothing is sent again.
            ("/kernel/source/retrans_segs", 0),
            ("/kernel/destination/retrans_segs", 0),
            ("/observer/connections/syn_retransmissions", 0),
            ("/kernel/destination/listen_overflows", 0),
            ("/kernel/destination/listen_drops", 0),
        ],
    );
    assert_eq!(document["scenario"], "tcp-lifecycle/rst-storm");
    Ok(())
}

fn every_talk_holds(player: Player) -> Outcome {
    for (read_first, send_data) in [(false, false), (false, true), (true, false), (true, true)] {
        let options = [(read_first, "--read-first"), (send_data, "--send-data")];
        let options: Vec<&str> = options.into_iter().filter(|(wanted, _)| *wanted).map(|(_, option)| option).collect();
        let (_, document) = play(player, &format!("--rate 100 --duration 0.5 {}", options.join(" ")));
        check_all_reset(&document, 50);
        let (read, silent) = (number(&document, "/server/octets_read"), number(&document, "/server/silent"));
        assert_eq!(read, if read_first && send_data { 50 * 32 } else { 0 }, "{options:?}");
        assert_eq!(silent, if read_first && !send_data { 50 } else { 0 }, "{options:?}");
        let aborts = |name: &str| number(&document, &format!("/kernel/destination/{name}"));
        assert_eq!(aborts("abort_on_data") + aborts("abort_on_close"), 50, "{options:?}");
        if read_first || !send_data {
            assert_eq!(aborts("abort_on_close"), 0, "nothing was left unread: {options:?}");
            assert_eq!(number(&document, "/observer/connections/late_replies"), 0, "{options:?}");
        }
    }
    Ok(())
}

fn a_high_rate_is_exact(player: Player) -> Outcome {
    let (_, document) = play(player, "--rate 500 --duration 1");
    check_all_reset(&document, 500);
    Ok(())
}

fn the_rate_max_is_exact(player: Player) -> Outcome {
    let (_, document) = play(player, "--rate max --count 20000");
    check_all_reset(&document, 20_000);
    Ok(())
}

fn fin_fails_the_checks_alone(player: Player) -> Outcome {
    let (done, document) = play(player, "--close fin --rate 100 --duration 0.5");
    done.exits(1);
    check_ledger_holds(&document);
    check_flags(&document, false);
    check(
        &document,
        &[
            ("/client/outcomes/attempts", 50),
            ("/client/outcomes/connected", 50),
            ("/client/outcomes/fin", 50),
            ("/client/outcomes/reset", 0),
            ("/server/fins_sent", 50),
            ("/server/resets_sent", 0),
            ("/observer/connections/fin", 50),
            ("/observer/connections/reset", 0),
            ("/kernel/destination/out_rsts", 0),
        ],
    );
    // Unread data would make a plain close a reset; a FIN server must read it.
    let (_, document) = play(player, "--close fin --send-data --read-first --rate 100 --duration 0.5");
    check_ledger_holds(&document);
    check(&document, &[("/client/outcomes/fin", 50), ("/server/octets_read", 50 * 32)]);
    Ok(())
}

fn hold_shows_as_timeouts(player: Player) -> Outcome {
    let (done, document) = play(player, "--close hold --rate 20 --duration 0.6 --timeout 0.3");
    done.exits(1);
    check_ledger_holds(&document);
    check(
        &document,
        &[
            ("/client/outcomes/attempts", 12),
            ("/client/outcomes/connected", 12),
            ("/client/outcomes/timeout", 12),
            ("/client/outcomes/timeout_connected", 12),
            ("/server/held", 12),
            ("/observer/connections/handshakes", 12),
            ("/observer/connections/reset", 0),
            ("/kernel/destination/out_rsts", 0),
        ],
    );
    Ok(())
}

/// The kernel drops the last ACK of a handshake when the accept queue is full: the client is connected and the server
/// knows nothing of it. Whatever does not agree then is explained by ListenOverflows, and the connection is named.
fn a_tiny_backlog_is_explained(player: Player) -> Outcome {
    let (_, document) = play(player, "--backlog 1 --rate max --concurrency 64 --count 400 --timeout 3");
    check(&document, &[("/client/outcomes/attempts", 400), ("/observer/dropped", 0)]);
    let overflows = number(&document, "/kernel/destination/listen_overflows");
    for equation in array(&document, "/ledger") {
        let title = equation["title"].as_str().unwrap_or_default();
        let may_differ = overflows > 0 && ["Connected", "Reset"].contains(&title);
        assert!(equation["holds"] == true || may_differ, "{equation:#}\n{:#}", document["kernel"]);
        assert!(equation["holds"] == true || equation["difference"].is_string(), "{equation:#}");
    }
    Ok(())
}

fn another_port_and_a_count(player: Player) -> Outcome {
    let (_, document) = play(player, "--port 4444 --rate 1000 --count 30");
    check_all_reset(&document, 30);
    assert_eq!(document["client"]["target"], "10.0.1.2:4444");
    assert_eq!(document["client"]["requested"]["count"], 30);
    Ok(())
}

fn eight_side_by_side(player: Player) -> Outcome {
    let runs: Vec<Running> = (0..8)
        .map(|_| Running::start(storm_by(player, "run --auto --json - --rate 50 --duration 1 --timeout 10")))
        .collect();
    for running in runs {
        let done = running.finish();
        let document = done.json();
        check_run(&done, &document);
        check_all_reset(&document, 50);
    }
    Ok(())
}

//! A run with its whole result, and what holds of every one: the verdict, the ledger, the flags, all reset.

use serde_json::Value;

use crate::common::{Done, check_client_sums, check_schema, number, run};
use crate::players::storm_by;
use crate::trials::Player;

/// Runs `rst-storm run --auto --json - OPTIONS` and checks what holds however it went.
pub fn play(player: Player, options: &str) -> (Done, Value) {
    let done = run(storm_by(player, &format!("run --auto --json - {options}")));
    let document = done.json();
    check_run(&done, &document);
    let expected = if player == Player::Root { "private" } else { "user" };
    assert_eq!(document["lab"]["namespaces"], expected);
    (done, document)
}

#[track_caller]
pub fn check_run(done: &Done, document: &Value) {
    assert!(!done.err.contains("panicked"), "{done}");
    check_schema("run", document);
    check_client_sums(&document["client"]);
    assert_eq!(done.code, Some(if document["passed"] == true { 0 } else { 1 }), "{done}");
    let mut all_hold = document["client"]["passed"] == true && document["server"]["passed"] == true;
    for equation in array(document, "/ledger") {
        let values: Vec<u64> = array(equation, "/terms").iter().map(|term| number(term, "/value")).collect();
        assert_eq!(equation["holds"], values.iter().all(|value| *value == values[0]), "{equation:#}");
        assert!(equation["holds"] == true || !equation["difference"].is_null() || !equation["title"].is_null());
        all_hold &= equation["holds"] == true;
    }
    all_hold &= array(document, "/indicators").iter().all(|indicator| indicator["holds"] == true);
    assert_eq!(document["passed"], all_hold, "{document:#}");
    check_ledger_is_recorded(document);
}

/// The terms of the ledger are the figures that the witnesses gave, and not others.
#[track_caller]
fn check_ledger_is_recorded(document: &Value) {
    let local = number(document, "/client/outcomes/local_failures");
    for (title, witness, value) in [
        ("Attempts", "client", number(document, "/client/outcomes/attempts")),
        ("Attempts", "source kernel", number(document, "/kernel/source/active_opens") + local),
        ("Attempts", "wire", number(document, "/observer/connections/syns") + local),
        ("Connected", "client", number(document, "/client/outcomes/connected")),
        ("Connected", "destination kernel", number(document, "/kernel/destination/passive_opens")),
        ("Connected", "wire", number(document, "/observer/connections/handshakes")),
        ("Reset", "client", number(document, "/client/outcomes/reset")),
        ("Reset", "wire", number(document, "/observer/connections/reset")),
        ("Reset", "destination kernel", number(document, "/kernel/destination/estab_resets")),
        ("Reset", "source kernel", number(document, "/kernel/source/estab_resets")),
        ("RST segments", "destination kernel", number(document, "/kernel/destination/out_rsts")),
        ("RST segments", "wire", number(document, "/observer/connections/destination_rst_segments")),
        ("Closed by reset", "server", number(document, "/server/resets_sent")),
        ("Refused", "client", number(document, "/client/outcomes/refused")),
        ("Refused", "source kernel", number(document, "/kernel/source/attempt_fails")),
        ("Refused", "wire", number(document, "/observer/connections/refused")),
        ("RSTs from the source", "source kernel", number(document, "/kernel/source/out_rsts")),
        ("RSTs from the source", "wire", number(document, "/observer/connections/source_rst_segments")),
    ] {
        let equation = array(document, "/ledger").iter().find(|equation| equation["title"] == title);
        let equation = equation.unwrap_or_else(|| panic!("no equation {title:?}: {document:#}"));
        let term = array(equation, "/terms").iter().find(|term| term["witness"] == witness);
        let term = term.unwrap_or_else(|| panic!("no {witness} in {equation:#}"));
        assert_eq!(number(term, "/value"), value, "{title}, {witness}: {equation:#}");
    }
}

#[track_caller]
pub fn array<'a>(document: &'a Value, pointer: &str) -> &'a Vec<Value> {
    document.pointer(pointer).and_then(Value::as_array).unwrap_or_else(|| panic!("no list at {pointer}"))
}

#[track_caller]
pub fn check_ledger_holds(document: &Value) {
    for equation in array(document, "/ledger") {
        assert_eq!(
            equation["holds"], true,
            "{equation:#}\nkernel {:#}\nobserver {:#}",
            document["kernel"], document["observer"]
        );
    }
}

/// The indicators that no busy machine can change: flags, not times.
#[track_caller]
pub fn check_flags(document: &Value, expected: bool) {
    for name in ["RST flag", "FIN flag"] {
        let indicator = array(document, "/indicators").iter().find(|indicator| indicator["name"] == name);
        assert_eq!(
            indicator.unwrap_or_else(|| panic!("no indicator {name}"))["holds"],
            expected,
            "{:#}",
            document["indicators"]
        );
    }
}

#[track_caller]
pub fn check(document: &Value, figures: &[(&str, u64)]) {
    for (pointer, expected) in figures {
        assert_eq!(number(document, pointer), *expected, "{pointer}\n{document:#}");
    }
}

/// What holds of a storm of `count` connections, all of which were reset and in whose course nothing was lost.
#[track_caller]
pub fn check_all_reset(document: &Value, count: u64) {
    check_ledger_holds(document);
    check_flags(document, true);
    check(
        document,
        &[
            ("/client/outcomes/attempts", count),
            ("/client/outcomes/connected", count),
            ("/client/outcomes/reset", count),
            ("/server/connections", count),
            ("/server/resets_sent", count),
            ("/observer/connections/syns", count),
            ("/observer/connections/handshakes", count),
            ("/observer/connections/reset", count),
            ("/observer/connections/fin", 0),
            ("/observer/connections/stray_resets", 0),
            ("/observer/connections/source_rst_segments", 0),
            ("/observer/dropped", 0),
            ("/observer/made_by_observer", 0),
            ("/observer/foreign_connections", 0),
            ("/observer/unfinished_connections", 0),
            ("/kernel/destination/passive_opens", count),
            ("/kernel/destination/estab_resets", count),
            ("/kernel/source/out_rsts", 0),
        ],
    );
}

//! Plays of causes without playing them: which are meant, what they would do, the matrix in each form, the folder of bundles.

mod choice;
#[path = "../common/mod.rs"]
mod common;
mod folder;
mod forms;
mod plans;

use rst_storm::atlas::matrix::Matrix;
use rst_storm::atlas::row::{CheckWord, KernelColumn, Row, Tried, Truth, WireVerdict};

/// A play that came out as promised, its reset explained by the wire and agreed on by the kernel.
fn held(play: &str, ip: u8) -> Row {
    Row {
        play: play.to_owned(),
        ip,
        cause: play.split('/').next().expect("a cause").to_owned(),
        title: "what is done".to_owned(),
        control: false,
        wire: Some(WireVerdict {
            tap: "client-port".to_owned(),
            cause: Some("linger-zero".to_owned()),
            confidence: Some("likely".to_owned()),
            twins: vec!["disconnect".to_owned()],
            sender: "resp".to_owned(),
            truth: Truth::Best,
            wrongly_certain: false,
        }),
        kernel: KernelColumn {
            said: Some("TCP_STATE/TCP_CLOSE".to_owned()),
            mechanisms: vec!["close-linger-zero".to_owned()],
            check: CheckWord::Agrees,
            why_not: None,
        },
        fused: vec!["linger-zero".to_owned()],
        occasion: None,
        client: vec!["ECONNRESET".to_owned()],
        middle: Vec::new(),
        server: Vec::new(),
        lost: [0, 20],
        checks: vec![Tried { wanted: "played to the end".to_owned(), holds: true, found: "yes".to_owned() }],
        probed: vec![60_000],
    }
}

/// A play without a reset.
fn control(play: &str) -> Row {
    let kernel = KernelColumn { said: None, mechanisms: Vec::new(), check: CheckWord::NothingToAsk, why_not: None };
    Row { control: true, wire: None, kernel, fused: Vec::new(), ..held(play, 4) }
}

/// A play in which something failed, told in letters that XML takes for its own.
fn failed(play: &str) -> Row {
    let tried = Tried { wanted: "a \"word\" < another".to_owned(), holds: false, found: "<&> 'none'".to_owned() };
    let mut row = held(play, 6);
    row.checks.push(tried);
    row
}

fn matrix(rows: Vec<Row>) -> Matrix {
    Matrix::new(rows, "Linux 6.18.44".to_owned())
}

fn all_kinds() -> Matrix {
    let mut unheard = held("no-listener/closed-port", 4);
    unheard.wire.as_mut().expect("a verdict").truth = Truth::Missed;
    unheard.kernel = KernelColumn {
        said: None,
        mechanisms: Vec::new(),
        check: CheckWord::NotWatched,
        why_not: Some("nobody listened".to_owned()),
    };
    unheard.fused = Vec::new();
    let mut unexplained = held("no-listener/closed-port", 6);
    let wire = unexplained.wire.as_mut().expect("a verdict");
    (wire.cause, wire.confidence, wire.truth, wire.wrongly_certain) = (None, None, Truth::Unexplained, true);
    unexplained.kernel.check = CheckWord::Disagrees;
    unexplained.fused = vec!["linger-zero".to_owned(), "disconnect".to_owned()];
    matrix(vec![
        held("linger-zero/after-accept", 4),
        failed("linger-zero/after-accept"),
        control("linger-zero/fin-by-the-server"),
        unheard,
        unexplained,
    ])
}

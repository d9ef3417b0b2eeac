//! The matrix: its sums, its forms, and what it says against another.

use rst_storm::atlas::matrix::Matrix;
use rst_storm::report::atlas as report;
use serde_json::{Value, json};

use crate::common::{Folder, check_schema, run, schema_faults, storm_line};
use crate::{all_kinds, control, failed, held, matrix};

#[test]
fn the_sums_are_the_rows() {
    let totals = all_kinds().totals;
    assert_eq!((totals.plays, totals.controls, totals.held), (5, 1, 4));
    assert_eq!((totals.best, totals.twin, totals.unexplained, totals.missed), (2, 0, 1, 1));
    assert_eq!((totals.wrongly_certain, totals.fused_to_one), (1, 2));
    let kernel: Vec<(&str, u64)> = totals.kernel.iter().map(|(word, count)| (word.as_str(), *count)).collect();
    assert_eq!(kernel, [("agrees", 2), ("disagrees", 1), ("not-watched", 1)]);
    let confusion = json!(all_kinds().confusion);
    assert_eq!(confusion["linger-zero"], json!({"linger-zero": 2}));
    assert_eq!(confusion["no-listener"], json!({"linger-zero": 1, "unexplained": 1}));
    assert!(!all_kinds().holds() && matrix(vec![control("a/b")]).holds());
}

#[test]
fn the_document_is_valid_and_read_back_as_it_was() {
    for matrix in [all_kinds(), matrix(Vec::new())] {
        let text = report::json(&matrix);
        let document: Value = serde_json::from_str(&text).expect("JSON");
        check_schema("matrix", &document);
        assert_eq!(serde_json::from_str::<Matrix>(&text).expect("a matrix"), matrix);
    }
}

#[test]
fn every_member_that_is_missing_or_of_another_type_is_found() {
    let document = json!(all_kinds());
    for place in ["", "/rows/0", "/rows/0/wire", "/rows/0/kernel", "/rows/0/checks/0", "/totals"] {
        let object = document.pointer(place).and_then(Value::as_object).expect("an object");
        for member in object.keys() {
            let mut missing = document.clone();
            missing.pointer_mut(place).and_then(Value::as_object_mut).expect("an object").remove(member);
            assert_ne!(schema_faults("matrix", &missing), [""; 0], "{place} without {member}");
            let mut wrong = document.clone();
            wrong.pointer_mut(place).expect("an object")[member] = json!([[1]]);
            assert_ne!(schema_faults("matrix", &wrong), [""; 0], "{place} with a wrong {member}");
        }
        let mut more = document.clone();
        more.pointer_mut(place).expect("an object")["extra"] = json!(1);
        assert_ne!(schema_faults("matrix", &more), [""; 0], "{place} with more");
    }
    for (pointer, value) in [
        ("/schema", json!("rst-storm/matrix/2")),
        ("/rows/0/ip", json!(5)),
        ("/rows/0/lost", json!([1])),
        ("/rows/0/wire/truth", json!("perhaps")),
        ("/rows/0/kernel/check", json!("maybe")),
        ("/rows/0/checks", json!([])),
        ("/confusion/linger-zero/linger-zero", json!(0)),
        ("/totals/kernel/agrees", json!(-1)),
    ] {
        let mut wrong = document.clone();
        *wrong.pointer_mut(pointer).expect("a member") = value;
        assert_ne!(schema_faults("matrix", &wrong), [""; 0], "{pointer}");
    }
}

#[test]
fn junit_is_xml_with_a_case_a_play_and_its_failures_as_they_were() {
    let matrix = all_kinds();
    let text = report::junit(&matrix);
    let document = roxmltree::Document::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let suites = document.root_element();
    let number = |node: roxmltree::Node<'_, '_>, name: &str| -> usize {
        node.attribute(name).expect("a count").parse().expect("a number")
    };
    assert_eq!((suites.tag_name().name(), number(suites, "tests"), number(suites, "failures")), ("testsuites", 5, 1));
    let mut cases = 0;
    for suite in suites.children().filter(roxmltree::Node::is_element) {
        let own: Vec<_> = suite.children().filter(|node| node.has_tag_name("testcase")).collect();
        assert_eq!(number(suite, "tests"), own.len());
        let failed = own.iter().filter(|case| case.children().any(|node| node.has_tag_name("failure")));
        assert_eq!(number(suite, "failures"), failed.count());
        assert!(own.iter().all(|case| case.attribute("classname") == suite.attribute("name")));
        cases += own.len();
    }
    assert_eq!(cases, matrix.rows.len());
    let failure = document.descendants().find(|node| node.has_tag_name("failure")).expect("a failure");
    assert_eq!((failure.attribute("message"), failure.text()), (Some("a \"word\" < another"), Some("<&> 'none'")));
    let empty = report::junit(&crate::matrix(Vec::new()));
    assert!(roxmltree::Document::parse(&empty).is_ok(), "{empty}");
}

#[test]
fn a_matrix_against_itself_has_no_difference() {
    assert_eq!(all_kinds().against(&all_kinds()), [""; 0]);
    let mut figures = all_kinds();
    figures.rows[0].lost = [7, 7];
    figures.rows[0].probed.clear();
    assert_eq!(all_kinds().against(&figures), [""; 0], "figures are no difference");
    assert!(report::differences(&[]).contains("Nothing came out otherwise"));
}

#[test]
fn each_column_that_differs_is_a_line() {
    let here = matrix(vec![held("linger-zero/after-accept", 4)]);
    let there = |change: fn(&mut rst_storm::atlas::row::Row)| {
        let mut row = held("linger-zero/after-accept", 4);
        change(&mut row);
        here.against(&matrix(vec![row]))
    };
    let begins = |lines: Vec<String>, column: &str| {
        assert_eq!(lines.len(), 1, "{column}: {lines:?}");
        assert!(lines[0].starts_with(&format!("linger-zero/after-accept IPv4: {column}: ")), "{lines:?}");
    };
    begins(there(|row| row.wire.as_mut().expect("a verdict").cause = None), "wire");
    begins(there(|row| row.wire = None), "wire");
    begins(there(|row| row.kernel.said = Some("NO_SOCKET".to_owned())), "kernel");
    begins(there(|row| row.fused.clear()), "fused");
    begins(there(|row| row.occasion = Some("idle-timeout".to_owned())), "occasion");
    begins(there(|row| row.client.push("EPIPE".to_owned())), "client");
    begins(there(|row| row.middle.push("EPIPE".to_owned())), "middle");
    begins(there(|row| row.server.push("EPIPE".to_owned())), "server");
    begins(there(|row| row.checks[0].holds = false), "all checks");
    let other = matrix(vec![held("linger-zero/after-accept", 6)]);
    assert_eq!(here.against(&other), ["linger-zero/after-accept IPv4: not played there"]);
    assert_eq!(matrix(Vec::new()).against(&here), [""; 0], "who plays less asks for less");
    assert_eq!(matrix(vec![failed("a/b")]).against(&matrix(vec![failed("a/b")])), [""; 0]);
}

#[test]
fn what_is_no_matrix_is_told_before_anything_is_played() {
    let folder = Folder::new();
    let matrix = json!(all_kinds());
    let mut newer = matrix.clone();
    newer["schema"] = json!("rst-storm/matrix/2");
    for (text, part) in [
        (String::new(), "no matrix"),
        ("{}".to_owned(), "no matrix"),
        (matrix.to_string()[..99].to_owned(), "no matrix"),
        (json!([matrix]).to_string(), "no matrix"),
        (newer.to_string(), "rst-storm/matrix/2"),
    ] {
        let file = folder.file("matrix.json");
        std::fs::write(&file, text).expect("write a file");
        let line = format!("run linger-zero --against {} --out {}", file.display(), folder.file("out").display());
        let done = run(storm_line(&line)).exits(2);
        assert_eq!((done.out.as_str(), done.err.lines().count()), ("", 1), "{done}");
        assert!(done.err.contains(part) && done.err.contains("matrix.json"), "{part}: {done}");
        assert!(!folder.file("out").exists(), "nothing was begun");
    }
    let done = run(storm_line("run linger-zero --against missing.json")).exits(2);
    assert!(done.err.contains("cannot read missing.json"), "{done}");
}

#[test]
fn a_row_in_text_names_what_failed() {
    let style = rst_storm::report::style::Style::Plain;
    let text = report::row(&failed("linger-zero/after-accept"), style);
    assert!(text.starts_with("[FAIL] linger-zero/after-accept v6 "), "{text}");
    assert!(text.contains("a \"word\" < another\n") && text.contains("but: <&> 'none'\n"), "{text}");
    assert_eq!(report::row(&held("linger-zero/after-accept", 4), style).lines().count(), 1);
    assert!(report::row(&control("linger-zero/fin"), style).contains("(control)"));
}

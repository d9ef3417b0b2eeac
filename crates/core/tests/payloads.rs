//! What resets carry, decoded: each form, what only looks like one, and whatever octets there are.

use proptest::prelude::*;
use rst_storm_core::reset::payload::{Carried, Diagnostic, DiagnosticForm, Payload};
use rst_storm_core::tcp::Checksum;
use rst_storm_core::wire::Contents;

/// More characters than this are never shown in one line.
const LONGEST_LINE: usize = 400;

fn carried(options: &[u8], payload: &[u8], payload_len: usize) -> Option<Carried> {
    let payload_len = payload_len as u32;
    Carried::of(&Contents { options, payload, payload_len, checksum: Checksum::NotChecked })
}

/// What a payload says that was captured whole.
fn decode(payload: &[u8]) -> Payload {
    let mut said = carried(&[], payload, payload.len()).expect("something").decode();
    assert_eq!(said.len(), 1, "{said:?}");
    said.remove(0)
}

fn decode_options(options: &[u8]) -> Vec<Payload> {
    carried(options, b"", 0).map_or(Vec::new(), |carried| carried.decode())
}

/// The kind and the line of a payload.
fn line(payload: &[u8]) -> (&'static str, String) {
    let said = decode(payload);
    (said.kind(), said.to_string())
}

fn diagnostic(payload: &[u8]) -> Diagnostic {
    match decode(payload) {
        Payload::Diagnostic(diagnostic) => diagnostic,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_segment_without_anything_carries_nothing() {
    assert_eq!(carried(&[1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2], b"", 0), None);
}

#[test]
fn a_big_ip_names_its_cause() {
    let said = decode(b"BIG-IP: [0x2409a71:704] Flow expired (sweeper)");
    let expected =
        Payload::BigIp { code: 0x2409a71, line: 704, relayed_from_peer: false, cause: "Flow expired (sweeper)".into() };
    assert_eq!((said.kind(), said.to_string()), ("big-ip", "BIG-IP [0x2409a71:704]: Flow expired (sweeper)".into()));
    assert_eq!(said, expected);
    let relayed = decode(b"BIG-IP: [0x31ae141:4666] {peer} TCP RST from remote system\0");
    assert_eq!(relayed.to_string(), "BIG-IP [0x31ae141:4666], relayed from its peer: TCP RST from remote system");
    assert!(matches!(relayed, Payload::BigIp { relayed_from_peer: true, .. }));
}

#[test]
fn what_is_not_quite_a_big_ips_is_text() {
    for text in [
        "BIG-IP: [0x2409a71] Flow expired",
        "BIG-IP: [2409a71:704] Flow expired",
        "BIG-IP: [0x+1:704] Flow expired",
        "BIG-IP: [0x1:+7] Flow expired",
        "BIG-IP: [0x10000000000000000:1] Flow expired",
        "BIG-IP: [0x1:4294967296] Flow expired",
        "BIG-IP: [0x1:1",
        "big-ip: [0x1:1] Flow expired",
    ] {
        assert_eq!(decode(text.as_bytes()), Payload::Text(text.into()));
    }
}

#[test]
fn the_compact_diagnostic_is_read() {
    let timeout = diagnostic(&[0x33, 0xaa, 0, 14, 0, 0, 0, 0]);
    assert_eq!((timeout.form, timeout.code, timeout.enterprise), (DiagnosticForm::Compact, Some(14), 0));
    assert_eq!(timeout.to_string(), "reset diagnostic 14: connection timeout");
    assert_eq!(diagnostic(&[0x33, 0xaa, 0, 1, 0, 0, 0, 0]).meaning, Some("illegal option length"));
    assert_eq!(diagnostic(&[0x33, 0xaa, 0, 17, 0, 0, 0, 0]).meaning, Some("middlebox interference"));
    assert_eq!(diagnostic(&[0x33, 0xaa, 0, 18, 0, 0, 0, 0]).meaning, None);
    // The draft's example of a vendor's code.
    let vendor = line(&[0x33, 0xaa, 0x04, 0xd2, 0, 0, 0x7e, 0xd9]);
    assert_eq!(vendor, ("diagnostic", "reset diagnostic 1234 of enterprise 32473".into()));
}

#[test]
fn a_malformed_diagnostic_is_any_payload() {
    assert_eq!(line(&[0x33, 0xaa, 0, 0, 0, 0, 0, 0]), ("binary", "8 octets: 33 aa 00 00 00 00 00 00".into()));
    assert_eq!(decode(&[0x33, 0xaa, 0, 14, 0, 0, 0]).kind(), "binary");
    assert_eq!(decode(&[0x33, 0xaa, 0, 14, 0, 0, 0, 0, 0]).kind(), "binary");
    let cut = carried(&[], &[0x33, 0xaa, 0, 14, 0, 0, 0, 0], 9).expect("something");
    assert_eq!(cut.decode()[0].kind(), "binary");
}

#[test]
fn a_description_of_an_older_draft_is_read() {
    let said = line(b"\xf3\x17tired of \x1b[2J you");
    assert_eq!(said, ("diagnostic", r"reset diagnostic (older draft, text): tired of \u{1b}[2J you".into()));
    assert_eq!(decode(b"\xf3\x17").kind(), "binary");
}

#[test]
fn the_cbor_of_older_drafts_is_read_and_has_no_meaning() {
    // The draft's first example, as it stands there and in an array.
    for example in [&[0x19, 0x30, 0x39, 0xa1, 1, 2][..], &[0x82, 0x19, 0x30, 0x39, 0xa1, 1, 2]] {
        let read = diagnostic(example);
        let expected =
            Diagnostic { form: DiagnosticForm::Cbor, code: Some(2), enterprise: 0, meaning: None, description: None };
        assert_eq!(read, expected);
        assert_eq!(read.to_string(), "reset diagnostic (older draft, CBOR) 2");
    }
    let vendor = line(&[0x19, 0x30, 0x39, 0xa2, 1, 0x19, 0x04, 0xd2, 2, 0x19, 0x7e, 0xd9]);
    assert_eq!(vendor.1, "reset diagnostic (older draft, CBOR) 1234 of enterprise 32473");
    let described = line(b"\x19\x30\x39\xa1\x03\x64gone");
    assert_eq!(described.1, "reset diagnostic (older draft, CBOR): gone");
}

#[test]
fn malformed_cbor_is_any_payload() {
    for malformed in [
        &[0x19, 0x30, 0x39][..],
        &[0x19, 0x30, 0x39, 0xa0],
        &[0x19, 0x30, 0x38, 0xa1, 1, 2],
        &[0x19, 0x30, 0x39, 0xa1, 1, 0],
        &[0x19, 0x30, 0x39, 0xa1, 1, 2, 0],
        &[0x19, 0x30, 0x39, 0xa1, 2, 2],
        &[0x19, 0x30, 0x39, 0xa2, 1, 2, 1, 2],
        &[0x19, 0x30, 0x39, 0xa1, 1, 0x1a, 0, 1, 0, 0],
        &[0x19, 0x30, 0x39, 0xa1, 1, 0x1f],
        &[0x19, 0x30, 0x39, 0xa1, 3, 0x64, b'a'],
        &[0x19, 0x30, 0x39, 0xa1, 3, 0x7b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        &[0x19, 0x30, 0x39, 0x81, 1],
    ] {
        let said = decode(malformed);
        assert!(!matches!(said, Payload::Diagnostic(_)), "{malformed:x?}: {said:?}");
    }
}

#[test]
fn mp_tcprst_is_read_from_among_the_options() {
    let expected = [Payload::MptcpReset { transient: true, reason: 2, meaning: Some("lack of resources") }];
    assert_eq!(decode_options(&[1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 30, 4, 0x81, 2]), expected);
    let lines = |options: &[u8]| decode_options(options).iter().map(Payload::to_string).collect::<Vec<_>>();
    assert_eq!(lines(&[30, 4, 0x80, 6]), ["MP_TCPRST 6 (permanent): middlebox interference"]);
    assert_eq!(lines(&[30, 4, 0x8e, 7]), ["MP_TCPRST 7 (permanent): a reason without a name"]);
    // MP_FAIL, another length, cut, behind the end, behind a malformed one.
    for none in
        [&[30, 4, 0x61, 2][..], &[30, 5, 0x81, 2, 0], &[30, 4, 0x81], &[0, 30, 4, 0x81, 2], &[3, 1, 30, 4, 0x81, 2]]
    {
        assert_eq!(decode_options(none), [], "{none:x?}");
    }
}

#[test]
fn an_option_and_a_payload_are_both_said() {
    let both = carried(&[30, 4, 0x80, 3], b"No listener", 11).expect("something");
    let kinds: Vec<_> = both.decode().iter().map(Payload::kind).collect();
    assert_eq!(kinds, ["mptcp", "text"]);
}

#[test]
fn text_is_escaped_and_its_line_shortened() {
    assert_eq!(line(b"Access Denied\r\n"), ("text", r#""Access Denied\r\n""#.into()));
    let long = decode(&[b'a'; 1000]);
    assert_eq!(long, Payload::Text("a".repeat(1000)));
    assert_eq!(long.to_string(), format!("\"{}…\"", "a".repeat(160)));
}

#[test]
fn binary_shows_its_beginning() {
    assert_eq!(line(&[0x15, 3, 3, 0, 2, 2, 0x28]).1, "7 octets: 15 03 03 00 02 02 28");
    assert_eq!(line(&[0xff]).1, "1 octet: ff");
    assert_eq!(line(&[0xff; 17]).1, format!("17 octets:{} …", " ff".repeat(16)));
    let uncaptured = carried(&[], b"", 9).expect("something").decode();
    assert_eq!(uncaptured, [Payload::Binary { start: vec![], len: 9 }]);
    assert_eq!(uncaptured[0].to_string(), "9 octets: …");
}

#[test]
fn no_more_than_a_kibibyte_is_kept() {
    let mut long = vec![b'a'; 1022];
    long.extend("€ and more".as_bytes());
    let kept = carried(&[], &long, long.len()).expect("something");
    assert_eq!((kept.octets(), kept.wire_len()), (&long[..1024], 1034));
    // The euro sign is cut in two.
    assert_eq!(kept.decode(), [Payload::Text("a".repeat(1022))]);
}

/// Octets that begin like each of the forms, and octets like nothing.
fn octets() -> impl Strategy<Value = Vec<u8>> {
    const BEGINNINGS: [&[u8]; 7] = [
        b"",
        b"BIG-IP: [0x",
        b"BIG-IP: [0x1:2] {peer}",
        &[0x33, 0xaa],
        &[0xf3, 0x17],
        &[0x19, 0x30, 0x39],
        &[0x82, 0x19, 0x30, 0x39, 0xa2, 1, 2, 3, 0x78],
    ];
    let rest = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..1200),
        proptest::collection::vec(0..8_u8, 0..12),
        any::<String>().prop_map(String::into_bytes),
        proptest::collection::vec(proptest::char::range('\u{1b}', '\u{2fff}'), 0..1200)
            .prop_map(|chars| chars.into_iter().collect::<String>().into_bytes()),
    ];
    (prop::sample::select(&BEGINNINGS[..]), rest).prop_map(|(beginning, rest)| [beginning, &rest].concat())
}

proptest! {
    #[test]
    fn whatever_was_sent_becomes_short_lines_that_are_safe_to_print(
        options in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..40),
            any::<[u8; 2]>().prop_map(|[flags, reason]| vec![1, 30, 4, 0x80 | flags, reason]),
        ],
        payload in octets(),
        uncaptured in prop_oneof![Just(0_u32), any::<u32>()],
    ) {
        let payload_len = (payload.len() as u32).saturating_add(uncaptured);
        let contents = Contents { options: &options, payload: &payload, payload_len, checksum: Checksum::Good };
        let Some(carried) = Carried::of(&contents) else {
            prop_assert_eq!(payload_len, 0);
            return Ok(());
        };
        let said = carried.decode();
        prop_assert!(!said.is_empty() && said.len() <= 2);
        for each in said {
            let line = each.to_string();
            prop_assert!(line.chars().count() <= LONGEST_LINE, "{}", line);
            let texts = match &each {
                Payload::BigIp { cause, .. } => vec![cause],
                Payload::Diagnostic(diagnostic) => diagnostic.description.iter().collect(),
                Payload::Text(text) => vec![text],
                Payload::MptcpReset { .. } | Payload::Binary { .. } => vec![],
            };
            for text in texts.into_iter().chain([&line]) {
                prop_assert!(!text.chars().any(char::is_control), "{:?}", text);
                prop_assert!(!text.contains(['\u{202e}', '\u{2066}', '\u{2028}', '\u{200b}']), "{:?}", text);
                prop_assert!(text.len() <= 6 * 1024);
            }
        }
    }
}

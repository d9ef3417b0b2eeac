//! What became of resets between two captures: conversations written as each end saw them.

use proptest::prelude::*;
use rst_storm_core::explain::{Aside, Explainer, FrameNumber, Limits, Record, Selection};
use rst_storm_core::tcp::Segment;
use rst_storm_core::testing::{segments, sightings};
use rst_storm_core::vantages::{Bounds, Comparison, Cover, Fate, Pairing, Tally, Tap, compare};

/// One capture: what it shows, how far its clock is ahead, and how long it went on after its last segment.
#[derive(Clone)]
struct Capture {
    segments: Vec<Segment>,
    ahead: i64,
    goes_on: u64,
    unreadable: u64,
    is_damaged: bool,
    bounds: Bounds,
}

const SECOND: u64 = 1_000_000_000;

fn capture(conversation: &str) -> Capture {
    let segments = segments(conversation);
    Capture { segments, ahead: 0, goes_on: 10 * SECOND, unreadable: 0, is_damaged: false, bounds: Bounds::default() }
}

impl Capture {
    fn ahead(mut self, nanos: i64) -> Capture {
        self.ahead = nanos;
        self
    }

    fn stops_at_once(mut self) -> Capture {
        self.goes_on = 0;
        self
    }

    fn tap(&self, number: u16) -> Tap {
        let mut tap = Tap::new(self.bounds);
        let mut explainer = Explainer::new(Limits::default(), Selection::default());
        let mut span = None;
        for segment in &self.segments {
            let mut segment = *segment;
            segment.at.0 = segment.at.0.wrapping_add_signed(self.ahead);
            segment.frame = FrameNumber::new(number, segment.frame).0;
            tap.push(&segment, None);
            explainer.push(&segment, Some(&Aside::default()), &mut |record: &mut Record| tap.note(record));
            let (first, _) = span.unwrap_or((segment.at, segment.at));
            span = Some((first, segment.at));
        }
        explainer.finish(&mut |record: &mut Record| tap.note(record));
        let last = span.map(|(_, mut last)| {
            last.0 += self.goes_on;
            last
        });
        let (first, unreadable, is_damaged) = (span.map(|(first, _)| first), self.unreadable, self.is_damaged);
        tap.end(Cover { first, last, is_damaged, unreadable });
        tap
    }
}

fn brought_together(first: &Capture, second: &Capture) -> Comparison {
    compare(&first.tap(0), &second.tap(1))
}

/// What is told of each reset: `arrived 5/6: resp likely, linger-zero`, by its frames in the two captures.
fn told(first: &Capture, second: &Capture) -> Vec<String> {
    brought_together(first, second).pairings.iter().map(line).collect()
}

fn line(pairing: &Pairing) -> String {
    let frame = |tap: usize| match &pairing.seen[tap] {
        Some(sighted) => FrameNumber(sighted.segment.frame).number().to_string(),
        None => "-".to_owned(),
    };
    let fate = match &pairing.fate {
        Fate::Changed(changes) => {
            let fields: Vec<&str> = changes.iter().map(|change| change.field.word()).collect();
            format!("changed ({})", fields.join(", "))
        }
        Fate::NotComparable(why) => format!("not comparable ({})", why.word()),
        fate => fate.word().to_owned(),
    };
    let found = match &pairing.conclusion {
        Some(conclusion) => format!(": {} {}", conclusion.who.word(), conclusion.finding),
        None => String::new(),
    };
    format!("{fate} {}/{}{found}", frame(0), frame(1))
}

/// A handshake and data as each end sees them, 20 ms apart, two routers between.
const AT_CLIENT: &str = "
    > S 100 ttl 64\n +39ms\n < SA 300 ack 101 ttl 62\n > A 101 ack 301\n > PA 101 ack 301 len 20\n +39ms
    < A 301 ack 121 ttl 62\n";
const AT_SERVER: &str = "
    +20ms\n > S 100 ttl 62\n < SA 300 ack 101\n +39ms\n > A 101 ack 301 ttl 62\n > PA 101 ack 301 len 20 ttl 62
    < A 301 ack 121\n";

/// The same on one link: no router tells where they were captured.
const BESIDE_CLIENT: &str = "
    > S 100\n pace 1us\n < SA 300 ack 101\n > A 101 ack 301\n > PA 101 ack 301 len 20\n +1ms\n < A 301 ack 121\n";
const BESIDE_SERVER: &str = "\n pace 1us
    +100us\n > S 100\n < SA 300 ack 101\n +999us\n > A 101 ack 301\n > PA 101 ack 301 len 20\n +1ms\n < A 301 ack 121\n";

fn ends(client: &str, server: &str) -> [Capture; 2] {
    [capture(&format!("{AT_CLIENT}{client}")), capture(&format!("{AT_SERVER}{server}"))]
}

#[track_caller]
fn check(captures: &[Capture; 2], wanted: &[&str]) {
    assert_eq!(told(&captures[0], &captures[1]), wanted);
}

#[test]
fn sent_and_arrived() {
    let captures = ends("< RA 301 ack 121 ttl 62 id 77", "< RA 301 ack 121 id 77");
    check(&captures, &["arrived 6/6: resp likely"]);
    let together = brought_together(&captures[0], &captures[1]);
    let conclusion = together.pairings[0].conclusion.as_ref().expect("a conclusion");
    let frames: Vec<FrameNumber> =
        conclusion.grounds.iter().flat_map(|ground| ground.frames()).map(FrameNumber).collect();
    assert_eq!(frames, [FrameNumber::new(1, 6), FrameNumber::new(0, 6)], "both captures' frames, the sender's first");
    assert_eq!(Tally::of(&together.pairings), Tally { arrived: 1, ..Tally::default() });
}

#[test]
fn sent_and_lost() {
    check(&ends("", "< RA 301 ack 121"), &["lost -/6: resp likely"]);
    check(&ends("> RA 121 ack 301", ""), &["lost 6/-: orig likely"]);
}

#[test]
fn arrived_but_never_sent() {
    check(&ends("< R 301 ttl 62", ""), &["never-sent 6/-: third-party likely"]);
    check(&ends("< R 301 ttl 50", ""), &["never-sent 6/-: third-party certain"]);
    check(&ends("", "> R 121 ttl 62"), &["never-sent -/6: third-party likely"]);
}

#[test]
fn each_end_got_one_that_the_other_never_sent() {
    let captures = ends("< R 301 ttl 62", "> R 121 ttl 62");
    check(&captures, &["never-sent 6/-: third-party certain", "never-sent -/6: third-party certain"]);
    for pairing in brought_together(&captures[0], &captures[1]).pairings {
        let cause = pairing.conclusion.and_then(|conclusion| conclusion.cause).expect("a cause");
        assert_eq!(cause.0.0, "forged-both-ends");
    }
    let late = ends("< R 301 ttl 62", "+5s\n > R 121 ttl 62");
    check(&late, &["never-sent 6/-: third-party likely", "never-sent -/6: third-party likely"]);
}

#[test]
fn the_sender_reset_too_but_another() {
    let captures = ends("< R 301 ttl 62\n < RA 5301 ack 121 ttl 62", "< RA 5301 ack 121");
    check(&captures, &["never-sent 6/-: third-party certain", "arrived 7/6: resp likely"]);
}

#[test]
fn changed_on_the_way() {
    for (at_client, fields) in [
        ("< RA 301 ack 121 id 77 ttl 40", "ttl"),
        ("< RA 301 ack 121 id 78 ttl 62", "ip-id"),
        ("< RA 301 ack 121 id 77 ttl 62 win 0", "window"),
        ("< RA 301 ack 121 id 77 ttl 62 tsval 9", "timestamp"),
        ("< R 301 ack 121 id 77 ttl 62", "flags"),
        ("< RA 301 ack 122 id 77 ttl 62", "ack"),
        ("< RA 999 ack 121 id 77 ttl 62", "seq"),
        ("< RA 301 ack 121 id 77 ttl 62 len 9", "payload"),
        ("< RA 301 ack 121 id 1 ttl 40 win 0", "ttl, ip-id, window"),
    ] {
        check(&ends(at_client, "< RA 301 ack 121 id 77"), &[&format!("changed ({fields}) 6/6: resp possible")]);
    }
}

#[test]
fn the_hops_are_those_of_the_other_segments() {
    // A host that sends its replies with another time to live: the way takes as many of it as of the others.
    check(&ends("< R 301 ttl 126", "< R 301 ttl 128"), &["arrived 6/6: resp likely"]);
}

#[test]
fn clocks_need_not_agree() {
    for hours in [-48, -1, 1, 7] {
        let [client, server] = ends("< RA 301 ack 121 ttl 62 id 77\n < R 9000 ttl 50", "< RA 301 ack 121 id 77");
        let ahead = hours * 3_600_000_000_000;
        let captures = [client, server.ahead(ahead)];
        check(&captures, &["arrived 6/6: resp likely", "never-sent 7/-: third-party certain"]);
        let clock = brought_together(&captures[0], &captures[1]).clock.expect("segments in both");
        assert!(clock.both_ways && clock.is_steady);
        assert!((clock.low..=clock.high).contains(&ahead), "{hours}: {clock:?}");
        assert!(clock.uncertainty() <= 21_000_000, "{clock:?}");
    }
}

#[test]
fn an_address_translator_between() {
    let server = format!("client 198.51.100.7:1027\n{AT_SERVER}");
    let captures = [
        capture(&format!("{AT_CLIENT}< RA 301 ack 121 ttl 62 id 77\n < R 301 ttl 50")),
        capture(&format!("{server}< RA 301 ack 121 id 77")),
    ];
    check(&captures, &["arrived 6/6: resp likely", "never-sent 7/-: third-party certain"]);
    let together = brought_together(&captures[0], &captures[1]);
    assert_eq!((together.connections, together.translated, together.renumbered), (1, 1, 0));
}

#[test]
fn a_firewall_that_renumbers_one_direction() {
    let server = AT_SERVER.replace("S 100", "S 900100").replace("A 101", "A 900101").replace("ack 101", "ack 900101");
    let server = server.replace("ack 121", "ack 900121");
    let captures = [
        capture(&format!("{AT_CLIENT}> RA 121 ack 301 id 77")),
        capture(&format!("{server}> RA 900121 ack 301 ttl 62 id 77")),
    ];
    check(&captures, &["arrived 6/6: orig likely"]);
    assert_eq!(brought_together(&captures[0], &captures[1]).renumbered, 1);
}

#[test]
fn an_unknown_connection() {
    let other = AT_SERVER.replace("100", "7100").replace("101", "7101").replace("300", "9300").replace("301", "9301");
    let captures = [capture(&format!("{AT_CLIENT}< R 301 ttl 62")), capture(&other)];
    check(&captures, &["not comparable (unknown-connection) 6/-"]);
}

#[test]
fn a_syn_that_was_refused_before_it_arrived() {
    let refused = "client 10.0.0.1:40001\n > S 7000\n < RA 0 ack 7001 ttl 63";
    check(&ends(refused, ""), &["never-sent 7/-: third-party certain"]);
    let elsewhere = refused.replace("client", "server 10.0.1.2:81\n client");
    check(&ends(&elsewhere, ""), &["not comparable (unknown-connection) 7/-"]);
}

#[test]
fn no_overlap_in_time() {
    let [client, server] = ends("+1m\n < R 301 ttl 62", "");
    check(&[client, server.stops_at_once()], &["not comparable (not-covered) 6/-"]);
    let [client, mut server] = ends("+1m\n < R 301 ttl 62", "");
    server.is_damaged = true;
    check(&[client, server.stops_at_once()], &["not comparable (damaged) 6/-"]);
}

#[test]
fn what_follows_in_both_covers_what_was_before() {
    let later = "client 10.0.0.1:40001\n > S 7000";
    let [client, server] = ends(&format!("< R 301 ttl 62\n +1s\n {later}"), &format!("+1s\n {later} ttl 62"));
    let captures = [client.stops_at_once(), server.stops_at_once()];
    check(&captures, &["never-sent 6/-: third-party likely"]);
}

#[test]
fn frames_that_were_cut_too_short() {
    let [client, mut server] = ends("< R 301 ttl 62", "");
    server.unreadable = 1;
    check(&[client, server], &["not comparable (snap-length) 6/-"]);
    // A cut that leaves the header says nothing of options.
    check(&ends("< RA 301 ack 121 ttl 62 id 77 tsval 1 cut", "< RA 301 ack 121 id 77"), &["arrived 6/6: resp likely"]);
}

#[test]
fn a_capture_with_gaps() {
    // The server sent 50 octets that its own capture hasn't.
    let captures = ends("< PA 301 ack 121 len 50 ttl 62\n > A 121 ack 351\n < R 351 ttl 62", "> A 121 ack 351 ttl 62");
    check(&captures, &["not comparable (gaps) 8/-"]);
}

#[test]
fn a_capture_of_one_direction() {
    let server: String =
        AT_SERVER.lines().filter(|line| !line.trim().starts_with('<')).map(|line| format!("{line}\n")).collect();
    let captures = [capture(&format!("{AT_CLIENT}< R 301 ttl 62")), capture(&server)];
    check(&captures, &["not comparable (one-direction) 6/-"]);
}

#[test]
fn on_one_link_the_handshake_tells_the_sides() {
    let captures = [capture(&format!("{BESIDE_CLIENT}< R 301 id 9")), capture(BESIDE_SERVER)];
    check(&captures, &["never-sent 6/-: third-party likely"]);
    let same = [capture(&format!("{BESIDE_CLIENT}< R 301 id 9")), capture(BESIDE_CLIENT)];
    check(&same, &["not comparable (sides-unclear) 6/-"]);
}

#[test]
fn a_capture_on_the_way_knows_less() {
    // The second capture lies one router before the server.
    let between = AT_SERVER.replace("ttl 62", "ttl 63").replace("SA 300 ack 101", "SA 300 ack 101 ttl 63");
    let between = between.replace("A 301 ack 121", "A 301 ack 121 ttl 63");
    let captures = [capture(&format!("{AT_CLIENT}< R 301 ttl 62")), capture(&between)];
    check(&captures, &["never-sent 6/-: third-party possible"]);
    let captures = [capture(&format!("{AT_CLIENT}< R 301 ttl 62")), capture(&format!("{between}< R 301 ttl 63"))];
    check(&captures, &["arrived 6/6"]);
}

#[test]
fn repeated_and_reordered_resets() {
    let captures = ends(
        "< R 301 ttl 62\n < R 301 ttl 62\n < R 401 ttl 62\n < R 501 ttl 62",
        "< R 501\n < R 301\n < R 401\n < R 301\n < R 301",
    );
    let wanted = [
        // An end whose numbers go back is suspect in its own capture too.
        "arrived 6/7: unknown possible",
        "arrived 7/9: resp likely",
        "arrived 8/8: resp likely",
        "arrived 9/6: resp likely",
        "lost -/10: resp likely",
    ];
    check(&captures, &wanted);
}

#[test]
fn joined_data_segments_change_nothing() {
    let captures = ends(
        "< PA 301 ack 121 len 2896 ttl 62\n > A 121 ack 3197\n < RA 3197 ack 121 ttl 62 id 77",
        "< PA 301 ack 121 len 1448\n < PA 1749 ack 121 len 1448\n > A 121 ack 3197 ttl 62\n < RA 3197 ack 121 id 77",
    );
    check(&captures, &["arrived 8/9: resp likely"]);
}

#[test]
fn what_is_not_remembered_is_not_judged() {
    let [client, mut server] = ends("< R 301 ttl 62", "");
    server.bounds.connections = 0;
    check(&[client, server], &["not comparable (too-many) 6/-"]);
    let [client, mut server] = ends("< R 301 ttl 62", "< R 301\n < R 401");
    server.bounds.resets = 0;
    check(&[client, server], &["not comparable (too-many) 6/-"]);
}

const CONVERSATION: &[&str] = &[
    "> S 100",
    "< SA 300 ack 101",
    "> A 101 ack 301",
    "> PA 101 ack 301 len 20",
    "< A 301 ack 121",
    "< PA 301 ack 121 len 3000",
    "< RA 301 ack 121 id 7",
    "< R 301",
    "> R 121",
    "> R 101 ttl 50",
    "< R 301 len 4",
    "> FA 121 ack 301",
    "client 10.0.0.1:40001",
    "client 10.0.0.1:40000",
    "< RA 0 ack 7001",
    "+3s",
];

proptest! {
    #[test]
    fn a_capture_against_itself_arrives(lines in prop::collection::vec(prop::sample::select(CONVERSATION), 0..40)) {
        let capture = capture(&lines.join("\n"));
        let resets = sightings(&lines.join("\n")).iter().filter(|(segment, _)| segment.flags.is_rst()).count();
        let together = brought_together(&capture, &capture);
        prop_assert_eq!(together.pairings.len(), resets);
        for pairing in &together.pairings {
            prop_assert_eq!(&pairing.fate, &Fate::Arrived, "{}", line(pairing));
            let frames = pairing.seen.map(|seen| seen.map(|seen| FrameNumber(seen.segment.frame).number()));
            prop_assert_eq!(frames[0], frames[1]);
        }
    }

    #[test]
    fn the_order_of_the_files_does_not_matter(
        lines in prop::collection::vec(prop::sample::select(CONVERSATION), 0..40),
        lost in prop::collection::vec(any::<bool>(), 80),
    ) {
        let whole = capture(&format!("{AT_CLIENT}{}", lines.join("\n")));
        let mut other = whole.clone();
        let mut lost = lost.into_iter();
        other.segments.retain(|segment| segment.frame <= 5 || !lost.next().unwrap_or(false));
        for segment in &mut other.segments {
            segment.ip.ttl = if segment.destination.port == 9999 { segment.ip.ttl - 2 } else { segment.ip.ttl };
        }
        let mirrored = |pairing: &Pairing| {
            let mut pairing = pairing.clone();
            pairing.seen.swap(0, 1);
            line(&pairing)
        };
        let mut forth: Vec<String> = brought_together(&whole, &other).pairings.iter().map(line).collect();
        let mut back: Vec<String> = brought_together(&other, &whole).pairings.iter().map(mirrored).collect();
        forth.sort();
        back.sort();
        prop_assert_eq!(forth, back);
    }
}

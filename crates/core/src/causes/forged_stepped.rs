//! forged-stepped: several resets at once, so that one of them fits.

mod plays;

use super::card::{CauseId, KernelWord, Opinion, Recogniser, ResetCause};
use crate::reset::{Evidence, Finding, Grounds, REORDERING_NANOS, Reset, Shape, Trace, Value};

/// The card.
pub static CARD: ResetCause = ResetCause {
    id: CauseId("forged-stepped"),
    title: "somebody forged several, with numbers that step or repeat",
    story: "An injector beside the path sees a segment and answers it, while the connection goes on: its number may be \
            stale when it arrives. So it sends several resets at once, each with a number further on by a likely \
            segment, or the same number more than once against loss. The Great Firewall of China is known for both: \
            +0, +1460, +4380 (2006), three of the same (2023). No TCP of its own accord does so: a socket resets once, \
            and a host's replies repeat what asked for them.",
    on_the_wire: "Two or more RSTs under one address within a moment, with nothing received between: the later ones \
                  ahead of all that was sent (often by 1460), or more copies of one than there were segments to \
                  answer.",
    remedy: "As for every forged reset: capture at both ends, look for the origin by its time to live, take another \
             path.",
    decided_by: "a capture at the end that they name: they never left there",
    twin_of: &[CauseId("forged-exact")],
    refines: None,
    references: &[
        "Weaver, Sommer, Paxson: Detecting Forged TCP Reset Packets (NDSS 2009), RST_SEQ_CHANGE",
        "Clayton, Murdoch, Watson: Ignoring the Great Firewall of China (PET 2006)",
    ],
    recognise: Recogniser::Reset(recognise),
    kernel: KernelWord::Silent,
    plays: &plays::PLAYS,
};

/// What one volley takes at most.
const VOLLEY: u64 = 1_000_000_000;

/// What it takes at most where the end that it names sends something between.
const CROSSFIRE: u64 = 100_000_000;

fn recognise(reset: &Reset) -> Opinion {
    let at = reset.segment.at;
    let near = |other: &Trace| {
        let most = if spoke_between(reset, other) { CROSSFIRE } else { VOLLEY };
        at.nanos_since(other.at).max(other.at.nanos_since(at)) <= most
    };
    let (before, next) = (reset.previous().filter(near), reset.after.next_reset.filter(near));
    if before.is_none() && next.is_none() {
        return Opinion::Silent;
    }
    let stepped = [before, next].into_iter().flatten().find(|other| is_step(reset, other));
    if let Some(other) = stepped {
        let away = i64::from(other.seq.distance_from(reset.segment.seq)).abs();
        let evidence = Evidence::supports("two resets under one address {} apart, the higher beyond all that was sent");
        let evidence = evidence.with(Value::Octets(away.unsigned_abs())).on(reset.segment.frame).on(other.frame());
        let sure = reset.foreign().map_or(Finding::Possible, |_| reset.sender.finding);
        // What it sent between may have brought it to the number of a reset of its own.
        let most = if spoke_between(reset, &other) { Finding::Likely } else { Finding::Certain };
        return Opinion::suggests(sure.max(Finding::Likely).min(most), own_grounds(reset, evidence));
    }
    let same = |other: &Trace| other.seq == reset.segment.seq && other.flags.is_ack() == reset.segment.flags.is_ack();
    match before.or(next).filter(same) {
        Some(copy) => judge_copies(reset, copy),
        None => Opinion::Silent,
    }
}

/// Whether the end that both name sent anything but resets between them.
fn spoke_between(reset: &Reset, other: &Trace) -> bool {
    let later = other.frame() > reset.segment.frame;
    let spoke = if later { reset.after.sender_spoke } else { reset.facts.sender.last };
    spoke.is_some_and(|spoke| (spoke.frame() < other.frame()) == later)
}

/// Whether the higher of the two lies beyond what was sent and acknowledged, and nothing asked for it.
fn is_step(reset: &Reset, other: &Trace) -> bool {
    let facts = &reset.facts;
    let ahead = other.seq.distance_from(reset.segment.seq);
    let beyond = |of: Option<i32>| of.is_some_and(|of| of.saturating_add(ahead.max(0)) > 0);
    let asked = reset.after.victim_spoke.is_some_and(|spoke| spoke.ack == other.seq)
        || (ahead < 0 && facts.offending.is_some());
    let seen = facts.both_ways() && facts.shape != Shape::Refusal;
    ahead != 0 && seen && beyond(facts.ahead_of_sent) && beyond(facts.ahead_of_acked) && !asked
}

/// The same reset more than once.
fn judge_copies(reset: &Reset, copy: Trace) -> Opinion {
    let (facts, after) = (&reset.facts, &reset.after);
    let seen = 1 + u64::from(reset.previous().is_some()) + u64::from(after.further_resets);
    let evidence = Evidence::supports("{} resets with the same number").with(Value::Count(seen));
    let evidence = evidence.on(reset.segment.frame).on(copy.frame());
    let asking = u64::from(facts.victim.segments) + u64::from(after.victim_segments);
    let more = match facts.shape {
        Shape::Reply | Shape::Refusal if seen > asking && asking > 0 => {
            Evidence::supports("the victim had sent only {} that they could answer").with(Value::Count(asking))
        }
        Shape::Active | Shape::Other if facts.both_ways() => Evidence::supports("a socket resets its connection once"),
        _ => return Opinion::Silent,
    };
    // A capture on several interfaces has every segment twice.
    let gap = reset.segment.at.nanos_since(copy.at).max(copy.at.nanos_since(reset.segment.at));
    let sure = if seen > 2 || gap > REORDERING_NANOS { Finding::Likely } else { Finding::Possible };
    Opinion::suggests(sure, own_grounds(reset, evidence).and(more.on(reset.segment.frame)))
}

/// The pattern, and what else speaks against the end that it names.
fn own_grounds(reset: &Reset, pattern: Evidence) -> Grounds {
    let mut grounds = Grounds::from(pattern);
    if reset.foreign().is_some()
        && let Some(first) = reset.sender.grounds.iter().next()
    {
        grounds.add(*first);
    }
    grounds
}

#[cfg(test)]
mod tests {
    use super::CARD;
    use crate::testing::{says, told};

    const ASKED: &str = "linux
        > S 100
        < SA 300 ack 101
        > A 101 ack 301
        > PA 101 ack 301 len 20
        ";

    #[test]
    fn yes_three_that_step_by_likely_segments() {
        let volley = format!(
            "{ASKED}
            < R 301
            < R 1761
            < R 4681
            +100ms
            < PA 301 ack 121 len 50
            > R 121"
        );
        let forged = told(&volley);
        assert_eq!(
            forged.iter().filter(|line| line.contains("third-party certain, forged-stepped")).count(),
            3,
            "{forged:#?}"
        );
    }

    #[test]
    fn yes_three_copies_for_one_syn() {
        let copies = "linux
            > S 100
            < RA 0 ack 101
            < RA 0 ack 101
            < RA 0 ack 101";
        assert_eq!(
            says(&CARD, copies),
            "likely: 2 resets with the same number [4, 3]; the victim had sent only 1 that they could answer [4]"
        );
    }

    #[test]
    fn yes_a_socket_that_resets_three_times() {
        let copies = format!(
            "{ASKED}
            < RA 301 ack 121
            < RA 301 ack 121
            < RA 301 ack 121"
        );
        assert_eq!(
            says(&CARD, &copies),
            "likely: 2 resets with the same number [7, 6]; a socket resets its connection once [7]"
        );
    }

    #[test]
    fn near_miss_every_reset_answers_a_segment() {
        let replies = format!(
            "{ASKED}
            > PA 121 ack 301 len 20
            > PA 141 ack 301 len 20
            < R 301
            < R 301
            < R 301"
        );
        assert_eq!(says(&CARD, &replies), "silent");
    }

    #[test]
    fn near_miss_a_reset_behind_lost_data_and_the_second_that_was_asked_for() {
        let lost = format!(
            "{ASKED}
            < PA 301 ack 121 len 50  # lost behind the capture
            < RA 351 ack 121
            > A 121 ack 301          # the challenge
            < R 301"
        );
        assert_eq!(says(&CARD, &lost), "silent");
    }

    #[test]
    fn one_sided_without_the_victim_copies_prove_nothing() {
        let server = "linux
            < SA 300 ack 101
            < PA 301 ack 121 len 50
            < R 351
            < R 351";
        assert_eq!(says(&CARD, server), "silent");
    }
}

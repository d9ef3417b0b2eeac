//! What is left of the wire's verdict by each word of the kernel's, and what an event says.

use rst_storm_core::causes::CauseId;
use rst_storm_core::explain::{Checked, Fused, KernelCheck, KernelSaid, Verdict, check};
use rst_storm_core::kernel::{KernelReset, Mechanism, MechanismSet, Name};
use rst_storm_core::reset::Finding;
use rst_storm_core::testing::judged;

use crate::{STORM, event};

/// A port where nothing listens: no-listener, or firewall-reject.
const REFUSED: &str = "linux
    > S 100
    < RA 0 ack 101";

/// A request that wasn't answered for a while: abort-on-close and much else, an idle timer among it.
const UNANSWERED: &str = "linux
    > S 100
    < SA 300 ack 101
    > A 101 ack 301
    > PA 101 ack 301 len 20
    < A 301 ack 121
    +2s
    < RA 301 ack 121";

/// An answer, a long silence, a reset: linger-zero, or an idle timer that does the same.
const SILENT: &str = "linux
    > S 100
    < SA 300 ack 101
    > A 101 ack 301
    > PA 101 ack 301 len 20
    < PA 301 ack 121 len 50
    > A 121 ack 351
    +30s
    < RA 351 ack 121";

/// A reset from elsewhere between two segments of the end that it names.
const FORGED: &str = "linux
    > S 100
    < SA 300 ack 101 ttl 60
    > A 101 ack 301
    > PA 101 ack 301 len 20
    < A 301 ack 121 ttl 60
    < R 301 ttl 250 id 7 win 0
    < PA 301 ack 121 len 20 ttl 60";

/// Nothing that any card knows.
const ODD: &str = "
    > S 100
    < SA 300 ack 101
    > A 101 ack 301
    < R 9999999 ack 7 win 5";

pub fn verdict(conversation: &str) -> Verdict {
    let judged = judged(conversation);
    assert_eq!(judged.len(), 1, "a conversation with one reset");
    judged[0].verdict
}

pub fn ids(names: &[&'static str]) -> Vec<CauseId> {
    names.iter().copied().map(CauseId).collect()
}

pub fn sent(mechanisms: &[Mechanism]) -> KernelSaid {
    KernelSaid::Sent(MechanismSet::of(mechanisms))
}

pub fn certain(cause: &'static str) -> Fused {
    Fused::Cause(CauseId(cause), Finding::Certain)
}

#[test]
fn a_word_that_allows_the_best_alone_agrees_and_makes_it_certain() {
    for (conversation, mechanism, cause) in [
        (STORM, Mechanism::CloseLingerZero, "linger-zero"),
        (REFUSED, Mechanism::NoSocket, "no-listener"),
        (SILENT, Mechanism::CloseLingerZero, "linger-zero"),
    ] {
        let verdict = verdict(conversation);
        assert_eq!((verdict.cause(), verdict.finding()), (Some(CauseId(cause)), Some(Finding::Likely)));
        let checked = check(&verdict, &sent(&[mechanism]));
        assert_eq!(checked, Checked { check: KernelCheck::Agrees, fused: certain(cause) });
    }
}

#[test]
fn a_word_that_allows_one_twin_narrows_to_it() {
    for (mechanism, cause) in [
        (Mechanism::SocketDestroyed, "administrative-kill"),
        (Mechanism::Disconnect, "disconnect"),
        (Mechanism::ListenerClosed, "listener-closed"),
    ] {
        let checked = check(&verdict(STORM), &sent(&[mechanism]));
        assert_eq!(checked, Checked { check: KernelCheck::Narrows(ids(&[cause])), fused: certain(cause) });
    }
}

#[test]
fn a_word_that_allows_several_leaves_several_and_none_certain() {
    let both = ids(&["disconnect", "linger-zero"]);
    let checked = check(&verdict(STORM), &sent(&[Mechanism::Disconnect, Mechanism::CloseLingerZero]));
    assert_eq!(checked, Checked { check: KernelCheck::Narrows(both.clone()), fused: Fused::Several(both) });
}

#[test]
fn a_word_that_allows_nothing_of_it_disagrees_and_both_are_kept() {
    let checked = check(&verdict(REFUSED), &sent(&[Mechanism::KeepaliveTimeout]));
    let allowed = KernelCheck::Disagrees(ids(&["keepalive-timeout"]));
    assert_eq!(checked, Checked { check: allowed, fused: Fused::Nothing });
    let KernelCheck::Disagrees(allowed) = check(&verdict(STORM), &sent(&[Mechanism::CloseUnread])).check else {
        panic!("data that was left unread is not what the wire shows")
    };
    assert!(allowed.contains(&CauseId("abort-on-close")) && !allowed.contains(&CauseId("linger-zero")), "{allowed:?}");
}

#[test]
fn a_mechanism_that_no_card_knows_disagrees_and_allows_nothing() {
    let checked = check(&verdict(STORM), &sent(&[Mechanism::AbortOnMemory]));
    assert_eq!(checked, Checked { check: KernelCheck::Disagrees(Vec::new()), fused: Fused::Nothing });
}

#[test]
fn without_a_word_the_wire_stands() {
    let said = KernelSaid::NotWatched("nobody asked".to_owned());
    for conversation in [STORM, REFUSED, FORGED, ODD] {
        let checked = check(&verdict(conversation), &said);
        let why = KernelCheck::NotWatched("nobody asked".to_owned());
        assert_eq!(checked, Checked { check: why, fused: Fused::AsWire });
    }
}

#[test]
fn silence_is_a_word_and_means_what_no_hosts_tcp_sends() {
    let firewall =
        Checked { check: KernelCheck::Narrows(ids(&["firewall-reject"])), fused: certain("firewall-reject") };
    assert_eq!(check(&verdict(REFUSED), &KernelSaid::Nothing(Finding::Certain)), firewall);
    let forged = Checked { check: KernelCheck::Agrees, fused: certain("forged-exact") };
    assert_eq!(check(&verdict(FORGED), &KernelSaid::Nothing(Finding::Certain)), forged);
    let Checked { check: KernelCheck::Disagrees(allowed), fused: Fused::Nothing } =
        check(&verdict(STORM), &KernelSaid::Nothing(Finding::Certain))
    else {
        panic!("none of what the wire suggests is made without the host's TCP")
    };
    assert!(allowed.contains(&CauseId("forged-exact")) && allowed.contains(&CauseId("firewall-reject")), "{allowed:?}");
    // And a word from a host whose reset the wire takes for a stranger's contradicts the wire.
    let spoken = check(&verdict(FORGED), &sent(&[Mechanism::CloseLingerZero]));
    assert_eq!(spoken.fused, Fused::Nothing, "{spoken:?}");
}

#[test]
fn an_occasion_is_no_rival_of_what_it_is_an_occasion_of() {
    let verdict = verdict(SILENT);
    let twins: Vec<CauseId> = verdict.twins().into_iter().map(|(twin, _)| twin).collect();
    assert!(twins.contains(&CauseId("idle-timeout")), "{twins:?}");
    let checked = check(&verdict, &sent(&[Mechanism::CloseLingerZero, Mechanism::Disconnect]));
    assert_eq!(checked.fused, Fused::Several(ids(&["disconnect", "linger-zero"])));
}

/// The kernel tells a process that closes from one that dies. While it doesn't say which it was, neither is certain.
#[test]
fn an_occasion_that_the_kernel_tells_apart_is_a_rival() {
    let verdict = verdict(UNANSWERED);
    let checked = check(&verdict, &sent(&[Mechanism::CloseUnread, Mechanism::DeathUnread]));
    let Fused::Several(left) = &checked.fused else { panic!("{checked:?}") };
    assert!(left.contains(&CauseId("abort-on-close")), "{left:?}");
    assert!(left.contains(&CauseId("crash-with-unread-data")), "{left:?}");
    let died = check(&verdict, &sent(&[Mechanism::DeathUnread]));
    assert_eq!(died.fused, certain("crash-with-unread-data"));
}

#[test]
fn a_verdict_that_abstains_excludes_only_what_a_card_refutes() {
    let verdict = verdict(ODD);
    assert_eq!((verdict.cause(), verdict.twins().len()), (None, 0));
    let checked = check(&verdict, &sent(&[Mechanism::KeepaliveTimeout]));
    match (&checked.check, &checked.fused) {
        (KernelCheck::Narrows(left), Fused::Cause(cause, _)) => assert_eq!(left, &[*cause]),
        (KernelCheck::Disagrees(allowed), Fused::Nothing) => assert_eq!(allowed, &ids(&["keepalive-timeout"])),
        other => panic!("{other:?}"),
    }
    let killed = check(&verdict, &sent(&[Mechanism::SocketDestroyed]));
    assert_eq!(killed.fused, certain("administrative-kill"), "no card has refuted it");
    assert_eq!(
        killed.check,
        KernelCheck::Narrows(ids(&["administrative-kill"])),
        "nothing agrees with what was not said"
    );
    let silent = check(&verdict, &KernelSaid::Nothing(Finding::Certain));
    let Fused::Several(left) = &silent.fused else { panic!("{silent:?}") };
    assert!(left.iter().all(|cause| cause.0.starts_with("forged") || cause.0 == "firewall-reject"), "{left:?}");
}

// What an event says.

#[test]
fn an_event_says_its_mechanisms() {
    assert_eq!(KernelSaid::of(&event(0)), sent(&[Mechanism::CloseLingerZero]));
    let without_stack = KernelReset { stack: Vec::new(), ..event(0) };
    assert_eq!(KernelSaid::of(&without_stack), sent(&[Mechanism::CloseLingerZero, Mechanism::Disconnect]));
}

#[test]
fn a_reason_that_says_nothing_is_never_a_wrong_word() {
    let reason = |name: Option<&str>| KernelReset { reason: name.map(Name::from), ..event(0) };
    let mut impossible = event(0);
    impossible.reason = Some(Name::from("TCP_TIMEWAIT_SOCKET"));
    for event in
        [reason(None), reason(Some("NOT_SPECIFIED")), reason(Some("OF_NEXT_YEAR")), reason(Some("")), impossible]
    {
        let said = KernelSaid::of(&event);
        let KernelSaid::NotWatched(why) = &said else { panic!("{event:?} says {said:?}") };
        assert!(event.reason.as_ref().is_none_or(|reason| why.contains(&**reason)), "{why}");
        assert_eq!(check(&verdict(STORM), &said).fused, Fused::AsWire);
    }
}

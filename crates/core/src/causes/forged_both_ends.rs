//! forged-both-ends: somebody between reset both ends at once.

mod plays;

use super::card::{CauseId, KernelWord, Opinion, Recogniser, ResetCause};
use crate::reset::{Evidence, Finding, Grounds, Reset};

/// The card.
pub static CARD: ResetCause = ResetCause {
    id: CauseId("forged-both-ends"),
    title: "somebody between the ends reset both of them at once",
    story: "A device on the path that ends a connection cleanly tells both ends: a RST to each, under the address of \
            the other. Intrusion prevention systems (Snort's resetboth, Palo Alto's reset-both), load balancers that \
            reset idle connections, and connection killers do so. Neither end sent one.",
    on_the_wire: "Two RSTs in opposite directions within a moment, each with the number that its receiver expects, and \
                  nothing between that could have made one the answer to the other. It shows only in a capture between \
                  the device and both ends.",
    remedy: "Ask the devices on the path for their log of that moment: the rule or the idle timeout is named there.",
    decided_by: "captures at both ends: each received a reset, neither sent one; the counter OutRsts of both stays \
                 still",
    twin_of: &[CauseId("forged-exact"), CauseId("idle-timeout"), CauseId("administrative-kill")],
    refines: None,
    references: &[
        "Weaver, Sommer, Paxson: Detecting Forged TCP Reset Packets (NDSS 2009)",
        "Snort 3 active response; Palo Alto security profile action reset-both; Azure Load Balancer TCP reset on idle",
    ],
    recognise: Recogniser::Reset(recognise),
    kernel: KernelWord::Silent,
    plays: &plays::PLAYS,
};

fn recognise(reset: &Reset) -> Opinion {
    let Some(other) = reset.crossing() else {
        return Opinion::Silent;
    };
    let both = Evidence::supports("both ends are reset in the same instant, each under the other's address");
    let both = both.on(reset.segment.frame).on(other.frame());
    let mut grounds = Grounds::from(both);
    let foreign = reset.foreign().is_some();
    if let Some(own) = reset.sender.grounds.iter().find(|own| foreign && **own != both) {
        grounds.add(*own);
    }
    // Two programs may give up in the same instant; a host whose kernel replies knows nothing of the connection.
    let live = reset.is_active() || (other.flags.is_ack() && other.window > 0);
    let sure = if foreign || !live { Finding::Likely } else { Finding::Possible };
    Opinion::suggests(sure, grounds)
}

#[cfg(test)]
mod tests {
    use super::CARD;
    use crate::testing::says;

    const OPEN: &str = "linux
        > S 100
        < SA 300 ack 101
        > A 101 ack 301
        > PA 101 ack 301 len 20
        < PA 301 ack 121 len 50
        > A 121 ack 351
        +20s
        ";

    #[test]
    fn yes_an_idle_connection_is_cut_at_both_ends() {
        let cut = format!(
            "{OPEN}
            < R 351
            > R 121"
        );
        assert_eq!(
            says(&CARD, &cut),
            "likely: both ends are reset in the same instant, each under the other's address [8, 7]; \
             the last segment that it could answer came 20.0 s before: nothing asked for it [5, 8]"
        );
    }

    #[test]
    fn near_miss_two_live_sockets_may_give_up_at_once() {
        let killed = format!(
            "{OPEN}
            < RA 351 ack 121
            > RA 121 ack 351"
        );
        assert_eq!(
            says(&CARD, &killed),
            "possible: both ends are reset in the same instant, each under the other's address [8, 7]"
        );
    }

    #[test]
    fn near_miss_two_windows_hosts_give_up_at_once() {
        let killed = OPEN.replace("linux", "windows") + "< RA 351 ack 121\n> RA 121 ack 351";
        assert_eq!(
            says(&CARD, &killed),
            "possible: both ends are reset in the same instant, each under the other's address [8, 7]"
        );
    }

    #[test]
    fn near_miss_the_second_reset_answers_what_the_first_end_still_sends() {
        let zombie = format!(
            "{OPEN}
            < R 351
            < PA 351 ack 121 len 50
            > R 121"
        );
        assert_eq!(says(&CARD, &zombie), "silent");
    }

    #[test]
    fn near_miss_the_second_reset_comes_later() {
        let later = format!(
            "{OPEN}
            < R 351
            +1s
            > R 121"
        );
        assert_eq!(says(&CARD, &later), "silent");
    }

    #[test]
    fn one_sided_only_one_of_them_was_captured() {
        let one = format!(
            "{OPEN}
            < R 351"
        );
        assert_eq!(says(&CARD, &one), "silent");
    }
}

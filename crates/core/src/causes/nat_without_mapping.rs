//! nat-without-mapping: an address translator let a segment through untranslated.

mod plays;

use super::card::{CauseId, KernelWord, Opinion, Recogniser, ResetCause};
use crate::kernel::Mechanism;
use crate::reset::{Evidence, Finding, Grounds, Progress, Reset, Shape};

/// The card.
pub static CARD: ResetCause = ResetCause {
    id: CauseId("nat-without-mapping"),
    title: "a segment passed the address translation untranslated",
    story: "A client talks to an address that a NAT box turns into the server's. A segment of the server that the box \
            doesn't count to the connection keeps the server's own address: its tracking entry has expired or was \
            flushed, or the segment lies outside the window that conntrack believes in (INVALID) and no rule drops it. \
            The client knows nobody of that address and answers with a RST. The RST does pass the box, and the \
            server's connection dies; the client notices only when it sends. Kubernetes services met it as resets of \
            long downloads.",
    on_the_wire: "A segment from an address that the client never spoke to, and a RST of the client to that address, \
                  with the numbers of a connection that the client has with another address, from the same port.",
    remedy: "Drop what is invalid before it leaves untranslated (ct state invalid drop in forward), or set \
             net.netfilter.nf_conntrack_tcp_be_liberal = 1; let the tracking timeout outlast the idle connections.",
    decided_by: "on the box: the counter of a ct state invalid rule, conntrack -S (invalid), conntrack -E -e DESTROY",
    twin_of: &[CauseId("stray-segment"), CauseId("firewall-reject")],
    refines: None,
    references: &[
        "Linux net/netfilter/nf_conntrack_proto_tcp.c tcp_in_window; sysctl nf_conntrack_tcp_be_liberal",
        "Kubernetes blog 2019-03-29, kube-proxy Subtleties: Debugging an Intermittent Connection Reset",
    ],
    recognise: Recogniser::Reset(recognise),
    kernel: KernelWord::Says(&[Mechanism::NoSocket, Mechanism::UnknownOnListener]),
    plays: &plays::PLAYS,
};

fn recognise(reset: &Reset) -> Opinion {
    let facts = &reset.facts;
    if facts.shape != Shape::Reply {
        return Opinion::Silent;
    }
    if facts.sender.segments > 0 {
        return judge_beyond(reset);
    }
    if let Some(evidence) = reset.foreign() {
        return Opinion::Against(evidence);
    }
    let frame = reset.segment.frame;
    let asked = facts.offending;
    let unspoken = Evidence::supports("the host resets an address that it hadn't spoken to");
    let unspoken = asked.map_or(unspoken, |asked| unspoken.on(asked.frame())).on(frame);
    let Some(known) = reset.neighbours.translated else {
        // Data out of the blue has a connection somewhere; which one isn't in the capture.
        let data = asked.is_some_and(|asked| asked.len > 0) && facts.victim.segments == 1;
        let data = data && reset.neighbours.earlier.is_none();
        return if data { Opinion::suggests(Finding::Possible, unspoken) } else { Opinion::Silent };
    };
    let same =
        Evidence::supports("from the same port, and with the same numbers, it has a connection with another address");
    Opinion::suggests(Finding::Likely, Grounds::from(unspoken).and(same.on(known.first_frame)))
}

/// Between the box and the server both ends look like themselves: it is one way in which a client forgets.
fn judge_beyond(reset: &Reset) -> Opinion {
    let facts = &reset.facts;
    let lost = facts.progress == Progress::Data && facts.sender.fin.is_none() && facts.victim.fin.is_none();
    let fresh = reset.others_reset().is_none() && reset.previous().is_none() && reset.foreign().is_none();
    let Some(asked) = facts.offending.filter(|asked| lost && fresh && asked.len > 0 && reset.is_asked()) else {
        return Opinion::Silent;
    };
    if reset.is_by_server() {
        return Opinion::Silent;
    }
    let forgot = Evidence::supports("a client resets the data of its server as if it had never spoken to it");
    Opinion::suggests(Finding::Possible, forgot.on(asked.frame()).on(reset.segment.frame))
}

#[cfg(test)]
mod tests {
    use super::CARD;
    use crate::testing::says;

    const KNOWN: &str = "linux
        server 10.77.9.9:80          # the address that the client knows
        > S 100
        < SA 300 ack 101
        > A 101 ack 301
        > PA 101 ack 301 len 20
        < PA 301 ack 121 len 50
        > A 121 ack 351
        server 10.77.2.1:8080        # the server's own
        ";

    #[test]
    fn yes_a_segment_passed_untranslated() {
        let untranslated = format!(
            "{KNOWN}
            < PA 300351 ack 121 len 20
            > R 121"
        );
        assert_eq!(
            says(&CARD, &untranslated),
            "likely: the host resets an address that it hadn't spoken to [7, 8]; \
             from the same port, and with the same numbers, it has a connection with another address [1]"
        );
    }

    #[test]
    fn near_miss_the_numbers_are_not_those_of_the_connection() {
        let stray = format!(
            "{KNOWN}
            < PA 300351 ack 90000121 len 20
            > R 90000121"
        );
        assert_eq!(says(&CARD, &stray), "possible: the host resets an address that it hadn't spoken to [7, 8]");
    }

    #[test]
    fn near_miss_a_server_resets_the_data_of_its_client() {
        let server = "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            > PA 101 ack 301 len 20
            < R 301";
        assert_eq!(says(&CARD, server), "silent");
    }

    #[test]
    fn one_sided_between_the_box_and_the_server_the_client_has_only_forgotten() {
        let server_side = "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            < PA 300301 ack 101 len 20
            > R 101";
        assert_eq!(
            says(&CARD, server_side),
            "possible: a client resets the data of its server as if it had never spoken to it [4, 5]"
        );
    }

    #[test]
    fn one_sided_behind_the_box_the_other_address_is_not_seen() {
        let behind = "linux
            < PA 351 ack 121 len 20
            > R 121";
        assert_eq!(says(&CARD, behind), "possible: the host resets an address that it hadn't spoken to [1, 2]");
    }
}

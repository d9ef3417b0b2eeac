//! Who sent a reset: for each kind of evidence a conversation that has only it, the near miss that hasn't, and look-alikes that
//! must not be taken for a third party's.
//!
//! Four kinds bear the names of Weaver, Sommer and Paxson, Detecting Forged TCP Reset Packets (NDSS 2009).

use rst_storm_core::testing::judged;

/// A request and its answer between two Linux hosts; seven segments, so that their IP ids and timestamps are known.
const OPEN: &str = "linux
    > S 100
    < SA 300 ack 101
    > A 101 ack 301
    > PA 101 ack 301 len 20
    < A 301 ack 121
    < PA 301 ack 121 len 50
    < PA 351 ack 121 len 50
    > A 121 ack 401
    ";

/// Who sent the reset of this frame, how sure that is, and why.
fn sender(conversation: &str, frame: u64) -> String {
    let resets = judged(conversation);
    let found = resets.iter().find(|judged| judged.reset.segment.frame == frame);
    let sender = &found.unwrap_or_else(|| panic!("no reset in frame {frame}")).reset.sender;
    let grounds: Vec<String> = sender.grounds.iter().map(ToString::to_string).collect();
    format!("{} {}: {}", sender.who.word(), sender.finding, grounds.join("; "))
}

/// The same of what comes after [`OPEN`], whose first segment is frame 9.
fn after_open(rest: &str) -> String {
    sender(&format!("{OPEN}{rest}"), 9)
}

fn assert_begins(said: &str, wanted: &str) {
    assert!(said.starts_with(wanted), "{said}");
}

#[test]
fn a_socket_resets_with_its_own_header() {
    assert_eq!(
        after_open("< RA 401 ack 121"),
        "resp likely: its IP id is the next of that end's; its timestamp goes on from that end's others; \
         its number is that end's next; its time to live, 64, is that of the end's other segments"
    );
}

#[test]
fn a_host_replies_to_what_came() {
    let reply = format!("{OPEN}> PA 121 ack 401 len 20\n< R 401");
    assert_eq!(
        sender(&reply, 10),
        "resp likely: its number repeats what the victim had acknowledged 1.00 ms before; \
         its time to live, 64, is that of the end's other segments"
    );
}

// Strong: no standard-compliant end does it. One is enough.

#[test]
fn rst_seq_data_the_end_goes_on() {
    assert_eq!(
        after_open("< RA 401 ack 121\n+50ms\n< PA 401 ack 121 len 50"),
        "third-party likely: the end that it names goes on sending 51.0 ms later, beyond the reset's number (RST_SEQ_DATA)"
    );
}

#[test]
fn rst_seq_data_is_data_beyond_the_number() {
    // What the reset overtook in the capturing machine ends where it begins.
    let overtaken = format!("{OPEN}pace 50us\n< RA 451 ack 121 id 5005\n< PA 401 ack 121 len 50 id 5004");
    assert_begins(&sender(&overtaken, 9), "resp possible: ");
}

#[test]
fn a_refused_syn_is_not_answered_as_well() {
    let forged = "linux
        > S 100
        < RA 0 ack 101
        < SA 300 ack 101";
    assert_eq!(
        sender(forged, 2),
        "third-party likely: the end that it names answers the SYN that it refuses with a SYN-ACK 1.00 ms later"
    );
}

#[test]
fn of_two_syns_one_may_be_refused_and_the_other_answered() {
    let started = "linux
        > S 100
        +1s
        > S 100
        < RA 0 ack 101
        < SA 300 ack 101";
    assert_begins(&sender(started, 3), "unknown possible: ");
}

#[test]
fn rst_seq_change_a_second_reset_beyond_all_that_was_sent() {
    assert_begins(
        &after_open("< RA 401 ack 121\n< RA 1861 ack 121"),
        "third-party likely: a further reset +1460 octets ahead of it, beyond all that was sent (RST_SEQ_CHANGE)",
    );
}

#[test]
fn rst_seq_change_is_not_a_reply_to_each_of_two_segments() {
    let replies = format!("{OPEN}> A 121 ack 351\n> A 121 ack 401\n< R 351\n< R 401");
    assert_begins(&sender(&replies, 11), "resp likely: ");
    assert_begins(&sender(&replies, 12), "resp likely: ");
}

// Medium: it happens, or the capture may mislead. One makes the sender unknown, two make a third party likely.

#[test]
fn an_end_that_has_reset_says_nothing_more() {
    assert_eq!(
        after_open("< RA 401 ack 121\n< A 401 ack 121"),
        "unknown possible: the end that it names still speaks 1.00 ms later"
    );
    assert_begins(&after_open("pace 100us\n< RA 401 ack 121\n< A 401 ack 121"), "resp possible: ");
}

#[test]
fn data_seq_rst_a_number_behind_what_was_sent() {
    assert_eq!(
        after_open("< RA 351 ack 121"),
        "unknown possible: its number lies -50 octets from what that end had sent (DATA_SEQ_RST)"
    );
}

#[test]
fn rst_ack_change_two_resets_acknowledge_different_numbers() {
    assert_eq!(
        after_open("< RA 401 ack 121\n< RA 401 ack 101"),
        "unknown possible: its resets acknowledge different numbers, with nothing received between (RST_ACK_CHANGE)"
    );
    // Something was received between.
    let between = "< RA 401 ack 121\n> PA 121 ack 401 len 20\n< RA 401 ack 141";
    assert_begins(&after_open(between), "resp likely: ");
}

#[test]
fn it_acknowledges_what_was_never_sent() {
    assert_eq!(
        after_open("< RA 401 ack 5121"),
        "unknown possible: it acknowledges +5000 octets that the victim never sent"
    );
    // It was sent: the capture shows it just after.
    assert_begins(&after_open("pace 50us\n< RA 401 ack 141\n> PA 121 ack 401 len 20"), "resp likely: ");
}

#[test]
fn a_reply_answers_something() {
    let unasked = "unknown possible: no segment of the victim acknowledges its number: a reply must answer one";
    assert_eq!(after_open("< R 5401"), unasked);
    // The segment that it answers was captured just after it.
    assert_begins(&after_open("pace 50us\n< R 5401\n> A 121 ack 5401"), "resp possible: ");
    // One of the victim's earlier acknowledgments may have asked for it.
    assert_begins(&after_open("< R 351"), "resp possible: ");
}

#[test]
fn a_reply_is_asked_for_just_before() {
    assert_eq!(
        after_open("+10s\n< R 401"),
        "unknown possible: the last segment that it could answer came 10.0 s before: nothing asked for it"
    );
    assert_begins(&after_open("+500ms\n< R 401"), "resp likely: ");
}

const FAR: &str = "linux
    > S 100
    +80ms
    < SA 300 ack 101
    > A 101 ack 301
    > PA 101 ack 301 len 20
    +80ms
    < PA 301 ack 121 len 50
    ";

#[test]
fn a_reply_takes_the_way_there_and_back() {
    let near = format!("{FAR}> PA 121 ack 351 len 20\n+10ms\n< R 351");
    assert_eq!(
        sender(&near, 7),
        "unknown possible: it came 11.0 ms after what it answers, and the way to that end and back takes 81.0 ms"
    );
    let there = format!("{FAR}> PA 121 ack 351 len 20\n+80ms\n< R 351");
    assert_begins(&sender(&there, 7), "resp likely: ");
    // Which of three equal acknowledgments it answers can't be told: perhaps the first.
    let pipelined = format!(
        "{FAR}> PA 121 ack 351 len 20\n+70ms\n> PA 141 ack 351 len 20\n> PA 161 ack 351 len 20\n+10ms\n< R 351"
    );
    assert_begins(&sender(&pipelined, 9), "resp likely: ");
}

#[test]
fn a_sockets_segments_have_one_time_to_live() {
    assert_eq!(
        after_open("< RA 401 ack 121 ttl 57"),
        "unknown possible: its time to live is 57, that of the end's other segments 64"
    );
    // Where the path changes, so does the time to live.
    let rerouted = OPEN.replace("< A 301 ack 121", "< A 301 ack 121 ttl 63");
    assert_begins(&sender(&format!("{rerouted}< RA 401 ack 121 ttl 57"), 9), "resp likely: ");
}

#[test]
fn both_ends_are_reset_in_one_instant() {
    let both = "both ends are reset in the same instant, each under the other's address";
    let idle = "the last segment that it could answer came 10.0 s before: nothing asked for it";
    let crossing = format!("{OPEN}+10s\n< R 401\n> R 121");
    assert_eq!(sender(&crossing, 9), format!("third-party likely: {both}; {idle}"));
    // Two live sockets may give up at once, as when one process that has both ends dies.
    let killed = format!("{OPEN}+10s\n< RA 401 ack 121\n> RA 121 ack 401");
    assert_eq!(sender(&killed, 9).split(':').next(), Some("resp possible"));
    // A second later one may be the answer to what the other didn't take.
    assert_begins(&after_open("< RA 401 ack 121\n+1s\n> RA 121 ack 401"), "resp likely: ");
}

#[test]
fn a_host_refuses_nothing_in_a_connection_that_it_knows() {
    assert_eq!(after_open("< RA 0 ack 5121"), "unknown possible: it refuses a segment that isn't in the capture");
}

// Medium where the end's other segments fit Linux, and else weak or nothing.

#[test]
fn linux_counts_ip_ids() {
    assert_eq!(
        after_open("< RA 401 ack 121 id 48879"),
        "unknown possible: its IP id is 48879 where the socket's next is 5004"
    );
    assert_eq!(after_open("< RA 401 ack 121 id 0"), "unknown possible: its IP id is 0 where a socket counts");
    // The capture may have missed a few.
    assert_begins(&after_open("< RA 401 ack 121 id 5008"), "resp possible: ");
}

#[test]
fn linux_keeps_timestamps_and_window() {
    assert_eq!(after_open("< RA 401 ack 121 tsval 0"), "unknown possible: its timestamp is older than that end's last");
    // What macOS leaves out of its resets, Linux doesn't.
    let bare = |rest: &str| after_open(&format!("macos\n{rest}"));
    assert_eq!(
        bare("< RA 401 ack 121 id 5004"),
        "unknown possible: it has no timestamps, and that end's other segments do (RFC 7323 section 3.2)"
    );
    assert_eq!(
        bare("< RA 401 ack 121 id 5004 win 0"),
        "third-party likely: it has no timestamps, and that end's other segments do (RFC 7323 section 3.2); \
         its window is 0, and that end's last wasn't"
    );
    // A full receive buffer closes a live socket's window too.
    assert_begins(&after_open("< RA 401 ack 121 win 0"), "resp likely: ");
}

#[test]
fn linux_replies_with_the_ip_id_0_and_no_acknowledgment() {
    let other_id = format!("{OPEN}> PA 121 ack 401 len 20\n< R 401 id 48879");
    assert_eq!(sender(&other_id, 10), "unknown possible: its IP id is 48879 where Linux replies with 0");
    let acked = format!("{OPEN}> PA 121 ack 401 len 20\n< R 401 ack 77");
    assert_eq!(
        sender(&acked, 10),
        "unknown possible: it bears an acknowledgment number without ACK, where Linux puts 0"
    );
}

// Weak: unusual. The end stays the sender, less surely.

#[test]
fn a_challenge_ack_disputes_the_number() {
    let lost = "< PA 401 ack 121 len 50\n< RA 451 ack 121\n> A 121 ack 401";
    assert_begins(&sender(&format!("{OPEN}{lost}"), 10), "resp possible: ");
    // The end's own host settles it: it has no connection any more.
    let settled = format!("{OPEN}{lost}\n< R 401");
    assert_begins(&sender(&settled, 10), "resp likely: ");
    assert_begins(&sender(&settled, 12), "resp likely: ");
}

#[test]
fn a_number_ahead_may_lie_behind_segments_that_the_capture_missed() {
    let missed = after_open("< RA 5401 ack 121 id 5008");
    assert_begins(&missed, "resp possible: ");
    assert!(missed.ends_with("its number lies +5000 octets ahead of what that end had sent"), "{missed}");
    // The victim has acknowledged them.
    let acknowledged = sender(&format!("{OPEN}> A 121 ack 5401\n< RA 5401 ack 121 id 5004"), 10);
    assert_begins(&acknowledged, "resp likely: ");
}

#[test]
fn a_fin_may_be_sent_again() {
    let closed = "< FA 401 ack 121\n> PA 121 ack 401 len 20\n< R 401\n+300ms\n< FA 401 ack 121";
    let said = sender(&format!("{OPEN}{closed}"), 11);
    assert_begins(&said, "resp possible: ");
    assert!(said.ends_with("the end that it names sends its FIN again 301 ms later"), "{said}");
}

// How they add up.

#[test]
fn a_strong_one_with_any_other_is_certain() {
    let strong = "< RA 401 ack 121 ttl 57\n+50ms\n< PA 401 ack 121 len 50";
    assert_begins(&after_open(strong), "third-party certain: ");
    let twice = "< RA 401 ack 121\n< RA 1861 ack 121\n+50ms\n< PA 401 ack 121 len 50";
    assert_begins(&after_open(twice), "third-party certain: ");
}

#[test]
fn two_medium_ones_make_it_likely() {
    assert_begins(&after_open("< RA 401 ack 121 ttl 57 id 48879"), "third-party likely: ");
}

#[test]
fn two_weak_ones_leave_it_unknown() {
    let reply = format!("{OPEN}> PA 121 ack 401 len 20\n< R 401 ttl 57");
    assert_begins(&sender(&reply, 10), "resp possible: ");
    let both = "linux
        > S 100
        < SA 300 ack 101
        > A 101 ack 301
        < R 301 ttl 57 id 48879";
    assert_begins(&sender(both, 4), "unknown possible: ");
}

#[test]
fn what_is_known_of_linux_alone_counts_only_against_linux() {
    // Without timestamps and window, with an IP id far off: three of Linux's rules broken.
    let broken = "macos\n< RA 401 ack 121 win 0 id 48879";
    assert_begins(&after_open(broken), "third-party likely: ");
    for stack in ["windows", "macos"] {
        let other = OPEN.replace("linux", stack);
        let ttl = if stack == "windows" { 128 } else { 64 };
        let said = sender(&format!("{other}{broken} ttl {ttl}"), 9);
        assert_begins(&said, "resp possible: ");
    }
    // Of a host that has sent one SYN-ACK it isn't known what it is.
    let fresh = "linux
        > S 100
        < SA 300 ack 101
        > A 101 ack 301
        macos
        < RA 301 ack 101 id 48879";
    assert_begins(&sender(fresh, 4), "resp possible: ");
}

// Look-alikes.

#[test]
fn a_client_resets_a_wrong_syn_ack_and_goes_on() {
    let goes_on = "linux
        > S 100
        < SA 300 ack 5000101
        > R 5000101
        < SA 700 ack 101
        > A 101 ack 701
        > PA 101 ack 701 len 20";
    assert_begins(&sender(goes_on, 3), "orig likely: ");
}

#[test]
fn a_listener_resets_a_wrong_last_ack_and_waits_on() {
    let waits = "linux
        > S 100
        < SA 300 ack 101
        > A 101 ack 777
        < R 777
        +1s
        < SA 300 ack 101
        > A 101 ack 301
        < PA 301 ack 101 len 50";
    assert_begins(&sender(waits, 4), "resp likely: ");
}

#[test]
fn a_program_with_a_tcp_of_its_own_goes_on_beside_its_kernel() {
    let raw = "linux
        > S 100
        < SA 300 ack 101
        > R 101                      # the kernel
        > A 101 ack 301              # the program
        > PA 101 ack 301 len 20";
    assert_begins(&sender(raw, 3), "unknown possible: ");
}

#[test]
fn a_reply_overtakes_data_that_is_still_paced() {
    // close() had queued the answer and the FIN; the request that comes then is reset at once.
    let paced = format!(
        "{OPEN}< PA 401 ack 121 len 1000
         > PA 121 ack 401 len 20
         < R 401
         +4ms
         < PA 1401 ack 121 len 1000
         < FA 2401 ack 121"
    );
    assert_begins(&sender(&paced, 11), "unknown possible: ");
}

#[test]
fn a_socket_may_have_a_time_to_live_of_its_own() {
    let own = OPEN.replace("< SA 300 ack 101", "< SA 300 ack 101 ttl 100");
    let own = own.replace("len 50", "len 50 ttl 100").replace("< A 301 ack 121", "< A 301 ack 121 ttl 100");
    assert_begins(&sender(&format!("{own}< RA 401 ack 121 ttl 100"), 9), "resp likely: ");
    assert_begins(&sender(&format!("{own}> PA 121 ack 401 len 20\n< R 401 ttl 64"), 10), "resp possible: ");
}

#[test]
fn a_load_balancer_may_reset_with_its_own_time_to_live() {
    assert_begins(&after_open("< RA 401 ack 121 ttl 255"), "unknown possible: ");
    let reply = format!("{OPEN}> PA 121 ack 401 len 20\n< R 401 ttl 255");
    assert_begins(&sender(&reply, 10), "resp possible: ");
}

#[test]
fn windows_counts_ids_everywhere_and_resets_without_a_window() {
    let windows = OPEN.replace("linux", "windows");
    assert_begins(&sender(&format!("{windows}< RA 401 ack 121"), 9), "resp possible: ");
    // Its replies bear an IP id and an acknowledgment number.
    let reply = format!("{windows}> PA 121 ack 401 len 20\n< R 401 ack 121");
    assert_begins(&sender(&reply, 10), "resp likely: ");
}

#[test]
fn macos_puts_ip_ids_of_0_and_no_timestamps_into_resets() {
    let macos = OPEN.replace("linux", "macos");
    assert_begins(&sender(&format!("{macos}< RA 401 ack 121"), 9), "resp possible: ");
    assert_begins(&sender(&format!("{macos}> PA 121 ack 401 len 20\n< R 401"), 10), "resp likely: ");
}

#[test]
fn a_reset_that_was_captured_twice_is_one() {
    assert_begins(&after_open("pace 10us\n< RA 401 ack 121 id 5004\n< RA 401 ack 121 id 5004"), "resp likely: ");
}

#[test]
fn with_one_direction_only_little_is_said_of_numbers() {
    let server = "linux
        < SA 300 ack 101
        < A 301 ack 121
        < PA 301 ack 121 len 50
        < PA 351 ack 121 len 50
        ";
    assert_begins(&sender(&format!("{server}< R 5401"), 5), "resp possible: ");
    assert_begins(&sender(&format!("{server}< RA 401 ack 5121"), 5), "resp likely: ");
    // That it goes on shows in one direction as well.
    let zombie = format!("{server}< R 401\n+1s\n< PA 401 ack 141 len 50");
    assert_begins(&sender(&zombie, 5), "third-party likely: ");
}

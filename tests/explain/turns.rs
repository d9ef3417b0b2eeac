//! Conversations that several tests use.

use std::fmt::Write;

/// A server that resets what it has accepted.
pub const RESET: &str = "linux
    > S 100
    < SA 300 ack 101
    > A 101 ack 301
    < RA 301 ack 101";

/// A port where nothing listens.
pub const REFUSED: &str = "linux
    > S 100
    < RA 0 ack 101";

/// A request, an answer, and an end without a reset.
pub const CLOSED: &str = "linux
    > S 100
    < SA 300 ack 101
    > A 101 ack 301
    > PA 101 ack 301 len 20
    < PA 301 ack 121 len 50
    > FA 121 ack 351
    < FA 351 ack 122
    > A 122 ack 352";

/// Linux hosts with the longest of addresses.
pub const IPV6: &str = "linux
    client [2001:db8:1111:2222:3333:4444:5555:6666]:40000
    server [2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff]:50443";

/// A request that was never answered.
pub const UNANSWERED: &str = "linux
    > S 100
    < SA 300 ack 101
    > A 101 ack 301
    > PA 101 ack 301 len 20
    < A 301 ack 121
    +2s
    < RA 301 ack 121";

/// So many clients, one after the other, each reset once accepted.
pub fn storm(clients: u32) -> String {
    let mut conversation = "linux\n".to_owned();
    for client in 0..clients {
        let _ = writeln!(conversation, "client 10.0.0.{}:{}", client % 250 + 1, 40_000 + client);
        conversation.push_str(RESET.trim_start_matches("linux"));
        conversation.push('\n');
    }
    conversation
}

/// A storm, a refusal, an unanswered request and a good end, one after the other.
pub fn mixed() -> String {
    format!(
        "{}+1s\nclient 10.0.7.7:50001\nserver 10.0.1.3:81\n{REFUSED}\n+1s\n{IPV6}\n{UNANSWERED}\n+1s
        client 10.0.8.8:50002\nserver 10.0.1.4:443\n{CLOSED}",
        storm(5)
    )
}

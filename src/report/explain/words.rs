//! Words for what is found, the same in text and JSON.

use rst_storm_core::reset::{Harm, Progress, Why};

/// How far a connection had come, for people.
pub fn progress(progress: Progress) -> &'static str {
    match progress {
        Progress::Midstream => "beginning not captured",
        Progress::Opening => "SYN not answered",
        Progress::Answered => "handshake not finished",
        Progress::Established => "established, no data yet",
        Progress::Data => "data under way",
        Progress::HalfClosed => "one side had closed",
        Progress::Closed => "both sides had closed",
    }
}

/// What a reset cost, as a sentence.
pub fn harm(harm: Harm) -> String {
    match harm {
        Harm::None(why) => format!("none: {}", why_none(why)),
        Harm::Cut => "an established connection was cut; nothing was under way".to_owned(),
        Harm::Lost { of_sender: 0, of_victim } => {
            format!("{of_victim} octets sent to the side that reset were never acknowledged")
        }
        Harm::Lost { of_sender, of_victim: 0 } => {
            format!("{of_sender} octets of the side that reset were never acknowledged")
        }
        Harm::Lost { of_sender, of_victim } => {
            format!("{of_sender} octets of the side that reset and {of_victim} of the other were never acknowledged")
        }
        Harm::Unanswered => "what was sent last, and acknowledged, was never answered".to_owned(),
        Harm::Unknown => "unknown: one direction isn't in the capture".to_owned(),
    }
}

fn why_none(why: Why) -> &'static str {
    match why {
        Why::Refused => "a connection was refused",
        Why::NotEstablished => "the connection had never come to be",
        Why::BothClosed => "both sides had closed, and all was acknowledged",
        Why::VictimClosed => "the other side had closed, and all was acknowledged",
        Why::NotTaken => "the connection went on",
        Why::Stray => "there was no connection to lose",
        Why::Repeated => "an earlier reset had ended the connection",
    }
}

/// What a summary calls a kind of harm.
pub fn harm_kind(word: &str) -> &'static str {
    match word {
        "lost" => "data lost",
        "unanswered" => "request unanswered",
        "cut" => "cut, nothing under way",
        "none" => "no harm",
        _ => "unknown (one direction only)",
    }
}

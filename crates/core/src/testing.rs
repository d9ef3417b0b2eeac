//! Conversations as text, for tests: a line is a segment, or what is said about those that follow.
//!
//! ```text
//! client 10.0.0.1:40000         # these are the defaults
//! server 10.0.1.2:9999
//! > S 100                       # from the client: flags, sequence number
//! < SA 300 ack 101              # from the server
//! > A 101 ack 301
//! +250ms                        # time passes: ns, us, ms, s, m or h; fractions too
//! pace 50us                     # from line to line passes so much from here on, and not a millisecond
//! > PA 101 ack 301 len 20       # payload octets
//! < R 301
//! ```
//!
//! Flags are tcpdump's letters as [`Flags`] prints them, `-` for none. Further words are `win`, `ttl`, `tos`, `id` and `tsval` with
//! a number; `bad`: a wrong checksum; `cut`: some of it wasn't captured; `nodf`: may be fragmented. From line to line passes a millisecond, and frames are counted from 1.
//!
//! After a line `linux` both hosts fill in what Linux would: counting IP ids (a SYN-ACK's and a reply's are 0), timestamps, and no
//! window in resets that answer a segment. What a line says itself still holds. After a line `windows` both do as Windows does: a time
//! to live of 128, counting IP ids, no timestamps, no window in resets. After `macos`: IP ids of 0, and no timestamps in resets.
//!
//! A line that can't be read is a mistake in the test: it panics, and says which line it was.

use core::net::SocketAddr;

use crate::capture::Timestamp;
use crate::causes::{Opinion, Recogniser, ResetCause};
use crate::explain::{Aside, Explainer, Judged, Limits, Record, Selection, Summary};
use crate::reset::Evidence;
use crate::tcp::{Checksum, Endpoint, Flags, IpFacts, Segment, SeqNumber};

/// When a conversation begins, in nanoseconds since 1970.
pub const BEGINNING: u64 = 1_000_000_000_000_000_000;

const MILLISECOND: u64 = 1_000_000;

/// The segments of a conversation; what it says of checksums is left out.
pub fn segments(conversation: &str) -> Vec<Segment> {
    sightings(conversation).into_iter().map(|(segment, _)| segment).collect()
}

/// The segments of a conversation, and what is known of their checksums: nothing, or that they are bad.
pub fn sightings(conversation: &str) -> Vec<(Segment, Checksum)> {
    let mut reader = Reader {
        client: Endpoint::new([10, 0, 0, 1].into(), 40000),
        server: Endpoint::new([10, 0, 1, 2].into(), 9999),
        now: BEGINNING,
        stack: None,
        pace: MILLISECOND,
        ids: [1_000, 5_000],
        read: Vec::new(),
    };
    for line in conversation.lines() {
        let said = line.split('#').next().unwrap_or_default();
        if reader.read_line(said).is_none() {
            panic!("not understood: {line:?}");
        }
    }
    reader.read
}

/// What is told of a conversation: a line for each reset, as of [`line`].
pub fn told(conversation: &str) -> Vec<String> {
    judged(conversation).iter().map(line).collect()
}

/// A verdict as it reads in a test:
///
/// `frame 4: resp likely, linger-zero likely (or connection-limit, idle-timeout), harm cut`
pub fn line(judged: &Judged) -> String {
    let (reset, verdict) = (&judged.reset, &judged.verdict);
    let cause = match verdict.cause().zip(verdict.finding()) {
        Some((id, finding)) => format!("{id} {finding}"),
        None => "unexplained".to_owned(),
    };
    let twins: Vec<&str> = verdict.twins().into_iter().map(|(id, _)| id.0).collect();
    let twins = if twins.is_empty() { String::new() } else { format!(" (or {})", twins.join(", ")) };
    let (who, sure) = (reset.sender.who.word(), reset.sender.finding);
    let (frame, harm) = (reset.segment.frame, reset.harm.word());
    format!("frame {frame}: {who} {sure}, {cause}{twins}, harm {harm}")
}

/// The resets of a conversation with their verdicts, in the order of their connections' ends.
pub fn judged(conversation: &str) -> Vec<Judged> {
    records(conversation).into_iter().flat_map(|record| record.resets).collect()
}

/// The records of a conversation, in the order of their connections' ends.
pub fn records(conversation: &str) -> Vec<Record> {
    explained(conversation).0
}

/// The records of a conversation and what is told at its end.
pub fn explained(conversation: &str) -> (Vec<Record>, Summary) {
    let mut explainer = Explainer::new(Limits::default(), Selection::default());
    let mut records = Vec::new();
    for (segment, checksum) in sightings(conversation) {
        let aside = Aside { checksum, carried: None };
        explainer.push(&segment, Some(&aside), &mut |record: &mut Record| records.push(record.clone()));
    }
    let summary = explainer.finish(&mut |record: &mut Record| records.push(record.clone()));
    (records, summary)
}

/// What one card says of the last reset of a conversation, and on what grounds:
///
/// `likely: the reset answers the handshake's last ACK [3, 4]`, `against: no data had come [3]`, `silent`
pub fn says(card: &ResetCause, conversation: &str) -> String {
    let judged = judged(conversation);
    let last = judged.iter().max_by_key(|judged| judged.reset.segment.frame);
    let reset = &last.expect("a conversation with a reset").reset;
    match card.recognise {
        Recogniser::Reset(recognise) | Recogniser::Both(recognise, _) => words(recognise(reset)),
        Recogniser::Group(_) => panic!("{} judges groups", card.id),
    }
}

/// What the cards for groups say of the groups of a conversation: a line for each, as of [`says`], with the card's name before it.
pub fn occasions(conversation: &str) -> Vec<String> {
    let (_, summary) = explained(conversation);
    let of_group = |group| summary.occasions(group).into_iter();
    let occasions = summary.groups.iter().flat_map(of_group);
    occasions.map(|(id, finding, grounds)| format!("{id} {}", words(Opinion::For(finding, grounds)))).collect()
}

fn words(opinion: Opinion) -> String {
    let one = |evidence: &Evidence| {
        let frames: Vec<String> = evidence.frames().map(|frame| frame.to_string()).collect();
        format!("{evidence} [{}]", frames.join(", "))
    };
    match opinion {
        Opinion::For(finding, grounds) => {
            let grounds: Vec<String> = grounds.iter().map(one).collect();
            format!("{finding}: {}", grounds.join("; "))
        }
        Opinion::Against(evidence) => format!("against: {}", one(&evidence)),
        Opinion::Silent => "silent".to_owned(),
    }
}

/// Whose headers are filled in.
#[derive(Clone, Copy)]
enum Stack {
    Linux,
    Windows,
    MacOs,
}

struct Reader {
    client: Endpoint,
    server: Endpoint,
    now: u64,
    /// From segment to segment.
    pace: u64,
    stack: Option<Stack>,
    /// The last IP ids of client and server.
    ids: [u16; 2],
    read: Vec<(Segment, Checksum)>,
}

impl Reader {
    fn read_line(&mut self, line: &str) -> Option<()> {
        let mut words = line.split_whitespace();
        let Some(first) = words.next() else {
            return Some(());
        };
        match first {
            ">" => self.read_segment(self.client, self.server, &mut words)?,
            "<" => self.read_segment(self.server, self.client, &mut words)?,
            "client" => self.client = words.next()?.parse::<SocketAddr>().ok()?.into(),
            "linux" => self.stack = Some(Stack::Linux),
            "macos" => self.stack = Some(Stack::MacOs),
            "pace" => self.pace = nanos(words.next()?)?,
            "server" => self.server = words.next()?.parse::<SocketAddr>().ok()?.into(),
            "windows" => self.stack = Some(Stack::Windows),
            time => self.now += nanos(time.strip_prefix('+')?)?,
        }
        words.next().is_none().then_some(())
    }

    fn read_segment<'a>(
        &mut self,
        source: Endpoint,
        destination: Endpoint,
        words: &mut impl Iterator<Item = &'a str>,
    ) -> Option<()> {
        let mut checksum = Checksum::NotChecked;
        let mut segment = Segment {
            at: Timestamp(self.now),
            frame: self.read.len() as u64 + 1,
            source,
            destination,
            seq: SeqNumber(0),
            ack: SeqNumber(0),
            flags: flags(words.next()?)?,
            window: 64240,
            timestamp_value: None,
            payload_len: 0,
            cut: false,
            ip: IpFacts { ttl: 64, tos: 0, id: Some(0), dont_fragment: true },
        };
        segment.seq = SeqNumber(words.next()?.parse().ok()?);
        match self.stack {
            Some(Stack::Linux) => self.fill_in_linux(&mut segment),
            Some(Stack::Windows) => self.fill_in_windows(&mut segment),
            Some(Stack::MacOs) => self.fill_in_macos(&mut segment),
            None => {}
        }
        while let Some(word) = words.next() {
            match word {
                "bad" => {
                    checksum = Checksum::Bad;
                    continue;
                }
                "cut" => {
                    segment.cut = true;
                    continue;
                }
                "nodf" => {
                    segment.ip.dont_fragment = false;
                    continue;
                }
                _ => {}
            }
            let number: u32 = words.next()?.parse().ok()?;
            match word {
                "ack" => segment.ack = SeqNumber(number),
                "len" => segment.payload_len = number,
                "win" => segment.window = number.try_into().ok()?,
                "ttl" => segment.ip.ttl = number.try_into().ok()?,
                "tos" => segment.ip.tos = number.try_into().ok()?,
                "id" => segment.ip.id = Some(number.try_into().ok()?),
                "tsval" => segment.timestamp_value = Some(number),
                _ => return None,
            }
        }
        self.read.push((segment, checksum));
        self.now += self.pace;
        Some(())
    }

    /// What Linux puts into the header.
    fn fill_in_linux(&mut self, segment: &mut Segment) {
        let flags = segment.flags;
        let answers = flags.is_rst() && (!flags.is_ack() || segment.seq.0 == 0);
        if answers {
            segment.window = 0;
            return;
        }
        segment.timestamp_value = self.clock();
        if !(flags.is_syn() && flags.is_ack()) {
            segment.ip.id = self.next_id(segment.source);
        }
    }

    /// What Windows does.
    fn fill_in_windows(&mut self, segment: &mut Segment) {
        segment.ip.ttl = 128;
        segment.ip.id = self.next_id(segment.source);
        if segment.flags.is_rst() {
            segment.window = 0;
        }
    }

    /// What macOS does, and other BSDs do much alike.
    fn fill_in_macos(&mut self, segment: &mut Segment) {
        let flags = segment.flags;
        if !flags.is_rst() {
            segment.timestamp_value = self.clock();
        } else if !flags.is_ack() {
            segment.window = 0;
        }
    }

    fn clock(&self) -> Option<u32> {
        u32::try_from((self.now - BEGINNING) / MILLISECOND).ok()
    }

    fn next_id(&mut self, source: Endpoint) -> Option<u16> {
        let last = &mut self.ids[usize::from(source == self.server)];
        *last = last.wrapping_add(1);
        Some(*last)
    }
}

fn flags(letters: &str) -> Option<Flags> {
    if letters == "-" {
        return Some(Flags::default());
    }
    letters.chars().try_fold(Flags::default(), |flags, letter| {
        let flag = match letter {
            'F' => Flags::FIN,
            'S' => Flags::SYN,
            'R' => Flags::RST,
            'P' => Flags::PSH,
            'A' => Flags::ACK,
            'U' => Flags::URG,
            'E' => Flags::ECE,
            'W' => Flags::CWR,
            _ => return None,
        };
        Some(flags.with(flag))
    })
}

/// `5.1s` in nanoseconds.
fn nanos(time: &str) -> Option<u64> {
    let unit_at = time.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = time.split_at(unit_at);
    let in_unit: u64 = match unit {
        "ns" => 1,
        "us" => 1_000,
        "ms" => MILLISECOND,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let scale = 10_u64.checked_pow(fraction.len().try_into().ok()?)?;
    let fraction = fraction.parse::<u64>().ok()?.checked_mul(in_unit)? / scale;
    whole.parse::<u64>().ok()?.checked_mul(in_unit)?.checked_add(fraction)
}

#[cfg(test)]
mod tests {
    use super::{BEGINNING, segments, sightings};
    use crate::capture::Timestamp;
    use crate::tcp::{Checksum, Flags, SeqNumber};

    #[test]
    fn a_conversation_is_read_line_by_line() {
        let read = sightings(
            "client 10.0.0.7:50000
             > S 4294967295 win 0 tsval 7   # the handshake
             +5.1s
             < SA 300 ack 0 ttl 61 id 9
             > - 0 len 20 cut bad",
        );
        let [(syn, _), (syn_ack, checked), (last, bad)] = read[..] else { panic!("{read:?}") };
        assert_eq!((syn.at, syn.frame, syn.seq), (Timestamp(BEGINNING), 1, SeqNumber(u32::MAX)));
        assert_eq!(
            (syn.source.to_string(), syn.destination.to_string()),
            ("10.0.0.7:50000".into(), "10.0.1.2:9999".into())
        );
        assert_eq!((syn.flags, syn.window, syn.timestamp_value), (Flags::SYN, 0, Some(7)));
        assert_eq!(syn_ack.at, Timestamp(BEGINNING + 5_101_000_000));
        assert_eq!((syn_ack.source, syn_ack.ip.ttl, syn_ack.ip.id), (syn.destination, 61, Some(9)));
        assert_eq!((syn.cut, last.cut), (false, true));
        assert_eq!((checked, bad), (Checksum::NotChecked, Checksum::Bad));
        assert_eq!((last.flags, last.payload_len, last.frame), (Flags::default(), 20, 3));
    }

    #[test]
    #[should_panic(expected = "not understood: \"> S 100 ack\"")]
    fn a_line_that_is_not_understood_is_named() {
        segments("> S 100 ack");
    }
}

//! One reset told in full: who, why, on what evidence, what else it could be, what it cost, what to do.

use rst_storm_core::explain::{GroupId, Judged, Record, Vantage};
use rst_storm_core::reset::{Evidence, Grounds, Harm, Shape, Span, Who};
use rst_storm_core::tcp::Side;

use super::kernel::Heard;
use super::layout::{Ink, Page};
use super::moment;
use super::names::Names;
use super::words;

/// A reset in full, on a page of its own.
pub fn full(judged: &Judged, record: &Record, names: &Names, page: &Page) -> String {
    page.heading(&title(judged, names, page)) + &wire(judged, record, page) + &body(judged, names, page)
}

/// Which reset it is.
pub fn title(judged: &Judged, names: &Names, page: &Page) -> String {
    let segment = &judged.reset.segment;
    let place = format!("frame {}", names.frame(segment.frame));
    let ends = format!("{} > {}", segment.source, segment.destination);
    format!("{} {}", page.ink(Ink::Strong, &format!("{place}: {ends}")), moment::full(segment.at))
}

/// What its header bears, and what came before it.
pub fn wire(judged: &Judged, record: &Record, page: &Page) -> String {
    let segment = &judged.reset.segment;
    let state = record.connection.conn_state();
    let bears = format!(
        "{} seq {} ack {} win {} ttl {}; {} after the SYN; {state} {}",
        segment.flags,
        segment.seq,
        segment.ack,
        segment.window,
        segment.ip.ttl,
        Span(segment.at.nanos_since(record.connection.started)),
        record.connection.history,
    );
    let bears = if record.connection.syn() { bears } else { bears.replace("after the SYN", "after the first frame") };
    page.item("wire", &bears) + &page.item("taken", &point(&record.vantage))
}

/// Where the capture was probably taken.
fn point(vantage: &Vantage) -> String {
    let hops = |name: &str, hops: Option<u8>| match hops {
        None => format!("unknown from the {name}"),
        Some(1) => format!("1 hop from the {name}"),
        Some(hops) => format!("{hops} hops from the {name}"),
    };
    let [orig, resp] = [hops("originator", vantage.originator_hops), hops("responder", vantage.responder_hops)];
    format!("probably {}: {orig}, {resp}", vantage.words())
}

/// What is found of it.
pub fn body(judged: &Judged, names: &Names, page: &Page) -> String {
    let (reset, verdict) = (&judged.reset, &judged.verdict);
    let mut text = String::new();
    let shape =
        format!("{}: {}; {}", reset.facts.shape, shape(reset.facts.shape), words::progress(reset.facts.progress));
    text.push_str(&page.item("shape", &shape));
    text.push_str(&page.item("who", &page.ink(Ink::Finding, &who(judged))));
    text.push_str(&grounds(&reset.sender.grounds, names, page));
    let twins = verdict.twins();
    match verdict.card().zip(verdict.finding()) {
        Some((card, finding)) => {
            let tie = twins.iter().any(|(_, other)| *other == finding);
            let sure = if tie { format!("{finding}, like others") } else { finding.to_string() };
            let why = format!("{} ({sure}): {}", card.id, card.title);
            text.push_str(&page.item("why", &page.ink(Ink::Finding, &why)));
            text.push_str(&grounds(&verdict.grounds(reset), names, page));
        }
        None => text.push_str(&page.item("why", &page.ink(Ink::Finding, "unexplained: no known cause fits"))),
    }
    if !twins.is_empty() {
        let twins: Vec<String> = twins.iter().map(|(id, finding)| format!("{id} ({finding})")).collect();
        text.push_str(&page.item("or", &twins.join(", ")));
    }
    for (id, evidence) in verdict.ruled_out(reset) {
        text.push_str(&page.item("not", &format!("{id}: {}", ground(&evidence, names))));
    }
    for payload in reset.carried.iter().flat_map(|carried| carried.decode()) {
        text.push_str(&page.item("says", &payload.to_string()));
    }
    let harm = words::harm(reset.harm);
    let harm = if reset.harm.is_harmful() { page.ink(Ink::Bad, &harm) } else { harm };
    text.push_str(&page.item("harm", &harm));
    if let Some(decide) = verdict.would_decide() {
        text.push_str(&page.item("decide", decide));
    }
    if let Some(card) = verdict.card().filter(|_| !matches!(reset.harm, Harm::None(_))) {
        text.push_str(&page.item("do", card.remedy));
    }
    text
}

/// A reset in two lines: which it is, and what is found of it.
pub fn brief(judged: &Judged, heard: Option<&Heard>, names: &Names, page: &Page) -> String {
    let (reset, verdict) = (&judged.reset, &judged.verdict);
    let segment = &reset.segment;
    let why = match verdict.cause().zip(verdict.finding()) {
        Some((id, finding)) => format!("{id} ({finding})"),
        None => "unexplained".to_owned(),
    };
    let group = judged.group.map_or(String::new(), |GroupId(group)| format!(", group {group}"));
    let which = format!(
        "{} {} > {} frame {}",
        moment::time_of_day(segment.at),
        segment.source,
        segment.destination,
        names.frame(segment.frame),
    );
    let (who, sure, harm) = (sender(reset.sender.who), reset.sender.finding, reset.harm.word());
    let found = format!("by {who} ({sure}): {why}, harm {harm}{group}");
    let kernel = heard.map(|heard| page.paragraph(&format!("kernel: {}", heard.sentence()))).unwrap_or_default();
    page.heading(&which) + &page.paragraph(&found) + &kernel
}

/// What a sender is called.
pub fn sender(who: Who) -> &'static str {
    match who {
        Who::Originator => "originator",
        Who::Responder => "responder",
        Who::ThirdParty => "third party",
        Who::Unknown => "unknown",
    }
}

fn who(judged: &Judged) -> String {
    let reset = &judged.reset;
    let named = match reset.by {
        Side::Originator => "originator",
        Side::Responder => "responder",
    };
    match reset.sender.who {
        Who::Originator | Who::Responder => {
            format!("{named}, {} ({})", reset.segment.source, reset.sender.finding)
        }
        Who::ThirdParty => {
            format!("a third party ({}), under the address of the {named}", reset.sender.finding)
        }
        Who::Unknown => format!("unknown: the {named} whose address it bears, or a third party"),
    }
}

fn shape(shape: Shape) -> &'static str {
    match shape {
        Shape::Active => "a live socket's own decision",
        Shape::Reply => "the answer to a segment with ACK",
        Shape::Refusal => "the answer to a segment without ACK",
        Shape::Proxied => "a refusal that a proxy translated",
        Shape::Other => "none of the shapes that Linux makes",
    }
}

fn grounds(grounds: &Grounds, names: &Names, page: &Page) -> String {
    grounds.iter().map(|evidence| page.point(&ground(evidence, names))).collect()
}

fn ground(evidence: &Evidence, names: &Names) -> String {
    format!("{evidence}{}", names.frames(evidence.frames()))
}

//! All that is written of what was told, in every form.

use rst_storm::report::explain::comment::Comments;
use rst_storm::report::explain::document::{GroupRecord, ServiceRecord, SummaryRecord};
use rst_storm::report::explain::json::Connection;
use rst_storm::report::explain::layout::Page;
use rst_storm::report::explain::names::Names;
use rst_storm::report::explain::{block, story, text};
use rst_storm::report::style::Style;
use rst_storm::watch::Around;
use rst_storm_core::explain::Summary;

use crate::told::Told;

/// Text, then JSON lines.
pub fn reports(told: &Told) -> (String, String) {
    let (names, page) = (Names::new(vec!["a.pcap".to_owned()], false), Page::new(Style::Plain));
    let (mut written, mut lines) = (String::new(), String::new());
    let mut comments = Comments::default();
    for record in &told.records {
        comments.add(record);
        lines += &line(&Connection::new(record, &names));
        for judged in &record.resets {
            written += &block::brief(judged, None, &names, &page);
            let mut around = Around::default();
            around.segments.push(judged.reset.segment);
            written += &story::story(judged, None, record, &around, &names, &page);
            written += comments.on(judged.reset.segment.frame).unwrap_or_default();
        }
    }
    let summary = &told.summary;
    written += &sums(summary);
    for group in &summary.groups {
        lines += &line(&GroupRecord::new(group, summary, &names));
    }
    for service in &summary.services {
        lines += &line(&ServiceRecord::new(service));
    }
    lines += &line(&SummaryRecord::new(summary, &["a.pcap".to_owned()], None));
    (written, lines)
}

/// The text of a summary.
pub fn sums(summary: &Summary) -> String {
    let (names, page) = (Names::default(), Page::new(Style::Plain));
    text::summary(summary, &page) + &text::services(summary, &page) + &text::groups(summary, &names, &page)
}

fn line(record: &impl serde::Serialize) -> String {
    serde_json::to_string(record).expect("words and numbers") + "\n"
}

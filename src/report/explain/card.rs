//! A cause's card in full.

use rst_storm_core::causes::{KernelWord, ResetCause, twins};

use super::layout::{Ink, Page};

/// The whole card.
pub fn full(card: &ResetCause, page: &Page) -> String {
    let heading = format!("{}: {}", card.id, card.title);
    let mut text = format!("{}\n", page.ink(Ink::Strong, &heading));
    text.push_str(&page.item("story", card.story));
    text.push_str(&page.item("traces", card.on_the_wire));
    if let Some(refined) = card.refines {
        text.push_str(&page.item("when", &format!("it says when {refined} happens, and doesn't replace it")));
    }
    let twins: Vec<&str> = twins(card).map(|twin| twin.id.0).collect();
    if !twins.is_empty() {
        text.push_str(&page.item("twins", &twins.join(", ")));
    }
    text.push_str(&page.item("kernel", &kernel(card)));
    text.push_str(&page.item("decide", card.decided_by));
    text.push_str(&page.item("do", card.remedy));
    text.push_str(&page.item("read", &card.references.join("; ")));
    for play in card.plays {
        text.push_str(&page.item("play", &format!("rst-storm run {}/{}: {}", card.id, play.id, play.title)));
    }
    text
}

/// What the kernel of the host that a reset names says of a cause.
pub fn kernel(card: &ResetCause) -> String {
    match card.kernel {
        KernelWord::Says(mechanisms) => {
            let names: Vec<&str> = mechanisms.iter().map(|mechanism| mechanism.name()).collect();
            format!("sends it by {}", names.join(" or "))
        }
        KernelWord::Silent => "says nothing: no host's TCP sends it".to_owned(),
    }
}

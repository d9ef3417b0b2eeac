//! What holds of every play of the catalogue before it is played.

use std::collections::HashSet;

use rst_storm_core::causes::{CATALOGUE, KernelWord};
use rst_storm_core::scenario::{Ending, Play, Shows};

fn plays() -> impl Iterator<Item = (&'static str, &'static Play)> {
    CATALOGUE.into_iter().flat_map(|card| card.plays.iter().map(move |play| (card.id.0, play)))
}

fn shows_a_reset(shows: &Shows) -> bool {
    let is_none = |ending| matches!(ending, Ending::Fin | Ending::Silence);
    !is_none(shows.ending) || shows.except.iter().any(|(_, ending)| !is_none(*ending))
}

#[test]
fn names_are_in_kebab_case_and_each_is_there_once() {
    let mut seen = HashSet::new();
    for (cause, play) in plays() {
        let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
        assert!(play.id.chars().all(plain), "{cause}/{}", play.id);
        assert!(seen.insert((cause, play.id)), "{cause}/{} is there twice", play.id);
        assert!(!play.title.ends_with('.'), "{cause}/{}: a title has no full stop", play.id);
    }
    assert!(!seen.is_empty());
}

#[test]
fn a_control_says_that_it_is_one_and_has_a_proof_of_its_own() {
    let mut controls = 0;
    for (cause, play) in plays().filter(|(_, play)| !shows_a_reset(&play.shows)) {
        controls += 1;
        let shows = &play.shows;
        assert!(play.title.starts_with("control: "), "{cause}/{}: {}", play.id, play.title);
        let told = shows.client.len() + shows.server.len() + shows.middle.len();
        assert!(told + shows.counts.len() > 0, "{cause}/{} has no proof but that no reset was seen", play.id);
        assert!(shows.kernel.is_none(), "{cause}/{}: no reset, no mechanism", play.id);
    }
    assert!(controls > 0);
}

#[test]
fn the_kernels_word_that_a_play_awaits_is_one_that_its_card_knows() {
    for card in CATALOGUE {
        for play in card.plays {
            let Some((_, mechanism)) = play.shows.kernel else { continue };
            let known = matches!(card.kernel, KernelWord::Says(known) if known.contains(&mechanism));
            assert!(known, "{}/{}: {}", card.id, play.id, mechanism.name());
        }
    }
}

//! Which connection of one capture is which of the other.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::course::Course;
use crate::tcp::{FlowKey, SeqNumber};

/// Connections that look alike by their endpoints, or by a number, of which the fitting one is looked for.
const MOST_ALIKE: usize = 1024;

/// One connection that both captures know.
#[derive(Clone, Copy, Debug)]
pub(super) struct Same {
    /// Its numbers in the first and in the second capture.
    pub(super) courses: [u32; 2],
    /// Whether its two ends stand in the other order in the second.
    pub(super) turned: bool,
    /// The place of the end that opened it, in the first.
    pub(super) opener: usize,
    /// What is to be added to the numbers of each end (as the first has them) to get those in the second.
    pub(super) shift: [u32; 2],
    /// Whether it bears other addresses or ports there.
    pub(super) translated: bool,
}

impl Same {
    fn new(courses: [u32; 2], first: &Course, second: &Course) -> Same {
        let turned = first.ends[0] == second.ends[1] && first.ends[1] == second.ends[0];
        let shift = [0, 1].map(|end| {
            let others = second.sent[end ^ usize::from(turned)].isn;
            first.sent[end].isn.zip(others).map_or(0, |(own, others)| others.0.wrapping_sub(own.0))
        });
        let key = |course: &Course| FlowKey::new(course.ends[0], course.ends[1]);
        let opener = usize::from(turned && second.knows_roles() && !first.knows_roles());
        Same { courses, turned, opener, shift, translated: key(first) != key(second) }
    }

    /// The place of an end in a capture, by its place in the first.
    pub(super) fn end(&self, tap: usize, end: usize) -> usize {
        end ^ usize::from(self.turned && tap == 1)
    }
}

type Index<K> = HashMap<K, Vec<u32>, FixedState>;

/// The connections that both know, in the order of the first. By the same endpoints and numbers; then by the same endpoints, where
/// something on the way renumbers one direction or both; then by the same initial sequence numbers under other addresses.
pub(super) fn find(first: &[Course], second: &[Course]) -> Vec<Same> {
    let mut finding = Finding { first, second, taken: vec![false; second.len()], found: vec![None; first.len()] };
    finding.by_endpoints();
    finding.by_isns();
    let found = finding.found.into_iter().enumerate();
    found
        .filter_map(|(one, other)| Some((one, other?)))
        .map(|(one, other)| Same::new([one as u32, other], &first[one], &second[other as usize]))
        .collect()
}

struct Finding<'a> {
    first: &'a [Course],
    second: &'a [Course],
    taken: Vec<bool>,
    found: Vec<Option<u32>>,
}

impl Finding<'_> {
    fn by_endpoints(&mut self) {
        let mut index: Index<FlowKey> = HashMap::default();
        for (number, course) in self.second.iter().enumerate() {
            index.entry(FlowKey::new(course.ends[0], course.ends[1])).or_default().push(number as u32);
        }
        for fits in [has_same_isns as fn(&Course, &Course) -> bool, is_near, is_bare_of, is_renumbered] {
            for (one, course) in
                self.first.iter().enumerate().filter(|(one, _)| self.found[*one].is_none()).collect::<Vec<_>>()
            {
                let Some(known) = index.get_mut(&FlowKey::new(course.ends[0], course.ends[1])) else { continue };
                let place = known.iter().take(MOST_ALIKE).position(|other| fits(course, &self.second[*other as usize]));
                if let Some(place) = place {
                    let other = known.remove(place);
                    self.taken[other as usize] = true;
                    self.found[one] = Some(other);
                }
            }
        }
    }

    fn by_isns(&mut self) {
        let mut index: Index<SeqNumber> = HashMap::default();
        for (number, course) in self.second.iter().enumerate().filter(|(number, _)| !self.taken[*number]) {
            if let Some(isn) = course.sent[0].isn {
                index.entry(isn).or_default().push(number as u32);
            }
        }
        for (one, course) in self.first.iter().enumerate() {
            let known = course.sent[0].isn.filter(|_| self.found[one].is_none()).and_then(|isn| index.get_mut(&isn));
            let Some(known) = known else { continue };
            let fitting: Vec<usize> = (0..known.len().min(MOST_ALIKE))
                .filter(|place| is_translated(course, &self.second[known[*place] as usize]))
                .collect();
            // Two that fit as well are none.
            if let [place] = fitting[..] {
                self.found[one] = Some(known.remove(place));
            }
        }
    }
}

/// Both ends' places in the second.
fn turned(first: &Course, second: &Course) -> usize {
    usize::from(first.ends[0] != second.ends[0])
}

/// What can be said of both ends' numbers.
fn agree(first: &Course, second: &Course) -> [Option<bool>; 2] {
    let turn = turned(first, second);
    [0, 1].map(|end| first.agrees(end, &second.sent[end ^ turn]))
}

/// Whether an initial number is the same, and none is another.
fn has_same_isns(first: &Course, second: &Course) -> bool {
    let turn = turned(first, second);
    let known = [0, 1].map(|end| first.sent[end].isn.is_some() && second.sent[end ^ turn].isn.is_some());
    known.contains(&true) && !agree(first, second).contains(&Some(false))
}

/// Whether their numbers are near, where the beginning of one wasn't seen.
fn is_near(first: &Course, second: &Course) -> bool {
    let agree = agree(first, second);
    agree.contains(&Some(true)) && !agree.contains(&Some(false))
}

/// Whether of one nothing but resets was seen, so that it is told by its endpoints alone.
fn is_bare_of(first: &Course, second: &Course) -> bool {
    is_bare(first) || is_bare(second)
}

fn is_bare(course: &Course) -> bool {
    course.sent.iter().all(|sent| sent.segments == 0)
}

/// Whether only one end's initial number is another, or both are and the SYN's IP id is still the same.
fn is_renumbered(first: &Course, second: &Course) -> bool {
    let turn = turned(first, second);
    let isns = [0, 1].map(|end| first.sent[end].isn.zip(second.sent[end ^ turn].isn));
    let same = isns.map(|both| both.map(|(own, others)| own == others));
    match same {
        [Some(one), Some(other)] if one != other => true,
        [Some(false), _] => has_same_syn_id(first, second),
        _ => false,
    }
}

fn has_same_syn_id(first: &Course, second: &Course) -> bool {
    let ids = first.sent[0].syn.and_then(|syn| syn.id).zip(second.sent[0].syn.and_then(|syn| syn.id));
    ids.is_some_and(|(own, others)| own != 0 && own == others)
}

/// Whether both have the same initial numbers; or the originator's, where no other was seen in one of them, and something else of
/// them agrees: an endpoint, or the SYN's IP id.
fn is_translated(first: &Course, second: &Course) -> bool {
    match (first.isns(), second.isns()) {
        ([Some(one), Some(other)], [Some(ones), Some(others)]) => one == ones && other == others,
        ([Some(one), _], [Some(ones), _]) => {
            let kept = first.ends[0] == second.ends[0] || first.ends[1] == second.ends[1];
            one == ones && (kept || has_same_syn_id(first, second))
        }
        _ => false,
    }
}

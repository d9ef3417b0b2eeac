//! What every cause must tell: its story, how it is recognised, what can't be told apart from it, what to do about it.

use core::fmt;

use crate::kernel::Mechanism;
use crate::reset::{Evidence, Finding, Grounds, Progress, Reset, Shape};
use crate::scenario::Play;

/// The name of a cause: its file's, with dashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CauseId(pub &'static str);

impl fmt::Display for CauseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

/// One cause of resets.
#[derive(Debug)]
pub struct ResetCause {
    /// Its name.
    pub id: CauseId,
    /// It in a few words, as they follow "because": without a full stop.
    pub title: &'static str,
    /// What happens, for somebody who meets it for the first time: a few sentences.
    pub story: &'static str,
    /// How it shows on the wire: a few sentences.
    pub on_the_wire: &'static str,
    /// What to do about it.
    pub remedy: &'static str,
    /// What would decide between it and its twins.
    pub decided_by: &'static str,
    /// Causes that can't be told from it by the wire alone, or only by their context. Named by one of the two; the catalogue
    /// makes it mutual.
    pub twin_of: &'static [CauseId],
    /// The cause whose occasion it names: it never replaces that one.
    pub refines: Option<CauseId>,
    /// Where to read on: RFC sections, kernel functions, papers.
    pub references: &'static [&'static str],
    /// How it is recognised.
    pub recognise: Recogniser,
    /// What the kernel of the host that it names says of it.
    pub kernel: KernelWord,
    /// How it is made, with its controls.
    pub plays: &'static [Play],
}

/// What the kernel of a reset's sender says of a cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KernelWord {
    /// It sent the reset by one of these mechanisms.
    Says(&'static [Mechanism]),
    /// Nothing: no host's TCP sent it, or a firewall did.
    Silent,
}

/// How a cause is recognised. It sees what the wire showed and nothing else.
#[derive(Clone, Copy, Debug)]
pub enum Recogniser {
    /// By one reset.
    Reset(fn(&Reset) -> Opinion),
    /// By many that are alike.
    Group(fn(&GroupFacts) -> Opinion),
    /// By one, and surer by many.
    Both(fn(&Reset) -> Opinion, fn(&GroupFacts) -> Opinion),
}

/// What a card says of a reset, or of a group of them.
#[expect(
    clippy::large_enum_variant,
    reason = "one lives at a time, on the stack, and a box for each reset would cost more"
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opinion {
    /// It may be this cause.
    For(Finding, Grounds),
    /// It isn't this cause, because of this.
    Against(Evidence),
    /// This cause makes no such resets.
    Silent,
}

impl Opinion {
    /// It may be this cause, on these grounds.
    pub fn suggests(finding: Finding, grounds: impl Into<Grounds>) -> Opinion {
        Opinion::For(finding, grounds.into())
    }
}

/// What is known of a group of resets that are alike: what a card for groups sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupFacts {
    /// What they look like.
    pub shape: Shape,
    /// How far their connections had come.
    pub progress: Progress,
    /// The best cause of each.
    pub cause: Option<CauseId>,
    /// How many.
    pub count: u64,
    /// From the first to the last, in nanoseconds.
    pub span: u64,
    /// The most of them within one second.
    pub most_a_second: u64,
    /// Different addresses of victims; at least so many.
    pub victims: u64,
    /// Different ports of the responder; at least so many.
    pub ports: u64,
    /// The silence before them, in nanoseconds: the least, the median to within 5 %, and the most. None where one had no silence
    /// of at least a tenth of a second before it.
    pub silence: Option<[u64; 3]>,
    /// How many other connections of the service were open when each came: the least and the most.
    pub open_then: [u32; 2],
    /// Connections of the service that were never reset.
    pub unharmed: u64,
    /// The frames of the first and the last.
    pub frames: [u64; 2],
}

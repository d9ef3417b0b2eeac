//! One row of the matrix: what was made, and what every witness said.

use serde::{Deserialize, Serialize};

/// A play that was played, with all that was said of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// `cause/play`.
    pub play: String,
    /// 4 or 6.
    pub ip: u8,
    /// What was made: the cause.
    pub cause: String,
    /// It in a few words.
    pub title: String,
    /// Whether no reset is to be judged: it contrasts with the cause.
    pub control: bool,
    /// What the wire alone says, at one tap; None for a control.
    pub wire: Option<WireVerdict>,
    /// What the kernel says of the same reset.
    pub kernel: KernelColumn,
    /// What both say together: causes by name; one is certain, several are likely at most.
    pub fused: Vec<String>,
    /// The occasion that many connections together show.
    pub occasion: Option<String>,
    /// What the client's calls said, errors and ends of file, in order.
    pub client: Vec<String>,
    /// What the middle's calls said.
    pub middle: Vec<String>,
    /// What the server's calls said.
    pub server: Vec<String>,
    /// Octets written by one end's programs that the other's never read: from the client, from the server.
    pub lost: [u64; 2],
    /// Everything that was checked.
    pub checks: Vec<Tried>,
    /// Nanoseconds from probes to their answers.
    pub probed: Vec<u64>,
}

/// What the wire says of the reset that is judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireVerdict {
    /// The tap that it was judged at.
    pub tap: String,
    /// The best finding; None: unexplained.
    pub cause: Option<String>,
    /// How sure it is.
    pub confidence: Option<String>,
    /// What else it may be.
    pub twins: Vec<String>,
    /// Who is said to have sent it.
    pub sender: String,
    /// Where the truth stands, at the worst of all taps.
    pub truth: Truth,
    /// Whether something wrong was called certain, at any tap.
    pub wrongly_certain: bool,
}

/// Where the truth stands in a verdict; the order is from good to bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Truth {
    /// It is the best finding.
    Best,
    /// It is among the twins.
    Twin,
    /// Nothing is suggested.
    Unexplained,
    /// It isn't suggested.
    Missed,
}

/// What the kernel says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KernelColumn {
    /// Its reason and state, as `TCP_STATE/TCP_CLOSE`; None where it said nothing or wasn't asked.
    pub said: Option<String>,
    /// The mechanisms that this allows.
    pub mechanisms: Vec<String>,
    /// How it stands to the wire's verdict.
    pub check: CheckWord,
    /// Why there is no word, where there is none.
    pub why_not: Option<String>,
}

/// [`rst_storm_core::explain::KernelCheck`] in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckWord {
    /// All that the kernel's word allows is the best finding.
    Agrees,
    /// It leaves fewer causes than the wire.
    Narrows,
    /// It contradicts the wire.
    Disagrees,
    /// There is no word.
    NotWatched,
    /// There is no reset to ask about.
    NothingToAsk,
}

/// One check of a play.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// What had to be.
    pub wanted: String,
    /// Whether it was.
    pub holds: bool,
    /// What was.
    pub found: String,
}

impl Row {
    /// Whether everything held.
    pub fn holds(&self) -> bool {
        self.checks.iter().all(|check| check.holds)
    }
}

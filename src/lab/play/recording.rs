//! What a play brings home, beside its captures: the manifest of a bundle.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::actor::call::Call;
use crate::actor::cast::Octets;

/// The version of the manifest's form.
pub const VERSION: u32 = 1;

/// The manifest's file within a bundle.
pub const MANIFEST: &str = "manifest.json";

/// Everything that is known of a play that was played, but for what its captures and the kernel's events say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recording {
    /// [`VERSION`].
    pub version: u32,
    /// `cause/play`.
    pub play: String,
    /// 4 or 6.
    pub ip: u8,
    /// Draws the addresses: the same seed gives the same steps with the same addresses.
    pub seed: u64,
    /// The play's number, which its addresses are made of.
    pub number: u16,
    /// uname -sr.
    pub kernel: String,
    /// Of rst-storm.
    pub program: String,
    /// Whether it was played inside a user namespace.
    pub rootless: bool,
    /// Nanoseconds since 1970 when it began.
    pub began: u64,
    /// Nanoseconds from the first step to the last.
    pub took: u64,
    /// The settings that the steps or the stage changed, by host.
    pub settings: BTreeMap<String, BTreeMap<String, String>>,
    /// The captures.
    pub taps: Vec<TapFile>,
    /// Every system call.
    pub calls: Vec<Call>,
    /// Octets that each host's programs wrote and read.
    pub octets: BTreeMap<String, Octets>,
    /// By how much each host's counters have grown; those that have not are left out.
    pub counters: BTreeMap<String, BTreeMap<String, u64>>,
    /// How many packets each rule has met, in the order in which they went.
    pub rules: Vec<RuleCount>,
    /// What answered each probe.
    pub probes: Vec<ProbeAnswer>,
    /// Frames that the taps lost.
    pub dropped: u64,
    /// Why it was not played to its end.
    pub stumble: Option<String>,
}

/// One capture of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TapFile {
    /// The tap's name.
    pub tap: String,
    /// The file's name within the bundle.
    pub file: String,
    /// How many frames it holds.
    pub frames: u64,
}

/// What a rule met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleCount {
    /// The rule.
    pub rule: String,
    /// Packets.
    pub packets: u64,
}

/// What answered a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeAnswer {
    /// What had to.
    pub wanted: Reply,
    /// What did.
    pub got: Reply,
    /// After how many nanoseconds, by the capture; None for silence.
    pub after: Option<u64>,
}

/// What answers a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// SYN-ACK.
    SynAck,
    /// A reset.
    Reset,
    /// An acknowledgment.
    ChallengeAck,
    /// Nothing.
    Silence,
}

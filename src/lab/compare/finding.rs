//! What was measured, one aspect at a time.

use serde::{Serialize, Serializer};

use super::cost::Cost;
use super::delivery::Deliveries;
use super::errors::Errors;
use super::handshake::Endings;
use super::pair::Pair;
use super::ports::Ports;
use super::release::Release;
use super::reuse::Reuse;
use super::time_wait::TimeWaits;
use crate::actor::call::Answer;

/// One aspect of the comparison, measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Finding {
    /// What the close puts on the wire.
    Handshake(Pair<Endings>),
    /// What becomes of data.
    Delivery(Pair<Deliveries>),
    /// What the applications are told.
    Errors(Pair<Errors>),
    /// Who is left in TIME_WAIT.
    TimeWait(Pair<TimeWaits>),
    /// What can be used again at once.
    Reuse(Pair<Reuse>),
    /// How long the kernel keeps the connection.
    Release(Pair<Release>),
    /// What a connection costs.
    Cost(Cost),
    /// How long a client's ports last.
    Ports(Ports),
}

/// Serialises an answer as the word that stands in the text.
pub fn word<S: Serializer>(answer: &Answer, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(answer)
}

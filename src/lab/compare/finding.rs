//! What was measured, one aspect at a time.

use serde::{Serialize, Serializer};

use super::cost::Cost;
use super::delivery::Deliveries;
use super::errors::Errors;
use super::handshake::Handshake;
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
    Handshake(Pair<Handshake>),
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

/// An answer as it stands in the table and in the records: `ok`, `EOF`, an errno.
pub fn word(answer: &Answer) -> String {
    match answer {
        Answer::Done => "ok".to_owned(),
        answer => answer.to_string(),
    }
}

/// Serialises an answer as its [`word`].
pub fn as_word<S: Serializer>(answer: &Answer, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&word(answer))
}

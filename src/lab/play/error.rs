//! Why a play came to no end.

use crate::actor::cast::Stumble;

/// Why a play came to no end.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// The kernel refused the stage or a change of it.
    #[error(transparent)]
    Stage(#[from] rst_storm_linux::Error),
    /// A step could not be played.
    #[error(transparent)]
    Stumble(#[from] Stumble),
}

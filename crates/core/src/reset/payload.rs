//! What a reset carries beside its header.

/// Stand-in.
#[derive(Clone, Debug)]
pub struct Carried;

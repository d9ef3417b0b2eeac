//! What there is to say of a segment beside itself.

use crate::reset::payload::Carried;
use crate::tcp::Checksum;

/// What is known of a segment beside itself.
#[derive(Clone, Debug, Default)]
pub struct Aside {
    /// Its checksum.
    pub checksum: Checksum,
    /// What it carried, if it is a reset.
    pub carried: Option<Carried>,
}

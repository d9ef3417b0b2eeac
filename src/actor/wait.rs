//! Waiting for what must come, and no longer than it may take.

use std::thread;
use std::time::{Duration, Instant};

/// What doesn't come within this never comes.
pub const PATIENCE: Duration = Duration::from_secs(12);

/// How often one looks.
const LOOK: Duration = Duration::from_micros(500);

/// Looks until there is something; None when patience has run out.
pub fn until<T, E>(mut look: impl FnMut() -> Result<Option<T>, E>) -> Result<Option<T>, E> {
    let began = Instant::now();
    loop {
        if let Some(found) = look()? {
            return Ok(Some(found));
        }
        if began.elapsed() > PATIENCE {
            return Ok(None);
        }
        thread::sleep(LOOK);
    }
}

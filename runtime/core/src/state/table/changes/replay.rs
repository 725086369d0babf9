//! Reading a log whose bytes anybody may have written.

use super::{PLACE_BITS, WORD};
use crate::{checkpoint::savepoint::CanonicalError, error::TaskError};

/// Shows `each` change of a log to segments of `segment_bytes`, in order: the number of the segment, where
/// in it, and the bytes.
///
/// # Errors
/// If it is not what was written.
pub(in crate::state) fn replay(
    log: &[u8],
    segment_bytes: usize,
    mut each: impl FnMut(u32, usize, &[u8]),
) -> Result<(), TaskError> {
    let mut at = 0;
    while at < log.len() {
        let damaged = |what: &str| {
            let what = format!("{what} at {at} in a log of changes");
            TaskError::DamagedKeyedState { cause: CanonicalError { offset: at as u64, what } }
        };
        let Some(change) = log[at..].first_chunk::<WORD>() else {
            return Err(damaged("half a change"));
        };
        let change = u64::from_le_bytes(*change);
        let place = (change >> u32::BITS) as usize;
        let from = place % (1 << PLACE_BITS) * WORD;
        let len = (place >> PLACE_BITS) * WORD;
        if len == 0 || from + len > segment_bytes {
            return Err(damaged("a change outside of its segment"));
        }
        let Some(bytes) = log.get(at + WORD..at + WORD + len) else {
            return Err(damaged("half a change"));
        };
        each(change as u32, from, bytes);
        at += WORD + len;
    }
    Ok(())
}

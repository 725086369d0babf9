//! When parts are merged.

use std::num::NonZeroU32;

/// When the parts of a bucket that one subtask wrote are merged into one, which then appears instead of
/// them: when they have a size together, when they have waited for some checkpoints, or whichever comes
/// first. Parts that reach the size alone appear with the next checkpoint as they are. What waits at the
/// end of the input is merged then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompactionStrategy {
    pub(super) min_bytes: Option<u64>,
    pub(super) checkpoints: Option<NonZeroU32>,
    pub(super) delimiter: Vec<u8>,
}

impl CompactionStrategy {
    /// Parts that have so many bytes together are merged.
    pub fn at_bytes(bytes: u64) -> CompactionStrategy {
        CompactionStrategy { min_bytes: Some(bytes), checkpoints: None, delimiter: Vec::new() }
    }

    /// Parts are merged when the first of them has waited for so many checkpoints; with 1 those that
    /// were closed between two checkpoints are.
    pub fn at_checkpoints(checkpoints: NonZeroU32) -> CompactionStrategy {
        let checkpoints = Some(checkpoints);
        CompactionStrategy { min_bytes: None, checkpoints, delimiter: Vec::new() }
    }

    /// Also when they have waited for so many checkpoints, whatever their size.
    #[must_use]
    pub fn or_at_checkpoints(self, checkpoints: NonZeroU32) -> CompactionStrategy {
        CompactionStrategy { checkpoints: Some(checkpoints), ..self }
    }

    /// Puts these bytes between the contents of two parts; nothing unless set, since lines end with a
    /// newline anyway.
    #[must_use]
    pub fn delimited_by(self, delimiter: impl Into<Vec<u8>>) -> CompactionStrategy {
        CompactionStrategy { delimiter: delimiter.into(), ..self }
    }
}

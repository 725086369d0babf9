//! How a checkpoint ends.

use crate::checkpoint::CheckpointId;

/// What tasks are told of a checkpoint that they took part in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckpointEnd {
    /// It is complete: it will be gone back to after a failure, until a later one is complete.
    Completed(CheckpointId),
    /// It will not be.
    Aborted(CheckpointId),
}

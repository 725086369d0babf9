//! What is asked for: a checkpoint or a savepoint, and how its barriers travel.

use std::time::Duration;

/// The format of a savepoint.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SavepointFormat {
    /// One for all backends.
    Canonical,
    /// The backend's own: faster, and restored by the same backend only.
    Native,
}

impl SavepointFormat {
    /// As the REST API writes it.
    pub fn name(self) -> &'static str {
        match self {
            SavepointFormat::Canonical => "CANONICAL",
            SavepointFormat::Native => "NATIVE",
        }
    }
}

/// What becomes of the job after its savepoint.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum AfterSavepoint {
    /// It goes on.
    Continue,
    /// It stops, and can go on from there.
    Suspend,
    /// It stops for good: time runs out before the savepoint, so that all windows and timers fire.
    Drain,
}

impl AfterSavepoint {
    /// Whether the job stops with it.
    pub fn stops(self) -> bool {
        self != AfterSavepoint::Continue
    }
}

/// Checkpoint or savepoint.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CheckpointKind {
    /// The system's own, for recovery.
    Checkpoint {
        /// Its barriers may overtake records.
        unaligned: bool,
    },
    /// A user's.
    Savepoint {
        /// How its state is written.
        format: SavepointFormat,
        /// What the job does then.
        after: AfterSavepoint,
    },
}

impl CheckpointKind {
    /// Whether a user owns it.
    pub fn is_savepoint(self) -> bool {
        matches!(self, CheckpointKind::Savepoint { .. })
    }

    /// Whether the job stops with it.
    pub fn stops_job(self) -> bool {
        matches!(self, CheckpointKind::Savepoint { after, .. } if after.stops())
    }

    /// The format, of a savepoint.
    pub fn savepoint_format(self) -> Option<SavepointFormat> {
        match self {
            CheckpointKind::Checkpoint { .. } => None,
            CheckpointKind::Savepoint { format, .. } => Some(format),
        }
    }

    /// As the REST API writes it.
    pub fn name(self) -> &'static str {
        match self {
            CheckpointKind::Checkpoint { unaligned: false } => "CHECKPOINT",
            CheckpointKind::Checkpoint { unaligned: true } => "UNALIGNED_CHECKPOINT",
            CheckpointKind::Savepoint { after: AfterSavepoint::Continue, .. } => "SAVEPOINT",
            CheckpointKind::Savepoint { .. } => "SYNC_SAVEPOINT",
        }
    }
}

/// How a task treats the barriers of its inputs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Alignment {
    /// It goes on reading all inputs until the last barrier: records may count twice.
    AtLeastOnce,
    /// It stops reading inputs whose barrier has come.
    Aligned,
    /// The same, but the barrier overtakes records once it has waited so long.
    AlignedUntil(Duration),
    /// The first barrier overtakes all records, which become part of the checkpoint.
    Unaligned,
}

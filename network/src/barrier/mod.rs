//! Checkpoint barriers: what they are, and how the inputs of a task agree on one.
//!
//! Owns: [`CheckpointBarrier`], and [`Alignment`], a pure step function from (state,
//! event) to (state, actions) that decides for all channels of a task. The task
//! carries the actions out: it blocks channels and captures buffers in its gates
//! ([`crate::InputGate`]), sets timers, and takes its checkpoint.
//!
//! ```text
//!            first barrier                          last barrier: Trigger, Unblock
//!  Waiting ----------------> Aligning -----------------------------------> Waiting
//!     |                         |  each further barrier: Block
//!     |                         | timeout, or a barrier that overtakes:
//!     |                         | Unblock, Trigger, Capture what is still before barriers
//!     | barrier that overtakes: v
//!     +-------------------> Overtaking ----------------------------------> Waiting
//!       Trigger, Capture               last barrier: Captured
//! ```
//!
//! The cut is consistent either way: of each channel, what came before its barrier is
//! in the state of the task, or in what was captured; and nothing that came after.
//! With [`Guarantee::AtLeastOnce`] no channel is blocked, so records behind a barrier
//! may be in the state as well.
//!
//! Invariants: checkpoints are triggered and aborted in the order of their ids, each at
//! most once; a blocked channel is one whose barrier has come; nothing is blocked
//! or captured while no checkpoint is under way.
//!
//! Thread: pure. Deliberately absent: clocks (events carry the time), gates, and
//! who is told of an abort.
//!
//! After Carbone et al., "Lightweight Asynchronous Snapshots for Distributed Dataflows"
//! (arXiv 1506.08603), and Flink's handling of barriers, whose rules for what
//! overtakes what are kept.

mod alignment;
mod channels;

use std::{fmt, time::Duration};

pub use alignment::{AbortReason, Alignment, Arrival, BarrierAction, BarrierEvent};
pub use channels::ChannelSet;

/// The number of a checkpoint of its job, from 1. A number is never used twice, whatever
/// becomes of its checkpoint; savepoints are numbered along.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CheckpointId(pub u64);

impl CheckpointId {
    /// The number of a job's first checkpoint.
    pub const FIRST: Self = Self(1);

    /// The number after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.checked_add(1).expect("2^64 checkpoints take longer than any job runs"))
    }
}

impl fmt::Display for CheckpointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How a barrier treats what is on its way before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BarrierKind {
    /// It waits its turn, and for the barriers of other channels: savepoints, and
    /// checkpoints that are to be small.
    Aligned,
    /// As aligned, but if that takes longer than this from the start of the checkpoint,
    /// it turns into one that overtakes.
    AlignedUntil(Duration),
    /// It overtakes; what it overtakes becomes part of the checkpoint.
    Unaligned,
}

/// The mark that divides a channel into before and after a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CheckpointBarrier {
    /// The checkpoint.
    pub checkpoint: CheckpointId,
    /// When it was started, in milliseconds since 1970 by the clock of the one who did.
    pub started_ms: i64,
    /// What it does about what is before it.
    pub kind: BarrierKind,
}

impl CheckpointBarrier {
    /// The same, as it is passed on once it overtakes.
    pub fn unaligned(self) -> Self {
        Self { kind: BarrierKind::Unaligned, ..self }
    }

    /// Whether it goes before all that waits in its channel.
    pub fn overtakes(&self) -> bool {
        self.kind == BarrierKind::Unaligned
    }

    /// Whether its time to align is limited.
    pub fn is_limited(&self) -> bool {
        matches!(self.kind, BarrierKind::AlignedUntil(_))
    }

    /// How much of its time for alignment is left at `now_ms`; `None` when it has no limit.
    pub fn time_left(&self, now_ms: i64) -> Option<Duration> {
        let BarrierKind::AlignedUntil(limit) = self.kind else { return None };
        // A clock that lags behind that of the coordinator must not wait longer for it.
        let passed = u64::try_from(now_ms.saturating_sub(self.started_ms)).unwrap_or(0);
        Some(limit.saturating_sub(Duration::from_millis(passed)))
    }
}

/// What a job promises about records after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Guarantee {
    /// Each counts once in the state: channels wait for each other.
    ExactlyOnce,
    /// Some may count twice: no channel waits.
    AtLeastOnce,
}

#[cfg(test)]
mod tests;

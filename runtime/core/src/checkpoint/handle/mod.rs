//! What a checkpoint consists of: which state of which subtask lies where.
//!
//! ```text
//! CompletedCheckpoint
//!   OperatorState             by operator id; parallelism, max parallelism, uid, name
//!     SubtaskState            by subtask
//!       KeyedStateHandle      key groups, backend, offset of each group  --+
//!       OperatorStateHandle   name, split/union/broadcast, elements        +--> StateHandle
//!       ChannelStateHandle    gate and channel, in-flight buffers        --+    inline or in a file
//! ```
//!
//! Invariants: a [`StatePath`] names a file directly in one of three folders and nothing else, so
//! that no metadata, however damaged, leads outside of a checkpoint; files in a checkpoint's own
//! folder belong to that checkpoint alone, files in `shared` to every checkpoint that names them.
//!
//! Source positions are operator state, timers are keyed state.
//!
//! Thread: any; plain data. Deliberately absent: the bytes of state in files, and what they mean.

mod operator;
mod path;
mod state;

pub use operator::{CompletedCheckpoint, OperatorState, SubtaskState};
pub(crate) use operator::{INPUT_TIME, WATERMARK_GENERATORS, WATERMARKS, files_of};
pub use path::{Place, StatePath, StatePathError};
pub use state::{
    BackendKind, ChannelSide, ChannelStateHandle, FileSlice, KeyGroupOffset, KeyedStateHandle,
    NamedState, OperatorStateHandle, RedistributionMode, StateHandle, StateKind, StateSchema,
};

#[cfg(test)]
pub(crate) mod tests;

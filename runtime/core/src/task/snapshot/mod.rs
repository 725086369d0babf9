//! What the operators of a task put into a checkpoint at a barrier, and what they are given back.
//!
//! Between two records a barrier passes through the stages of a chain. Each passes it on and then hands
//! over what it keeps ([`OperatorSnapshot`]): small things as bytes, keyed state as a stream over what
//! was frozen, which is written while records go on ([`KeyedStream`]). When a task starts from a
//! checkpoint, each operator finds its share in its [`RestoredState`].
//!
//! Thread: of the task's worker. Deliberately absent: where the bytes go (`checkpoint::storage`), and
//! what they mean.

mod channel;
mod end;
mod operator;
mod restored;
mod task;

pub(crate) use channel::ChannelCut;
pub use end::CheckpointEnd;
pub use operator::{
    KeyedSnapshot, KeyedStream, ListSnapshot, OperatorSnapshot, SegmentCheckpoint, SegmentSource,
    SnapshotTicket,
};
pub(crate) use operator::{TIME_BYTES, schema_of, schema_of_bytes};
pub(crate) use restored::StartDisk;
pub use restored::{RestoredState, TaskRestore};
pub(crate) use task::{CutEnd, Cuts, Stopping, TaskCut};

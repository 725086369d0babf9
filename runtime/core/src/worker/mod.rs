//! Workers: one thread each, which owns its tasks and never blocks but to park.
//!
//! A turn: poll the driver, take deliveries and control mail, run ready tasks for
//! a quantum each, flush what has waited too long. With nothing to do the worker
//! spins for a moment and then parks in the driver, at no CPU.
//!
//! Invariants:
//! - A task is touched by its worker only. Others send it mail.
//! - Between two parks the worker looks at every queue others fill, so that no
//!   wake-up is lost (see `brisk_memory::driver::doorbell`).
//! - A task that panics or fails is closed and dropped; the worker goes on.
//!
//! Deliberately absent: anything that knows how tasks of one job depend on each
//! other; that is the job master's.

mod checkpointing;
mod control;
mod debloating;
mod deploying;
mod examination;
mod handle;
mod remote;
mod running;
mod snapshots;
mod thread;
mod turn;
mod wakes;

pub use control::{
    CheckpointRun, Control, JobKey, JobListener, JobRun, StateDestination, TaskEnd, TaskReport,
};
pub use handle::{Directory, WorkerHandle};
pub(crate) use remote::HEADER_SEGMENTS;
pub use remote::RemoteOptions;
pub(crate) use running::panic_text;
pub use thread::{WorkerOptions, WorkerThread};
pub(crate) use turn::empty_report;
pub use turn::{Turn, TurnLimits, Worker, WorkerParts};

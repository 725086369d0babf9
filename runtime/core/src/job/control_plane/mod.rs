//! The control plane of a cluster: whoever runs the masters of its jobs.
//!
//! Workers, handles and dispatchers push notices into one queue and ring; the plane hears them one
//! after another, does what masters want done to the disk, and sleeps until the next notice or the
//! next time at which a master wants to be woken.
//!
//! Invariants: a master is touched by the plane only; one thing is done to the disk between two looks
//! at the queue, so that cancellations and failures come between a checkpoint's last acknowledgement
//! and its metadata as well.
//!
//! Thread: one for each mini cluster, `brisk-control`, joined when the cluster goes; in a simulation
//! the one thread steps it as it steps workers. It waits for the disk, since checkpoints are few; a
//! disk that hangs holds up the cluster's control plane, never its workers.
//!
//! Deliberately absent: decisions (a job's master), and RPC.

mod plane;
mod queue;
mod thread;

pub(super) use plane::{ControlPlane, PlaneParts};
pub(super) use queue::{ControlSender, JobNotice};
pub(super) use thread::{ControlThread, blocking_disk};

//! Several processes that run the jobs of one program together, each its share.
//!
//! ```text
//!   process 0                                       process 1, 2, ...
//!   JobMaster -- Others --> +----------+   Order    +----------+ --> FollowedJob --> workers
//!      ^                    | process  | ---------> | process  |                        |
//!      +--- JobNotice ----- | thread   | <--------- | thread   | <--------- Report -----+
//!   workers <=============================== buffers ===============================> workers
//! ```
//!
//! Each process is started with the same arguments but for its index, builds the same graph and
//! submits the same jobs in the same order. Process 0 leads: it has the masters and so the
//! coordinators of checkpoints. The others follow: they plan the same tasks from what they are told
//! ([`Order`]), run their part and report ([`Report`]). Data goes from worker to worker, and never
//! by this way.
//!
//! Owns: which process is which ([`ProcessSettings`]), the messages and their bytes, the control
//! connections and their thread ([`ProcessGroup`]), the jobs that are led elsewhere
//! ([`FollowedJob`]), and a launcher for tests and measurements ([`Launcher`]).
//!
//! Invariants: who doesn't know the secret is told nothing; a process that is gone fails the jobs it
//! had a part in, with its address named; it is not waited for.
//!
//! Thread: one for each process, beside the workers. Deliberately absent, until there is a cluster:
//! processes that come, go or come back, a choice of who leads, and questions to a job by a handle
//! of another process than the first.

mod bytes;
mod following;
mod launcher;
mod leading;
mod link;
mod message;
mod others;
mod settings;
mod switchboard;
mod thread;

use std::{fmt, net::SocketAddr};

use crate::task::WorkerId;

pub(super) use following::{FollowedJob, FollowedParts};
pub use launcher::{LaunchOptions, LaunchedProcesses, Launcher};
pub(super) use message::{DeployOrder, Order, Report};
pub(super) use others::Others;
pub(super) use settings::ProcessSettings;
pub(super) use thread::{GroupSender, ProcessGroup};

/// Numbers a process, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ProcessIndex(pub(crate) u32);

impl ProcessIndex {
    /// The one that leads.
    pub(crate) const LEADER: Self = Self(0);
    /// Workers of a process have numbers of their own: so many for each, more than are ever started.
    const WORKERS: u32 = 1 << 20;
    /// As many as there are numbers for.
    pub(super) const COUNT_MAX: u32 = u32::MAX / Self::WORKERS;

    /// The process of a worker.
    pub(crate) fn of(worker: WorkerId) -> Self {
        Self(worker.0 / Self::WORKERS)
    }

    /// The number of its first worker.
    pub(super) fn first_worker(self) -> u32 {
        self.0 * Self::WORKERS
    }
}

impl fmt::Display for ProcessIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {}", self.0)
    }
}

/// A worker and where it listens for data.
pub(super) type WorkerAddress = (WorkerId, SocketAddr);

#[cfg(test)]
mod tests;

//! The states of a job.

use std::fmt;

/// Where a job stands; names as in Flink's REST API.
///
/// ```text
///              +------------------ RESTARTING <-------+
///              v                       ^              |
/// INITIALIZING -> CREATED -> RUNNING --+----> FAILING +-> FAILED
///                    |          |                 |
///                    |          +--> FINISHED     |
///                    v          v                 |
///                   CANCELLING <------------------+   ---> CANCELED
/// ```
/// From any of these that isn't terminal to `SUSPENDED`, when the job manager loses its leadership;
/// its successor starts over with `INITIALIZING`, or with `RECONCILING` while it learns what runs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum JobStatus {
    /// Accepted, its master isn't there yet.
    Initializing,
    /// Nothing of it is deployed yet.
    Created,
    /// Some tasks may still be deploying, some may have finished.
    Running,
    /// A failure is being cleaned up.
    Failing,
    /// Ended by a failure.
    Failed,
    /// A request to cancel is being carried out.
    Cancelling,
    /// Ended by request.
    Canceled,
    /// Ended by itself.
    Finished,
    /// Being reset after a failure, to run again.
    Restarting,
    /// Ended here, to go on under another job manager.
    Suspended,
    /// Waiting for tasks to report, to go on with what still runs.
    Reconciling,
}

impl JobStatus {
    /// Every status.
    pub const ALL: [JobStatus; 11] = [
        JobStatus::Initializing,
        JobStatus::Created,
        JobStatus::Running,
        JobStatus::Failing,
        JobStatus::Failed,
        JobStatus::Cancelling,
        JobStatus::Canceled,
        JobStatus::Finished,
        JobStatus::Restarting,
        JobStatus::Suspended,
        JobStatus::Reconciling,
    ];

    /// What may follow: the table.
    pub const fn successors(self) -> &'static [JobStatus] {
        use JobStatus::{
            Canceled, Cancelling, Created, Failed, Failing, Finished, Reconciling, Restarting,
            Running, Suspended,
        };
        match self {
            JobStatus::Initializing => &[Created, Reconciling, Failed, Cancelling, Suspended],
            JobStatus::Created => &[Running, Failing, Cancelling, Suspended],
            JobStatus::Running => &[Finished, Failing, Cancelling, Restarting, Suspended],
            JobStatus::Failing => &[Failed, Cancelling, Restarting, Suspended],
            JobStatus::Cancelling => &[Canceled, Suspended],
            JobStatus::Restarting => &[Created, Running, Failing, Cancelling, Suspended],
            JobStatus::Reconciling => &[Running, Finished, Failing, Cancelling, Suspended],
            JobStatus::Failed
            | JobStatus::Canceled
            | JobStatus::Finished
            | JobStatus::Suspended => &[],
        }
    }

    /// Whether `next` may follow.
    pub fn may_become(self, next: JobStatus) -> bool {
        self.successors().contains(&next)
    }

    /// Whether nothing follows in this process.
    pub fn is_terminal(self) -> bool {
        self.successors().is_empty()
    }

    /// Whether nothing follows anywhere: the job will never run again.
    pub fn is_globally_terminal(self) -> bool {
        self.is_terminal() && self != JobStatus::Suspended
    }

    /// The name in REST answers.
    pub const fn name(self) -> &'static str {
        match self {
            JobStatus::Initializing => "INITIALIZING",
            JobStatus::Created => "CREATED",
            JobStatus::Running => "RUNNING",
            JobStatus::Failing => "FAILING",
            JobStatus::Failed => "FAILED",
            JobStatus::Cancelling => "CANCELLING",
            JobStatus::Canceled => "CANCELED",
            JobStatus::Finished => "FINISHED",
            JobStatus::Restarting => "RESTARTING",
            JobStatus::Suspended => "SUSPENDED",
            JobStatus::Reconciling => "RECONCILING",
        }
    }
}

impl fmt::Display for JobStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

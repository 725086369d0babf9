//! The states of a task.

use std::fmt;

/// Where one attempt to run a task stands; names as in Flink's REST API.
///
/// ```text
/// CREATED -> SCHEDULED -> DEPLOYING -> INITIALIZING -> RUNNING -> FINISHED
///    |           |            |             |             |
///    |           |            +-------------+-------------+--> CANCELING -> CANCELED
///    +-----------+------------------------------------------------------------^
/// ```
/// From any of these that isn't terminal to `FAILED`. `RECONCILING` follows `CREATED` when a new
/// job manager waits for the task to report, and whatever it reports follows that.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ExecutionState {
    /// Known, no more.
    Created,
    /// Waits for a slot.
    Scheduled,
    /// On its way to its worker.
    Deploying,
    /// Being opened and restored on its worker.
    Initializing,
    /// At work.
    Running,
    /// Ended by itself.
    Finished,
    /// Was told to stop.
    Canceling,
    /// Has stopped.
    Canceled,
    /// Ended by a failure.
    Failed,
    /// Awaited by a new job manager.
    Reconciling,
}

impl ExecutionState {
    /// Every state.
    pub const ALL: [ExecutionState; 10] = [
        ExecutionState::Created,
        ExecutionState::Scheduled,
        ExecutionState::Deploying,
        ExecutionState::Initializing,
        ExecutionState::Running,
        ExecutionState::Finished,
        ExecutionState::Canceling,
        ExecutionState::Canceled,
        ExecutionState::Failed,
        ExecutionState::Reconciling,
    ];

    /// What may follow: the table.
    pub const fn successors(self) -> &'static [ExecutionState] {
        use ExecutionState::{
            Canceled, Canceling, Deploying, Failed, Finished, Initializing, Reconciling, Running,
            Scheduled,
        };
        match self {
            ExecutionState::Created => &[Scheduled, Reconciling, Canceled, Failed],
            ExecutionState::Scheduled => &[Deploying, Canceled, Failed],
            ExecutionState::Deploying => &[Initializing, Canceling, Failed],
            ExecutionState::Initializing => &[Running, Finished, Canceling, Failed],
            ExecutionState::Running => &[Finished, Canceling, Failed],
            ExecutionState::Canceling => &[Canceled, Failed],
            ExecutionState::Reconciling => {
                &[Initializing, Running, Finished, Canceling, Canceled, Failed]
            }
            ExecutionState::Finished | ExecutionState::Canceled | ExecutionState::Failed => &[],
        }
    }

    /// Whether `next` may follow.
    pub fn may_become(self, next: ExecutionState) -> bool {
        self.successors().contains(&next)
    }

    /// Whether nothing follows.
    pub fn is_terminal(self) -> bool {
        self.successors().is_empty()
    }

    /// The name in REST answers.
    pub const fn name(self) -> &'static str {
        match self {
            ExecutionState::Created => "CREATED",
            ExecutionState::Scheduled => "SCHEDULED",
            ExecutionState::Deploying => "DEPLOYING",
            ExecutionState::Initializing => "INITIALIZING",
            ExecutionState::Running => "RUNNING",
            ExecutionState::Finished => "FINISHED",
            ExecutionState::Canceling => "CANCELING",
            ExecutionState::Canceled => "CANCELED",
            ExecutionState::Failed => "FAILED",
            ExecutionState::Reconciling => "RECONCILING",
        }
    }
}

impl fmt::Display for ExecutionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

//! The life of a job that runs in its own process: (state, event) -> (state, actions).
//!
//! ```text
//! Submitted ----------------------------> Deploy
//! TaskRunning of the last task ---------> StartAll
//! first TaskFailed, JobFailed ----------> CancelTasks (all that haven't ended)
//! CancelRequested ----------------------> CancelTasks
//! last task ended ----------------------> Complete; after a failure AskRestart
//! RestartRefused -----------------------> Complete
//! RestartGranted, later RestartDue -----> Deploy, and so on as in the beginning
//! ```
//!
//! Reports of tasks race with requests, so every event is legal at any time: what comes too late or
//! twice changes nothing and asks for nothing.
//!
//! Restart strategies are asked in one place, [`JobLife::settle`], when no task of the failed run is
//! left: a run never meets tasks of the one before.

use super::execution_state::ExecutionState;
use super::job_status::JobStatus;
use crate::graph::execution::TaskId;

/// What happened.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum JobEvent {
    /// The job is to run.
    Submitted,
    /// A task is deployed and open: it waits for the start.
    TaskRunning {
        /// The task.
        task: TaskId,
    },
    /// A task reached the end of its input and has flushed everything.
    TaskFinished {
        /// The task.
        task: TaskId,
    },
    /// A task failed.
    TaskFailed {
        /// The task.
        task: TaskId,
        /// Why, in words.
        cause: String,
    },
    /// A task has stopped as it was told.
    TaskCanceled {
        /// The task.
        task: TaskId,
    },
    /// Something failed that is no task's fault, such as a worker that couldn't start.
    JobFailed {
        /// Why, in words.
        cause: String,
    },
    /// Somebody wants the job to end.
    CancelRequested,
    /// The answer to `AskRestart`: it will run again, after a while.
    RestartGranted,
    /// The answer to `AskRestart`: it has failed for good.
    RestartRefused,
    /// The while is over.
    RestartDue,
}

/// What is to be done now, in order.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum JobAction {
    /// Build these tasks on their workers and report each as running.
    Deploy {
        /// The tasks.
        tasks: Vec<TaskId>,
    },
    /// All tasks are open, and so every channel has its reader: let the sources go.
    StartAll,
    /// Tell these tasks to stop. Each will report one end or another.
    CancelTasks {
        /// The tasks.
        tasks: Vec<TaskId>,
    },
    /// The job has failed and none of its tasks is left: to be answered with `RestartGranted` or
    /// `RestartRefused`.
    AskRestart {
        /// Why it failed.
        failure: JobFailure,
    },
    /// The job has ended. Comes exactly once, and nothing after it.
    Complete {
        /// `FINISHED`, `CANCELED` or `FAILED`.
        status: JobStatus,
        /// The first failure. A canceled job has one if it was failing when it was canceled.
        failure: Option<JobFailure>,
    },
}

/// Why a job failed.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct JobFailure {
    /// The task that failed first, if it was one.
    pub task: Option<TaskId>,
    /// Why, in words.
    pub cause: String,
}

/// The state of a job and its tasks.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct JobLife {
    status: JobStatus,
    /// By task.
    tasks: Vec<ExecutionState>,
    /// How many of them are running, and how many have ended.
    running: usize,
    ended: usize,
    /// Whether `StartAll` was given out.
    started: bool,
    /// Whether `AskRestart` was, and is not answered.
    asking: bool,
    failure: Option<JobFailure>,
}

impl JobLife {
    /// A job of so many tasks, created.
    ///
    /// # Panics
    /// If it has none.
    pub fn new(tasks: usize) -> JobLife {
        assert!(tasks > 0, "a job has tasks");
        JobLife {
            status: JobStatus::Created,
            tasks: vec![ExecutionState::Created; tasks],
            running: 0,
            ended: 0,
            started: false,
            asking: false,
            failure: None,
        }
    }

    /// Where the job stands.
    pub fn status(&self) -> JobStatus {
        self.status
    }

    /// Where each task stands, by task.
    pub fn tasks(&self) -> &[ExecutionState] {
        &self.tasks
    }

    /// The first failure so far.
    pub fn failure(&self) -> Option<&JobFailure> {
        self.failure.as_ref()
    }

    /// One step.
    ///
    /// # Panics
    /// If the event is about a task that the job doesn't have.
    #[must_use]
    pub fn step(mut self, event: JobEvent) -> (JobLife, Vec<JobAction>) {
        let mut actions = Vec::new();
        if !self.status.is_terminal() {
            self.apply(event, &mut actions);
            self.settle(&mut actions);
        }
        if cfg!(debug_assertions) {
            self.verify_invariants();
        }
        (self, actions)
    }

    /// Checks what the module promises.
    ///
    /// # Panics
    /// If one of the promises is broken, which is a bug of the step function.
    pub fn verify_invariants(&self) {
        let ended = self.tasks.iter().filter(|state| state.is_terminal()).count();
        assert_eq!(ended, self.ended, "{self:?}");
        let running = self.tasks.iter().filter(|&&state| state == ExecutionState::Running).count();
        assert_eq!(running, self.running, "{self:?}");
        assert_eq!(
            self.status.is_terminal() || self.asking,
            ended == self.tasks.len(),
            "a job ends with its tasks, or asks: {self:?}"
        );
        assert!(!self.asking || self.status == JobStatus::Failing, "who failed asks: {self:?}");
        match self.status {
            JobStatus::Created
            | JobStatus::Running
            | JobStatus::Restarting
            | JobStatus::Finished => {
                assert!(self.failure.is_none(), "nothing has failed: {self:?}");
            }
            JobStatus::Failing | JobStatus::Failed => {
                assert!(self.failure.is_some(), "something has failed: {self:?}");
            }
            _ => {}
        }
    }

    fn apply(&mut self, event: JobEvent, actions: &mut Vec<JobAction>) {
        match event {
            JobEvent::Submitted if self.status == JobStatus::Created => self.deploy(actions),
            JobEvent::RestartDue if self.status == JobStatus::Restarting => self.deploy(actions),
            JobEvent::Submitted | JobEvent::RestartDue => {}
            JobEvent::RestartGranted if self.asking => self.reset(),
            JobEvent::RestartRefused if self.asking => {
                self.asking = false;
                self.complete(JobStatus::Failed, actions);
            }
            JobEvent::RestartGranted | JobEvent::RestartRefused => {}
            JobEvent::TaskRunning { task } => self.task_running(task, actions),
            JobEvent::TaskFinished { task } => {
                // What ended by itself before it heard of the cancellation is canceled all the same.
                self.end_task(task, ExecutionState::Finished);
                self.start_when_ready(actions);
            }
            JobEvent::TaskFailed { task, cause } => {
                if self.end_task(task, ExecutionState::Failed) {
                    self.fail(JobFailure { task: Some(task), cause }, actions);
                }
            }
            JobEvent::TaskCanceled { task } => {
                let asked = self.tasks[task.as_index()] == ExecutionState::Canceling;
                if self.end_task(task, ExecutionState::Canceled) && !asked {
                    let cause = "the task stopped as if canceled, but nobody had asked for it";
                    self.fail(JobFailure { task: Some(task), cause: cause.to_owned() }, actions);
                }
            }
            JobEvent::JobFailed { cause } => self.fail(JobFailure { task: None, cause }, actions),
            JobEvent::CancelRequested => {
                if self.status != JobStatus::Cancelling {
                    self.asking = false;
                    self.become_status(JobStatus::Cancelling);
                    self.cancel_tasks(actions);
                }
            }
        }
    }

    /// Nothing of the run that failed is left; the next one has not begun.
    fn reset(&mut self) {
        self.asking = false;
        self.become_status(JobStatus::Restarting);
        self.tasks.fill(ExecutionState::Created);
        (self.running, self.ended, self.started) = (0, 0, false);
        self.failure = None;
    }

    fn deploy(&mut self, actions: &mut Vec<JobAction>) {
        self.become_status(JobStatus::Running);
        let tasks: Vec<TaskId> = self.task_ids().collect();
        for &task in &tasks {
            self.become_state(task, ExecutionState::Scheduled);
            self.become_state(task, ExecutionState::Deploying);
        }
        actions.push(JobAction::Deploy { tasks });
    }

    fn task_running(&mut self, task: TaskId, actions: &mut Vec<JobAction>) {
        if self.tasks[task.as_index()] == ExecutionState::Deploying {
            self.become_state(task, ExecutionState::Initializing);
            self.become_state(task, ExecutionState::Running);
            self.start_when_ready(actions);
        }
    }

    /// Nothing has failed or was canceled while the job is running, so what has ended has finished.
    /// If that is all of them, nobody is left to be started.
    fn start_when_ready(&mut self, actions: &mut Vec<JobAction>) {
        let ready = self.running > 0 && self.running + self.ended == self.tasks.len();
        if self.status == JobStatus::Running && !self.started && ready {
            self.started = true;
            actions.push(JobAction::StartAll);
        }
    }

    /// Says whether the task was deployed and had not ended before.
    fn end_task(&mut self, task: TaskId, end: ExecutionState) -> bool {
        assert!(end.is_terminal(), "{end} is an end");
        let state = self.tasks[task.as_index()];
        if state == ExecutionState::Created || state.is_terminal() {
            return false;
        }
        match (state, end) {
            (ExecutionState::Canceling, ExecutionState::Finished) => {
                self.become_state(task, ExecutionState::Canceled);
            }
            // Its report that it runs was overtaken.
            (ExecutionState::Deploying, ExecutionState::Finished) => {
                self.become_state(task, ExecutionState::Initializing);
                self.become_state(task, ExecutionState::Finished);
            }
            (ExecutionState::Deploying | ExecutionState::Running, ExecutionState::Canceled) => {
                self.become_state(task, ExecutionState::Canceling);
                self.become_state(task, ExecutionState::Canceled);
            }
            _ => self.become_state(task, end),
        }
        true
    }

    /// The first failure decides; later ones are consequences, or change nothing any more.
    fn fail(&mut self, failure: JobFailure, actions: &mut Vec<JobAction>) {
        let goes_on =
            matches!(self.status, JobStatus::Created | JobStatus::Running | JobStatus::Restarting);
        if goes_on {
            assert!(self.failure.is_none(), "a job without failure goes on: {self:?}");
            self.failure = Some(failure);
            self.become_status(JobStatus::Failing);
            self.cancel_tasks(actions);
        }
    }

    /// Asks each task to stop that has neither ended nor been asked before.
    fn cancel_tasks(&mut self, actions: &mut Vec<JobAction>) {
        let mut tasks = Vec::new();
        for task in self.task_ids() {
            match self.tasks[task.as_index()] {
                ExecutionState::Created => self.become_state(task, ExecutionState::Canceled),
                ExecutionState::Canceling => {}
                state if state.is_terminal() => {}
                _ => {
                    self.become_state(task, ExecutionState::Canceling);
                    tasks.push(task);
                }
            }
        }
        if !tasks.is_empty() {
            actions.push(JobAction::CancelTasks { tasks });
        }
    }

    /// Ends the job when its last task has ended, or asks whether it is to run again.
    fn settle(&mut self, actions: &mut Vec<JobAction>) {
        if self.ended < self.tasks.len() || self.status.is_terminal() || self.asking {
            return;
        }
        match self.status {
            JobStatus::Running => self.complete(JobStatus::Finished, actions),
            JobStatus::Cancelling => self.complete(JobStatus::Canceled, actions),
            JobStatus::Failing => {
                self.asking = true;
                let failure = self.failure.clone().expect("a failing job has failed");
                actions.push(JobAction::AskRestart { failure });
            }
            other => unreachable!("a job has ended tasks while it is {other}"),
        }
    }

    fn complete(&mut self, status: JobStatus, actions: &mut Vec<JobAction>) {
        self.become_status(status);
        actions.push(JobAction::Complete { status, failure: self.failure.clone() });
    }

    fn task_ids(&self) -> impl Iterator<Item = TaskId> + use<> {
        let count = u32::try_from(self.tasks.len()).expect("fewer than 2^32 tasks");
        (0..count).map(TaskId)
    }

    fn become_status(&mut self, next: JobStatus) {
        assert!(self.status.may_become(next), "a job can't go from {} to {next}", self.status);
        self.status = next;
    }

    fn become_state(&mut self, task: TaskId, next: ExecutionState) {
        let state = &mut self.tasks[task.as_index()];
        assert!(state.may_become(next), "{task:?} can't go from {state} to {next}");
        self.running -= usize::from(*state == ExecutionState::Running);
        self.running += usize::from(next == ExecutionState::Running);
        self.ended += usize::from(next.is_terminal());
        *state = next;
    }
}

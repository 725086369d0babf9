//! What the control plane tells a worker, and what it hears back.

use std::{
    fmt,
    sync::{Arc, atomic::AtomicBool, mpsc},
    time::Duration,
};

use crate::{
    error::Error,
    task::accumulator::AccumulatorSnapshot,
    task::{PlannedTask, TaskCounts, TaskKey, TaskTimes, WorkerId},
};

/// Names a job's run in its process; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobKey(pub u64);

/// What all tasks of a job share.
pub struct JobRun {
    /// Its name in the process.
    pub key: JobKey,
    /// Set when the job is being canceled: running drives end early.
    pub interrupt: Arc<AtomicBool>,
    /// The longest that a record waits in an open buffer; `None` for until it is full.
    pub buffer_timeout: Option<Duration>,
    /// Hears what happens.
    pub listener: Arc<dyn JobListener>,
}

/// Hears of a job's tasks. Called on worker threads, so it must not block.
pub trait JobListener: Send + Sync {
    /// The worker has made room for the tasks it was sent: they may get data now.
    fn deployed(&self, worker: WorkerId);

    /// A task is over.
    fn task_ended(&self, report: TaskReport, end: TaskEnd);
}

/// How a task ended.
#[derive(Debug)]
pub enum TaskEnd {
    /// It sent everything.
    Finished,
    /// It was told to stop.
    Canceled,
    /// It failed.
    Failed(Error),
}

/// What is known of a task.
#[derive(Debug)]
pub struct TaskReport {
    /// The task.
    pub key: TaskKey,
    /// Its counts.
    pub counts: TaskCounts,
    /// Its times.
    pub times: TaskTimes,
    /// Its accumulators.
    pub accumulators: AccumulatorSnapshot,
}

/// Mail from the control plane.
pub enum Control {
    /// Make the gates of these tasks, then say so.
    Deploy(Arc<JobRun>, Vec<PlannedTask>),
    /// Build and run the tasks that were deployed.
    Start(JobKey),
    /// Close and drop all tasks of the job.
    Cancel(JobKey),
    /// Report on all tasks of the job.
    Inspect(JobKey, mpsc::Sender<TaskReport>),
    /// Cancel whatever runs and end the thread.
    Shutdown,
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deploy(run, tasks) => write!(f, "Deploy({:?}, {})", run.key, tasks.len()),
            Self::Start(key) => write!(f, "Start({key:?})"),
            Self::Cancel(key) => write!(f, "Cancel({key:?})"),
            Self::Inspect(key, _) => write!(f, "Inspect({key:?})"),
            Self::Shutdown => f.write_str("Shutdown"),
        }
    }
}

//! What the control plane tells a worker, and what it hears back.

use brisk_network::barrier::Guarantee;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicBool, mpsc},
    time::Duration,
};

use crate::{
    chain::MeetingPlace,
    checkpoint::{
        CheckpointId,
        coordinator::{BarrierOptions, DeclineReason, TaskSnapshot},
        storage::{Compression, FileSystemStorage, FileTarget, JobManagerStorage},
    },
    error::Error,
    task::accumulator::AccumulatorSnapshot,
    task::{CheckpointEnd, PlannedTask, TaskCounts, TaskKey, TaskTimes, WorkerId},
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
    /// How checkpoints of it are taken.
    pub checkpointing: CheckpointRun,
    /// Where sources whose watermarks are aligned meet.
    pub alignment: Arc<MeetingPlace>,
}

impl JobRun {
    /// Whether some task here is not ready for checkpoints yet.
    pub fn is_recovering(&self) -> bool {
        self.checkpointing.is_recovering()
    }
}

impl fmt::Debug for JobRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobRun").field("key", &self.key).finish_non_exhaustive()
    }
}

/// How a job's checkpoints are taken, as far as workers need to know.
#[derive(Debug)]
pub struct CheckpointRun {
    /// Whether inputs wait for each other's barriers.
    pub guarantee: Guarantee,
    /// Where state goes.
    pub storage: StateDestination,
    /// The checkpoints under way. A barrier may come to a worker before the mail that triggered it
    /// elsewhere, so what is not in the barrier is put here first.
    under_way: Mutex<BTreeMap<CheckpointId, Arc<BarrierOptions>>>,
    /// Tasks that still read what was in flight in an earlier run.
    recovering: Mutex<BTreeSet<TaskKey>>,
}

/// Where tasks write their state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StateDestination {
    /// Into their acknowledgements, which have limits.
    Inline(JobManagerStorage),
    /// Into files, small states aside.
    Files {
        /// The job's folders.
        storage: FileSystemStorage,
        /// Whether blocks are compressed.
        compression: Compression,
        /// State of fewer bytes goes into the acknowledgement.
        inline_below: u64,
    },
}

impl StateDestination {
    /// Where files go that a backend of its own wrote.
    pub fn file_target(&self, options: &BarrierOptions) -> FileTarget {
        match self {
            Self::Inline(storage) => FileTarget::inline(*storage, options),
            Self::Files { storage, inline_below, .. } => {
                FileTarget::files(storage, options, *inline_below)
            }
        }
    }
}

impl CheckpointRun {
    /// With no checkpoint under way.
    pub fn new(guarantee: Guarantee, storage: StateDestination) -> Self {
        Self { guarantee, storage, under_way: Mutex::default(), recovering: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<CheckpointId, Arc<BarrierOptions>>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the options of a checkpoint known before its first barrier is sent.
    pub fn begin(&self, options: Arc<BarrierOptions>) {
        self.lock().insert(options.id, options);
    }

    /// Forgets a checkpoint that has ended. One that began before may go on, as savepoints do.
    pub fn end(&self, checkpoint: CheckpointId) {
        self.lock().remove(&checkpoint);
    }

    fn lock_recovering(&self) -> MutexGuard<'_, BTreeSet<TaskKey>> {
        self.recovering.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A task is to read what was in flight in an earlier run before anything else.
    pub fn begin_recovery(&self, task: TaskKey) {
        self.lock_recovering().insert(task);
    }

    /// It has, or is gone.
    pub fn end_recovery(&self, task: TaskKey) {
        self.lock_recovering().remove(&task);
    }

    /// Whether some task is not ready for checkpoints yet.
    pub fn is_recovering(&self) -> bool {
        !self.lock_recovering().is_empty()
    }

    /// The options of a checkpoint; `None` if it has ended.
    pub fn options(&self, checkpoint: CheckpointId) -> Option<Arc<BarrierOptions>> {
        self.lock().get(&checkpoint).cloned()
    }
}

/// Hears of a job's tasks. Called on worker threads, so it must not block.
pub trait JobListener: Send + Sync {
    /// The worker has made room for the tasks it was sent: they may get data now.
    fn deployed(&self, worker: WorkerId);

    /// A task is over.
    fn task_ended(&self, report: TaskReport, end: TaskEnd);

    /// A task has all its state of a checkpoint where it survives.
    fn snapshot_acknowledged(&self, task: TaskKey, id: CheckpointId, snapshot: TaskSnapshot);

    /// A task can't take part in a checkpoint.
    fn snapshot_declined(&self, task: TaskKey, id: CheckpointId, reason: DeclineReason);
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
    /// Have these tasks take part in a checkpoint and send barriers on.
    TriggerCheckpoint {
        /// The job.
        job: JobKey,
        /// The checkpoint.
        options: Arc<BarrierOptions>,
        /// Those that are here, or more.
        tasks: Vec<TaskKey>,
    },
    /// Tell all tasks of the job how a checkpoint has ended.
    EndCheckpoint(JobKey, CheckpointEnd),
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
            Self::TriggerCheckpoint { options, .. } => {
                write!(f, "TriggerCheckpoint({})", options.id)
            }
            Self::EndCheckpoint(job, end) => write!(f, "EndCheckpoint({job:?}, {end:?})"),
            Self::Shutdown => f.write_str("Shutdown"),
        }
    }
}

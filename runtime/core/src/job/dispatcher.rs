//! The dispatcher: submits jobs to workers, whoever runs those.

use brisk_memory::Arena;
use std::{
    any::Any,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::{
    JobHandle, JobSettings,
    control_plane::ControlSender,
    deployment::{fresh_number, required_segments},
    master::{
        CurrentRun, Decisions, JobMaster, JobShared, MasterParts, SharedParts, load_recovery,
    },
};
use crate::{
    checkpoint::{
        Millis,
        coordinator::{CoordinatorOptions, Topology},
    },
    error::Error,
    graph::{ExecutionGraph, JobGraph, JobId, StreamGraph},
    state::{backend::StateBackend, spill::SpillGround},
    task::{JobFactories, OpenDisk, WorkerId},
    worker::{Directory, JobKey, WorkerHandle, WorkerThread},
};

/// A job as the API hands it over.
pub(crate) struct JobProgram {
    /// What the program described.
    pub(crate) stream: StreamGraph,
    /// The same in chains.
    pub(crate) graph: JobGraph,
    pub(crate) factories: JobFactories,
    pub(crate) settings: JobSettings,
    /// What keeps keyed state; `None` for memory.
    pub(crate) backend: Option<Arc<dyn StateBackend>>,
    /// Where state in memory goes that has no room there.
    pub(crate) spill: Arc<SpillGround>,
}

/// Who is to run a job.
pub(super) struct Staff<'a> {
    /// A name that no other job has.
    pub(super) job_id: JobId,
    /// The workers of the slots; never none.
    pub(super) workers: &'a [WorkerId],
    /// Starts a worker for a task that may block.
    pub(super) start_dedicated: &'a dyn Fn() -> Result<DedicatedWorker, Error>,
    /// Kept until the job is over.
    pub(super) keep: Box<dyn Any + Send>,
    /// Reads what the job begins with.
    pub(super) open_disk: &'a OpenDisk,
    /// For whatever the job's master leaves to chance.
    pub(super) seed: u64,
}

/// A worker that was started for one task and is told to end with its job.
pub(super) enum DedicatedWorker {
    /// Kept while its job is known: dropping it waits for its thread.
    Thread(WorkerThread),
    /// Stepped by whoever started it.
    Stepped(WorkerHandle),
}

impl DedicatedWorker {
    pub(super) fn handle(&self) -> &WorkerHandle {
        match self {
            Self::Thread(thread) => thread.handle(),
            Self::Stepped(handle) => handle,
        }
    }
}

/// Submits jobs: promises memory, places tasks, makes the master.
pub(super) struct Dispatcher {
    arena: Arena,
    control: ControlSender,
    directory: Arc<Directory>,
    buffer_timeout: Option<Duration>,
    /// Segments that running jobs can count on.
    promised: Arc<Mutex<u64>>,
}

impl Dispatcher {
    pub(super) fn new(
        arena: Arena,
        control: ControlSender,
        buffer_timeout: Option<Duration>,
    ) -> Self {
        let (directory, promised) = (Arc::default(), Arc::default());
        Self { arena, control, directory, buffer_timeout, promised }
    }

    /// All workers that tasks may be placed on.
    pub(super) fn directory(&self) -> &Arc<Directory> {
        &self.directory
    }

    /// Segments that running jobs can count on.
    pub(super) fn promised(&self) -> u64 {
        *self.promised.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a job.
    pub(super) fn submit(&self, program: JobProgram, staff: Staff) -> Result<JobHandle, Error> {
        assert!(!staff.workers.is_empty(), "a job needs a worker");
        let execution = ExecutionGraph::expand(&program.graph);
        let source = load_recovery(&program, &execution, staff.open_disk)?;
        let promise = self.promise(&program.graph, &execution)?;
        let (places, dedicated) = place(&program.graph, &execution, &staff)?;
        let mut ids = places.clone();
        ids.sort_unstable();
        ids.dedup();
        let workers: Vec<WorkerHandle> =
            ids.into_iter().filter_map(|id| self.directory.get(id)).collect();
        let keep = staff.keep;
        let coordinator = CoordinatorOptions {
            job: staff.job_id,
            config: program.settings.checkpoints.clone(),
            topology: Topology::of(&program.stream, &program.graph, &execution),
            seed: staff.seed,
            // The control plane's clock goes on from here.
            now: Millis(0),
            history: program.settings.history.checkpoints,
        };
        let shared = Arc::new(JobShared::new(SharedParts {
            name: program.graph.name().to_string(),
            id: staff.job_id,
            workers,
            control: self.control.clone(),
            decisions: Decisions::new(
                coordinator,
                program.settings.restart,
                program.settings.history.failures,
            ),
            current: CurrentRun { key: JobKey(fresh_number()), plans: Arc::from([]) },
        }));
        self.control.adopt(JobMaster::new(MasterParts {
            shared: Arc::clone(&shared),
            program,
            execution,
            places,
            dedicated,
            buffer_timeout: self.buffer_timeout,
            source,
            keep: Box::new((promise, keep)),
        }));
        Ok(JobHandle::new(shared))
    }

    /// Makes sure that every task of the job can make progress, before it begins.
    fn promise(&self, job: &JobGraph, graph: &ExecutionGraph) -> Result<Promise, Error> {
        let (needed, arithmetic) = required_segments(job, graph);
        let total = u64::from(self.arena.network().total().0);
        let mut promised = self.promised.lock().unwrap_or_else(PoisonError::into_inner);
        let available = total.saturating_sub(*promised);
        if needed > available {
            return Err(Error::InsufficientNetworkMemory {
                job: job.name().to_string(),
                needed,
                available,
                total,
                segment_bytes: self.arena.segment_size().bytes(),
                arithmetic,
            });
        }
        *promised += needed;
        Ok(Promise { segments: needed, promised: Arc::clone(&self.promised) })
    }
}

/// The worker of each task, and the workers started for tasks that may block.
fn place(
    job: &JobGraph,
    graph: &ExecutionGraph,
    staff: &Staff,
) -> Result<(Vec<WorkerId>, Vec<DedicatedWorker>), Error> {
    let mut dedicated = Vec::new();
    let mut places = Vec::with_capacity(graph.task_count());
    for (task, subtask) in graph.tasks() {
        if job.vertex(subtask.vertex).blocking {
            let worker = (staff.start_dedicated)()?;
            places.push(worker.handle().id);
            dedicated.push(worker);
        } else {
            let slot = graph.slot(task).0 as usize;
            places.push(staff.workers[slot % staff.workers.len()]);
        }
    }
    Ok((places, dedicated))
}

/// Segments that a running job can count on; given back when dropped.
struct Promise {
    segments: u64,
    promised: Arc<Mutex<u64>>,
}

impl Drop for Promise {
    fn drop(&mut self) {
        let mut promised = self.promised.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(*promised >= self.segments, "more given back than promised");
        *promised -= self.segments;
    }
}

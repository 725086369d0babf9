//! The dispatcher: submits jobs to workers, whoever runs those.

use brisk_memory::Arena;
use std::{
    any::Any,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::{
    JobHandle,
    deployment::{Deployment, fresh_number, required_segments},
    master::{JobMaster, MasterParts},
};
use crate::{
    error::Error,
    graph::{ExecutionGraph, JobGraph, JobId},
    task::{Attempt, JobFactories, WorkerId},
    worker::{Directory, JobKey, WorkerHandle, WorkerThread},
};

/// A job as the API hands it over.
pub(crate) struct JobProgram {
    pub(crate) graph: JobGraph,
    pub(crate) factories: JobFactories,
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
    directory: Arc<Directory>,
    buffer_timeout: Option<Duration>,
    /// Segments that running jobs can count on.
    promised: Arc<Mutex<u64>>,
}

impl Dispatcher {
    pub(super) fn new(arena: Arena, buffer_timeout: Option<Duration>) -> Self {
        Self { arena, directory: Arc::default(), buffer_timeout, promised: Arc::default() }
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
    pub(super) fn submit(&self, program: &JobProgram, staff: Staff) -> Result<JobHandle, Error> {
        assert!(!staff.workers.is_empty(), "a job needs a worker");
        let graph = ExecutionGraph::expand(&program.graph);
        let promise = self.promise(&program.graph, &graph)?;
        let (places, dedicated) = place(&program.graph, &graph, &staff)?;
        let deployment = Deployment {
            id: staff.job_id,
            attempt: Attempt(0),
            job: &program.graph,
            graph: &graph,
            factories: &program.factories,
            places: &places,
        };
        let tasks = deployment.tasks();
        let mut ids = places.clone();
        ids.sort_unstable();
        ids.dedup();
        let workers: Vec<WorkerHandle> =
            ids.into_iter().filter_map(|id| self.directory.get(id)).collect();
        let keep = staff.keep;
        let master = JobMaster::new(MasterParts {
            key: JobKey(fresh_number()),
            id: staff.job_id,
            name: program.graph.name().to_string(),
            tasks,
            places,
            workers,
            dedicated,
            buffer_timeout: self.buffer_timeout,
            on_end: Box::new(move || drop((promise, keep))),
        });
        master.submit();
        Ok(JobHandle::new(master))
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

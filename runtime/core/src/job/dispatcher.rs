//! The dispatcher: submits jobs to workers, whoever runs those.

use brisk_memory::Arena;
use std::{
    any::Any,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::{
    JobHandle, JobSettings,
    control_plane::ControlSender,
    deployment::{Demand, Places, fresh_number},
    master::{
        CurrentRun, Decisions, JobMaster, JobShared, MasterParts, SharedParts, load_recovery,
    },
    processes::{FollowedJob, FollowedParts, GroupSender, Others},
};
use crate::{
    checkpoint::{
        Millis,
        coordinator::{CoordinatorOptions, Topology},
    },
    error::Error,
    graph::{ExecutionGraph, JobGraph, JobId, StreamGraph},
    state::{backend::StateBackend, spill::SpillGround},
    task::{BufferQuota, JobFactories, OpenDisk, WorkerId},
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
    /// Processes that take part, if this is the one that leads them.
    pub(super) others: Option<Others>,
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

/// What [`Dispatcher::new`] needs.
pub(super) struct DispatcherParts {
    pub(super) arena: Arena,
    pub(super) control: ControlSender,
    pub(super) buffer_timeout: Option<Duration>,
    pub(super) quota: BufferQuota,
}

/// Submits jobs: promises memory, places tasks, makes the master.
pub(super) struct Dispatcher {
    control: ControlSender,
    directory: Arc<Directory>,
    buffer_timeout: Option<Duration>,
    promises: Promises,
}

impl Dispatcher {
    pub(super) fn new(parts: DispatcherParts) -> Self {
        let DispatcherParts { arena, control, buffer_timeout, quota } = parts;
        let promises = Promises { arena, quota, promised: Arc::default() };
        Self { control, directory: Arc::default(), buffer_timeout, promises }
    }

    /// All workers that tasks may be placed on.
    pub(super) fn directory(&self) -> &Arc<Directory> {
        &self.directory
    }

    /// Segments that running jobs can count on.
    pub(super) fn promised(&self) -> u64 {
        *self.promises.promised.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Segments are lent to something that is no job, for as long as the process lives.
    pub(super) fn set_aside(&self, segments: u64) {
        *self.promises.promised.lock().unwrap_or_else(PoisonError::into_inner) += segments;
    }

    /// Runs a job.
    pub(super) fn submit(&self, program: JobProgram, staff: Staff) -> Result<JobHandle, Error> {
        assert!(!staff.workers.is_empty(), "a job needs a worker");
        let execution = ExecutionGraph::expand(&program.graph);
        let source = load_recovery(&program, &execution, staff.open_disk)?;
        let (places, dedicated) = place(&program.graph, &execution, &staff)?;
        let promise = self.promises.make(&program.graph, &execution, &places)?;
        let mut ids = places.workers.clone();
        ids.sort_unstable();
        ids.dedup();
        let workers: Vec<WorkerHandle> =
            ids.into_iter().filter_map(|id| self.directory.get(id)).collect();
        let shared = Arc::new(self.shared(&program, &execution, &staff, workers));
        self.control.adopt(JobMaster::new(MasterParts {
            shared: Arc::clone(&shared),
            program,
            execution,
            places,
            dedicated,
            buffer_timeout: self.buffer_timeout,
            source,
            others: staff.others,
            keep: Box::new((promise, staff.keep)),
        }));
        Ok(JobHandle::new(shared))
    }

    /// Runs a part of a job whose master is in another process.
    pub(super) fn follow(
        &self,
        program: JobProgram,
        staff: Staff,
        group: &GroupSender,
    ) -> Result<JobHandle, Error> {
        let execution = ExecutionGraph::expand(&program.graph);
        let known = staff.workers.iter().filter_map(|id| self.directory.get(*id));
        let workers: Vec<WorkerHandle> = known.collect();
        let shared = Arc::new(self.shared(&program, &execution, &staff, workers));
        group.follow(FollowedJob::new(FollowedParts {
            shared: Arc::clone(&shared),
            program,
            execution,
            buffer_timeout: self.buffer_timeout,
            promises: self.promises.clone(),
            group: group.clone(),
            keep: staff.keep,
        }));
        Ok(JobHandle::new(shared))
    }

    fn shared(
        &self,
        program: &JobProgram,
        execution: &ExecutionGraph,
        staff: &Staff,
        workers: Vec<WorkerHandle>,
    ) -> JobShared {
        let coordinator = CoordinatorOptions {
            job: staff.job_id,
            config: program.settings.checkpoints.clone(),
            topology: Topology::of(&program.stream, &program.graph, execution),
            seed: staff.seed,
            // The control plane's clock goes on from here.
            now: Millis(0),
            history: program.settings.history.checkpoints,
        };
        JobShared::new(SharedParts {
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
        })
    }
}

/// Makes sure of jobs' memory.
#[derive(Clone)]
pub(super) struct Promises {
    arena: Arena,
    quota: BufferQuota,
    /// Segments that running jobs can count on.
    promised: Arc<Mutex<u64>>,
}

impl Promises {
    /// Makes sure that every task of the job here can make progress, before it begins.
    pub(super) fn make(
        &self,
        job: &JobGraph,
        graph: &ExecutionGraph,
        places: &Places,
    ) -> Result<Promise, Error> {
        let demand = Demand { job, graph, places, quota: self.quota };
        let (needed, arithmetic) = demand.required_segments();
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
///
/// Slots are dealt to processes in turn, and within a process to its workers in turn. Tasks that may
/// block are here, whatever their slot.
fn place(
    job: &JobGraph,
    graph: &ExecutionGraph,
    staff: &Staff,
) -> Result<(Places, Vec<DedicatedWorker>), Error> {
    let mut dedicated = Vec::new();
    let mut places = Vec::with_capacity(graph.task_count());
    let elsewhere = staff.others.as_ref().map(Others::workers).unwrap_or_default();
    let workers = in_turn(staff.workers, &elsewhere);
    for (task, subtask) in graph.tasks() {
        if job.vertex(subtask.vertex).blocking {
            let worker = (staff.start_dedicated)()?;
            places.push(worker.handle().id);
            dedicated.push(worker);
        } else {
            let slot = graph.slot(task).0 as usize;
            places.push(workers[slot % workers.len()]);
        }
    }
    let elsewhere = elsewhere.into_iter().flatten().collect();
    Ok((Places { workers: places, elsewhere }, dedicated))
}

/// The first worker of each process, then the second of each that has one, and so on.
fn in_turn(here: &[WorkerId], elsewhere: &[Vec<(WorkerId, SocketAddr)>]) -> Vec<WorkerId> {
    let most = elsewhere.iter().map(Vec::len).chain([here.len()]).max().unwrap_or(0);
    let row = |at: usize| {
        let others = elsewhere.iter().filter_map(move |workers| workers.get(at));
        here.get(at).copied().into_iter().chain(others.map(|(worker, _)| *worker))
    };
    (0..most).flat_map(row).collect()
}

/// Segments that a running job can count on; given back when dropped.
pub(super) struct Promise {
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

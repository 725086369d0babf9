//! The mini cluster: memory and workers of an embedded program, shared by its jobs.

use brisk_memory::{
    Arena, ArenaOptions, HugePages, SegmentCount, SegmentSize,
    config::{
        Configuration,
        options::{self, execution, network, worker},
    },
    driver::{DriverKind, DriverOptions, default_spin},
    model::{HostMemory, TaskManagerMemory},
};
use std::{
    fmt,
    num::NonZeroU32,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use super::{
    JobHandle,
    deployment::{Deployment, fresh_number, required_segments},
    master::{JobMaster, MasterParts},
};
use crate::{
    error::Error,
    graph::{ExecutionGraph, JobGraph},
    task::{BufferQuota, JobFactories, WorkerId},
    worker::{Directory, JobKey, WorkerHandle, WorkerOptions, WorkerThread},
};

/// A job as the API hands it over.
pub(crate) struct JobProgram {
    pub(crate) graph: JobGraph,
    pub(crate) factories: JobFactories,
}

/// Memory and workers in this process. Jobs of several environments may share one.
///
/// Dropping the last handle of it cancels what runs and ends the threads.
pub struct MiniCluster {
    arena: Arena,
    quota: BufferQuota,
    driver: DriverOptions,
    workers: Vec<WorkerThread>,
    directory: Arc<Directory>,
    next_worker: AtomicU32,
    buffer_timeout: Option<Duration>,
    /// Segments that running jobs can count on.
    promised: Arc<Mutex<u64>>,
}

fn cores() -> NonZeroU32 {
    let cores = thread::available_parallelism().map_or(1, |cores| cores.get() as u32);
    NonZeroU32::new(cores).unwrap_or(NonZeroU32::MIN)
}

impl MiniCluster {
    /// Maps the memory and starts the workers that `config` asks for, for jobs of
    /// up to `slots` slots; more are legal, but memory was planned for these.
    ///
    /// # Errors
    /// If the configuration is wrong, or memory or threads can't be had.
    pub fn start(config: &Configuration, slots: NonZeroU32) -> Result<Arc<Self>, Error> {
        let host = HostMemory::read(Path::new("/"));
        let memory = TaskManagerMemory::for_embedded(config, &host, slots)?;
        let arena = map_arena(config, &memory)?;
        let quota = BufferQuota {
            per_channel: config.get(&network::BUFFERS_PER_CHANNEL)?,
            floating: config.get(&network::FLOATING_BUFFERS_PER_GATE)?,
            overdraft: config.get(&network::MAX_OVERDRAFT_BUFFERS)?,
        };
        let cores = cores();
        let count = match config.get(&worker::WORKERS)? {
            Some(count) => count,
            None => slots.get().min(cores.get()),
        };
        let driver = DriverOptions {
            kind: driver_kind(config)?,
            spin: default_spin(count as usize, cores.get() as usize),
            ..DriverOptions::default()
        };
        let pin = config.get(&worker::PIN_WORKERS)? && count <= cores.get();
        let buffer_timeout = match config.get(&execution::BUFFER_TIMEOUT_ENABLED)? {
            true => Some(config.get(&execution::BUFFER_TIMEOUT_INTERVAL)?),
            false => None,
        };
        let mut cluster = Self {
            arena,
            quota,
            driver,
            workers: Vec::new(),
            directory: Arc::default(),
            next_worker: AtomicU32::new(0),
            buffer_timeout,
            promised: Arc::default(),
        };
        for core in 0..count as usize {
            let started = cluster.start_worker(pin.then_some(core))?;
            cluster.workers.push(started);
        }
        Ok(Arc::new(cluster))
    }

    /// The memory of the cluster.
    pub fn arena(&self) -> &Arena {
        &self.arena
    }

    fn start_worker(&self, core: Option<usize>) -> Result<WorkerThread, Error> {
        // Relaxed: only uniqueness matters.
        let id = WorkerId(self.next_worker.fetch_add(1, Ordering::Relaxed));
        WorkerThread::start(WorkerOptions {
            id,
            arena: self.arena.clone(),
            quota: self.quota,
            driver: self.driver.clone(),
            core,
            directory: Arc::clone(&self.directory),
        })
    }

    /// Runs a job.
    pub(crate) fn submit(self: &Arc<Self>, program: &JobProgram) -> Result<JobHandle, Error> {
        let graph = ExecutionGraph::expand(&program.graph);
        let promise = self.promise(&program.graph, &graph)?;
        let (places, dedicated) = self.place(&program.graph, &graph)?;
        let deployment = Deployment {
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
        let cluster = Arc::clone(self);
        let master = JobMaster::new(MasterParts {
            key: JobKey(fresh_number()),
            name: program.graph.name().to_string(),
            tasks,
            places,
            workers,
            dedicated,
            buffer_timeout: self.buffer_timeout,
            on_end: Box::new(move || drop((promise, cluster))),
        });
        master.submit();
        Ok(JobHandle::new(master))
    }

    /// Makes sure that every task of the job can make progress, before it begins.
    fn promise(&self, job: &JobGraph, graph: &ExecutionGraph) -> Result<Promise, Error> {
        let (needed, arithmetic) = required_segments(graph);
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

    /// The worker of each task, and the workers started for tasks that may block.
    fn place(
        &self,
        job: &JobGraph,
        graph: &ExecutionGraph,
    ) -> Result<(Vec<WorkerId>, Vec<WorkerThread>), Error> {
        let mut dedicated = Vec::new();
        let mut places = Vec::with_capacity(graph.task_count());
        for (task, subtask) in graph.tasks() {
            if job.vertex(subtask.vertex).blocking {
                let worker = self.start_worker(None)?;
                places.push(worker.handle().id);
                dedicated.push(worker);
            } else {
                let slot = graph.slot(task).0 as usize;
                places.push(self.workers[slot % self.workers.len()].handle().id);
            }
        }
        Ok((places, dedicated))
    }
}

impl fmt::Debug for MiniCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MiniCluster").field("workers", &self.workers.len()).finish_non_exhaustive()
    }
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

fn driver_kind(config: &Configuration) -> Result<DriverKind, Error> {
    Ok(match config.get(&options::worker::IO_DRIVER)? {
        options::worker::IoDriver::Auto => DriverKind::Auto,
        options::worker::IoDriver::Uring => DriverKind::Uring,
        options::worker::IoDriver::Epoll => DriverKind::Epoll,
    })
}

fn map_arena(config: &Configuration, memory: &TaskManagerMemory) -> Result<Arena, Error> {
    let count = |segments: u64| SegmentCount(u32::try_from(segments).unwrap_or(u32::MAX));
    let huge_pages = match config.get(&worker::HUGE_PAGES)? {
        worker::HugePageUse::Try => HugePages::Try,
        worker::HugePageUse::Off => HugePages::Off,
    };
    let segment_bytes = memory.segment_size().bytes() as usize;
    Ok(Arena::map(ArenaOptions {
        segment_size: SegmentSize::new(segment_bytes)?,
        network: count(memory.network_segments()),
        managed: count(memory.managed_segments()),
        huge_pages,
        prefault: config.get(&worker::PREFAULT)?,
        mlock: config.get(&worker::MLOCK)?,
    })?)
}

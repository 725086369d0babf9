//! The mini cluster: memory and workers of an embedded program, shared by its jobs.

use brisk_memory::{
    Arena, ArenaOptions, HugePages, SegmentCount, SegmentSize,
    config::{
        Configuration, MemorySize,
        options::{self, execution, memory, network, worker},
    },
    driver::{DriverKind, DriverOptions, default_spin},
    heap,
    model::{HostMemory, TaskManagerMemory},
};
use brisk_network::{BUFFER_LIMIT_MIN, DebloatOptions};
use std::{
    fmt,
    net::SocketAddr,
    num::NonZeroU32,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    thread,
};

use super::{
    JobHandle, JobProgram,
    control_plane::{ControlThread, blocking_disk},
    dispatcher::{DedicatedWorker, Dispatcher, DispatcherParts, Staff},
    processes::{ProcessGroup, ProcessSettings},
    random_word,
};
use crate::{
    error::Error,
    graph::JobId,
    task::{BufferQuota, OpenDisk, WorkerId},
    worker::{HEADER_SEGMENTS, RemoteOptions, WorkerOptions, WorkerThread},
};

/// Memory and workers in this process. Jobs of several environments may share one.
///
/// Dropping the last handle of it cancels what runs and ends the threads.
pub struct MiniCluster {
    arena: Arena,
    quota: BufferQuota,
    driver: DriverOptions,
    workers: Vec<WorkerThread>,
    next_worker: AtomicU32,
    /// How workers reach other processes, if there are any.
    remote: Option<RemoteOptions>,
    dispatcher: Dispatcher,
    /// The other processes, if there are any.
    group: Option<ProcessGroup>,
    /// Goes last: until then there may be masters that hear of workers.
    control: ControlThread,
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
        let segment_bytes = config.get(&memory::SEGMENT_SIZE)?.bytes() as usize;
        let processes = ProcessSettings::read(config, segment_bytes)?;
        // Slots are dealt to processes in turn.
        let slots = match &processes {
            Some(processes) => NonZeroU32::new(slots.get().div_ceil(processes.count())),
            None => Some(slots),
        };
        let slots = slots.unwrap_or(NonZeroU32::MIN);
        let memory = TaskManagerMemory::for_embedded(config, &host, slots)?;
        check_machine(&host, &memory)?;
        let arena = map_arena(config, &memory)?;
        // Of the process: of several clusters in one, the last that was started decides.
        // Without a counting allocator nothing counts, and nothing is limited.
        heap::set_limit(Some(memory.regions().unmanaged.bytes()));
        let quota = BufferQuota {
            per_channel: config.get(&network::BUFFERS_PER_CHANNEL)?,
            floating: config.get(&network::FLOATING_BUFFERS_PER_GATE)?,
            per_channel_max: config.get(&network::MAX_BUFFERS_PER_CHANNEL)?,
            overdraft: config.get(&network::MAX_OVERDRAFT_BUFFERS)?,
            debloat: debloat_options(config)?,
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
        let control = ControlThread::start()?;
        let mut cluster = Self {
            dispatcher: Dispatcher::new(DispatcherParts {
                arena: arena.clone(),
                control: control.sender().clone(),
                buffer_timeout,
                quota,
            }),
            control,
            arena,
            quota,
            driver,
            workers: Vec::new(),
            next_worker: AtomicU32::new(
                processes.as_ref().map_or(0, ProcessSettings::first_worker),
            ),
            remote: processes.as_ref().map(ProcessSettings::remote),
            group: None,
        };
        for core in 0..count as usize {
            let started = cluster.start_worker(pin.then_some(core))?;
            cluster.workers.push(started);
        }
        cluster.join(processes)?;
        Ok(Arc::new(cluster))
    }

    /// Joins the other processes, if there are any.
    fn join(&mut self, processes: Option<ProcessSettings>) -> Result<(), Error> {
        let Some(processes) = processes else { return Ok(()) };
        self.dispatcher.set_aside(self.workers.len() as u64 * u64::from(HEADER_SEGMENTS));
        let handles = self.workers.iter().map(WorkerThread::handle);
        let address = |at: Option<SocketAddr>| at.expect("workers of a group listen");
        let workers = handles.map(|worker| (worker.id, address(worker.data))).collect();
        let control = self.control.sender().clone();
        self.group = Some(ProcessGroup::start(processes, workers, control)?);
        Ok(())
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
            directory: Arc::clone(self.dispatcher.directory()),
            remote: self.remote.clone(),
        })
    }

    /// Runs a job.
    pub(crate) fn submit(self: &Arc<Self>, program: JobProgram) -> Result<JobHandle, Error> {
        let workers: Vec<WorkerId> = self.workers.iter().map(|worker| worker.handle().id).collect();
        let job_id = match &self.group {
            Some(group) => group.next_job(),
            None => JobId::from_bytes(
                ((u128::from(random_word()) << 64) | u128::from(random_word())).to_le_bytes(),
            ),
        };
        let staff = Staff {
            job_id,
            workers: &workers,
            start_dedicated: &|| self.start_worker(None).map(DedicatedWorker::Thread),
            keep: Box::new(Arc::clone(self)),
            open_disk: &(Box::new(blocking_disk) as OpenDisk),
            seed: random_word(),
            others: self.group.as_ref().map(ProcessGroup::others),
        };
        match &self.group {
            Some(group) if !group.leads() => self.dispatcher.follow(program, staff, group.sender()),
            _ => self.dispatcher.submit(program, staff),
        }
    }
}

impl fmt::Debug for MiniCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MiniCluster")
            .field("workers", &self.workers.len())
            .field("control", &self.control)
            .finish_non_exhaustive()
    }
}

/// How buffers in flight are sized, if they are.
fn debloat_options(config: &Configuration) -> Result<Option<DebloatOptions>, Error> {
    if !config.get(&network::DEBLOAT_ENABLED)? {
        return Ok(None);
    }
    let bytes = |size: MemorySize| u32::try_from(size.bytes()).unwrap_or(u32::MAX);
    Ok(Some(DebloatOptions {
        target: config.get(&network::DEBLOAT_TARGET)?,
        period: config.get(&network::DEBLOAT_PERIOD)?,
        samples: config.get(&network::DEBLOAT_SAMPLES)?,
        threshold_percent: config.get(&network::DEBLOAT_THRESHOLD)?,
        least: bytes(config.get(&memory::MIN_SEGMENT_SIZE)?).max(BUFFER_LIMIT_MIN),
        start: bytes(config.get(&memory::STARTING_SEGMENT_SIZE)?),
    }))
}

fn driver_kind(config: &Configuration) -> Result<DriverKind, Error> {
    Ok(match config.get(&options::worker::IO_DRIVER)? {
        options::worker::IoDriver::Auto => DriverKind::Auto,
        options::worker::IoDriver::Uring => DriverKind::Uring,
        options::worker::IoDriver::Epoll => DriverKind::Epoll,
    })
}

/// Refuses segments that could not all be filled: the kernel would end the process some day.
fn check_machine(host: &HostMemory, memory: &TaskManagerMemory) -> Result<(), Error> {
    let (network, managed) = (memory.network, memory.managed);
    match host.available() {
        Some(available) if network + managed > available => {
            Err(Error::AboveMachine { network, managed, available })
        }
        _ => Ok(()),
    }
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
        // Jobs run in this process.
        private: true,
        prefault: config.get(&worker::PREFAULT)?,
        mlock: config.get(&worker::MLOCK)?,
    })?)
}

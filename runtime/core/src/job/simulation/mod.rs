//! The simulated cluster: whole jobs on the calling thread, from a seed.
//!
//! ```text
//!   seed -> SimulatedWorld (clock, disks, random sequence)
//!             |-- who takes the next turn, a worker or the control plane, and how long that takes
//!             |-- limits of workers: mailbox, quantum, buffers of outputs, buffer timeout
//!             +-- how many segments beyond the least a job gets
//! ```
//!
//! Each step lets one worker that is awake, or the control plane, take a turn. When all sleep, the clock goes
//! on to the next deadline or end of an operation. When there is none, nothing will
//! ever happen again: a job that is not over by then is deadlocked.
//!
//! Invariants, checked: gates after each turn, segments every so often; after a job
//! no worker has a trace of it, and no segment is lent. Whoever is to be woken must be
//! rung: a worker that sleeps is never stepped.
//!
//! Thread: one. Everything panics with the seed that replays it.
//!
//! A `.blocking()` chain gets a worker of its own, as in reality, which ends with its
//! job; here, too, it is stepped by the one thread, so it must not wait for others.
//!
//! Deliberately absent: several machines, sockets.

mod options;

use brisk_memory::{
    Arena, ArenaOptions, HugePages, Pool, PoolOptions, SegmentCount,
    driver::{Driver, DriverError, DriverKind, DriverOptions, SimulatedWorld},
};
use std::{
    cell::{Cell, RefCell},
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    task::Waker,
    time::Duration,
};

use super::{
    JobExecutionResult, JobHandle, JobProgram,
    control_plane::{ControlPlane, PlaneParts},
    dispatcher::{DedicatedWorker, Dispatcher, DispatcherParts, Staff},
};
use crate::{
    checkpoint::storage::Disk,
    error::Error,
    graph::JobId,
    task::{OpenDisk, WorkerId},
    worker::{Turn, Worker, WorkerHandle, WorkerParts, panic_text},
};
pub use options::SimulationOptions;

/// Between two of these the segments are counted.
const STEPS_PER_AUDIT: u64 = 512;

/// Steps of a job after which it is taken to run for ever.
const STEPS_MAX: u64 = 20_000_000;

/// A turn takes up to this much virtual time.
const TURN_NS_MAX: u64 = 50_000;

/// What the control plane is called in traces.
const CONTROL_PLANE: WorkerId = WorkerId(u32::MAX);

/// Opens disks whose operations are waited for. Each is used and dropped: a driver that neither
/// works nor sleeps would keep time from going on.
fn disk_opener(world: &SimulatedWorld) -> OpenDisk {
    let world = world.clone();
    Box::new(move || Ok(Disk::simulated(simulated_driver(&world)?, world.clone())))
}

fn simulated_driver(world: &SimulatedWorld) -> Result<Driver, DriverError> {
    let kind = DriverKind::Simulated(world.clone());
    Driver::new(DriverOptions { kind, ..DriverOptions::default() })
}

/// Workers that run on the calling thread, in an order that a seed decides.
///
/// ```
/// use brisk_core::{api::StreamExecutionEnvironment, job::SimulatedCluster};
///
/// # fn main() -> Result<(), brisk_core::Error> {
/// let env = StreamExecutionEnvironment::new()?;
/// env.set_parallelism(3);
/// let collected = env.from_sequence(1..=3).rebalance().map(|n| n * n).collect();
/// env.execute_on(&mut SimulatedCluster::from_seed(7)?, "squares")?;
/// let mut squares = collected.take();
/// squares.sort_unstable();
/// assert_eq!(squares, [1, 4, 9]);
/// # Ok(())
/// # }
/// ```
pub struct SimulatedCluster {
    seed: u64,
    world: SimulatedWorld,
    arena: Arena,
    options: SimulationOptions,
    /// Those of slots and those of blocking chains.
    workers: Vec<(WorkerId, Worker)>,
    /// The workers of slots.
    ids: Vec<WorkerId>,
    next_worker: Cell<u32>,
    dispatcher: Dispatcher,
    plane: ControlPlane,
    /// Keeps segments from jobs, so that those have little to run with.
    withheld: Option<Pool>,
    steps: u64,
    trace: u64,
}

impl SimulatedCluster {
    /// A cluster whose options, too, come from the seed.
    ///
    /// # Errors
    /// If memory can't be had.
    pub fn from_seed(seed: u64) -> Result<Self, Error> {
        let world = SimulatedWorld::from_seed(seed);
        let options = SimulationOptions::drawn_from(&world);
        Self::start(seed, world, options)
    }

    /// A cluster whose options come from `world`, which may have seen others: what those left on the
    /// disk is there. `seed` is what a failure names.
    ///
    /// # Errors
    /// If memory can't be had.
    pub fn in_world(seed: u64, world: &SimulatedWorld) -> Result<Self, Error> {
        let options = SimulationOptions::drawn_from(world);
        Self::start(seed, world.clone(), options)
    }

    /// A cluster with these options.
    ///
    /// # Errors
    /// If memory can't be had.
    pub fn with_options(seed: u64, options: SimulationOptions) -> Result<Self, Error> {
        Self::start(seed, SimulatedWorld::from_seed(seed), options)
    }

    fn start(seed: u64, world: SimulatedWorld, options: SimulationOptions) -> Result<Self, Error> {
        let arena = Arena::map(ArenaOptions {
            segment_size: options.segment_size,
            network: options.segments,
            managed: options.managed,
            huge_pages: HugePages::Off,
            ..ArenaOptions::default()
        })?;
        let driver = simulated_driver(&world).map_err(|error| Error::Start {
            what: "the simulated driver of the control plane".to_string(),
            cause: error.to_string(),
        })?;
        let parts = PlaneParts { driver, open_disk: disk_opener(&world) };
        let (plane, control) = ControlPlane::new(parts);
        let dispatcher = Dispatcher::new(DispatcherParts {
            arena: arena.clone(),
            control,
            buffer_timeout: options.buffer_timeout,
            quota: options.quota,
        });
        let mut cluster = Self {
            seed,
            world,
            arena,
            options,
            workers: Vec::new(),
            ids: Vec::new(),
            next_worker: Cell::new(0),
            dispatcher,
            plane,
            withheld: None,
            steps: 0,
            trace: seed,
        };
        for _ in 0..options.workers.get() {
            let (worker, handle) = cluster.start_worker()?;
            cluster.ids.push(handle.id);
            cluster.workers.push((handle.id, worker));
        }
        Ok(cluster)
    }

    fn start_worker(&self) -> Result<(Worker, WorkerHandle), Error> {
        let id = WorkerId(self.next_worker.replace(self.next_worker.get() + 1));
        let driver = simulated_driver(&self.world);
        let driver = driver.map_err(|error| Error::Start {
            what: format!("the simulated driver of worker {}", id.0),
            cause: error.to_string(),
        })?;
        let (worker, handle) = Worker::new(WorkerParts {
            id,
            arena: self.arena.clone(),
            quota: self.options.quota,
            driver,
            directory: Arc::clone(self.dispatcher.directory()),
            limits: self.options.limits,
            open_disk: disk_opener(&self.world),
            remote: None,
        })?;
        self.dispatcher.directory().add(handle.clone());
        Ok((worker, handle))
    }

    /// The world of the workers: its clock, disk, faults and random sequence.
    pub fn world(&self) -> &SimulatedWorld {
        &self.world
    }

    /// The memory.
    pub fn arena(&self) -> &Arena {
        &self.arena
    }

    /// Turns taken so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// A hash over all turns so far: who took them, when, what they found. The same
    /// seed and the same jobs give the same.
    pub fn trace(&self) -> u64 {
        self.trace
    }

    /// Submits a job; nothing of it runs before the next step.
    pub(crate) fn submit(&mut self, program: JobProgram) -> Result<JobHandle, Error> {
        self.withheld = None;
        let dedicated = RefCell::new(Vec::new());
        let start_dedicated = || {
            let (worker, handle) = self.start_worker()?;
            dedicated.borrow_mut().push((handle.id, worker));
            Ok(DedicatedWorker::Stepped(handle))
        };
        let (high, low) = (self.world.below(u64::MAX), self.world.below(u64::MAX));
        let job_id = (u128::from(high) << 64) | u128::from(low);
        let staff = Staff {
            job_id: JobId::from_bytes(job_id.to_le_bytes()),
            workers: &self.ids,
            start_dedicated: &start_dedicated,
            keep: Box::new(()),
            open_disk: &disk_opener(&self.world),
            seed: self.world.below(u64::MAX),
            others: None,
        };
        let handle = self.dispatcher.submit(program, staff)?;
        self.workers.extend(dedicated.into_inner());
        if self.options.scarce {
            self.withhold()?;
        }
        Ok(handle)
    }

    /// Leaves the jobs what they were promised and a few segments more, often none.
    fn withhold(&mut self) -> Result<(), Error> {
        let total = u64::from(self.arena.network().total().0);
        let free = total - self.dispatcher.promised();
        let extra = if self.world.below(2) == 0 { 0 } else { self.world.below(free + 1) };
        let kept = SegmentCount((free - extra) as u32);
        if kept.0 > 0 {
            self.withheld = Some(self.arena.network().create_pool(PoolOptions {
                owner: "withheld by the simulation".to_string(),
                required: kept,
                max: kept,
                overdraft: SegmentCount(0),
                waker: Waker::noop().clone(),
            })?);
        }
        Ok(())
    }

    /// Lets one worker or the control plane take a turn; false when none is awake and none will be.
    ///
    /// # Panics
    /// If an invariant does not hold, naming the seed.
    pub fn step(&mut self) -> bool {
        let awake = self.workers.iter().filter(|(_, worker)| !worker.is_parked()).count() as u64;
        let plane = u64::from(!self.plane.is_parked());
        if awake + plane == 0 {
            assert!(self.world.is_stuck(), "{}: asleep, but time could go on", self.seed_text());
            return false;
        }
        let chosen = self.world.below(awake + plane);
        if chosen == awake {
            self.step_plane();
            return true;
        }
        let mut candidates =
            self.workers.iter_mut().enumerate().filter(|(_, (_, worker))| !worker.is_parked());
        let (index, (id, worker)) =
            candidates.nth(chosen as usize).expect("as many are awake as were counted");
        let id = *id;
        let turn = catch_unwind(AssertUnwindSafe(|| {
            let turn = worker.turn();
            worker.verify_invariants();
            turn
        }));
        let turn = match turn {
            Ok(turn) => turn,
            Err(panic) => {
                panic!("{}: worker {}: {}", self.seed_text(), id.0, panic_text(panic))
            }
        };
        self.note(id, turn);
        let time = self.world.below(TURN_NS_MAX);
        self.world.pass(Duration::from_nanos(time));
        match turn {
            Turn::Worked => {}
            Turn::Idle(until) => self.workers[index].1.park(until),
            Turn::Ended => {
                self.dispatcher.directory().remove(id);
                self.workers.remove(index);
            }
        }
        if self.steps.is_multiple_of(STEPS_PER_AUDIT) {
            self.verify_conservation();
        }
        true
    }

    fn step_plane(&mut self) {
        let plane = &mut self.plane;
        let turn = match catch_unwind(AssertUnwindSafe(|| plane.turn())) {
            Ok(turn) => turn,
            Err(panic) => panic!("{}: control plane: {}", self.seed_text(), panic_text(panic)),
        };
        self.note(CONTROL_PLANE, turn);
        let time = self.world.below(TURN_NS_MAX);
        self.world.pass(Duration::from_nanos(time));
        if let Turn::Idle(until) = turn {
            self.plane.park(until);
        }
    }

    fn note(&mut self, id: WorkerId, turn: Turn) {
        self.steps += 1;
        let found = match turn {
            Turn::Worked => 0,
            Turn::Idle(None) => 1,
            Turn::Idle(Some(until)) => until.as_nanos(),
            Turn::Ended => 2,
        };
        // FNV-1a, a word at a time.
        for word in [u64::from(id.0), self.world.now().as_nanos(), found] {
            self.trace = (self.trace ^ word).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    /// Steps to the end of the job. When no other job runs, checks that nothing is
    /// left of it.
    ///
    /// # Errors
    /// As [`JobHandle::wait`].
    ///
    /// # Panics
    /// If the job can't end, or leaves something behind, naming the seed.
    pub fn finish(&mut self, handle: JobHandle) -> Result<JobExecutionResult, Error> {
        let limit = self.steps + STEPS_MAX;
        while !handle.is_over() {
            let name = handle.name();
            if !self.step() {
                panic!("{}: job '{name}' is deadlocked\n{}", self.seed_text(), self.remains());
            }
            if self.steps > limit {
                panic!("{}: job '{name}' runs for ever\n{}", self.seed_text(), self.remains());
            }
        }
        if self.dispatcher.promised() == 0 {
            while self.step() {}
            self.verify_idle();
        }
        handle.wait()
    }

    /// Checks that no job has left anything.
    ///
    /// # Panics
    /// If one has, naming the seed.
    pub fn verify_idle(&mut self) {
        self.withheld = None;
        self.verify_conservation();
        let (remains, network) = (self.remains(), self.arena.network());
        assert!(remains.is_empty(), "{}: jobs are over, but left\n{remains}", self.seed_text());
        assert_eq!(self.plane.job_count(), 0, "{}: masters without jobs", self.seed_text());
        let (lent, available, total) = (network.lent(), network.available(), network.total());
        assert!(
            lent.0 == 0 && available == total,
            "{}: jobs are over, but {} segments are lent, {} of {} are available, {:?}",
            self.seed_text(),
            lent.0,
            available.0,
            total.0,
            network.holders()
        );
    }

    fn verify_conservation(&self) {
        if let Err(error) = self.arena.verify_conservation() {
            panic!("{}: {error}", self.seed_text());
        }
    }

    fn remains(&self) -> String {
        let of_workers = self.workers.iter().map(|(id, worker)| {
            let mut remains = worker.remains();
            if !self.ids.contains(id) {
                remains.insert_str(0, "still there for a blocking chain\n");
            }
            remains.lines().map(|line| format!("  worker {}: {line}\n", id.0)).collect::<String>()
        });
        of_workers.collect()
    }

    fn seed_text(&self) -> String {
        format!("seed {} (BRISK_FIRST_SEED={0} BRISK_SEEDS=1), step {}", self.seed, self.steps)
    }

    #[cfg(test)]
    fn lose_delivery(&mut self, first: bool) -> Option<bool> {
        self.workers.iter_mut().find_map(|(_, worker)| worker.lose_delivery(first))
    }
}

impl fmt::Debug for SimulatedCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatedCluster")
            .field("seed", &self.seed)
            .field("workers", &self.workers.len())
            .field("steps", &self.steps)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

//! A worker and its turn.

use brisk_memory::{
    Arena,
    driver::{Completion, Driver, Instant64},
};
use brisk_network::{Delivery, InputGate, MailboxReceiver, PeerPort, ReadyList, mailbox};
use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    sync::{Arc, mpsc},
};

use super::{
    Control, Directory, JobKey, JobRun, TaskEnd, TaskReport, WorkerHandle, debloating,
    handle::ControlQueue,
    running::{Passed, Ran, Rest, RunningTask, TaskParts, panic_text},
    snapshots::Snapshots,
    wakes::WakeList,
};
use crate::{
    error::{Error, Severity, TaskError},
    task::{
        BufferQuota, BuildContext, Cx, CxParts, OpenDisk, Owner, PlannedTask, SubtaskPlan,
        Surroundings, TaskCounts, TaskKey, TaskTimes, WorkerId, WorkerIo, inputs::Barriers,
        task_error,
    },
};

/// How much a worker does and takes at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TurnLimits {
    /// Deliveries that its mailbox holds, a power of two; more wait at their senders.
    pub mailbox: usize,
    /// Records that a task's first drive may send.
    pub quantum_first: usize,
    /// Records that a drive may send at most.
    pub quantum_max: usize,
}

impl Default for TurnLimits {
    /// 4,096 full buffers are 128 MiB, more than the default network memory.
    fn default() -> Self {
        Self { mailbox: 4096, quantum_first: 256, quantum_max: 1 << 16 }
    }
}

/// What a turn found to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Something; take another turn.
    Worked,
    /// Nothing until the given time or until somebody rings.
    Idle(Option<Instant64>),
    /// The worker was told to end, and has no task left.
    Ended,
}

/// What [`Worker::new`] needs.
pub struct WorkerParts {
    /// Its name.
    pub id: WorkerId,
    /// The memory.
    pub arena: Arena,
    /// How much of it an output may use.
    pub quota: BufferQuota,
    /// Its own driver.
    pub driver: Driver,
    /// The other workers.
    pub directory: Arc<Directory>,
    /// How much it does at a time.
    pub limits: TurnLimits,
    /// Opens what tasks read state with when they start.
    pub open_disk: OpenDisk,
}

/// One worker: steppable, so that a thread or a simulation may run it.
pub struct Worker {
    pub(super) io: Rc<WorkerIo>,
    pub(super) surroundings: Rc<Surroundings>,
    directory: Arc<Directory>,
    limits: TurnLimits,
    pub(super) inbox: MailboxReceiver<Delivery>,
    control: Arc<ControlQueue>,
    wakes: Arc<WakeList>,
    ready: Rc<ReadyList>,
    /// In order, so that a simulation does the same with the same seed.
    pub(super) tasks: BTreeMap<TaskKey, RunningTask>,
    pub(super) deployed: HashMap<JobKey, (Arc<JobRun>, Vec<PlannedTask>)>,
    pub(super) blocked: Vec<TaskKey>,
    pub(super) snapshots: Snapshots,
    /// The earliest time at which an open buffer is due, if there is one.
    flush_at: Option<Instant64>,
    /// When throughput is looked at again, if it is. Nobody is woken for that.
    debloat_at: Option<Instant64>,
    completions: Vec<Completion>,
    woken: Vec<TaskKey>,
    shutdown: bool,
}

impl Worker {
    /// A worker and the way to reach it.
    pub fn new(parts: WorkerParts) -> (Self, WorkerHandle) {
        let WorkerParts { id, arena, quota, driver, directory, limits, open_disk } = parts;
        assert!(limits.quantum_first > 0, "a drive may do something");
        let doorbell = driver.doorbell();
        let (sender, inbox) = mailbox(limits.mailbox);
        let control = Arc::new(ControlQueue::default());
        let surroundings = Surroundings {
            arena,
            quota,
            id,
            gates: RefCell::default(),
            peers: RefCell::default(),
            doorbell_waker: doorbell.waker(),
            open_disk,
        };
        let handle = WorkerHandle {
            id,
            control: Arc::clone(&control),
            mailbox: sender,
            doorbell: doorbell.clone(),
        };
        let worker = Self {
            io: Rc::new(WorkerIo { driver: RefCell::new(driver), owners: RefCell::default() }),
            surroundings: Rc::new(surroundings),
            directory,
            limits,
            inbox,
            control,
            wakes: WakeList::new(doorbell),
            ready: ReadyList::new(),
            tasks: BTreeMap::new(),
            deployed: HashMap::new(),
            blocked: Vec::new(),
            snapshots: Snapshots::default(),
            flush_at: None,
            debloat_at: None,
            completions: Vec::new(),
            woken: Vec::new(),
            shutdown: false,
        };
        (worker, handle)
    }

    fn now(&self) -> Instant64 {
        self.io.driver.borrow().now()
    }

    /// Takes one turn.
    pub fn turn(&mut self) -> Turn {
        let mut worked = self.poll_driver();
        worked |= self.take_mail();
        worked |= self.take_control();
        worked |= self.take_wakes();
        self.unblock();
        worked |= self.run_ready();
        worked |= self.write_snapshots();
        self.flush_due();
        self.debloat_due();
        // Last, since all of the above may send, and only who tried is rung for room.
        worked |= self.send_waiting();
        if worked || !self.ready.is_empty() {
            Turn::Worked
        } else if self.shutdown && self.tasks.is_empty() {
            Turn::Ended
        } else {
            Turn::Idle(self.flush_at)
        }
    }

    /// Waits until there may be something to do.
    pub fn park(&mut self, until: Option<Instant64>) {
        self.io.driver.borrow_mut().park(until, &mut self.completions);
    }

    fn poll_driver(&mut self) -> bool {
        self.io.driver.borrow_mut().poll(&mut self.completions);
        let worked = !self.completions.is_empty();
        for completion in self.completions.drain(..) {
            let owner = self.io.owners.borrow_mut().remove(&completion.id);
            // Of a task that is gone: its buffer is dropped here, its file with it.
            match owner {
                Some(Owner::Task(key)) => {
                    let Some(task) = self.tasks.get_mut(&key) else { continue };
                    task.cx.completions.push_back(completion);
                    task.signal.raise();
                }
                Some(Owner::Wakes(key)) => {
                    let Some(task) = self.tasks.get(&key) else { continue };
                    task.signal.raise();
                }
                None => {
                    self.snapshots.completed(completion);
                }
            }
        }
        worked
    }

    fn take_mail(&mut self) -> bool {
        let surroundings = &self.surroundings;
        // Bounded, so that a turn ends however fast others send.
        self.inbox.drain(self.limits.mailbox, |delivery| surroundings.deliver(delivery)) > 0
    }

    fn take_wakes(&mut self) -> bool {
        self.wakes.take(&mut self.woken);
        let worked = !self.woken.is_empty();
        for key in self.woken.drain(..) {
            if let Some(task) = self.tasks.get(&key) {
                task.signal.raise();
            }
        }
        worked
    }

    /// Sends what mailboxes had no room for, and forgets ways that no task uses any more.
    fn send_waiting(&mut self) -> bool {
        let mut sent = false;
        self.surroundings.peers.borrow_mut().retain(|_, peer| {
            sent |= peer.has_waiting() && peer.send_waiting();
            peer.has_waiting() || Rc::strong_count(peer) > 1
        });
        sent
    }

    fn unblock(&mut self) {
        let (tasks, snapshots) = (&mut self.tasks, &mut self.snapshots);
        self.blocked.retain(|key| {
            let Some(task) = tasks.get_mut(key) else { return false };
            let room = task.has_room() && !snapshots.holds_up(*key);
            if room {
                task.signal.raise();
            }
            !room
        });
    }

    fn run_ready(&mut self) -> bool {
        let round = self.ready.len();
        for _ in 0..round {
            let Some(key) = self.ready.next() else { break };
            let key = TaskKey(key);
            let io = Rc::clone(&self.io);
            let Some(task) = self.tasks.get_mut(&key) else { continue };
            // Input for a task that waits for room: it finds it later.
            let is_blocked = task.rest == Rest::Blocked && self.blocked.contains(&key);
            // Barriers that overtake wait neither for room nor until the buffer in hand is read,
            // which is a third of a second at a millisecond a record.
            let urgent = task.is_urgent().then(|| task.pass_urgent());
            let goes_on = !is_blocked && matches!(urgent, None | Some(Passed::Room));
            if let Some(passed) = urgent {
                self.passed(key, passed);
            }
            if !goes_on {
                continue;
            }
            if self.snapshots.holds_up(key) {
                // It is signaled again when it may go on.
                if !self.blocked.contains(&key) {
                    self.blocked.push(key);
                }
                continue;
            }
            let Some(task) = self.tasks.get_mut(&key) else { continue };
            let ran = task.run(|| io.driver.borrow().now());
            let signal = Rc::clone(&task.signal);
            task.note_recovery();
            self.take_cuts(key);
            match ran {
                Ran::Resting(Rest::Ready) => signal.raise(),
                Ran::Resting(Rest::Idle) => {}
                Ran::Resting(Rest::Blocked) => self.blocked.push(key),
                Ran::Finished => self.end_task(key, TaskEnd::Finished),
                Ran::Failed(error) => self.fail_task(key, error),
            }
        }
        round > 0
    }

    /// # Panics
    /// If the process can't go on: outside of tasks, a panic ends it.
    pub(super) fn fail_task(&mut self, key: TaskKey, error: Error) {
        if error.severity() == Severity::FailProcess {
            panic!("this process can't go on: {error}");
        }
        self.end_task(key, TaskEnd::Failed(error));
    }

    fn flush_due(&mut self) {
        let now = self.now();
        if self.flush_at.is_some_and(|at| at > now) {
            return;
        }
        let due = self.tasks.values_mut().filter_map(|task| task.flush_if_due(now));
        self.flush_at = due.min();
    }

    fn debloat_due(&mut self) {
        let Some(options) = self.surroundings.quota.debloat else { return };
        let now = self.now();
        if self.debloat_at.is_none_or(|at| at <= now) {
            self.debloat_at = Some(now + options.period);
            self.tasks.values_mut().for_each(|task| task.debloat(now));
        }
    }

    fn take_control(&mut self) -> bool {
        let mail = self.control.take();
        let worked = !mail.is_empty();
        for control in mail {
            match control {
                Control::Deploy(run, tasks) => self.deploy(run, tasks),
                Control::Start(job) => self.start(job),
                Control::Cancel(job) => self.cancel(job),
                Control::TriggerCheckpoint { job, options, tasks } => {
                    self.trigger_checkpoint(job, &options, tasks);
                }
                Control::EndCheckpoint(job, end) => self.end_checkpoint(job, end),
                Control::Inspect(job, reply) => self.inspect(job, &reply),
                Control::Shutdown => {
                    self.shutdown = true;
                    let jobs: Vec<JobKey> = self.tasks.values().map(|task| task.job.key).collect();
                    jobs.into_iter().for_each(|job| self.cancel(job));
                }
            }
        }
        worked
    }

    fn deploy(&mut self, run: Arc<JobRun>, tasks: Vec<PlannedTask>) {
        for PlannedTask { plan, .. } in &tasks {
            if let Some(options) = self.surroundings.quota.debloat {
                debloating::begin(options, self.surroundings.arena.segment_size(), plan);
            }
            for gate in &plan.gates {
                let signal = self.ready.signal(plan.key.0);
                let input = Rc::new(RefCell::new(InputGate::new(gate.channels, signal)));
                let before = self.surroundings.gates.borrow_mut().insert(gate.address, input);
                assert!(before.is_none(), "gate addresses are never reused");
            }
        }
        let begins_with = |task: &&PlannedTask| {
            task.plan.restore.as_ref().is_some_and(|restore| !restore.in_flight.is_empty())
        };
        for task in tasks.iter().filter(begins_with) {
            run.checkpointing.begin_recovery(task.plan.key);
        }
        let listener = Arc::clone(&run.listener);
        self.deployed.insert(run.key, (run, tasks));
        listener.deployed(self.surroundings.id);
    }

    fn connect(&mut self, worker: WorkerId) {
        let mut peers = self.surroundings.peers.borrow_mut();
        if worker != self.surroundings.id && !peers.contains_key(&worker) {
            let handle = self.directory.get(worker).expect("jobs are deployed to live workers");
            let room = self.surroundings.doorbell_waker.clone();
            peers.insert(worker, PeerPort::new(handle.mailbox, handle.doorbell, room));
        }
    }

    fn start(&mut self, job: JobKey) {
        let Some((run, tasks)) = self.deployed.remove(&job) else { return };
        for task in tasks {
            if let Err(error) = self.start_task(&run, &task) {
                let plan = &task.plan;
                self.forget_gates(plan);
                run.listener.task_ended(empty_report(plan.key), TaskEnd::Failed(error));
            }
        }
    }

    fn start_task(&mut self, run: &Arc<JobRun>, task: &PlannedTask) -> Result<(), Error> {
        let PlannedTask { plan, factory } = task;
        // Now and not before: ways that nobody uses are forgotten between tasks.
        for port in plan.outputs.iter().flat_map(|output| &output.ports) {
            self.connect(port.worker);
        }
        let mut build = BuildContext::new(Arc::clone(plan), Rc::clone(&self.surroundings))?;
        let body = built(plan, || factory(&mut build))?;
        let mut cx = Cx::new(CxParts {
            plan: Arc::clone(plan),
            run: Arc::clone(run),
            barriers: Barriers::new(build.inputs(), run.checkpointing.guarantee),
            io: Rc::clone(&self.io),
            waker: self.wakes.waker(plan.key),
        });
        cx.sides = built(plan, || build.sides())?;
        cx.metrics.spills_as(build.spilled());
        let signal = self.ready.signal(plan.key.0);
        let segment = self.surroundings.arena.segment_size();
        let parts = TaskParts {
            plan: Arc::clone(plan),
            job: Arc::clone(run),
            signal: Rc::clone(&signal),
            cx,
            body,
            accumulators: build.accumulators(),
            limits: self.limits,
            debloat: self.surroundings.quota.debloat.map(|options| (options, segment)),
        };
        let mut task = RunningTask::new(parts, self.now());
        let opened = task.open();
        build.close_disk();
        if let Err(error) = opened {
            let now = self.now();
            // Why it could not be opened is the error to tell.
            let _ = task.close(now);
            return Err(error);
        }
        self.tasks.insert(plan.key, task);
        signal.raise();
        Ok(())
    }

    fn cancel(&mut self, job: JobKey) {
        self.snapshots.forget(&self.io.driver.borrow(), job);
        if let Some((run, tasks)) = self.deployed.remove(&job) {
            for PlannedTask { plan, .. } in tasks {
                self.forget_gates(&plan);
                run.listener.task_ended(empty_report(plan.key), TaskEnd::Canceled);
            }
        }
        let of_job = self.tasks.iter().filter(|(_, task)| task.job.key == job);
        let keys: Vec<TaskKey> = of_job.map(|(key, _)| *key).collect();
        keys.into_iter().for_each(|key| self.end_task(key, TaskEnd::Canceled));
    }

    fn inspect(&self, job: JobKey, reply: &mpsc::Sender<TaskReport>) {
        let now = self.now();
        for task in self.tasks.values().filter(|task| task.job.key == job) {
            // Nobody waiting for the answer any more is no concern of the worker.
            let _ = reply.send(task.report(now));
        }
    }

    fn end_task(&mut self, key: TaskKey, end: TaskEnd) {
        let Some(task) = self.tasks.remove(&key) else { return };
        task.job.checkpointing.end_recovery(key);
        let (run, plan) = (Arc::clone(&task.job), Arc::clone(&task.plan));
        let (report, closed) = task.close(self.now());
        let end = match (end, closed) {
            (TaskEnd::Finished, Err(panic)) => TaskEnd::Failed(panic),
            (end, _) => end,
        };
        if matches!(end, TaskEnd::Finished) {
            // Nobody takes its place.
            let operators = plan.operators.iter().map(|operator| operator.id);
            plan.survivors.forget(operators, plan.subtask);
        }
        self.forget_gates(&plan);
        run.listener.task_ended(report, end);
    }

    fn forget_gates(&mut self, plan: &SubtaskPlan) {
        let mut gates = self.surroundings.gates.borrow_mut();
        for gate in &plan.gates {
            gates.remove(&gate.address);
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.control.close();
    }
}

/// What `build` builds; a panic in there, as in a user's `clone`, is the task's.
fn built<R>(plan: &SubtaskPlan, build: impl FnOnce() -> Result<R, Error>) -> Result<R, Error> {
    match catch_unwind(AssertUnwindSafe(build)) {
        Ok(result) => result,
        Err(panic) => Err(task_error(plan, plan.head(), TaskError::Panic(panic_text(panic)))),
    }
}

fn empty_report(key: TaskKey) -> TaskReport {
    TaskReport {
        key,
        counts: TaskCounts::default(),
        times: TaskTimes::default(),
        accumulators: Default::default(),
    }
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker")
            .field("id", &self.surroundings.id)
            .field("tasks", &self.tasks.len())
            .finish_non_exhaustive()
    }
}

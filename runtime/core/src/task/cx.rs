//! What every stage of a running task is handed: the task's side of its worker.

use brisk_memory::driver::{Completion, Driver, Files, Instant64, Operation, OperationId};
use brisk_network::{
    CapturedOutput, PartitionStats, Polled,
    barrier::{AbortReason, CheckpointBarrier, CheckpointId},
};
use std::{
    cell::{Cell, RefCell},
    collections::{HashMap, VecDeque},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Waker,
    time::Duration,
};

use super::{
    SubtaskPlan, TaskKey, TaskMetrics,
    inputs::{Barriers, Now},
    snapshot::{CutEnd, Cuts, OperatorSnapshot, Stopping},
};
use crate::{
    chain::MeetingPlace,
    error::{Error, TaskError},
    exchange::SideOutput,
    graph::NodeId,
    task::flow::{Flow, Signal},
    time::Timestamp,
    worker::JobRun,
};

/// A worker's I/O, shared by its tasks.
#[derive(Debug)]
pub struct WorkerIo {
    /// The driver.
    pub driver: RefCell<Driver>,
    /// Which task waits for which operation.
    pub owners: RefCell<HashMap<OperationId, Owner>>,
}

/// What is done when an operation has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The task is woken and finds the completion.
    Task(TaskKey),
    /// The task is woken.
    Wakes(TaskKey),
}

/// One side output of a task.
pub(crate) struct Side {
    pub(crate) node: NodeId,
    pub(crate) tag: String,
    pub(crate) expected: &'static str,
    pub(crate) output: Box<dyn SideOutput>,
}

impl Side {
    pub(crate) fn is(&self, node: NodeId, tag: &str) -> bool {
        self.node == node && self.tag == tag
    }
}

/// The longest that a drive goes on when its records turn out slow; a hundred times
/// what the quantum aims at.
const DRIVE_MAX: Duration = Duration::from_millis(10);
/// Looks at the cancel flag for one at the clock, the first of a drive included: with
/// 32 records between looks, reading it costs a tenth of a nanosecond a record.
const LOOKS_PER_CLOCK: u32 = 16;

/// Most signals that one drive announces: a status and a watermark, of each of two inputs.
const SIGNALS_MAX: usize = 4;

/// What a running task may ask of its worker.
pub struct Cx {
    plan: Arc<SubtaskPlan>,
    quantum: usize,
    interrupt: Arc<AtomicBool>,
    alignment: Arc<MeetingPlace>,
    /// When a drive has taken too long, however many records of its quantum are left.
    drive_until: Instant64,
    /// How often this drive asked [`Cx::interrupted`].
    looks: Cell<u32>,
    io: Rc<WorkerIo>,
    waker: Waker,
    failure: Option<(NodeId, TaskError)>,
    at: Cell<NodeId>,
    awaits_wake: bool,
    /// What ended of the operations this task submitted.
    pub(crate) completions: VecDeque<Completion>,
    pub(crate) sides: Vec<Side>,
    /// What was announced in this drive.
    signals: Vec<Signal>,
    pub(crate) barriers: Barriers,
    pub(crate) cuts: Cuts,
    /// The event time of the record in hand.
    timestamp: Option<Timestamp>,
    /// Counts of the task.
    pub metrics: TaskMetrics,
}

/// What [`Cx::new`] needs.
pub(crate) struct CxParts {
    pub(crate) plan: Arc<SubtaskPlan>,
    pub(crate) run: Arc<JobRun>,
    pub(crate) io: Rc<WorkerIo>,
    pub(crate) waker: Waker,
    pub(crate) barriers: Barriers,
}

impl Cx {
    pub(crate) fn new(parts: CxParts) -> Self {
        let CxParts { plan, run, io, waker, barriers } = parts;
        let head = plan.head();
        Self {
            plan,
            quantum: 0,
            interrupt: Arc::clone(&run.interrupt),
            alignment: Arc::clone(&run.alignment),
            drive_until: Instant64::from_nanos(0),
            looks: Cell::new(0),
            io,
            waker,
            failure: None,
            at: Cell::new(head),
            awaits_wake: false,
            completions: VecDeque::new(),
            sides: Vec::new(),
            signals: Vec::new(),
            barriers,
            cuts: Cuts::new(run),
            timestamp: None,
            metrics: TaskMetrics::default(),
        }
    }

    pub(crate) fn begin_drive(&mut self, quantum: usize, now: Instant64) {
        assert!(quantum > 0, "a drive may do something");
        self.quantum = quantum;
        self.drive_until = now + DRIVE_MAX;
        self.looks.set(0);
        self.awaits_wake = false;
    }

    /// The event time of the record that is being pushed; what operators make of it
    /// has the same.
    #[inline(always)]
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.timestamp
    }

    /// Has the head of the chain say something to all stages behind it, as soon as
    /// this drive has ended, which it should now.
    pub fn announce(&mut self, signal: Signal) {
        assert!(self.signals.len() < SIGNALS_MAX, "a head that announces ends its drive");
        self.signals.push(signal);
    }

    /// What `node` hands over for the checkpoint whose barrier is passing through the chain.
    ///
    /// # Panics
    /// If none is.
    pub fn snapshot(&mut self, node: NodeId) -> &mut OperatorSnapshot {
        self.cuts.snapshot(node)
    }

    /// A barrier is about to pass through the chain.
    pub(crate) fn begin_cut(&mut self, barrier: CheckpointBarrier, captures: bool) {
        let now = self.both_clocks();
        self.cuts.begin(barrier, captures, now);
    }

    /// It has passed, and overtook this in the main outputs.
    pub(crate) fn end_cut(&mut self, overtaken: Vec<(u32, CapturedOutput)>) {
        let sides = self.sides.iter_mut().flat_map(|side| side.output.take_captured());
        let overtaken = overtaken.into_iter().chain(sides).collect();
        let now = self.both_clocks();
        let Self { plan, cuts, barriers, .. } = self;
        cuts.end(CutEnd { plan, barriers, overtaken, now });
    }

    /// The in-flight buffers of a checkpoint are complete.
    pub(crate) fn captured(&mut self, checkpoint: CheckpointId) {
        let now = self.both_clocks().instant;
        self.cuts.captured(checkpoint, &mut self.barriers, now);
    }

    /// The inputs gave a checkpoint up.
    pub(crate) fn abort_cut(&mut self, checkpoint: CheckpointId, reason: AbortReason) {
        self.sides.iter_mut().for_each(|side| side.output.cancel_checkpoint(checkpoint));
        self.cuts.abort(checkpoint, reason, &mut self.barriers);
    }

    /// Whether the end of the input is not the end of the stream: the job was stopped to go on later.
    pub(crate) fn suspends(&self) -> bool {
        self.cuts.suspends()
    }

    /// Whether a savepoint keeps the task from reading on, or has ended it.
    #[inline]
    pub(crate) fn stopping(&self) -> Stopping {
        self.cuts.stopping()
    }

    /// True when the drive should end for what was announced, or for a checkpoint.
    #[inline]
    pub(crate) fn has_news(&self) -> bool {
        !self.signals.is_empty() || self.barriers.has_due()
    }

    /// Takes what the gate of an input said instead of giving a buffer.
    #[cold]
    #[inline(never)]
    pub(crate) fn polled(&mut self, input: usize, polled: Polled) {
        let now = self.both_clocks();
        if let Some(at) = self.barriers.polled(input, polled, now) {
            self.wake_at(at);
        }
    }

    /// The present, as barriers count it.
    pub(crate) fn both_clocks(&self) -> Now {
        let driver = self.io.driver.borrow();
        Now { instant: driver.now(), wall_ms: driver.wall_millis() }
    }

    pub(crate) fn take_signals(&mut self) -> Vec<Signal> {
        std::mem::take(&mut self.signals)
    }

    /// Sets the event time of the records that are pushed from now on.
    #[inline(always)]
    pub fn set_timestamp(&mut self, timestamp: Option<Timestamp>) {
        self.timestamp = timestamp;
    }

    /// Records that a head may send in this drive.
    #[inline]
    pub fn quantum(&self) -> usize {
        self.quantum
    }

    /// True when the drive should end soon: the job is being canceled, or records
    /// became so slow that the quantum, chosen for faster ones, would keep the
    /// worker from its other tasks. One relaxed load, now and then the clock; heads
    /// look every few records.
    #[inline]
    pub fn interrupted(&self) -> bool {
        // Relaxed: a hint; the cancellation itself comes as a message.
        self.interrupt.load(Ordering::Relaxed) || self.is_overdue()
    }

    /// True when the job is being canceled: what takes long, as opening sometimes does, should give up
    /// with an error. One relaxed load.
    #[inline]
    pub fn is_canceling(&self) -> bool {
        self.interrupt.load(Ordering::Relaxed)
    }

    #[inline]
    fn is_overdue(&self) -> bool {
        let looks = self.looks.get();
        self.looks.set(looks.wrapping_add(1));
        looks.is_multiple_of(LOOKS_PER_CLOCK) && self.clock_is_past()
    }

    /// Out of line, so that the loops around [`Cx::interrupted`] stay small.
    #[cold]
    #[inline(never)]
    fn clock_is_past(&self) -> bool {
        self.now() > self.drive_until
    }

    /// Fails the task in the name of `node`; the first failure counts.
    #[cold]
    pub fn fail(&mut self, node: NodeId, cause: TaskError) -> Flow {
        self.failure.get_or_insert((node, cause));
        Flow::Stop
    }

    pub(crate) fn take_failure(&mut self) -> Option<(NodeId, TaskError)> {
        self.failure.take()
    }

    /// Notes which operator is being opened or closed.
    pub(crate) fn enter(&self, node: NodeId) {
        self.at.set(node);
    }

    /// The operator that was entered last.
    pub(crate) fn at(&self) -> NodeId {
        self.at.get()
    }

    /// The error of the operator that was entered last.
    pub(crate) fn error(&self, cause: TaskError) -> Error {
        task_error(&self.plan, self.at.get(), cause)
    }

    /// Begins an I/O operation; when it ends the task is woken and finds the
    /// completion with [`Cx::take_completion`].
    pub fn submit(&mut self, operation: Operation) -> OperationId {
        let id = self.io.driver.borrow_mut().submit(operation);
        self.io.owners.borrow_mut().insert(id, Owner::Task(self.plan.key));
        id
    }

    /// Has the task driven at `at`, if nothing drives it before.
    pub fn wake_at(&mut self, at: Instant64) {
        let id = self.io.driver.borrow_mut().submit(Operation::Timer { at });
        self.io.owners.borrow_mut().insert(id, Owner::Wakes(self.plan.key));
    }

    /// The first operation that `is_mine` knows and that has ended. A chain may hold a reader and a
    /// writer that both wait; each takes only its own.
    pub fn take_completion(&mut self, is_mine: impl Fn(OperationId) -> bool) -> Option<Completion> {
        let at = self.completions.iter().position(|completion| is_mine(completion.id))?;
        self.completions.remove(at)
    }

    /// The clock.
    pub fn now(&self) -> Instant64 {
        self.io.driver.borrow().now()
    }

    /// Processing time: the wall clock. It may jump; waits go by [`Cx::now`].
    pub fn processing_time(&self) -> Timestamp {
        Timestamp::from_millis(self.io.driver.borrow().wall_millis())
    }

    /// Opening, listing, renaming and removing files.
    pub fn files(&self) -> Files {
        self.io.driver.borrow().files().clone()
    }

    /// Wakes this task, from any thread.
    pub fn waker(&self) -> &Waker {
        &self.waker
    }

    /// To be answered by a sink that waits for something outside: the task rests
    /// until its [`Cx::waker`] is used or an operation of it ends.
    pub fn pause_until_woken(&mut self) -> Flow {
        self.awaits_wake = true;
        Flow::Pause
    }

    pub(crate) fn awaits_wake(&self) -> bool {
        self.awaits_wake
    }

    /// Where sources whose watermarks are aligned meet.
    pub(crate) fn alignment(&self) -> &Arc<MeetingPlace> {
        &self.alignment
    }

    /// What this task is.
    pub fn plan(&self) -> &SubtaskPlan {
        &self.plan
    }

    pub(crate) fn sides_have_room(&mut self) -> bool {
        self.sides.iter_mut().all(|side| side.output.has_room())
    }

    /// Tells the readers of the side outputs of `node`.
    pub(crate) fn signal_sides(&mut self, node: NodeId, signal: Signal) -> Flow {
        let sides = self.sides.iter_mut().filter(|side| side.node == node);
        sides.map(|side| side.output.signal(signal)).fold(Flow::Continue, Flow::and)
    }

    pub(crate) fn flush_sides(&mut self) {
        self.sides.iter_mut().for_each(|side| side.output.flush());
    }

    pub(crate) fn end_sides(&mut self) -> bool {
        // Each is told, so that a slow reader does not keep the others waiting.
        let left = self.sides.iter_mut().filter_map(|side| (!side.output.end()).then_some(()));
        left.count() == 0
    }

    pub(crate) fn add_side_stats(&self, total: &mut PartitionStats) -> (u32, u32) {
        let mut usage = (0, 0);
        for side in &self.sides {
            side.output.add_stats(total);
            let (used, allowed) = side.output.pool_usage();
            usage = (usage.0 + used, usage.1 + allowed);
        }
        usage
    }
}

/// The error of one operator of a task.
pub(crate) fn task_error(plan: &SubtaskPlan, node: NodeId, cause: TaskError) -> Error {
    Error::Task {
        job: plan.job.to_string(),
        operator: plan.operator_name(node).to_string(),
        subtask: plan.subtask + 1,
        parallelism: plan.parallelism,
        cause,
    }
}

impl std::fmt::Debug for Cx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cx").field("plan", &self.plan).finish_non_exhaustive()
    }
}

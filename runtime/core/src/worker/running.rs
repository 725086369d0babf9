//! One task while it runs: its drives, its times, its end.

use brisk_memory::{
    MemoryError, SegmentSize,
    driver::Instant64,
    heap::{self, HeapExhausted, HeapOwner, Scope},
};
use brisk_network::{DebloatOptions, Signal, barrier::CheckpointBarrier};
use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use super::{JobRun, TaskReport, TurnLimits, debloating::Debloating};
use crate::{
    chain::take_culprit,
    error::{Error, TaskError},
    task::accumulator::AccumulatorRegistry,
    task::flow::{Drive, Flow, Signal as FlowSignal},
    task::{CheckpointEnd, Cx, SubtaskPlan, TaskBody, TaskCounts, TaskTimes, task_error},
    time::Watermark,
};

/// How long a drive should take: long enough that the turn around it costs under
/// one per cent, short enough that 64 tasks on a worker take turns within 10 ms.
const DRIVE_NS: u64 = 100_000;

/// What a task waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// Its turn.
    Ready,
    /// Input, or something outside.
    Idle,
    /// Room in its outputs.
    Blocked,
}

/// What came of running a task.
pub(super) enum Ran {
    /// It goes on, now or when it is woken.
    Resting(Rest),
    /// It has sent everything.
    Finished,
    /// It has failed.
    Failed(Error),
}

/// What came of passing a barrier on.
pub(super) enum Passed {
    /// All is as before.
    Room,
    /// The outputs have no room any more.
    NoRoom,
    /// The task has failed.
    Failed(Error),
}

pub(super) struct RunningTask {
    pub(super) plan: Arc<SubtaskPlan>,
    pub(super) job: Arc<JobRun>,
    pub(super) signal: Rc<Signal>,
    pub(super) cx: Cx,
    body: Box<dyn TaskBody>,
    accumulators: AccumulatorRegistry,
    /// Whom the heap of this task counts for.
    heap: HeapOwner,
    quantum: usize,
    quantum_max: usize,
    /// The chain has ended; only its outputs are left.
    ending: bool,
    /// It begins with what was in flight in an earlier run.
    recovering: bool,
    pub(super) rest: Rest,
    since: Instant64,
    times: TaskTimes,
    /// How long it has waited for input, and not for anything outside.
    starved: Duration,
    debloating: Option<Debloating>,
    flushed: Instant64,
    unflushed: bool,
}

/// What [`RunningTask::new`] needs.
pub(super) struct TaskParts {
    pub(super) plan: Arc<SubtaskPlan>,
    pub(super) job: Arc<JobRun>,
    pub(super) signal: Rc<Signal>,
    pub(super) cx: Cx,
    pub(super) body: Box<dyn TaskBody>,
    pub(super) accumulators: AccumulatorRegistry,
    pub(super) limits: TurnLimits,
    /// How buffers to its gates are sized, and the size of segments.
    pub(super) debloat: Option<(DebloatOptions, SegmentSize)>,
}

impl RunningTask {
    pub(super) fn new(parts: TaskParts, now: Instant64) -> Self {
        let TaskParts { plan, job, signal, cx, body, accumulators, limits, debloat } = parts;
        let heap = HeapOwner::register(format!("{}/{}", plan.job, plan.display_name()));
        let recovering = plan.restore.is_some();
        let debloating = debloat.map(|(options, segment)| {
            Debloating::new(options, segment, (&plan, cx.barriers.inputs()), now)
        });
        Self {
            plan,
            job,
            signal,
            cx,
            body,
            accumulators,
            heap,
            quantum: limits.quantum_first,
            quantum_max: limits.quantum_max,
            ending: false,
            recovering,
            rest: Rest::Ready,
            since: now,
            times: TaskTimes::default(),
            starved: Duration::ZERO,
            debloating,
            flushed: now,
            unflushed: false,
        }
    }

    /// Opens the chain.
    pub(super) fn open(&mut self) -> Result<(), Error> {
        let _scope = Scope::enter(self.heap.id());
        let Self { body, cx, .. } = self;
        match catch_unwind(AssertUnwindSafe(|| body.open(cx))) {
            Ok(result) => result,
            Err(panic) => Err(self.panicked(panic)),
        }
    }

    /// Runs for one quantum.
    pub(super) fn run(&mut self, now: impl Fn() -> Instant64) -> Ran {
        let began = self.account(now());
        self.cx.begin_drive(self.quantum, began);
        let scope = Scope::enter(self.heap.id());
        let Self { body, cx, ending, .. } = self;
        let drive = if *ending {
            Ok(Drive::Ended)
        } else {
            catch_unwind(AssertUnwindSafe(|| body.drive(cx)))
        };
        drop(scope);
        let ended = now();
        let took = ended.saturating_since(began).as_nanos() as u64;
        self.times.busy_ns += took;
        self.since = ended;
        let drive = match drive {
            Ok(drive) => drive,
            Err(panic) => return Ran::Failed(self.panicked(panic)),
        };
        // Now and not before the drive: it fails the task in whose drive the limit was passed.
        if let Err(exhausted) = heap::check() {
            return Ran::Failed(self.out_of_heap(exhausted));
        }
        self.unflushed = true;
        self.adapt(drive, took);
        self.conclude(drive, ended)
    }

    /// The coordinator asks for a checkpoint, since no barrier comes to this task. `None` when the
    /// task is about to end and can't take part.
    pub(super) fn ask(&mut self, barrier: CheckpointBarrier, drains: bool) -> Option<Passed> {
        if self.ending {
            return None;
        }
        if drains && self.plan.gates.is_empty() {
            self.cx.announce(FlowSignal::Watermark(Watermark::MAX));
        }
        let now = self.cx.both_clocks();
        if let Some(at) = self.cx.barriers.ask(barrier, now) {
            self.cx.wake_at(at);
        }
        Some(self.pass_due())
    }

    /// Looks at barriers that go before all that waits, though the task may not run now.
    pub(super) fn pass_urgent(&mut self) -> Passed {
        let now = self.cx.both_clocks();
        if let Some(at) = self.cx.barriers.poll_urgent(now) {
            self.cx.wake_at(at);
        }
        if let Some((checkpoint, again)) = self.cx.barriers.copy_captured(now) {
            self.cx.cuts.copy_waiting(checkpoint);
            self.cx.wake_at(again);
        }
        self.pass_due()
    }

    /// Says when what was in flight in an earlier run has been read.
    pub(super) fn note_recovery(&mut self) {
        if self.recovering && !self.cx.barriers.is_recovering() {
            self.recovering = false;
            self.job.checkpointing.end_recovery(self.plan.key);
        }
    }

    /// Whether its chain has ended.
    pub(super) fn is_ending(&self) -> bool {
        self.ending
    }

    /// Whether there are such barriers.
    pub(super) fn is_urgent(&self) -> bool {
        self.cx.barriers.is_urgent(|| self.cx.now())
    }

    /// Between two drives: passes on what is due.
    fn pass_due(&mut self) -> Passed {
        let _scope = Scope::enter(self.heap.id());
        let Self { body, cx, .. } = self;
        match catch_unwind(AssertUnwindSafe(|| body.pass_due(cx))) {
            Ok(Flow::Continue) => Passed::Room,
            Ok(Flow::Pause) => {
                self.rest = Rest::Blocked;
                Passed::NoRoom
            }
            Ok(Flow::Stop) => {
                let (node, cause) = self.cx.take_failure().expect("who stops has said why");
                Passed::Failed(task_error(&self.plan, node, cause))
            }
            Err(panic) => Passed::Failed(self.panicked(panic)),
        }
    }

    /// A checkpoint that the task took part in has come to its end.
    pub(super) fn checkpoint_ended(&mut self, end: CheckpointEnd) -> Result<(), Error> {
        let Cx { cuts, barriers, .. } = &mut self.cx;
        match end {
            CheckpointEnd::Completed(checkpoint) => cuts.completed(checkpoint),
            CheckpointEnd::Aborted(checkpoint) => cuts.forget(checkpoint, barriers),
        }
        let _scope = Scope::enter(self.heap.id());
        let Self { body, cx, .. } = self;
        match catch_unwind(AssertUnwindSafe(|| body.checkpoint_ended(end, cx))) {
            Ok(result) => result,
            Err(panic) => Err(self.panicked(panic)),
        }
    }

    fn conclude(&mut self, drive: Drive, now: Instant64) -> Ran {
        self.rest = match drive {
            Drive::More => Rest::Ready,
            Drive::Paused if self.cx.awaits_wake() => {
                self.flush(now);
                Rest::Idle
            }
            Drive::Paused => Rest::Blocked,
            Drive::Starved => {
                self.flush(now);
                Rest::Idle
            }
            Drive::Ended => {
                self.ending = true;
                if self.body.end(&mut self.cx) {
                    return Ran::Finished;
                }
                Rest::Blocked
            }
            Drive::Failed => {
                let (node, cause) = self.cx.take_failure().expect("a failed drive said why");
                return Ran::Failed(task_error(&self.plan, node, cause));
            }
        };
        Ran::Resting(self.rest)
    }

    /// Doubles or halves the quantum so that a drive takes about [`DRIVE_NS`].
    fn adapt(&mut self, drive: Drive, took_ns: u64) {
        if took_ns > 2 * DRIVE_NS {
            self.quantum = (self.quantum / 2).max(1);
        } else if drive == Drive::More && took_ns < DRIVE_NS {
            self.quantum = (self.quantum * 2).min(self.quantum_max);
        }
    }

    /// Whether a task that is blocked may go on.
    pub(super) fn has_room(&mut self) -> bool {
        self.body.has_room(&mut self.cx)
    }

    /// Sends open buffers.
    pub(super) fn flush(&mut self, now: Instant64) {
        self.body.flush(&mut self.cx);
        self.unflushed = false;
        self.flushed = now;
    }

    /// Sends open buffers if they have waited for the job's buffer timeout; when
    /// they should be looked at again.
    pub(super) fn flush_if_due(&mut self, now: Instant64) -> Option<Instant64> {
        let timeout = self.job.buffer_timeout?;
        if !self.unflushed {
            return None;
        }
        let due = self.flushed + timeout;
        if due > now {
            return Some(due);
        }
        self.flush(now);
        None
    }

    /// A period of debloating is over.
    pub(super) fn debloat(&mut self, now: Instant64) {
        if self.debloating.is_some() {
            self.account(now);
        }
        if let Some(debloating) = &mut self.debloating {
            debloating.look(now, self.starved);
        }
    }

    /// Adds the time since the last account to what the task was doing.
    fn account(&mut self, now: Instant64) -> Instant64 {
        let passed = now.saturating_since(self.since).as_nanos() as u64;
        match self.rest {
            // Waiting for its turn is the worker's doing, not its own: as in
            // Flink, where a ready thread that the system does not run is busy.
            Rest::Ready => self.times.busy_ns += passed,
            Rest::Idle => {
                self.times.idle_ns += passed;
                if !self.cx.awaits_wake() {
                    self.starved += Duration::from_nanos(passed);
                }
            }
            Rest::Blocked => self.times.backpressured_ns += passed,
        }
        self.since = now;
        now
    }

    #[cold]
    fn out_of_heap(&self, exhausted: HeapExhausted) -> Error {
        let cause = TaskError::Memory(MemoryError::HeapExhausted(exhausted));
        task_error(&self.plan, self.plan.head(), cause)
    }

    fn panicked(&self, panic: Box<dyn Any + Send>) -> Error {
        let node = take_culprit().unwrap_or_else(|| self.cx.at());
        task_error(&self.plan, node, TaskError::Panic(panic_text(panic)))
    }

    /// What is known of the task.
    pub(super) fn report(&self, now: Instant64) -> TaskReport {
        let (out, (used, max)) = self.body.output_stats(&self.cx);
        let mut times = self.times;
        let passed = now.saturating_since(self.since).as_nanos() as u64;
        match self.rest {
            Rest::Ready => times.busy_ns += passed,
            Rest::Idle => times.idle_ns += passed,
            Rest::Blocked => times.backpressured_ns += passed,
        }
        TaskReport {
            key: self.plan.key,
            counts: TaskCounts {
                records_out: out.records,
                buffers_out: out.buffers,
                bytes_out: out.bytes,
                segments_used: used,
                segments_max: max,
                ..self.cx.metrics.counts()
            },
            times,
            accumulators: self.accumulators.snapshot(),
        }
    }

    /// Closes and drops the chain; what is known of the task then, what its functions counted when they
    /// were closed included.
    ///
    /// # Errors
    /// If that panics. It is logged, too: of a task that has failed or was canceled it is not what is
    /// told.
    pub(super) fn close(mut self, now: Instant64) -> (TaskReport, Result<(), Error>) {
        let scope = Scope::enter(self.heap.id());
        let closed = catch_unwind(AssertUnwindSafe(|| self.body.close(&mut self.cx)));
        let report = self.report(now);
        let Self { plan, body, cx, .. } = self;
        let at = cx.at();
        let dropped = catch_unwind(AssertUnwindSafe(move || {
            drop(body);
            drop(cx);
        }));
        drop(scope);
        let closed = closed.and(dropped).map_err(|panic| {
            let node = take_culprit().unwrap_or(at);
            let error = task_error(&plan, node, TaskError::Panic(panic_text(panic)));
            tracing::error!(task = plan.display_name(), %error, "panicked while it was closed");
            error
        });
        (report, closed)
    }
}

/// What a panic said.
pub(crate) fn panic_text(panic: Box<dyn Any + Send>) -> String {
    match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => match panic.downcast::<&'static str>() {
            Ok(text) => (*text).to_string(),
            Err(_) => "a value that is no text".to_string(),
        },
    }
}

//! Writing what a worker's tasks hand over for checkpoints, while records go on.
//!
//! ```text
//!  tasks --TaskCut--> line --(a piece each turn)--> acknowledgement, or one file per checkpoint
//!                                                   last task of the job here: sync, then
//!                                                   acknowledge them all
//! ```
//!
//! Invariants: an acknowledgement is sent when all bytes it names survive a crash, names of files
//! aside, which the metadata brings along; of a checkpoint that has ended nothing is kept. A turn
//! writes no more than [`PIECE_BYTES`], or segments for [`SLICE`], so that records wait for it no longer than
//! for a drive.
//!
//! Thread: the worker's.

mod destination;
mod writing;

use brisk_memory::driver::{Completion, Driver, Instant64};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{JobKey, JobRun};
use crate::{
    checkpoint::{
        CheckpointId,
        coordinator::{DeclineReason, TaskSnapshot},
    },
    task::{SubtaskPlan, TaskKey, snapshot::TaskCut},
};
use destination::Destination;
use writing::{Progress, Writing};

/// Bytes that are written in one turn, if they are there: a table of contents is made, copied and summed at
/// some 200 MB/s.
const PIECE_BYTES: usize = 24 << 10;

/// How long a turn goes on handing segments to the disk. The last may come with the write of those before,
/// which takes as long again.
const SLICE: Duration = Duration::from_micros(100);

/// All that a worker is writing.
#[derive(Debug, Default)]
pub(super) struct Snapshots {
    open: BTreeMap<(JobKey, CheckpointId), Open>,
}

/// One checkpoint of one job.
#[derive(Debug)]
struct Open {
    run: Arc<JobRun>,
    destination: Destination,
    /// In the order in which they came; the first that is ready is written, state by state.
    line: Vec<Writing>,
    written: Vec<(TaskKey, TaskSnapshot)>,
}

/// What a task handed over.
pub(super) struct Handed<'a> {
    pub(super) run: &'a Arc<JobRun>,
    pub(super) plan: &'a Arc<SubtaskPlan>,
    pub(super) cut: TaskCut,
    pub(super) now: Instant64,
}

impl Snapshots {
    /// Takes a task's part of a checkpoint.
    pub(super) fn add(&mut self, worker: u32, handed: Handed<'_>) {
        let Handed { run, plan, mut cut, now } = handed;
        let target = run.checkpointing.storage.file_target(&cut.options);
        cut.operators.iter_mut().for_each(|(_, operator)| operator.begin(&target));
        let open = self.open.entry((run.key, cut.options.id)).or_insert_with(|| Open {
            run: Arc::clone(run),
            destination: Destination::new(&run.checkpointing.storage, &cut.options, worker),
            line: Vec::new(),
            written: Vec::new(),
        });
        open.line.push(Writing::new(Arc::clone(plan), cut, now));
    }

    /// Writes a piece of what is there. `expects` says whether a task of the job that is none of these
    /// may still hand something over. True when something was done.
    pub(super) fn advance(
        &mut self,
        driver: &mut Driver,
        expects: impl Fn(JobKey, &[TaskKey]) -> bool,
    ) -> bool {
        let mut worked = false;
        self.open.retain(|(job, _), open| {
            let step = open.advance(driver, |here| expects(*job, here));
            worked |= step != Step::Waits;
            match step {
                Step::Worked | Step::Waits => true,
                Step::Over => false,
                Step::GivenUp => {
                    open.destination.abandon(driver);
                    false
                }
            }
        });
        worked
    }

    /// Hands over the end of an operation; false when it is of nobody here.
    pub(super) fn completed(&mut self, completion: Completion) -> bool {
        let owner = self.open.values_mut().find(|open| open.destination.owns(&completion));
        let Some(open) = owner else { return false };
        open.destination.completed(completion);
        true
    }

    /// Forgets a checkpoint that has ended. What is open has not been acknowledged.
    pub(super) fn end(&mut self, driver: &Driver, job: JobKey, checkpoint: CheckpointId) {
        if let Some(open) = self.open.remove(&(job, checkpoint)) {
            open.destination.abandon(driver);
        }
    }

    /// Forgets a job.
    pub(super) fn forget(&mut self, driver: &Driver, job: JobKey) {
        self.open.retain(|(of, _), open| {
            if *of == job {
                open.destination.abandon(driver);
            }
            *of != job
        });
    }

    /// Whether a task should rest until more of what it handed over is written: there is no memory
    /// for copies of what it changes.
    pub(super) fn holds_up(&mut self, task: TaskKey) -> bool {
        let lines = self.open.values_mut().flat_map(|open| &mut open.line);
        lines.filter(|writing| writing.task() == task).any(|writing| writing.is_starved())
    }

    /// Whether nothing is being written.
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }
}

/// What a step came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Worked,
    Waits,
    Over,
    GivenUp,
}

impl Open {
    fn advance(&mut self, driver: &mut Driver, expects: impl Fn(&[TaskKey]) -> bool) -> Step {
        // One whose tickets come back meanwhile must not begin a state within that of another.
        let begun = self.line.iter().position(Writing::has_begun);
        let ready = begun.or_else(|| self.line.iter().position(Writing::is_ready));
        let Some(at) = ready else { return self.finish(driver, expects) };
        let began = driver.now();
        let progress = self.line[at].advance(&mut self.destination, driver);
        self.line[at].took(driver.now().saturating_since(began));
        match progress {
            Ok(Progress::More) => Step::Worked,
            Ok(Progress::Waits) => Step::Waits,
            Ok(Progress::Done(snapshot)) => {
                let writing = self.line.remove(at);
                self.written.push((writing.task(), writing.measured(snapshot)));
                Step::Worked
            }
            Err(cause) => self.decline(&cause),
        }
    }

    /// All tasks have handed over what they have: bring it to where it survives, and say so.
    fn finish(&mut self, driver: &mut Driver, expects: impl Fn(&[TaskKey]) -> bool) -> Step {
        let here: Vec<TaskKey> = self.written.iter().map(|(task, _)| *task).collect();
        if !self.line.is_empty() || expects(&here) {
            return Step::Waits;
        }
        match self.destination.finish(driver) {
            Ok(false) => Step::Waits,
            Ok(true) => {
                let checkpoint = self.destination.checkpoint();
                for (task, snapshot) in self.written.drain(..) {
                    self.run.listener.snapshot_acknowledged(task, checkpoint, snapshot);
                }
                Step::Over
            }
            Err(cause) => self.decline(&cause),
        }
    }

    fn decline(&mut self, cause: &str) -> Step {
        let checkpoint = self.destination.checkpoint();
        let waiting = self.line.iter().map(Writing::task);
        let task = waiting.chain(self.written.iter().map(|(task, _)| *task)).next();
        let task = task.expect("somebody's state was being written");
        let reason = DeclineReason::Failed { cause: cause.to_string() };
        self.run.listener.snapshot_declined(task, checkpoint, reason);
        Step::GivenUp
    }
}

#[cfg(test)]
mod tests;

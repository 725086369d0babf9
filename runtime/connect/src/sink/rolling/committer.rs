//! The transactions of a file sink: the parts that were closed between two checkpoints, but for those that
//! wait to be merged, and what earlier ones were merged into.

use std::path::PathBuf;

use brisk_core::error::BoxError;
use brisk_core::sink::TwoPhaseCommitSink;
use brisk_core::task::Cx;
use brisk_core::task::flow::Flow;
use brisk_memory::driver::Instant64;

use super::bucket::{BucketAssigner, BucketContext};
use super::compaction::{Compactor, WaitingPart, commit};
use super::encoder::{Encoder, PartOutput};
use super::name::PartFile;
use super::parts::{Parts, remove};
use super::run::RunShare;

/// What a checkpoint has of a transaction.
#[derive(
    Debug, Clone, Default, PartialEq, Eq, rkyv::Archive, rkyv::Serialize, rkyv::Deserialize,
)]
pub struct PartFiles {
    /// Closed parts, which become visible together.
    pub parts: Vec<PartFile>,
    /// Parts whose records are in those too, and which are removed then.
    pub merged: Vec<PartFile>,
    /// Parts that wait to be merged, if this is what a sink holds back.
    pub waiting: Vec<WaitingPart>,
}

/// A running file sink.
pub struct RollingCommitter<E, B> {
    pub(super) run: RunShare,
    pub(super) folder: PathBuf,
    pub(super) parts: Parts,
    pub(super) compactor: Compactor,
    pub(super) encoder: E,
    pub(super) buckets: B,
    /// The bucket of the record in hand.
    pub(super) bucket: String,
    pub(super) clock: Clock,
}

/// The time as of the beginning of a drive, which is short: reading a clock costs more than a record.
#[derive(Debug)]
pub(super) struct Clock {
    pub(super) now: Instant64,
    pub(super) context: BucketContext,
    /// When a timer will drive the task.
    pub(super) wakes: Option<Instant64>,
}

impl Clock {
    pub(super) fn new(cx: &Cx) -> Clock {
        let context = BucketContext { processing_time: cx.processing_time(), timestamp: None };
        Clock { now: cx.now(), context, wakes: None }
    }
}

impl<E, B> RollingCommitter<E, B> {
    /// Sees to it that the task is driven when a part is due to be closed, though nothing comes.
    fn wake_for_next_due(&mut self, cx: &mut Cx) {
        let wakes = self.clock.wakes.filter(|wakes| *wakes > self.clock.now);
        if let Some(due) = self.parts.next_due()
            && wakes.is_none_or(|wakes| due < wakes)
        {
            self.clock.wakes = Some(due);
            cx.wake_at(due);
        }
    }

    fn has_room(&mut self, cx: &mut Cx) -> Result<Flow, BoxError> {
        match self.parts.advance(cx)? {
            true => Ok(Flow::Continue),
            false => Ok(cx.pause_until_woken()),
        }
    }
}

impl<T, E, B> TwoPhaseCommitSink<T> for RollingCommitter<E, B>
where
    E: Encoder<T>,
    B: BucketAssigner<T>,
{
    type Transaction = PartFiles;

    fn recovered(&mut self, restored: bool, cx: &mut Cx) -> Result<(), BoxError> {
        Ok(self.run.recovered((&cx.files(), &self.folder), restored)?)
    }

    fn begin_transaction(&mut self, _cx: &mut Cx) -> Result<PartFiles, BoxError> {
        Ok(PartFiles::default())
    }

    #[inline]
    fn invoke(
        &mut self,
        transaction: &mut PartFiles,
        item: T,
        cx: &mut Cx,
    ) -> Result<Flow, BoxError> {
        self.bucket.clear();
        let context = BucketContext { timestamp: cx.timestamp(), ..self.clock.context };
        self.buckets.bucket(&item, &context, &mut self.bucket);
        let closed = &mut transaction.parts;
        let at = match self.parts.part_of_last(&self.bucket, self.clock.now) {
            Some(at) => at,
            None => self.parts.part_for(&self.bucket, self.clock.now, &cx.files(), closed)?,
        };
        let output = self.parts.output(at);
        self.encoder.encode(&item, &mut PartOutput::new(output.blocks()))?;
        let has_room = output.has_room();
        self.parts.close_if_full(at, closed);
        if has_room { Ok(Flow::Continue) } else { self.has_room(cx) }
    }

    fn ready(&mut self, transaction: &mut PartFiles, cx: &mut Cx) -> Result<Flow, BoxError> {
        self.clock.now = cx.now();
        self.clock.context.processing_time = cx.processing_time();
        self.parts.close_due(self.clock.now, &mut transaction.parts);
        self.wake_for_next_due(cx);
        self.has_room(cx)
    }

    fn pre_commit(&mut self, transaction: &mut PartFiles, cx: &mut Cx) -> Result<(), BoxError> {
        self.parts.close_all(&mut transaction.parts);
        Ok(self.compactor.barrier(transaction, &mut self.parts, &cx.files())?)
    }

    fn is_pre_committed(&mut self, transaction: &PartFiles, cx: &mut Cx) -> Result<bool, BoxError> {
        Ok(self.compactor.is_durable(transaction, &mut self.parts, cx)?)
    }

    fn commit(&mut self, transaction: &PartFiles, cx: &mut Cx) -> Result<(), BoxError> {
        Ok(commit(&cx.files(), &self.folder, transaction)?)
    }

    fn abort(&mut self, transaction: &PartFiles, cx: &mut Cx) -> Result<(), BoxError> {
        let files = cx.files();
        self.parts.discard_open(&files)?;
        Ok(remove(&files, &self.folder, &transaction.parts)?)
    }

    fn holds_back(&self) -> bool {
        self.compactor.is_waiting()
    }

    fn held_back(&self) -> Vec<PartFiles> {
        self.compactor.held_back()
    }

    fn hold_back(&mut self, element: &PartFiles, cx: &mut Cx) -> Result<(), BoxError> {
        let (compactor, run) = (&mut self.compactor, &self.run);
        Ok(compactor.hold_back(element, &cx.files(), |path| run.hold_back(path))?)
    }

    fn input_ended(&mut self) {
        self.compactor.input_ended();
    }
}

impl<E, B> std::fmt::Debug for RollingCommitter<E, B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RollingCommitter").field("parts", &self.parts).finish_non_exhaustive()
    }
}

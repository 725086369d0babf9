//! Sources: where a chain begins.

mod pace;
mod timestamps;

pub use pace::MeetingPlace;
pub use timestamps::AssignTimestamps;

use std::sync::Arc;

use super::{Chain, Template, guard::Guard};
use crate::{
    Record,
    checkpoint::{CheckpointId, handle::RedistributionMode},
    error::Error,
    graph::{JobId, NodeId, OperatorId},
    task::accumulator::OperatorAccumulators,
    task::flow::{Drive, Flow, Push, Signal},
    task::{
        Attempt, BuildContext, CheckpointEnd, Cx,
        snapshot::{ListSnapshot, RestoredState, Stopping},
    },
    time::Watermark,
};

/// What a source is told when it is opened.
#[derive(Clone, Debug)]
pub struct SourceContext {
    /// The operator, for [`Cx::fail`].
    pub node: NodeId,
    /// Its name, for messages.
    pub operator: String,
    /// Its id, the same in each run of the program while its uid is, or the graph
    /// around it.
    pub operator_id: OperatorId,
    /// The job, the same in all its attempts.
    pub job_id: JobId,
    /// The job's name.
    pub job_name: Arc<str>,
    /// Which run of this subtask it is, from 0.
    pub attempt: Attempt,
    /// Which of the parallel instances this is, from 0.
    pub subtask: u32,
    /// How many there are.
    pub parallelism: u32,
    /// The number of key groups: the most that `parallelism` may ever be.
    pub max_parallelism: u32,
    /// Whether checkpoints are taken by themselves, so that a sink may wait for one to commit.
    pub checkpointing: bool,
    /// Accumulators of the subtask; those of one name are merged over the whole job
    /// and read from its result.
    pub accumulators: OperatorAccumulators,
}

/// A source as the program described it: sent to the worker of each subtask and
/// opened there.
pub trait Source: Clone + Send + 'static {
    /// What it makes.
    type Out: Record;
    /// Its running form.
    type Reader: SourceReader<Self::Out, Split = Self::Split> + 'static;

    /// A part of its input and how far it was read: what a checkpoint keeps of it. A subtask may have
    /// several; when a job goes on at another parallelism they are dealt out anew.
    type Split: Record;

    /// Opens it for one subtask: at the beginning, or, with `restored`, to read these splits from
    /// where they stood, and nothing else.
    fn open(
        &self,
        restored: Option<Vec<Self::Split>>,
        context: &SourceContext,
        cx: &mut Cx,
    ) -> Result<Self::Reader, Error>;

    /// Whether it ends by itself.
    fn is_bounded(&self) -> bool {
        true
    }
}

/// A running source.
pub trait SourceReader<T> {
    /// See [`Source::Split`].
    type Split: Record;

    /// What is left to be read, for a checkpoint between two records: a reader that is opened with
    /// this sends exactly the records that this one has not sent.
    fn snapshot(&mut self) -> Vec<Self::Split>;

    /// A checkpoint that this reader was part of is complete: what was read before it will not be
    /// asked for again.
    fn checkpoint_completed(&mut self, _checkpoint: CheckpointId, _cx: &mut Cx) {}

    /// Sends records until the sink pauses, there is nothing to send now, or
    /// [`Cx::quantum`] records were sent; looks at [`Cx::interrupted`] now and then.
    ///
    /// A reader that knows how far its stream has come in event time says so by
    /// [`Cx::announce`] and ends the drive.
    ///
    /// A reader that answers [`Drive::Starved`] has made sure to be woken: by
    /// [`Cx::waker`], or by an operation submitted with [`Cx::submit`].
    fn drive<S: Push<T>>(&mut self, sink: &mut S, cx: &mut Cx) -> Drive;

    /// Called once after the last drive, however that ended.
    fn close(&mut self, _cx: &mut Cx) {}
}

/// The template of a source.
#[derive(Clone, Debug)]
pub struct FromSource<S> {
    pub(crate) node: NodeId,
    pub(crate) source: S,
}

/// The name of a source's state.
const SPLITS: &str = "splits";

/// A source in a running chain.
#[derive(Debug)]
pub struct SourceHead<S: Source> {
    source: S,
    context: SourceContext,
    restored: RestoredState,
    reader: Option<S::Reader>,
    ended: bool,
}

impl<S: Source> Template for FromSource<S> {
    type Out = S::Out;
    type Running = SourceHead<S>;

    fn build(&self, cx: &mut BuildContext) -> Result<Self::Running, Error> {
        let (context, restored) = (cx.source_context(self.node), cx.restored(self.node));
        let source = self.source.clone();
        Ok(SourceHead { source, context, restored, reader: None, ended: false })
    }
}

impl<S: Source> Chain for SourceHead<S> {
    type Out = S::Out;

    #[inline]
    fn drive<K: Push<S::Out>>(&mut self, sink: &mut K, cx: &mut Cx) -> Drive {
        if let Some(interrupted) = sink.ready(cx).interrupts() {
            return interrupted;
        }
        match cx.stopping() {
            Stopping::No if self.ended => return Drive::Ended,
            Stopping::No => {}
            Stopping::Holds(_) => return Drive::Starved,
            Stopping::Ends => return Drive::Ended,
        }
        let reader = self.reader.as_mut().expect("a task is opened before it is driven");
        let drive = Guard::run(self.context.node, || reader.drive(sink, cx));
        if drive == Drive::Ended {
            // Time comes to its end before the chain does.
            self.ended = true;
            cx.announce(Signal::Watermark(Watermark::MAX));
            return Drive::More;
        }
        drive
    }

    fn inject<K: Push<S::Out>>(&mut self, signal: Signal, sink: &mut K, cx: &mut Cx) -> Flow {
        let flow = sink.signal(signal, cx);
        if matches!(signal, Signal::Barrier(_)) {
            let reader = self.reader.as_mut().expect("a task is opened before it is driven");
            let splits = Guard::run(self.context.node, || reader.snapshot());
            let list = ListSnapshot::of_records(SPLITS, RedistributionMode::Split, &splits);
            cx.snapshot(self.context.node).lists.push(list);
        }
        flow
    }

    fn checkpoint_ended(&mut self, end: CheckpointEnd, cx: &mut Cx) -> Result<(), Error> {
        if let (Some(reader), CheckpointEnd::Completed(checkpoint)) = (&mut self.reader, end) {
            Guard::run(self.context.node, || reader.checkpoint_completed(checkpoint, cx));
        }
        Ok(())
    }

    fn open(&mut self, cx: &mut Cx) -> Result<(), Error> {
        cx.enter(self.context.node);
        let splits = self.restored.records::<S::Split>(SPLITS).map_err(|cause| cx.error(cause))?;
        self.reader = Some(self.source.open(splits, &self.context, cx)?);
        Ok(())
    }

    fn close(&mut self, cx: &mut Cx) {
        if let Some(mut reader) = self.reader.take() {
            reader.close(cx);
        }
    }
}

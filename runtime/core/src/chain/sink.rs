//! Sinks: where a chain ends.

use super::{Chain, Link, Template, guard::Guard};
use crate::{
    checkpoint::{CheckpointId, handle::RedistributionMode},
    error::{BoxError, Error, TaskError},
    graph::NodeId,
    task::flow::{Drive, Flow, Push, Signal},
    task::{
        BuildContext, CheckpointEnd, Cx,
        snapshot::{ListSnapshot, OperatorSnapshot, RestoredState, schema_of_bytes},
    },
};

/// What a sink is told when it is opened.
pub type SinkContext = super::SourceContext;

/// A sink as the program described it.
pub trait Sink<T>: Clone + Send + 'static {
    /// Its running form.
    type Writer: SinkWriter<T> + 'static;

    /// Opens it for one subtask. `restored` is what its writers put into the checkpoint that the job
    /// starts from ([`SinkWriter::snapshot`]), this subtask's share; `None` when it starts from none.
    fn open(
        &self,
        restored: Option<Vec<Vec<u8>>>,
        context: &SinkContext,
        cx: &mut Cx,
    ) -> Result<Self::Writer, Error>;
}

/// A running sink.
pub trait SinkWriter<T> {
    /// Takes one record, whatever the answer.
    fn write(&mut self, item: T, cx: &mut Cx) -> Flow;

    /// Takes a signal; most sinks have no use for it.
    fn signal(&mut self, _signal: Signal, _cx: &mut Cx) -> Flow {
        Flow::Continue
    }

    /// Whether a record would be welcome now.
    fn ready(&mut self, _cx: &mut Cx) -> Flow {
        Flow::Continue
    }

    /// Called at a barrier, behind all records before it: what a later run has to know, in elements
    /// that are dealt out when the parallelism changes. A sink with two phases makes everything so
    /// far durable here (pre-commit), and makes it visible when the checkpoint is complete. If
    /// that takes a while it keeps a ticket of `snapshot`.
    ///
    /// # Errors
    /// Fail the task.
    fn snapshot(
        &mut self,
        _checkpoint: CheckpointId,
        _snapshot: &mut OperatorSnapshot,
        _cx: &mut Cx,
    ) -> Result<Vec<Vec<u8>>, BoxError> {
        Ok(Vec::new())
    }

    /// The checkpoint is complete: what was written before it may be committed. Word of it may come
    /// late or, after a failure, never: a later one, or the restored state, stands for it.
    ///
    /// # Errors
    /// Fail the task.
    fn checkpoint_completed(
        &mut self,
        _checkpoint: CheckpointId,
        _cx: &mut Cx,
    ) -> Result<(), BoxError> {
        Ok(())
    }

    /// The checkpoint will not be; what was pre-committed for it is part of the next one.
    fn checkpoint_aborted(&mut self, _checkpoint: CheckpointId, _cx: &mut Cx) {}

    /// Called when a drive ends and nothing more is there at once: what was gathered should be seen.
    fn flush(&mut self, _cx: &mut Cx) -> Flow {
        Flow::Continue
    }

    /// Called when all records were written, until it answers [`Drive::Ended`] or
    /// [`Drive::Failed`]: makes what was written durable and visible.
    fn finish(&mut self, _cx: &mut Cx) -> Drive {
        Drive::Ended
    }

    /// Called once at the very end; when [`SinkWriter::finish`] did not answer
    /// [`Drive::Ended`] before, the job was canceled or failed.
    fn close(&mut self, _cx: &mut Cx) {}
}

/// The template of a sink.
#[derive(Clone, Debug)]
pub struct ToSink<P, K> {
    pub(crate) upstream: P,
    pub(crate) node: NodeId,
    pub(crate) sink: K,
}

/// A sink in a running chain.
pub struct SinkTail<P: Template, K: Sink<P::Out>> {
    upstream: Link<P>,
    node: NodeId,
    sink: K,
    context: SinkContext,
    restored: RestoredState,
    writer: Option<K::Writer>,
}

impl<P: Template, K: Sink<P::Out>> Template for ToSink<P, K> {
    type Out = ();
    type Running = SinkTail<P, K>;

    fn build(&self, cx: &mut BuildContext) -> Result<Self::Running, Error> {
        let (context, restored) = (cx.source_context(self.node), cx.restored(self.node));
        let upstream = Link::build(&self.upstream, self.node, cx)?;
        let (node, sink) = (self.node, self.sink.clone());
        Ok(SinkTail { upstream, node, sink, context, restored, writer: None })
    }
}

struct WriteInto<'a, W> {
    node: NodeId,
    writer: &'a mut W,
}

impl<W> WriteInto<'_, W> {
    #[cold]
    fn snapshot<T>(&mut self, checkpoint: CheckpointId, cx: &mut Cx) -> Flow
    where
        W: SinkWriter<T>,
    {
        let mut snapshot = OperatorSnapshot::default();
        let taken = Guard::run(self.node, || self.writer.snapshot(checkpoint, &mut snapshot, cx));
        match taken {
            Ok(elements) => {
                // Most sinks have nothing to say.
                if !elements.is_empty() {
                    let (schema, mode) = (schema_of_bytes(WRITER), RedistributionMode::Split);
                    snapshot.lists.push(ListSnapshot { schema, mode, elements });
                }
                *cx.snapshot(self.node) = snapshot;
                Flow::Continue
            }
            Err(cause) => cx.fail(self.node, TaskError::Function(cause)),
        }
    }
}

/// The name of a sink's state.
const WRITER: &str = "writer";

impl<T, W: SinkWriter<T>> Push<T> for WriteInto<'_, W> {
    #[inline(always)]
    fn push(&mut self, item: T, cx: &mut Cx) -> Flow {
        Guard::run(self.node, || self.writer.write(item, cx))
    }

    #[inline]
    fn signal(&mut self, signal: Signal, cx: &mut Cx) -> Flow {
        if let Signal::Barrier(barrier) = signal {
            return self.snapshot(barrier.checkpoint, cx);
        }
        Guard::run(self.node, || self.writer.signal(signal, cx))
    }

    #[inline]
    fn ready(&mut self, cx: &mut Cx) -> Flow {
        self.writer.ready(cx)
    }
}

impl<P: Template, K: Sink<P::Out>> Chain for SinkTail<P, K> {
    type Out = ();

    fn drive<S: Push<()>>(&mut self, _sink: &mut S, cx: &mut Cx) -> Drive {
        let writer = self.writer.as_mut().expect("a task is opened before it is driven");
        let mut into = WriteInto { node: self.node, writer };
        match self.upstream.drive(&mut into, cx) {
            Drive::Ended => Guard::run(self.node, || into.writer.finish(cx)),
            rests @ (Drive::Starved | Drive::Paused) => {
                Guard::run(self.node, || into.writer.flush(cx)).interrupts().unwrap_or(rests)
            }
            other => other,
        }
    }

    fn inject<S: Push<()>>(&mut self, signal: Signal, _sink: &mut S, cx: &mut Cx) -> Flow {
        let writer = self.writer.as_mut().expect("a task is opened before it is driven");
        let mut into = WriteInto { node: self.node, writer };
        self.upstream.inject(signal, &mut into, cx)
    }

    fn open(&mut self, cx: &mut Cx) -> Result<(), Error> {
        self.upstream.open(cx)?;
        cx.enter(self.node);
        let elements = self.restored.list_elements(WRITER).map_err(|cause| cx.error(cause))?;
        self.writer = Some(self.sink.open(elements, &self.context, cx)?);
        Ok(())
    }

    fn checkpoint_ended(&mut self, end: CheckpointEnd, cx: &mut Cx) -> Result<(), Error> {
        self.upstream.checkpoint_ended(end, cx)?;
        let Some(writer) = &mut self.writer else { return Ok(()) };
        cx.enter(self.node);
        let told = Guard::run(self.node, || match end {
            CheckpointEnd::Completed(checkpoint) => writer.checkpoint_completed(checkpoint, cx),
            CheckpointEnd::Aborted(checkpoint) => {
                writer.checkpoint_aborted(checkpoint, cx);
                Ok(())
            }
        });
        told.map_err(|cause| cx.error(TaskError::Function(cause)))
    }

    fn close(&mut self, cx: &mut Cx) {
        self.upstream.close(cx);
        if let Some(mut writer) = self.writer.take() {
            writer.close(cx);
        }
    }
}

/// What a chain that ends in a sink is driven into.
#[derive(Clone, Copy, Debug)]
pub struct Nothing;

impl Push<()> for Nothing {
    fn push(&mut self, (): (), _cx: &mut Cx) -> Flow {
        Flow::Continue
    }

    fn signal(&mut self, _signal: Signal, _cx: &mut Cx) -> Flow {
        Flow::Continue
    }

    fn ready(&mut self, _cx: &mut Cx) -> Flow {
        Flow::Continue
    }
}

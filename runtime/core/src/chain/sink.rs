//! Sinks: where a chain ends.

use super::{Chain, Link, Template, guard::Guard};
use crate::{
    error::Error,
    graph::NodeId,
    task::flow::{Drive, Flow, Push, Signal},
    task::{BuildContext, Cx},
};

/// What a sink is told when it is opened.
pub type SinkContext = super::SourceContext;

/// A sink as the program described it.
pub trait Sink<T>: Clone + Send + 'static {
    /// Its running form.
    type Writer: SinkWriter<T> + 'static;

    /// Opens it for one subtask.
    fn open(&self, context: &SinkContext, cx: &mut Cx) -> Result<Self::Writer, Error>;
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
    writer: Option<K::Writer>,
}

impl<P: Template, K: Sink<P::Out>> Template for ToSink<P, K> {
    type Out = ();
    type Running = SinkTail<P, K>;

    fn build(&self, cx: &mut BuildContext) -> Result<Self::Running, Error> {
        let context = cx.source_context(self.node);
        let upstream = Link::build(&self.upstream, self.node, cx)?;
        Ok(SinkTail { upstream, node: self.node, sink: self.sink.clone(), context, writer: None })
    }
}

struct WriteInto<'a, W> {
    node: NodeId,
    writer: &'a mut W,
}

impl<T, W: SinkWriter<T>> Push<T> for WriteInto<'_, W> {
    #[inline(always)]
    fn push(&mut self, item: T, cx: &mut Cx) -> Flow {
        Guard::run(self.node, || self.writer.write(item, cx))
    }

    #[inline]
    fn signal(&mut self, signal: Signal, cx: &mut Cx) -> Flow {
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
        self.writer = Some(self.sink.open(&self.context, cx)?);
        Ok(())
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

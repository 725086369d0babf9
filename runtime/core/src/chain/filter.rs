//! `filter`: keeps the records that a predicate likes.

use super::{Chain, Link, Template, guard::Guard};
use crate::{
    error::Error,
    graph::NodeId,
    task::flow::{Drive, Flow, Push, Signal},
    task::{BuildContext, CheckpointEnd, Cx},
};

/// The template of a filter.
#[derive(Clone, Debug)]
pub struct Filter<P, F> {
    pub(crate) upstream: P,
    pub(crate) node: NodeId,
    pub(crate) predicate: F,
}

impl<P, F> Template for Filter<P, F>
where
    P: Template,
    F: FnMut(&P::Out) -> bool + Clone + Send + 'static,
{
    type Out = P::Out;
    type Running = Filter<Link<P>, F>;

    fn build(&self, cx: &mut BuildContext) -> Result<Self::Running, Error> {
        let upstream = Link::build(&self.upstream, self.node, cx)?;
        Ok(Filter { upstream, node: self.node, predicate: self.predicate.clone() })
    }
}

struct FilterInto<'a, F, S> {
    node: NodeId,
    predicate: &'a mut F,
    sink: &'a mut S,
}

impl<T, F: FnMut(&T) -> bool, S: Push<T>> Push<T> for FilterInto<'_, F, S> {
    #[inline(always)]
    fn push(&mut self, item: T, cx: &mut Cx) -> Flow {
        if Guard::run(self.node, || (self.predicate)(&item)) {
            self.sink.push(item, cx)
        } else {
            Flow::Continue
        }
    }

    #[inline]
    fn signal(&mut self, signal: Signal, cx: &mut Cx) -> Flow {
        self.sink.signal(signal, cx)
    }

    #[inline]
    fn ready(&mut self, cx: &mut Cx) -> Flow {
        self.sink.ready(cx)
    }
}

impl<P, F> Chain for Filter<Link<P>, F>
where
    P: Template,
    F: FnMut(&P::Out) -> bool,
{
    type Out = P::Out;

    fn drive<S: Push<P::Out>>(&mut self, sink: &mut S, cx: &mut Cx) -> Drive {
        let mut into = FilterInto { node: self.node, predicate: &mut self.predicate, sink };
        self.upstream.drive(&mut into, cx)
    }

    fn inject<S: Push<P::Out>>(&mut self, signal: Signal, sink: &mut S, cx: &mut Cx) -> Flow {
        let mut into = FilterInto { node: self.node, predicate: &mut self.predicate, sink };
        self.upstream.inject(signal, &mut into, cx)
    }

    fn checkpoint_ended(&mut self, end: CheckpointEnd, cx: &mut Cx) -> Result<(), Error> {
        self.upstream.checkpoint_ended(end, cx)
    }

    fn open(&mut self, cx: &mut Cx) -> Result<(), Error> {
        self.upstream.open(cx)
    }

    fn close(&mut self, cx: &mut Cx) {
        self.upstream.close(cx);
    }
}

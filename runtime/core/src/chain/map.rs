//! `map`: one record in, one out.

use super::{Chain, Link, Template, guard::Guard};
use crate::{
    Record,
    error::Error,
    graph::NodeId,
    task::flow::{Drive, Flow, Push, Signal},
    task::{BuildContext, CheckpointEnd, Cx},
};

/// The template of a map.
#[derive(Clone, Debug)]
pub struct Map<P, F> {
    pub(crate) upstream: P,
    pub(crate) node: NodeId,
    pub(crate) function: F,
}

impl<P, F, U> Template for Map<P, F>
where
    P: Template,
    F: FnMut(P::Out) -> U + Clone + Send + 'static,
    U: Record,
{
    type Out = U;
    type Running = Map<Link<P>, F>;

    fn build(&self, cx: &mut BuildContext) -> Result<Self::Running, Error> {
        let upstream = Link::build(&self.upstream, self.node, cx)?;
        Ok(Map { upstream, node: self.node, function: self.function.clone() })
    }
}

struct MapInto<'a, F, S> {
    node: NodeId,
    function: &'a mut F,
    sink: &'a mut S,
}

impl<T, U, F: FnMut(T) -> U, S: Push<U>> Push<T> for MapInto<'_, F, S> {
    #[inline(always)]
    fn push(&mut self, item: T, cx: &mut Cx) -> Flow {
        let mapped = Guard::run(self.node, || (self.function)(item));
        self.sink.push(mapped, cx)
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

impl<P, F, U> Chain for Map<Link<P>, F>
where
    P: Template,
    F: FnMut(P::Out) -> U,
{
    type Out = U;

    fn drive<S: Push<U>>(&mut self, sink: &mut S, cx: &mut Cx) -> Drive {
        let mut into = MapInto { node: self.node, function: &mut self.function, sink };
        self.upstream.drive(&mut into, cx)
    }

    fn inject<S: Push<U>>(&mut self, signal: Signal, sink: &mut S, cx: &mut Cx) -> Flow {
        let mut into = MapInto { node: self.node, function: &mut self.function, sink };
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

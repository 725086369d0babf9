//! `flat_map`: one record in, any number out.
//!
//! The function fills a [`Collector`]; what it made is passed on one by one, and
//! waits in the collector when there is no room downstream. So a record that makes
//! a million others holds those on the heap, and never more than one such record's.

use std::collections::VecDeque;

use super::{Chain, Link, Template, gate::INTERRUPT_CHECK, guard::Guard};
use crate::{
    Record,
    error::Error,
    graph::NodeId,
    task::flow::{Drive, Flow, Push, Signal},
    task::{BuildContext, CheckpointEnd, Cx},
    time::Timestamp,
};

/// Takes what a function makes of one record.
#[derive(Debug)]
pub struct Collector<T> {
    items: VecDeque<T>,
    /// The event time of the items that wait, once there was no room for them: by the
    /// time there is, the stage that set it may have set another.
    waits_with: Option<Timestamp>,
    /// The event time of each item, where that is not the one of the record in hand; else empty.
    stamps: VecDeque<Timestamp>,
}

impl<T> Collector<T> {
    /// An empty collector.
    pub fn new() -> Self {
        Self { items: VecDeque::new(), waits_with: None, stamps: VecDeque::new() }
    }

    /// Adds a record.
    #[inline]
    pub fn collect(&mut self, item: T) {
        self.items.push_back(item);
    }

    /// Gives all that has no event time of its own yet this one. Whoever uses it does so for
    /// everything that it collects.
    pub(crate) fn stamp(&mut self, timestamp: Timestamp) {
        self.stamps.resize(self.items.len(), timestamp);
    }

    /// Records that wait.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// True when none waits.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Passes on what was made of the record in hand, as far as `sink` takes it.
    #[inline]
    pub(crate) fn drain_into<S: Push<T>>(&mut self, sink: &mut S, cx: &mut Cx) -> Flow {
        if !self.stamps.is_empty() {
            return self.drain_stamped(sink, cx);
        }
        let mut left = INTERRUPT_CHECK;
        while let Some(item) = self.items.pop_front() {
            let mut flow = sink.push(item, cx);
            left -= 1;
            if left == 0 {
                left = INTERRUPT_CHECK;
                // One record may make very many: the others of the worker want their turns too.
                let waits = !self.items.is_empty() && cx.interrupted();
                flow = if waits { flow.and(Flow::Pause) } else { flow };
            }
            if flow != Flow::Continue {
                self.waits_with = cx.timestamp();
                return flow;
            }
        }
        Flow::Continue
    }

    /// The same of records with an event time of their own.
    fn drain_stamped<S: Push<T>>(&mut self, sink: &mut S, cx: &mut Cx) -> Flow {
        let in_hand = cx.timestamp();
        let mut flow = Flow::Continue;
        while flow == Flow::Continue
            && let Some(item) = self.items.pop_front()
        {
            cx.set_timestamp(self.stamps.pop_front());
            flow = sink.push(item, cx);
        }
        cx.set_timestamp(in_hand);
        flow
    }

    /// Passes on what had no room before, as far as `sink` takes it.
    #[inline]
    pub(crate) fn resume_into<S: Push<T>>(&mut self, sink: &mut S, cx: &mut Cx) -> Flow {
        if self.items.is_empty() {
            return Flow::Continue;
        }
        let in_hand = cx.timestamp();
        cx.set_timestamp(self.waits_with);
        let flow = self.drain_into(sink, cx);
        cx.set_timestamp(in_hand);
        flow
    }

    /// Passes on all that had no room before, whatever `sink` answers.
    pub(crate) fn pour_into<S: Push<T>>(&mut self, sink: &mut S, cx: &mut Cx) -> Flow {
        let in_hand = cx.timestamp();
        cx.set_timestamp(self.waits_with);
        let mut answer = Flow::Continue;
        for item in self.items.drain(..) {
            if let Some(stamp) = self.stamps.pop_front() {
                cx.set_timestamp(Some(stamp));
            }
            answer = answer.and(sink.push(item, cx));
        }
        cx.set_timestamp(in_hand);
        answer
    }
}

impl<T> Default for Collector<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Extend<T> for Collector<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, items: I) {
        self.items.extend(items);
    }
}

/// The template of a flat map.
#[derive(Debug)]
pub struct FlatMap<P, F, U> {
    pub(crate) upstream: P,
    pub(crate) node: NodeId,
    pub(crate) function: F,
    pub(crate) collector: Collector<U>,
}

impl<P: Clone, F: Clone, U> Clone for FlatMap<P, F, U> {
    fn clone(&self) -> Self {
        let (upstream, function) = (self.upstream.clone(), self.function.clone());
        Self { upstream, node: self.node, function, collector: Collector::new() }
    }
}

impl<P, F, U> Template for FlatMap<P, F, U>
where
    P: Template,
    F: FnMut(P::Out, &mut Collector<U>) + Clone + Send + 'static,
    U: Record,
{
    type Out = U;
    type Running = FlatMap<Link<P>, F, U>;

    fn build(&self, cx: &mut BuildContext) -> Result<Self::Running, Error> {
        let upstream = Link::build(&self.upstream, self.node, cx)?;
        let (function, collector) = (self.function.clone(), Collector::new());
        Ok(FlatMap { upstream, node: self.node, function, collector })
    }
}

struct FlatMapInto<'a, F, U, S> {
    node: NodeId,
    function: &'a mut F,
    collector: &'a mut Collector<U>,
    sink: &'a mut S,
}

impl<T, U, F, S> Push<T> for FlatMapInto<'_, F, U, S>
where
    F: FnMut(T, &mut Collector<U>),
    S: Push<U>,
{
    #[inline(always)]
    fn push(&mut self, item: T, cx: &mut Cx) -> Flow {
        Guard::run(self.node, || (self.function)(item, self.collector));
        self.collector.drain_into(self.sink, cx)
    }

    fn signal(&mut self, signal: Signal, cx: &mut Cx) -> Flow {
        let drained = self.collector.pour_into(self.sink, cx);
        drained.and(self.sink.signal(signal, cx))
    }

    #[inline]
    fn ready(&mut self, cx: &mut Cx) -> Flow {
        match self.sink.ready(cx) {
            Flow::Continue => self.collector.resume_into(self.sink, cx),
            other => other,
        }
    }
}

impl<P, F, U> Chain for FlatMap<Link<P>, F, U>
where
    P: Template,
    F: FnMut(P::Out, &mut Collector<U>),
{
    type Out = U;

    fn drive<S: Push<U>>(&mut self, sink: &mut S, cx: &mut Cx) -> Drive {
        let Self { upstream, node, function, collector } = self;
        let mut into = FlatMapInto { node: *node, function, collector, sink };
        upstream.drive(&mut into, cx)
    }

    fn inject<S: Push<U>>(&mut self, signal: Signal, sink: &mut S, cx: &mut Cx) -> Flow {
        let Self { upstream, node, function, collector } = self;
        let mut into = FlatMapInto { node: *node, function, collector, sink };
        upstream.inject(signal, &mut into, cx)
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

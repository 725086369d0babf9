//! `map_view` and its kin: functions of the archived form, without a copy.

use super::{Chain, Collector, Gate, ReadRecords, Template, guard::Guard};
use crate::{
    Record,
    error::Error,
    graph::NodeId,
    record::Archived,
    task::flow::{Drive, Flow, Push, Signal},
    task::{BuildContext, CheckpointEnd, Cx},
};
use std::marker::PhantomData;

/// The template of a function from views to any number of records.
#[derive(Debug)]
pub struct FlatMapView<T, F, U> {
    pub(crate) node: NodeId,
    pub(crate) function: F,
    pub(crate) types: PhantomData<fn(T) -> U>,
}

impl<T, F: Clone, U> Clone for FlatMapView<T, F, U> {
    fn clone(&self) -> Self {
        Self { node: self.node, function: self.function.clone(), types: PhantomData }
    }
}

/// A function of views in a running chain.
#[derive(Debug)]
pub struct FlatViewHead<T, F, U> {
    gate: Gate<T>,
    node: NodeId,
    function: F,
    collector: Collector<U>,
}

impl<T, F, U> Template for FlatMapView<T, F, U>
where
    T: Record,
    F: FnMut(&Archived<T>, &mut Collector<U>) + Clone + Send + 'static,
    U: Record,
{
    type Out = U;
    type Running = FlatViewHead<T, F, U>;

    fn build(&self, cx: &mut BuildContext) -> Result<Self::Running, Error> {
        let (gate, function) = (cx.gate(self.node, 0), self.function.clone());
        Ok(FlatViewHead { gate, node: self.node, function, collector: Collector::new() })
    }
}

struct FlatViewInto<'a, F, U, S> {
    node: NodeId,
    function: &'a mut F,
    collector: &'a mut Collector<U>,
    sink: &'a mut S,
}

impl<T, F, U, S> ReadRecords<T> for FlatViewInto<'_, F, U, S>
where
    T: Record,
    F: FnMut(&Archived<T>, &mut Collector<U>),
    S: Push<U>,
{
    #[inline(always)]
    fn record(&mut self, _key_hash: u32, record: &Archived<T>, cx: &mut Cx) -> Flow {
        Guard::run(self.node, || (self.function)(record, self.collector));
        self.collector.drain_into(self.sink, cx)
    }

    #[inline]
    fn ready(&mut self, cx: &mut Cx) -> Flow {
        match self.sink.ready(cx) {
            Flow::Continue => self.collector.resume_into(self.sink, cx),
            other => other,
        }
    }
}

impl<T, F, U> Chain for FlatViewHead<T, F, U>
where
    T: Record,
    F: FnMut(&Archived<T>, &mut Collector<U>),
{
    type Out = U;

    fn drive<S: Push<U>>(&mut self, sink: &mut S, cx: &mut Cx) -> Drive {
        let Self { gate, node, function, collector } = self;
        gate.read(&mut FlatViewInto { node: *node, function, collector, sink }, cx)
    }

    fn inject<S: Push<U>>(&mut self, signal: Signal, sink: &mut S, cx: &mut Cx) -> Flow {
        let drained = self.collector.pour_into(sink, cx);
        drained.and(sink.signal(signal, cx))
    }

    fn checkpoint_ended(&mut self, _end: CheckpointEnd, _cx: &mut Cx) -> Result<(), Error> {
        Ok(())
    }
}

/// The template of a function from views to one record each.
#[derive(Debug)]
pub struct MapView<T, F, U> {
    pub(crate) node: NodeId,
    pub(crate) function: F,
    pub(crate) types: PhantomData<fn(T) -> U>,
}

impl<T, F: Clone, U> Clone for MapView<T, F, U> {
    fn clone(&self) -> Self {
        Self { node: self.node, function: self.function.clone(), types: PhantomData }
    }
}

/// A function from views to one record each in a running chain.
#[derive(Debug)]
pub struct ViewHead<T, F, U> {
    gate: Gate<T>,
    node: NodeId,
    function: F,
    made: PhantomData<fn() -> U>,
}

impl<T, F, U> Template for MapView<T, F, U>
where
    T: Record,
    F: FnMut(&Archived<T>) -> U + Clone + Send + 'static,
    U: Record,
{
    type Out = U;
    type Running = ViewHead<T, F, U>;

    fn build(&self, cx: &mut BuildContext) -> Result<Self::Running, Error> {
        let (gate, function) = (cx.gate(self.node, 0), self.function.clone());
        Ok(ViewHead { gate, node: self.node, function, made: PhantomData })
    }
}

struct ViewInto<'a, F, S> {
    node: NodeId,
    function: &'a mut F,
    sink: &'a mut S,
}

impl<T, F, U, S> ReadRecords<T> for ViewInto<'_, F, S>
where
    T: Record,
    F: FnMut(&Archived<T>) -> U,
    S: Push<U>,
{
    #[inline(always)]
    fn record(&mut self, _key_hash: u32, record: &Archived<T>, cx: &mut Cx) -> Flow {
        let made = Guard::run(self.node, || (self.function)(record));
        self.sink.push(made, cx)
    }

    #[inline]
    fn ready(&mut self, cx: &mut Cx) -> Flow {
        self.sink.ready(cx)
    }
}

impl<T, F, U> Chain for ViewHead<T, F, U>
where
    T: Record,
    F: FnMut(&Archived<T>) -> U,
{
    type Out = U;

    fn drive<S: Push<U>>(&mut self, sink: &mut S, cx: &mut Cx) -> Drive {
        let Self { gate, node, function, .. } = self;
        gate.read(&mut ViewInto { node: *node, function, sink }, cx)
    }

    fn inject<S: Push<U>>(&mut self, signal: Signal, sink: &mut S, cx: &mut Cx) -> Flow {
        sink.signal(signal, cx)
    }

    fn checkpoint_ended(&mut self, _end: CheckpointEnd, _cx: &mut Cx) -> Result<(), Error> {
        Ok(())
    }
}

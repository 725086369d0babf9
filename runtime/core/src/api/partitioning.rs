//! How a stream is spread over the subtasks that read it, and several streams
//! read as one.

use std::{marker::PhantomData, sync::Arc};

use super::{DataStream, KeyedStream};
use crate::{
    Record,
    chain::{BroadcastProcessFunction, CoProcess, CoProcessFunction, Exchanged, Template},
    exchange::Partitioner,
    graph::{Exchange, StreamNode},
    record::selector::KeySelector,
    state::Broadcasting,
    task::EdgeSpec,
};

impl<T: Record, C: Template<Out = T>> DataStream<T, C> {
    fn by(self, exchange: Exchange, partitioner: Partitioner<T>) -> DataStream<T> {
        self.exchanged(exchange, &EdgeSpec::<T>::unkeyed(partitioner))
    }

    /// To all subtasks in turn.
    pub fn rebalance(self) -> DataStream<T> {
        self.by(Exchange::Rebalance, Partitioner::Rebalance)
    }

    /// In turn to the few subtasks nearby: each producer feeds its own share of
    /// the consumers.
    pub fn rescale(self) -> DataStream<T> {
        self.by(Exchange::Rescale, Partitioner::Rescale)
    }

    /// To all subtasks at random.
    pub fn shuffle(self) -> DataStream<T> {
        self.by(Exchange::Shuffle, Partitioner::Shuffle)
    }

    /// Each record to every subtask, written once.
    pub fn broadcast(self) -> DataStream<T> {
        self.by(Exchange::Broadcast, Partitioner::Broadcast)
    }

    /// All records to the first subtask.
    pub fn global(self) -> DataStream<T> {
        self.by(Exchange::Global, Partitioner::Global)
    }

    /// One to one. An error if the parallelisms differ.
    pub fn forward(mut self) -> Self {
        for origin in &mut self.origins {
            origin.exchange = Some(Exchange::Forward);
        }
        self
    }

    /// To the subtask that `choose` says, given a record and the number of subtasks.
    pub fn partition_custom<F>(self, choose: F) -> DataStream<T>
    where
        F: Fn(&T, u32) -> u32 + Send + Sync + 'static,
    {
        self.by(Exchange::Custom, Partitioner::Custom(Arc::new(choose)))
    }

    /// Records of one key to one subtask.
    pub fn key_by<S: KeySelector<T>>(self, selector: S) -> KeyedStream<T, C, S> {
        KeyedStream::new(self, selector)
    }

    /// The records of both streams, in no particular order.
    pub fn union<D: Template<Out = T>>(self, other: DataStream<T, D>) -> DataStream<T> {
        let mut origins = self.origins;
        origins.extend(other.origins);
        // Neither may be chained to the reader of both.
        origins.iter_mut().for_each(|origin| origin.shared = true);
        DataStream {
            program: self.program,
            origins,
            node: None,
            chain: Exchanged::new(),
            record: PhantomData,
        }
    }

    /// Both streams, to be read by one function.
    pub fn connect<U: Record, D: Template<Out = U>>(
        self,
        other: DataStream<U, D>,
    ) -> ConnectedStreams<T, U> {
        ConnectedStreams { first: self.shared(), second: other.shared() }
    }
}

/// Two streams that one function reads.
#[derive(Debug)]
pub struct ConnectedStreams<A, B> {
    first: DataStream<A>,
    second: DataStream<B>,
}

impl<A: Record, B: Record> ConnectedStreams<A, B> {
    /// Whatever the function makes of both.
    pub fn process<F>(self, function: F) -> DataStream<F::Out, CoProcess<A, B, F>>
    where
        F: CoProcessFunction<A, B>,
    {
        let program = self.first.program;
        let node = program.add_node(StreamNode::two_input_operator("Co-Process"));
        program.connect(self.first.origins, node, 0);
        program.connect(self.second.origins, node, 1);
        DataStream::of_node(program, node, CoProcess { node, function, inputs: PhantomData })
    }

    /// Whatever a function makes of the first stream with what the second says, which all subtasks
    /// are told: the second stream is broadcast.
    pub fn process_broadcast<F>(self, function: F) -> BroadcastProcessed<A, B, F>
    where
        F: BroadcastProcessFunction<A, B>,
        (F::Key, F::Value): Record,
    {
        let Self { first, second } = self;
        let both = ConnectedStreams { first, second: second.broadcast() };
        both.process(Broadcasting::new(function)).name("Co-Process-Broadcast")
    }

    /// One record for each, by one of two functions.
    pub fn map<U, F, G>(self, first: F, second: G) -> CoMapped<A, B, U, F, G>
    where
        U: Record,
        F: FnMut(A) -> U + Clone + Send + 'static,
        G: FnMut(B) -> U + Clone + Send + 'static,
    {
        self.process(CoMap { first, second, made: PhantomData }).name("Co-Map")
    }
}

/// The stream of [`ConnectedStreams::process_broadcast`].
pub type BroadcastProcessed<A, B, F> = DataStream<
    <F as BroadcastProcessFunction<A, B>>::Out,
    CoProcess<
        A,
        B,
        Broadcasting<
            F,
            <F as BroadcastProcessFunction<A, B>>::Key,
            <F as BroadcastProcessFunction<A, B>>::Value,
        >,
    >,
>;

/// The stream of [`ConnectedStreams::map`].
pub type CoMapped<A, B, U, F, G> = DataStream<U, CoProcess<A, B, CoMap<F, G, U>>>;

/// Two maps as one function over two streams.
#[derive(Debug)]
pub struct CoMap<F, G, U> {
    first: F,
    second: G,
    made: PhantomData<fn() -> U>,
}

impl<F: Clone, G: Clone, U> Clone for CoMap<F, G, U> {
    fn clone(&self) -> Self {
        Self { first: self.first.clone(), second: self.second.clone(), made: PhantomData }
    }
}

impl<A, B, U, F, G> CoProcessFunction<A, B> for CoMap<F, G, U>
where
    A: Record,
    B: Record,
    U: Record,
    F: FnMut(A) -> U + Clone + Send + 'static,
    G: FnMut(B) -> U + Clone + Send + 'static,
{
    type Out = U;

    fn process_first(
        &mut self,
        item: A,
        _context: &mut crate::task::Context<'_>,
        out: &mut crate::chain::Collector<U>,
    ) -> Result<(), crate::BoxError> {
        out.collect((self.first)(item));
        Ok(())
    }

    fn process_second(
        &mut self,
        item: B,
        _context: &mut crate::task::Context<'_>,
        out: &mut crate::chain::Collector<U>,
    ) -> Result<(), crate::BoxError> {
        out.collect((self.second)(item));
        Ok(())
    }
}

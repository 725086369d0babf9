//! Operators over one stream.

use std::marker::PhantomData;

use super::{DataStream, program::Program};
use crate::{
    Record,
    chain::Exchanged,
    chain::{
        AsyncFunction, AsyncOptions, AsyncProcess, Collector, Filter, FlatMap, FlatMapView, Map,
        MapView, Process, ProcessFunction, RichFilter, RichFilterFunction, RichFlatMap,
        RichFlatMapFunction, RichMap, RichMapFunction, Sink, Template, ToSink,
    },
    graph::{NodeId, StreamNode},
    record::Archived,
};

impl<T: Record, C: Template<Out = T>> DataStream<T, C> {
    /// Adds a node that reads this stream.
    pub(super) fn add(self, node: StreamNode) -> (Program, NodeId, C) {
        let id = self.program.add_node(node);
        self.program.connect(self.origins, id, 0);
        (self.program, id, self.chain)
    }

    /// One record for each.
    pub fn map<U, F>(self, function: F) -> DataStream<U, Map<C, F>>
    where
        U: Record,
        F: FnMut(T) -> U + Clone + Send + 'static,
    {
        let (program, node, upstream) = self.add(StreamNode::operator("Map"));
        DataStream::of_node(program, node, Map { upstream, node, function })
    }

    /// The records that `predicate` is true for.
    pub fn filter<F>(self, predicate: F) -> DataStream<T, Filter<C, F>>
    where
        F: FnMut(&T) -> bool + Clone + Send + 'static,
    {
        let (program, node, upstream) = self.add(StreamNode::operator("Filter"));
        DataStream::of_node(program, node, Filter { upstream, node, predicate })
    }

    /// Any number of records for each. What one record makes waits on the heap
    /// until there is room for it.
    pub fn flat_map<U, F>(self, function: F) -> DataStream<U, FlatMap<C, F, U>>
    where
        U: Record,
        F: FnMut(T, &mut Collector<U>) + Clone + Send + 'static,
    {
        let (program, node, upstream) = self.add(StreamNode::operator("Flat Map"));
        let collector = Collector::new();
        DataStream::of_node(program, node, FlatMap { upstream, node, function, collector })
    }

    /// As [`map`](Self::map), with a function that is opened and closed, knows its subtask, and may
    /// fail.
    ///
    /// ```
    /// use brisk_core::{
    ///     BoxError,
    ///     api::StreamExecutionEnvironment,
    ///     chain::RichMapFunction,
    ///     task::{RuntimeContext, accumulator::LongCounter},
    /// };
    ///
    /// #[derive(Clone, Default)]
    /// struct Parse {
    ///     parsed: LongCounter,
    /// }
    ///
    /// impl RichMapFunction<String> for Parse {
    ///     type Out = i64;
    ///
    ///     fn open(&mut self, context: &mut RuntimeContext) -> Result<(), BoxError> {
    ///         self.parsed = context.accumulators().long_counter("parsed")?;
    ///         Ok(())
    ///     }
    ///
    ///     fn map(&mut self, record: String) -> Result<i64, BoxError> {
    ///         self.parsed.add(1);
    ///         Ok(record.parse()?)
    ///     }
    /// }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let env = StreamExecutionEnvironment::new()?;
    /// let numbers = env.from_collection(["1", "2"].map(String::from)).rich_map(Parse::default());
    /// let numbers = numbers.collect();
    /// let result = env.execute("parse")?;
    /// assert_eq!(result.accumulators.long_counter("parsed")?, 2);
    /// assert_eq!(numbers.take().iter().sum::<i64>(), 3);
    /// # Ok(())
    /// # }
    /// ```
    pub fn rich_map<F>(self, function: F) -> DataStream<F::Out, Process<C, RichMap<F>>>
    where
        F: RichMapFunction<T>,
    {
        self.process_as("Map", RichMap(function))
    }

    /// As [`filter`](Self::filter), with a function that is opened and closed, knows its subtask,
    /// and may fail.
    pub fn rich_filter<F>(self, function: F) -> DataStream<T, Process<C, RichFilter<F>>>
    where
        F: RichFilterFunction<T>,
    {
        self.process_as("Filter", RichFilter(function))
    }

    /// As [`flat_map`](Self::flat_map), with a function that is opened and closed, knows its
    /// subtask, and may fail.
    pub fn rich_flat_map<F>(self, function: F) -> DataStream<F::Out, Process<C, RichFlatMap<F>>>
    where
        F: RichFlatMapFunction<T>,
    {
        self.process_as("Flat Map", RichFlatMap(function))
    }

    /// Whatever a function with a life cycle, side outputs and errors makes.
    pub fn process<F>(self, function: F) -> DataStream<F::Out, Process<C, F>>
    where
        F: ProcessFunction<T>,
    {
        self.process_as("Process", function)
    }

    fn process_as<F>(self, name: &str, function: F) -> DataStream<F::Out, Process<C, F>>
    where
        F: ProcessFunction<T>,
    {
        let (program, node, upstream) = self.add(StreamNode::operator(name));
        DataStream::of_node(program, node, Process { upstream, node, function })
    }

    /// Whatever comes of a future for each record, many under way at a time.
    ///
    /// The futures are polled on the worker's thread and must not block it; what blocks belongs to
    /// a runtime of the function's own. At a checkpoint the records whose results have not left are
    /// state, and asked again after a failure.
    ///
    /// ```
    /// use brisk_core::{
    ///     api::StreamExecutionEnvironment,
    ///     chain::{AsyncOptions, RetryStrategy},
    /// };
    /// use std::{num::NonZeroU32, time::Duration};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let env = StreamExecutionEnvironment::new()?;
    /// let retry = RetryStrategy::fixed(NonZeroU32::new(3).unwrap(), Duration::from_millis(10));
    /// let options = AsyncOptions::ordered().timeout(Duration::from_secs(1)).retry(retry);
    /// let squares = env.from_sequence(1..=3).process_async(
    ///     |id: &i64| {
    ///         let id = *id;
    ///         async move { Ok(vec![id * id]) }
    ///     },
    ///     options,
    /// );
    /// let squares = squares.collect();
    /// env.execute("squares")?;
    /// let mut found = squares.take();
    /// found.sort();
    /// assert_eq!(found, [1, 4, 9]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn process_async<F>(
        self,
        function: F,
        options: AsyncOptions<F::Out>,
    ) -> DataStream<F::Out, AsyncProcess<C, F, F::Out>>
    where
        F: AsyncFunction<T>,
    {
        let (program, node, upstream) = self.add(StreamNode::operator("Async"));
        DataStream::of_node(program, node, AsyncProcess { upstream, node, function, options })
    }

    /// Ends the stream in a sink.
    pub fn sink_to<K>(self, sink: K) -> DataStream<(), ToSink<C, K>>
    where
        K: Sink<T>,
    {
        let (program, node, upstream) = self.add(StreamNode::sink("Sink"));
        let chain = ToSink { upstream, node, sink };
        program.set_sink(node, &chain);
        DataStream { program, origins: Vec::new(), node: Some(node), chain, record: PhantomData }
    }
}

impl<T: Record> DataStream<T, Exchanged<T>> {
    /// One record for each, from its archived form: nothing is decoded.
    pub fn map_view<U, F>(self, function: F) -> DataStream<U, MapView<T, F, U>>
    where
        U: Record,
        F: FnMut(&Archived<T>) -> U + Clone + Send + 'static,
    {
        let (program, node, _) = self.add(StreamNode::operator("Map View"));
        DataStream::of_node(program, node, MapView { node, function, types: PhantomData })
    }

    /// Any number of records for each, from its archived form: nothing is decoded.
    pub fn flat_map_view<U, F>(self, function: F) -> DataStream<U, FlatMapView<T, F, U>>
    where
        U: Record,
        F: FnMut(&Archived<T>, &mut Collector<U>) + Clone + Send + 'static,
    {
        let (program, node, _) = self.add(StreamNode::operator("Flat Map View"));
        DataStream::of_node(program, node, FlatMapView { node, function, types: PhantomData })
    }
}

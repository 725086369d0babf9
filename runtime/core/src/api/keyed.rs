//! Keyed streams and what is aggregated over them.

use std::marker::PhantomData;

use super::{
    Count, DataStream, Extreme, Reduce, Sum,
    program::{Origin, Program, keyed_factory, keyed_spec},
};
use crate::{
    Record,
    chain::{Aggregate, Combine, Either, Keyed, KeyedBatch, Template},
    graph::{Exchange, JobType, NodeId, StreamNode},
    record::Archived,
    record::pair::{FirstOfPair, PairView},
    record::selector::KeySelector,
};

/// A stream whose records of one key meet in one subtask.
#[derive(Debug)]
pub struct KeyedStream<T, C, S> {
    stream: DataStream<T, C>,
    selector: S,
}

/// The template of an aggregation: each update emitted, or in batch mode each
/// key's result once.
pub type Aggregated<T, S, A> = Either<Keyed<T, S, A>, KeyedBatch<T, <S as KeySelector<T>>::Key, A>>;

impl<T: Record, C: Template<Out = T>, S: KeySelector<T>> KeyedStream<T, C, S> {
    pub(super) fn new(stream: DataStream<T, C>, selector: S) -> Self {
        Self { stream, selector }
    }

    /// The stream before it was keyed, and by what.
    pub(super) fn into_parts(self) -> (DataStream<T, C>, S) {
        (self.stream, self.selector)
    }

    /// The stream by itself: partitioned by key, otherwise as any other.
    pub fn into_stream(self) -> DataStream<T> {
        let Self { stream, selector } = self;
        hashed(stream, &selector)
    }

    /// Adds a node that reads this stream by key.
    pub(super) fn add_keyed(self, node: StreamNode) -> (Program, NodeId, S) {
        let Self { stream, selector } = self;
        let program = stream.program.clone();
        let node = program.add_node(node);
        program.connect(hashed(stream, &selector).origins, node, 0);
        (program, node, selector)
    }

    /// Aggregates per key: in streaming mode each record emits its key's new
    /// result; in batch mode each key's result is emitted once, at the end, and
    /// producers combine what they have before they send it.
    pub fn aggregate<A>(self, aggregate: A) -> DataStream<A::Out, Aggregated<T, S, A>>
    where
        A: Aggregate<T, S::Key>,
        (S::Key, A::Accumulator): Record,
        Archived<(S::Key, A::Accumulator)>: PairView<S::Key, A::Accumulator>,
    {
        if self.stream.program.settings().job_type == JobType::Batch {
            return self.aggregate_batch(aggregate);
        }
        let (program, node, selector) = self.add_keyed(StreamNode::operator("Keyed Aggregation"));
        let keyed = Keyed { node, selector, aggregate, record: PhantomData };
        DataStream::of_node(program, node, Either::Left(keyed))
    }

    fn aggregate_batch<A>(self, aggregate: A) -> DataStream<A::Out, Aggregated<T, S, A>>
    where
        A: Aggregate<T, S::Key>,
        (S::Key, A::Accumulator): Record,
        Archived<(S::Key, A::Accumulator)>: PairView<S::Key, A::Accumulator>,
    {
        let Self { stream, selector } = self;
        let (program, node, upstream) = stream.add(StreamNode::operator("Combine"));
        program.note_batch_form("Keyed Aggregation");
        let combine = Combine { upstream, node, selector, aggregate: aggregate.clone() };
        let combined = DataStream::of_node(program, node, combine);
        let program = combined.program.clone();
        let node = program.add_node(StreamNode::operator("Keyed Aggregation"));
        program.connect(hashed(combined, &FirstOfPair).origins, node, 0);
        let keyed = KeyedBatch { node, aggregate, types: PhantomData };
        DataStream::of_node(program, node, Either::Right(keyed))
    }

    /// Counts the records of each key.
    pub fn count(self) -> DataStream<(S::Key, u64), Aggregated<T, S, Count>>
    where
        (S::Key, u64): Record,
        Archived<(S::Key, u64)>: PairView<S::Key, u64>,
    {
        self.aggregate(Count).name("Count")
    }

    /// Folds the records of each key into one: `reduce(so_far, next)`.
    pub fn reduce<F>(self, reduce: F) -> DataStream<T, Aggregated<T, S, Reduce<F>>>
    where
        T: Clone,
        F: Fn(&mut T, T) + Clone + Send + 'static,
        (S::Key, T): Record,
        Archived<(S::Key, T)>: PairView<S::Key, T>,
    {
        self.aggregate(Reduce(reduce)).name("Reduce")
    }

    /// Sums a field; the other fields are those of the key's first record.
    pub fn sum<F, N>(self, field: F) -> DataStream<T, Aggregated<T, S, Sum<F, N>>>
    where
        T: Clone,
        F: for<'a> Fn(&'a mut T) -> &'a mut N + Clone + Send + 'static,
        N: std::ops::AddAssign + Copy + 'static,
        (S::Key, T): Record,
        Archived<(S::Key, T)>: PairView<S::Key, T>,
    {
        self.aggregate(Sum::new(field)).name("Sum")
    }

    /// Keeps the least value of a field; the other fields are those of the key's
    /// first record.
    pub fn min<F, N>(self, field: F) -> DataStream<T, Aggregated<T, S, Extreme<F, N>>>
    where
        T: Clone,
        F: for<'a> Fn(&'a mut T) -> &'a mut N + Clone + Send + 'static,
        N: PartialOrd + Copy + 'static,
        (S::Key, T): Record,
        Archived<(S::Key, T)>: PairView<S::Key, T>,
    {
        self.aggregate(Extreme::least(field)).name("Min")
    }

    /// Keeps the greatest value of a field; the other fields are those of the
    /// key's first record.
    pub fn max<F, N>(self, field: F) -> DataStream<T, Aggregated<T, S, Extreme<F, N>>>
    where
        T: Clone,
        F: for<'a> Fn(&'a mut T) -> &'a mut N + Clone + Send + 'static,
        N: PartialOrd + Copy + 'static,
        (S::Key, T): Record,
        Archived<(S::Key, T)>: PairView<S::Key, T>,
    {
        self.aggregate(Extreme::greatest(field)).name("Max")
    }
}

/// The stream behind a keyed exchange.
fn hashed<T, C, S>(stream: DataStream<T, C>, selector: &S) -> DataStream<T>
where
    T: Record,
    C: Template<Out = T>,
    S: KeySelector<T>,
{
    let factory = match (&stream.origins[..], stream.node) {
        // The chain ends here, if nobody else reads the stream.
        ([Origin { node, .. }], Some(_)) => Some(keyed_factory(&stream.chain, *node, selector)),
        _ => None,
    };
    let mut hashed = stream.exchanged(Exchange::Hash, &keyed_spec::<T, S>(selector));
    for origin in &mut hashed.origins {
        origin.factory.clone_from(&factory);
    }
    hashed
}

//! Where streams begin.

use std::ops::RangeInclusive;

use super::{DataStream, StreamExecutionEnvironment};
use crate::{
    Record,
    chain::{FromSource, Source},
    graph::StreamNode,
    source::{CollectionSource, GeneratorSource, RateLimit, SequenceSource},
};

impl StreamExecutionEnvironment {
    /// The stream of a source.
    pub fn from_source<S: Source>(
        &self,
        source: S,
        name: &str,
    ) -> DataStream<S::Out, FromSource<S>> {
        self.program.note_source(source.is_bounded());
        self.settle_mode();
        let node = self.program.add_node(StreamNode::source(name));
        DataStream::of_node(self.program.clone(), node, FromSource { node, source })
    }

    /// The records of a collection.
    pub fn from_collection<T, I>(&self, records: I) -> DataStream<T, FromSource<CollectionSource<T>>>
    where
        T: Record + Clone + Sync,
        I: IntoIterator<Item = T>,
    {
        self.from_source(CollectionSource::new(records), "Collection Source")
    }

    /// The numbers of a range.
    pub fn from_sequence(
        &self,
        range: RangeInclusive<i64>,
    ) -> DataStream<i64, FromSource<SequenceSource>> {
        self.from_source(SequenceSource::new(range), "Sequence Source")
    }

    /// `count` records, or records without end, made from their numbers.
    pub fn from_generator<T, F>(
        &self,
        count: Option<u64>,
        rate: RateLimit,
        make: F,
    ) -> DataStream<T, FromSource<GeneratorSource<F>>>
    where
        T: Record,
        F: FnMut(u64) -> T + Clone + Send + 'static,
    {
        self.from_source(GeneratorSource::new(count, rate, make), "Data Generator Source")
    }
}

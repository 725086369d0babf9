//! Event time of a stream.

use super::DataStream;
use crate::{
    Record,
    chain::{AssignTimestamps, Template},
    graph::StreamNode,
    time::{
        WatermarkStrategy,
        watermark::{TimestampAssigner, WatermarkGenerator},
    },
};

impl<T: Record, C: Template<Out = T>> DataStream<T, C> {
    /// Gives the records timestamps and the stream watermarks, as the strategy says; whatever the
    /// stream had before is replaced. Periodic watermarks come each
    /// `pipeline.auto-watermark-interval`.
    pub fn assign_timestamps_and_watermarks<G, A>(
        self,
        strategy: WatermarkStrategy<G, A>,
    ) -> DataStream<T, AssignTimestamps<C, G, A>>
    where
        G: WatermarkGenerator<T>,
        A: TimestampAssigner<T>,
    {
        let (program, node, upstream) = self.add(StreamNode::operator("Timestamps/Watermarks"));
        let interval = program.settings().auto_watermark_interval;
        let chain = AssignTimestamps { upstream, node, strategy, interval };
        DataStream::of_node(program, node, chain)
    }
}

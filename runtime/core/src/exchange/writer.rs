//! Writing records into a partition.

use brisk_network::{
    CapturedOutput, ChannelIndex, Outgoing, PartitionStats, ResultPartition, Room,
    frame::{FrameClass, FrameHeader, FrameKind, TIMESTAMP_BYTES},
};
use std::{fmt, marker::PhantomData};

use super::{EdgeWriter, Outlet, Partitioner, partitioner::Router};
use crate::{
    Record,
    checkpoint::CheckpointId,
    error::TaskError,
    graph::NodeId,
    record::RecordEncoder,
    task::Cx,
    task::flow::{Flow, Push, Signal},
};

/// Writes records of any type into one partition.
pub struct RecordWriter {
    partition: ResultPartition,
    encoder: RecordEncoder,
    node: NodeId,
    record_bytes_max: usize,
    /// The outputs of the task that it serves, by their places in the plan.
    outputs: Vec<u32>,
    /// What the last barrier overtook.
    captured: Vec<CapturedOutput>,
}

/// What [`RecordWriter::new`] needs.
#[derive(Debug)]
pub struct WriterParts {
    /// Where to.
    pub partition: ResultPartition,
    /// The operator.
    pub node: NodeId,
    /// A longer record fails the task.
    pub record_bytes_max: usize,
    /// The outputs of the task that it serves, by their places in the plan.
    pub outputs: Vec<u32>,
}

impl RecordWriter {
    /// A writer.
    pub fn new(parts: WriterParts) -> Self {
        let WriterParts { partition, node, record_bytes_max, outputs } = parts;
        let (encoder, captured) = (RecordEncoder::new(), Vec::new());
        Self { partition, encoder, node, record_bytes_max, outputs, captured }
    }

    /// Writes `record` to `channel`.
    #[inline(always)]
    pub fn write<T: Record>(
        &mut self,
        channel: ChannelIndex,
        key_hash: u32,
        record: &T,
        cx: &mut Cx,
    ) -> Flow {
        if cx.timestamp().is_none() {
            let builder = self.partition.builder(channel);
            if let Some(payload) = builder.payload_mut()
                && let Some(length) = self.encoder.encode(record, payload)
            {
                builder.commit(FrameHeader::new(length, FrameKind::Whole, key_hash));
                return Flow::Continue;
            }
        } else if self.write_timed(channel, key_hash, record, cx) {
            return Flow::Continue;
        }
        self.write_slowly(channel, key_hash, record, cx)
    }

    /// Writes the record and its event time, if it has one, where there is room.
    #[inline(always)]
    fn write_timed<T: Record>(
        &mut self,
        channel: ChannelIndex,
        key_hash: u32,
        record: &T,
        cx: &Cx,
    ) -> bool {
        let builder = self.partition.builder(channel);
        let Some(payload) = builder.payload_mut() else { return false };
        let Some(mut length) = self.encoder.encode(record, payload) else { return false };
        let mut class = FrameClass::Plain;
        if let Some(timestamp) = cx.timestamp() {
            let end = length + TIMESTAMP_BYTES;
            let Some(behind) = payload.get_mut(length..end) else { return false };
            behind.copy_from_slice(&timestamp.millis().to_le_bytes());
            (length, class) = (end, FrameClass::Timed);
        }
        builder.commit(FrameHeader::new(length, FrameKind::Whole, key_hash).of_class(class));
        true
    }

    #[cold]
    #[inline(never)]
    fn write_slowly<T: Record>(
        &mut self,
        channel: ChannelIndex,
        key_hash: u32,
        record: &T,
        cx: &mut Cx,
    ) -> Flow {
        let rolled = self.partition.roll(channel);
        if rolled && self.write_timed(channel, key_hash, record, cx) {
            return self.flow();
        }
        let bytes = self.encoder.encode_large(record, 64);
        let size = bytes.as_ref().map_or(usize::MAX, |bytes| bytes.len());
        let Some(mut bytes) = bytes.filter(|_| size <= self.record_bytes_max) else {
            let limit = self.record_bytes_max;
            return cx.fail(self.node, TaskError::RecordTooLarge { size, limit });
        };
        let mut class = FrameClass::Plain;
        if let Some(timestamp) = cx.timestamp() {
            bytes.extend_from_slice(&timestamp.millis().to_le_bytes());
            class = FrameClass::Timed;
        }
        let outgoing = Outgoing { channel, key_hash, class, bytes: &bytes };
        let _ = self.partition.append_large(outgoing);
        self.flow()
    }

    fn flow(&self) -> Flow {
        match self.partition.room() {
            Room::Free => Flow::Continue,
            Room::Short => Flow::Pause,
        }
    }

    /// Whether a record would be welcome.
    #[inline]
    pub fn ready(&mut self) -> Flow {
        if self.partition.room() == Room::Free || self.partition.has_room() {
            Flow::Continue
        } else {
            Flow::Pause
        }
    }
}

impl Outlet for RecordWriter {
    fn has_room(&mut self) -> bool {
        self.partition.has_room()
    }

    fn signal(&mut self, signal: Signal) -> Flow {
        if let Signal::Barrier(barrier) = signal {
            self.captured.extend(self.partition.send_barrier(barrier));
        } else {
            let _ = self.partition.send_control(&signal.to_bytes());
        }
        self.flow()
    }

    fn cancel_checkpoint(&mut self, checkpoint: CheckpointId) {
        self.captured.clear();
        self.partition.cancel_checkpoint(checkpoint);
    }

    fn take_captured(&mut self) -> Vec<(u32, CapturedOutput)> {
        let captured = std::mem::take(&mut self.captured);
        let outputs = self.outputs.iter();
        outputs.flat_map(|output| captured.iter().map(|one| (*output, one.clone()))).collect()
    }

    fn flush(&mut self) {
        // What waits for segments is sent when there are some; see `has_room`.
        let _ = self.partition.flush();
    }

    fn end(&mut self) -> bool {
        self.partition.end()
    }

    fn add_stats(&self, total: &mut PartitionStats) {
        let stats = self.partition.stats();
        total.records += stats.records;
        total.buffers += stats.buffers;
        total.bytes += stats.bytes;
    }

    fn pool_usage(&self) -> (u32, u32) {
        self.partition.pool_usage()
    }
}

impl fmt::Debug for RecordWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordWriter").field("partition", &self.partition).finish_non_exhaustive()
    }
}

/// A task's output on one edge whose partitioner needs no key.
#[derive(Debug)]
pub struct Writer<T> {
    writer: RecordWriter,
    router: Router<T>,
    record: PhantomData<fn(T)>,
}

impl<T: Record> Writer<T> {
    /// A writer of subtask `subtask`.
    pub fn new(writer: RecordWriter, partitioner: Partitioner<T>, subtask: u32) -> Self {
        let consumers = writer.partition.subpartitions() as u32;
        let router = Router::new(partitioner, consumers, subtask);
        Self { writer, router, record: PhantomData }
    }
}

impl<T: Record> EdgeWriter<T> for Writer<T> {
    #[inline(always)]
    fn write(&mut self, record: &T, cx: &mut Cx) -> Flow {
        match self.router.route(record) {
            Ok(channel) => self.writer.write(channel, 0, record, cx),
            Err(chosen) => {
                let consumers = self.writer.partition.subpartitions() as u32;
                cx.fail(self.writer.node, TaskError::PartitionOutOfRange { chosen, consumers })
            }
        }
    }
}

impl<T: Record> Push<T> for Writer<T> {
    #[inline(always)]
    fn push(&mut self, item: T, cx: &mut Cx) -> Flow {
        self.write(&item, cx)
    }

    fn signal(&mut self, signal: Signal, _cx: &mut Cx) -> Flow {
        self.writer.signal(signal)
    }

    #[inline]
    fn ready(&mut self, _cx: &mut Cx) -> Flow {
        self.writer.ready()
    }
}

impl<T> Outlet for Writer<T> {
    fn has_room(&mut self) -> bool {
        self.writer.has_room()
    }

    fn signal(&mut self, signal: Signal) -> Flow {
        self.writer.signal(signal)
    }

    fn cancel_checkpoint(&mut self, checkpoint: CheckpointId) {
        self.writer.cancel_checkpoint(checkpoint);
    }

    fn take_captured(&mut self) -> Vec<(u32, CapturedOutput)> {
        self.writer.take_captured()
    }

    fn flush(&mut self) {
        self.writer.flush();
    }

    fn end(&mut self) -> bool {
        self.writer.end()
    }

    fn add_stats(&self, total: &mut PartitionStats) {
        self.writer.add_stats(total);
    }

    fn pool_usage(&self) -> (u32, u32) {
        self.writer.pool_usage()
    }
}

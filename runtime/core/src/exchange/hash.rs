//! The output of a task on a keyed edge.

use brisk_network::{CapturedOutput, ChannelIndex, PartitionStats};
use std::marker::PhantomData;

use super::{EdgeWriter, Outlet, RecordWriter};
use crate::{
    Record,
    checkpoint::CheckpointId,
    record::selector::KeySelector,
    task::Cx,
    task::flow::{Flow, Push, Signal},
};

/// Writes each record to the subtask that owns its key's group.
#[derive(Debug)]
pub struct HashWriter<T, S> {
    writer: RecordWriter,
    selector: S,
    /// The consumer of each key group.
    owners: Box<[ChannelIndex]>,
    record: PhantomData<fn(T)>,
}

/// The key group of a key: its hash scaled to the number of groups, so that the
/// groups of one consumer hold one range of hashes.
#[inline(always)]
pub fn key_group_of(key_hash: u32, groups: usize) -> usize {
    ((u64::from(key_hash) * groups as u64) >> 32) as usize
}

impl<T: Record, S: KeySelector<T>> HashWriter<T, S> {
    /// A writer that knows each key group's consumer.
    pub fn new(writer: RecordWriter, selector: S, owners: Box<[ChannelIndex]>) -> Self {
        assert!(!owners.is_empty(), "there is at least one key group");
        Self { writer, selector, owners, record: PhantomData }
    }
}

impl<T: Record, S: KeySelector<T>> EdgeWriter<T> for HashWriter<T, S> {
    #[inline(always)]
    fn write(&mut self, record: &T, cx: &mut Cx) -> Flow {
        let hash = self.selector.hash(record);
        let channel = self.owners[key_group_of(hash, self.owners.len())];
        self.writer.write(channel, hash, record, cx)
    }
}

impl<T: Record, S: KeySelector<T>> Push<T> for HashWriter<T, S> {
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

impl<T, S> Outlet for HashWriter<T, S> {
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

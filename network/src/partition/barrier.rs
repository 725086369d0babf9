//! Barriers on their way out of a partition.
//!
//! An aligned barrier goes behind all that the partition was given before: what is in
//! open buffers is sent, what waits for segments keeps the barrier of its channel
//! waiting. One that overtakes goes before both; they are captured.

use brisk_memory::Buffer;

use super::{ResultPartition, WaitingRecord};
use crate::{
    ChannelIndex, Event, Item,
    barrier::{CheckpointBarrier, CheckpointId},
};

/// What a barrier overtook in one channel of a partition, oldest first: the buffers, then
/// the records.
#[derive(Clone, Debug)]
pub struct CapturedOutput {
    /// The subpartition; the first one for all of a broadcast.
    pub channel: ChannelIndex,
    /// Buffers that were on their way to another process, and the one that was open.
    pub buffers: Vec<Buffer>,
    /// What waited for segments.
    pub waiting: Vec<WaitingRecord>,
}

impl ResultPartition {
    /// Sends `barrier` on all channels, always. What it overtakes, if it does, is
    /// captured: for each channel that holds something.
    ///
    /// The answer to [`ResultPartition::room`] may change: a barrier that waits makes the
    /// partition short.
    pub fn send_barrier(&mut self, barrier: CheckpointBarrier) -> Vec<CapturedOutput> {
        if barrier.overtakes() {
            return self.channels().filter_map(|at| self.overtake(at, barrier)).collect();
        }
        self.send_in_order(Event::Barrier(barrier));
        Vec::new()
    }

    /// Tells all channels, in order with their records, that a checkpoint was given up.
    pub fn cancel_checkpoint(&mut self, checkpoint: CheckpointId) {
        self.send_in_order(Event::CancelCheckpoint(checkpoint));
    }

    /// Sends what an earlier run captured, before anything else: `buffers`, then
    /// `waiting`. `buffers` are what [`CapturedOutput`] had, or copies of it.
    pub fn restore(
        &mut self,
        channel: ChannelIndex,
        buffers: Vec<Buffer>,
        waiting: Vec<WaitingRecord>,
    ) {
        for buffer in buffers {
            self.send(channel, buffer);
        }
        for record in waiting {
            self.pending.restore(channel, record);
        }
        self.write_pending();
    }

    fn send_in_order(&mut self, event: Event) {
        for channel in self.channels() {
            if self.pending.holds(channel) {
                self.pending.push_event(channel, event);
            } else {
                self.send_open(channel);
                self.send_event(channel, event);
            }
        }
    }

    fn overtake(
        &mut self,
        channel: ChannelIndex,
        barrier: CheckpointBarrier,
    ) -> Option<CapturedOutput> {
        let mut buffers = if self.broadcast {
            // Each reader may have something else on its way: nothing of it is overtaken.
            self.send_event(channel, Event::Barrier(barrier));
            Vec::new()
        } else {
            self.ports[channel.position()].overtake(barrier)
        };
        let open = self.builders[channel.position()].finish();
        let waiting = self.pending.captured(channel);
        if let Some(buffer) = open {
            self.send(channel, buffer.clone());
            buffers.push(buffer);
        }
        let is_empty = buffers.is_empty() && waiting.is_empty();
        (!is_empty).then_some(CapturedOutput { channel, buffers, waiting })
    }

    /// Sends a buffer to the readers of a builder.
    pub(super) fn send(&mut self, channel: ChannelIndex, buffer: Buffer) {
        self.stats.buffers += 1;
        self.stats.bytes += buffer.len() as u64;
        self.stats.records += u64::from(crate::frame::record_count(&buffer));
        if self.broadcast {
            self.send_to_all(buffer);
        } else {
            self.ports[channel.position()].send(Item::Buffer(buffer));
        }
    }
}

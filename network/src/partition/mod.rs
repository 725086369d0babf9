//! The producing side of an exchange: a result partition and its subpartitions.
//!
//! Each subpartition has one open builder. When it is full its buffer goes to the
//! consumer and the pool gives the next segment. When the pool has none, an
//! overdraft segment is taken; when that is refused too, the record's bytes wait
//! in [`Pending`], and the task rests until [`ResultPartition::has_room`].
//!
//! Progress: `pool size >= subpartitions + 1` (checked by [`ResultPartition::new`]).
//! Open builders hold at most one segment each, so at least one segment is at a
//! consumer or free whenever the partition waits, and consumers give back what
//! they read whatever this partition does.

mod pending;

use brisk_memory::{Buffer, Pool, Segment, Taken};

use crate::{
    BufferBuilder, ChannelIndex, Event, Item, Port,
    frame::{FrameClass, FrameHeader, FrameKind},
};
pub use pending::Outgoing;
use pending::Pending;

/// What [`ResultPartition::new`] needs.
#[derive(Debug)]
pub struct PartitionOptions {
    /// Lends the segments.
    pub pool: Pool,
    /// One way per subpartition.
    pub ports: Vec<Port>,
    /// All subpartitions get the same records, written once.
    pub broadcast: bool,
}

/// Counts of one partition, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PartitionStats {
    /// Records that were written.
    pub records: u64,
    /// Buffers that were sent.
    pub buffers: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Whether more records may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Room {
    /// Go on.
    Free,
    /// What was given is kept; send no more until [`ResultPartition::has_room`].
    Short,
}

/// The output of one subtask on one edge.
#[derive(Debug)]
pub struct ResultPartition {
    builders: Box<[BufferBuilder]>,
    ports: Box<[Port]>,
    pool: Pool,
    pending: Pending,
    broadcast: bool,
    ended: bool,
    stats: PartitionStats,
}

impl ResultPartition {
    /// A partition with one subpartition per port; when it broadcasts, with one
    /// builder for all ports.
    ///
    /// # Panics
    /// If there is no port, or the pool can't be sure to make progress.
    pub fn new(options: PartitionOptions) -> Self {
        let PartitionOptions { pool, ports, broadcast } = options;
        assert!(!ports.is_empty(), "a partition has at least one subpartition");
        let builders = if broadcast { 1 } else { ports.len() };
        assert!(pool.size().0 as usize > builders, "{builders} builders need one segment more");
        Self {
            builders: (0..builders).map(|_| BufferBuilder::new()).collect(),
            ports: ports.into(),
            pool,
            pending: Pending::default(),
            broadcast,
            ended: false,
            stats: PartitionStats::default(),
        }
    }

    /// Subpartitions, that is consumers.
    pub fn subpartitions(&self) -> usize {
        self.ports.len()
    }

    /// The open builder of `channel`, to write a record in place. When it has no
    /// room, call [`ResultPartition::roll`] and try once more.
    #[inline(always)]
    pub fn builder(&mut self, channel: ChannelIndex) -> &mut BufferBuilder {
        &mut self.builders[channel.position()]
    }

    /// Sends the open buffer of `channel` and opens the next one; false when there
    /// is no segment to open.
    #[cold]
    pub fn roll(&mut self, channel: ChannelIndex) -> bool {
        if !self.pending.is_empty() {
            return false;
        }
        self.send_open(channel);
        self.open(channel)
    }

    /// Whether the last segment was taken in overdraft.
    pub fn room(&self) -> Room {
        if self.pending.is_empty() && !self.pool.in_overdraft() { Room::Free } else { Room::Short }
    }

    /// Takes a record that could not be written in place: it is cut over as many
    /// buffers as it needs, at once as far as there are segments, the rest later.
    #[cold]
    pub fn append_large(&mut self, outgoing: Outgoing<'_>) -> Room {
        self.pending.push(outgoing);
        if !self.write_pending() {
            // What comes next for this channel must not slip into an open buffer
            // before what waits.
            self.send_open(outgoing.channel);
            self.builders[outgoing.channel.position()].discard();
        }
        self.room()
    }

    /// Tells all channels something in order with their records. Always taken: what
    /// there is no segment for waits as records do.
    pub fn send_control(&mut self, bytes: &[u8]) -> Room {
        for channel in 0..self.builders.len() as u32 {
            let channel = ChannelIndex(channel);
            let class = FrameClass::Control;
            let _ = self.append_large(Outgoing { channel, key_hash: 0, class, bytes });
        }
        self.room()
    }

    /// True when a task that found the partition short may go on: everything that
    /// waited is written and a segment can be had, so overdraft is repaid. If not,
    /// the pool's waker will be rung when it is worth asking again.
    pub fn has_room(&mut self) -> bool {
        self.write_pending() && self.pool.poll_room()
    }

    /// Sends all open buffers that hold records; true when nothing is left behind.
    pub fn flush(&mut self) -> bool {
        let written = self.write_pending();
        for channel in 0..self.builders.len() {
            self.send_open(ChannelIndex(channel as u32));
        }
        written
    }

    /// Sends everything and then the end of the partition on every channel; false
    /// while records wait for segments (call it again when there is room).
    pub fn end(&mut self) -> bool {
        if self.ended {
            return true;
        }
        if !self.flush() {
            return false;
        }
        for builder in &mut self.builders {
            builder.discard();
        }
        for port in &self.ports {
            port.send(Item::Event(Event::EndOfPartition));
        }
        self.ended = true;
        true
    }

    /// Counts so far; records that wait in open buffers are not in them yet.
    pub fn stats(&self) -> PartitionStats {
        self.stats
    }

    /// Segments this partition has out, and how many it may have.
    pub fn pool_usage(&self) -> (u32, u32) {
        (self.pool.outstanding().0, self.pool.size().0)
    }

    fn open(&mut self, channel: ChannelIndex) -> bool {
        let builder = &mut self.builders[channel.position()];
        if builder.is_open() {
            return true;
        }
        let segment: Segment = match self.pool.take() {
            Taken::Segment(segment) | Taken::Overdraft(segment) => segment,
            Taken::Exhausted => return false,
        };
        builder.open(segment);
        true
    }

    fn send_open(&mut self, channel: ChannelIndex) {
        let Some(buffer) = self.builders[channel.position()].finish() else {
            return;
        };
        self.stats.buffers += 1;
        self.stats.bytes += buffer.len() as u64;
        self.stats.records += u64::from(crate::frame::record_count(&buffer));
        if self.broadcast {
            self.send_to_all(buffer);
        } else {
            self.ports[channel.position()].send(Item::Buffer(buffer));
        }
    }

    fn send_to_all(&mut self, buffer: Buffer) {
        let (last, others) = self.ports.split_last().expect("a partition has a port");
        for port in others {
            port.send(Item::Buffer(buffer.clone()));
        }
        last.send(Item::Buffer(buffer));
    }

    /// Writes what waits as far as there are segments; true when nothing waits.
    fn write_pending(&mut self) -> bool {
        while let Some(mut record) = self.pending.take_first() {
            if !self.write_pieces(&mut record) {
                self.pending.put_back(record);
                return false;
            }
        }
        true
    }

    /// Writes pieces of `record`; true when all of it is written.
    fn write_pieces(&mut self, record: &mut pending::Record) -> bool {
        loop {
            let builder = &mut self.builders[record.channel.position()];
            let room = builder.room();
            let left = record.left().len();
            let fits = left <= room;
            // A cut in the middle of a buffer would leave tiny pieces; a fresh
            // buffer holds the most.
            if builder.has_frame_room() && (fits || room >= left.min(pending::PIECE_MIN)) {
                let taken = left.min(room);
                let kind = match (record.is_begun(), fits) {
                    (false, true) => FrameKind::Whole,
                    (false, false) => FrameKind::First,
                    (true, false) => FrameKind::Middle,
                    (true, true) => FrameKind::Last,
                };
                let payload = builder.payload_mut().expect("an open builder has room");
                payload[..taken].copy_from_slice(&record.left()[..taken]);
                let header = FrameHeader::new(taken, kind, record.key_hash);
                builder.commit(header.of_class(record.class));
                record.advance(taken);
                if fits {
                    return true;
                }
            }
            let channel = record.channel;
            self.send_open(channel);
            if !self.open(channel) {
                return false;
            }
        }
    }
}

#[cfg(test)]
mod tests;

//! The producing side of an exchange: a result partition and its subpartitions.
//!
//! Each subpartition has one open builder. When it is full its buffer goes to the
//! consumer and the pool gives the next segment. When the pool has none, an
//! overdraft segment is taken; when that is refused too, the record's bytes wait
//! in [`Pending`], and the task rests until [`ResultPartition::has_room`].
//!
//! A pool with lanes has one for each subpartition and bounds what is out of each,
//! the open segment included, so that a slow consumer does not take them all. A
//! subpartition that has as many as it may is full: from then on there is no room,
//! as in Flink, though the record in hand may still fill the open segment, and
//! others still get segments. What does not fit waits in [`Pending`].
//!
//! Progress: `pool size >= subpartitions + 1` (checked by [`ResultPartition::new`]).
//! Open builders hold at most one segment each, so at least one segment is at a
//! consumer or free whenever the partition waits, and consumers give back what
//! they read whatever this partition does. A full subpartition has a segment at its
//! consumer, or, if it may have only one, sends it before the partition waits.

mod barrier;
mod pending;

use brisk_memory::{Buffer, Lane, Pool, Segment, SegmentCount, Taken};

use crate::{
    BufferBuilder, BufferLimit, ChannelIndex, Event, Item, Port,
    frame::{FrameClass, FrameHeader, FrameKind},
};
pub use barrier::CapturedOutput;
pub use pending::{Outgoing, WaitingRecord};
use pending::{Pending, Waiting};

/// What [`ResultPartition::new`] needs.
#[derive(Debug)]
pub struct PartitionOptions {
    /// Lends the segments; without lanes, or with one for each subpartition.
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
    /// The pool had no segment for what is pending, and will ring.
    starved: bool,
    /// Subpartitions that had as many segments as they may when they were looked at.
    full: Vec<ChannelIndex>,
    broadcast: bool,
    /// How large buffers may be, by port; none for whole segments.
    limits: Box<[BufferLimit]>,
    ended: bool,
    stats: PartitionStats,
}

impl ResultPartition {
    /// A partition with one subpartition per port; when it broadcasts, with one
    /// builder for all ports.
    ///
    /// # Panics
    /// If there is no port, lanes are not one for each builder, or the pool can't be
    /// sure to make progress.
    pub fn new(options: PartitionOptions) -> Self {
        let PartitionOptions { pool, ports, broadcast } = options;
        assert!(!ports.is_empty(), "a partition has at least one subpartition");
        let builders = if broadcast { 1 } else { ports.len() };
        assert!(pool.size().0 as usize > builders, "{builders} builders need one segment more");
        let lanes = pool.lanes() as usize;
        assert!(lanes == 0 || lanes == builders, "{lanes} lanes for {builders} builders");
        Self {
            builders: (0..builders).map(|_| BufferBuilder::new()).collect(),
            ports: ports.into(),
            pool,
            pending: Pending::new(builders),
            starved: false,
            full: Vec::with_capacity(lanes),
            broadcast,
            limits: Box::default(),
            ended: false,
            stats: PartitionStats::default(),
        }
    }

    /// The same with limits to the size of buffers, one for each port.
    ///
    /// # Panics
    /// If they are not one for each.
    #[must_use]
    pub fn limited(mut self, limits: Vec<BufferLimit>) -> Self {
        assert_eq!(limits.len(), self.ports.len(), "a limit for each port");
        self.limits = limits.into();
        self
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
        if self.starved || self.pending.holds(channel) {
            return false;
        }
        self.send_open(channel);
        self.open(channel)
    }

    /// Short when the last segment was taken in overdraft, a subpartition is full, or a
    /// record waits.
    pub fn room(&self) -> Room {
        let waits = !self.pending.is_empty() || !self.full.is_empty();
        if waits || self.pool.in_overdraft() { Room::Short } else { Room::Free }
    }

    /// Takes a record that could not be written in place: it is cut over as many
    /// buffers as it needs, at once as far as there are segments, the rest later.
    #[cold]
    pub fn append_large(&mut self, outgoing: Outgoing<'_>) -> Room {
        let channel = outgoing.channel;
        let in_line = self.starved || self.pending.holds(channel);
        self.pending.push(outgoing);
        if !in_line {
            self.write_pending();
        }
        if self.pending.holds(channel) {
            // What comes next for this channel must not slip into an open buffer
            // before what waits.
            self.send_open(channel);
            self.builders[channel.position()].discard();
        }
        self.room()
    }

    /// Tells all channels something in order with their records. Always taken: what
    /// there is no segment for waits as records do.
    pub fn send_control(&mut self, bytes: &[u8]) -> Room {
        for channel in self.channels() {
            let class = FrameClass::Control;
            let _ = self.append_large(Outgoing { channel, key_hash: 0, class, bytes });
        }
        self.room()
    }

    /// True when a task that found the partition short may go on: everything that
    /// waited is written, no subpartition is full and a segment can be had, so
    /// overdraft is repaid. If not, the pool's waker will be rung when it is worth
    /// asking again.
    pub fn has_room(&mut self) -> bool {
        while !self.write_pending() {
            if self.starved || self.poll_full() {
                return false;
            }
        }
        !self.poll_full() && self.pool.poll_room()
    }

    /// Sends all open buffers that hold records; true when nothing is left behind.
    pub fn flush(&mut self) -> bool {
        let written = self.write_pending();
        for channel in self.channels() {
            self.send_open(channel);
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
        for channel in self.channels() {
            self.builders[channel.position()].discard();
            self.send_event(channel, Event::EndOfPartition);
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
        if self.builders[channel.position()].is_open() {
            return true;
        }
        if self.note_if_full(channel) {
            return false;
        }
        let lanes = self.pool.lanes() > 0;
        let taken = if lanes { self.pool.take_for(lane(channel)) } else { self.pool.take() };
        let segment: Segment = match taken {
            Taken::Segment(segment) | Taken::Overdraft(segment) => segment,
            Taken::Exhausted => {
                self.starved = true;
                return false;
            }
        };
        let bytes_max = self.bytes_max(channel);
        self.builders[channel.position()].open(segment, bytes_max);
        self.note_if_full(channel);
        true
    }

    /// How large a buffer of `channel` may be; of a broadcast, as its slowest reader wants it.
    fn bytes_max(&self, channel: ChannelIndex) -> usize {
        let limit = if self.broadcast {
            self.limits.iter().map(BufferLimit::get).min()
        } else {
            self.limits.get(channel.position()).map(BufferLimit::get)
        };
        limit.map_or(usize::MAX, |limit| limit as usize)
    }

    fn note_if_full(&mut self, channel: ChannelIndex) -> bool {
        let full = self.pool.lanes() > 0 && self.pool.lane_is_full(lane(channel));
        if full && !self.full.contains(&channel) {
            self.full.push(channel);
        }
        full
    }

    /// Whether a subpartition is full; if so, the pool's waker will be rung when a
    /// segment of one comes back.
    fn poll_full(&mut self) -> bool {
        loop {
            self.full.retain(|channel| self.pool.lane_is_full(lane(*channel)));
            let Some(channel) = self.full.first().copied() else { return false };
            let builder = &self.builders[channel.position()];
            let alone = self.pool.lane_outstanding(lane(channel)) == SegmentCount(1);
            if alone && builder.is_open() && !builder.has_data() {
                // Its only segment can still be written to.
                self.full.swap_remove(0);
                continue;
            }
            if alone {
                self.send_open(channel);
            }
            if self.pool.poll_lane_full(lane(channel)) {
                return true;
            }
        }
    }

    fn send_open(&mut self, channel: ChannelIndex) {
        let Some(buffer) = self.builders[channel.position()].finish() else {
            return;
        };
        self.send(channel, buffer);
    }

    /// The builders, one for all subpartitions of a broadcast.
    fn channels(&self) -> impl Iterator<Item = ChannelIndex> + use<> {
        (0..self.builders.len() as u32).map(ChannelIndex)
    }

    /// Sends `event` to the readers of a builder.
    fn send_event(&self, channel: ChannelIndex, event: Event) {
        let ports =
            if self.broadcast { &*self.ports } else { &self.ports[channel.position()..][..1] };
        for port in ports {
            port.send(Item::Event(event));
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
        self.starved = false;
        for _ in 0..self.pending.channels() {
            let channel = self.pending.next_channel().expect("as many as were counted");
            self.write_pending_of(channel);
            self.pending.keep(channel);
            if self.starved {
                break;
            }
        }
        self.pending.is_empty()
    }

    fn write_pending_of(&mut self, channel: ChannelIndex) {
        while let Some(waiting) = self.pending.take_first(channel) {
            match waiting {
                Waiting::Record(mut record) => {
                    if !self.write_pieces(&mut record) {
                        self.pending.put_back(record);
                        return;
                    }
                }
                Waiting::Event(event) => {
                    self.send_open(channel);
                    self.send_event(channel, event);
                }
            }
        }
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

/// The lane of a subpartition.
fn lane(channel: ChannelIndex) -> Lane {
    Lane(channel.0)
}

#[cfg(test)]
mod tests;

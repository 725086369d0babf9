//! Records for which there was no segment, and what comes behind them: they wait on the
//! heap, in order by channel.

use std::collections::VecDeque;

use crate::{ChannelIndex, Event, frame::FrameClass};

/// Smallest piece that is worth a frame when a record is cut: 64 bytes, a cache
/// line, against 8 bytes of header.
pub(super) const PIECE_MIN: usize = 64;

/// Bytes that go to one channel: a record, or what a control frame says.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// Where to.
    pub channel: ChannelIndex,
    /// The hash of the record's key, or zero.
    pub key_hash: u32,
    /// What the bytes are.
    pub class: FrameClass,
    /// The bytes, a timed record's time behind its own.
    pub bytes: &'a [u8],
}

/// One waiting record.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) channel: ChannelIndex,
    pub(super) key_hash: u32,
    pub(super) class: FrameClass,
    bytes: Box<[u8]>,
    written: usize,
    /// A piece of it was written, now or by an earlier run.
    is_begun: bool,
}

impl Record {
    /// Bytes not written yet.
    pub(super) fn left(&self) -> &[u8] {
        &self.bytes[self.written..]
    }

    /// True when a piece was written.
    pub(super) fn is_begun(&self) -> bool {
        self.is_begun
    }

    pub(super) fn advance(&mut self, bytes: usize) {
        assert!(bytes <= self.left().len(), "more written than there was");
        self.written += bytes;
        self.is_begun |= bytes > 0;
    }
}

/// What waits in a channel.
#[derive(Debug)]
pub(super) enum Waiting {
    Record(Record),
    /// Sent when all before it is.
    Event(Event),
}

/// A record that waited for segments when a barrier overtook it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingRecord {
    /// The hash of its key, or zero.
    pub key_hash: u32,
    /// What the bytes are.
    pub class: FrameClass,
    /// Whether a first piece of it is in the buffers before.
    pub is_begun: bool,
    /// The bytes that no buffer holds.
    pub bytes: Box<[u8]>,
}

/// The waiting records of a partition. Bounded: a task rests as soon as one
/// waits, so there is at most what one input record makes.
///
/// Invariant: a channel is in line, once, exactly if a record of it waits, but for
/// the one between [`Pending::next_channel`] and [`Pending::keep`].
#[derive(Debug)]
pub(super) struct Pending {
    waiting: Box<[VecDeque<Waiting>]>,
    line: VecDeque<ChannelIndex>,
}

impl Pending {
    pub(super) fn new(channels: usize) -> Self {
        Self {
            waiting: (0..channels).map(|_| VecDeque::new()).collect(),
            line: VecDeque::with_capacity(channels),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.line.is_empty()
    }

    /// Channels of which a record waits.
    pub(super) fn channels(&self) -> usize {
        self.line.len()
    }

    /// Whether a record of `channel` waits.
    pub(super) fn holds(&self, channel: ChannelIndex) -> bool {
        !self.waiting[channel.position()].is_empty()
    }

    pub(super) fn push(&mut self, outgoing: Outgoing<'_>) {
        let Outgoing { channel, key_hash, class, bytes } = outgoing;
        let bytes = bytes.into();
        let record = Record { channel, key_hash, class, bytes, written: 0, is_begun: false };
        self.push_waiting(channel, Waiting::Record(record));
    }

    /// Puts `event` behind the records of `channel`.
    pub(super) fn push_event(&mut self, channel: ChannelIndex, event: Event) {
        self.push_waiting(channel, Waiting::Event(event));
    }

    fn push_waiting(&mut self, channel: ChannelIndex, waiting: Waiting) {
        if !self.holds(channel) {
            self.line.push_back(channel);
        }
        self.waiting[channel.position()].push_back(waiting);
    }

    /// The records that wait in `channel`, copied; they go on waiting.
    pub(super) fn captured(&self, channel: ChannelIndex) -> Vec<WaitingRecord> {
        let records = self.waiting[channel.position()].iter().filter_map(|waiting| match waiting {
            Waiting::Record(record) => Some(WaitingRecord {
                key_hash: record.key_hash,
                class: record.class,
                is_begun: record.is_begun(),
                bytes: record.left().into(),
            }),
            Waiting::Event(_) => None,
        });
        records.collect()
    }

    /// Puts a record that an earlier run captured behind what waits in `channel`.
    pub(super) fn restore(&mut self, channel: ChannelIndex, record: WaitingRecord) {
        let WaitingRecord { key_hash, class, is_begun, bytes } = record;
        let record = Record { channel, key_hash, class, bytes, written: 0, is_begun };
        self.push_waiting(channel, Waiting::Record(record));
    }

    /// Takes the channel whose turn it is out of the line.
    pub(super) fn next_channel(&mut self) -> Option<ChannelIndex> {
        self.line.pop_front()
    }

    /// Puts `channel` at the end of the line if records of it are left.
    pub(super) fn keep(&mut self, channel: ChannelIndex) {
        if self.holds(channel) {
            self.line.push_back(channel);
        }
    }

    pub(super) fn take_first(&mut self, channel: ChannelIndex) -> Option<Waiting> {
        self.waiting[channel.position()].pop_front()
    }

    pub(super) fn put_back(&mut self, record: Record) {
        self.waiting[record.channel.position()].push_front(Waiting::Record(record));
    }
}

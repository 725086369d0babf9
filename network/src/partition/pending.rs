//! Records for which there was no segment: they wait on the heap, in order by channel.

use std::collections::VecDeque;

use crate::{ChannelIndex, frame::FrameClass};

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
}

impl Record {
    /// Bytes not written yet.
    pub(super) fn left(&self) -> &[u8] {
        &self.bytes[self.written..]
    }

    /// True when a piece was written.
    pub(super) fn is_begun(&self) -> bool {
        self.written > 0
    }

    pub(super) fn advance(&mut self, bytes: usize) {
        assert!(bytes <= self.left().len(), "more written than there was");
        self.written += bytes;
    }
}

/// The waiting records of a partition. Bounded: a task rests as soon as one
/// waits, so there is at most what one input record makes.
///
/// Invariant: a channel is in line, once, exactly if a record of it waits, but for
/// the one between [`Pending::next_channel`] and [`Pending::keep`].
#[derive(Debug)]
pub(super) struct Pending {
    records: Box<[VecDeque<Record>]>,
    line: VecDeque<ChannelIndex>,
}

impl Pending {
    pub(super) fn new(channels: usize) -> Self {
        Self {
            records: (0..channels).map(|_| VecDeque::new()).collect(),
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
        !self.records[channel.position()].is_empty()
    }

    pub(super) fn push(&mut self, outgoing: Outgoing<'_>) {
        let Outgoing { channel, key_hash, class, bytes } = outgoing;
        if !self.holds(channel) {
            self.line.push_back(channel);
        }
        let record = Record { channel, key_hash, class, bytes: bytes.into(), written: 0 };
        self.records[channel.position()].push_back(record);
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

    pub(super) fn take_first(&mut self, channel: ChannelIndex) -> Option<Record> {
        self.records[channel.position()].pop_front()
    }

    pub(super) fn put_back(&mut self, record: Record) {
        self.records[record.channel.position()].push_front(record);
    }
}

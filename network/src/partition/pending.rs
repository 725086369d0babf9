//! Records for which there was no segment: they wait on the heap, in order.

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
#[derive(Debug, Default)]
pub(super) struct Pending {
    records: VecDeque<Record>,
}

impl Pending {
    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    pub(super) fn push(&mut self, outgoing: Outgoing<'_>) {
        let Outgoing { channel, key_hash, class, bytes } = outgoing;
        let record = Record { channel, key_hash, class, bytes: bytes.into(), written: 0 };
        self.records.push_back(record);
    }

    pub(super) fn take_first(&mut self) -> Option<Record> {
        self.records.pop_front()
    }

    pub(super) fn put_back(&mut self, record: Record) {
        self.records.push_front(record);
    }
}

//! What is sent at once: slices of one segment of headers, and payloads between them.

use std::ops::Range;

use brisk_memory::{Buffer, Segment};

use crate::wire::{CONTROL_BODY_MAX, ChannelId, HEADER_BYTES, WireHeader};

/// The most parts of a batch, as many as one operation of the driver takes.
pub const BATCH_PARTS_MAX: usize = brisk_memory::driver::Operation::PARTS_MAX;

/// The most payload bytes of a batch. Sixteen segments make the cost of an operation small;
/// more would only wait behind each other.
const BATCH_BYTES_MAX: u64 = 512 << 10;

/// One piece of a batch that is being made.
#[derive(Debug)]
enum Piece {
    /// Bytes of the output segment.
    Output(Range<usize>),
    /// A payload where it lies.
    Payload(Buffer),
}

/// Frames to send, as parts to be sent one after another. Used again and again.
#[derive(Debug, Default)]
pub struct Batch {
    /// What is left to be sent.
    parts: Vec<Buffer>,
    pieces: Vec<Piece>,
    /// Channels whose data is in it, and their bytes.
    pub(super) data: Vec<(ChannelId, u32)>,
    /// All of the segment that headers lie in.
    output: Option<Buffer>,
    bytes: u64,
}

impl Batch {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// What is left to be sent, in order.
    pub fn parts(&self) -> &[Buffer] {
        &self.parts
    }

    /// Whether nothing is left to be sent.
    pub fn is_sent(&self) -> bool {
        self.parts.is_empty()
    }

    /// Bytes of all frames.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes note that so many bytes more were sent: what was sent is let go.
    ///
    /// # Panics
    /// If there were not as many.
    pub fn sent(&mut self, bytes: usize) {
        let (mut left, mut whole) = (bytes, 0);
        for part in &self.parts {
            if left < part.len() {
                break;
            }
            left -= part.len();
            whole += 1;
        }
        self.parts.drain(..whole);
        match self.parts.first_mut() {
            Some(first) if left > 0 => *first = first.slice(left..first.len()),
            Some(_) => {}
            None => assert!(left == 0, "{left} bytes were sent that nobody had"),
        }
    }

    /// Lets everything go; the segment of headers, if nobody else has a part of it.
    pub(super) fn clear(&mut self) -> Option<Segment> {
        self.parts.clear();
        self.pieces.clear();
        self.data.clear();
        self.bytes = 0;
        self.output.take()?.try_into_segment().ok()
    }
}

/// Writes frames into a batch.
#[derive(Debug)]
pub(super) struct BatchWriter<'a> {
    output: Segment,
    at: usize,
    batch: &'a mut Batch,
}

impl<'a> BatchWriter<'a> {
    /// # Panics
    /// If the batch is in use.
    pub(super) fn new(output: Segment, batch: &'a mut Batch) -> Self {
        assert!(batch.is_sent() && batch.data.is_empty(), "a batch is used again when it is over");
        Self { output, at: 0, batch }
    }

    /// Whether another frame fits.
    pub(super) fn has_room(&self) -> bool {
        self.batch.pieces.len() + 2 <= BATCH_PARTS_MAX
            && self.at + HEADER_BYTES + CONTROL_BODY_MAX <= self.output.size()
            && self.batch.bytes < BATCH_BYTES_MAX
    }

    /// Whether a frame with a body of so many bytes fits into the output segment.
    pub(super) fn has_room_for(&self, body: usize) -> bool {
        self.at + HEADER_BYTES + body <= self.output.size()
    }

    /// A frame whose body is copied.
    pub(super) fn copy(&mut self, header: WireHeader, body: &[u8]) {
        self.put(&header.to_bytes());
        self.put(body);
    }

    /// A frame whose body is sent from where it lies.
    pub(super) fn payload(&mut self, header: WireHeader, payload: Buffer) {
        self.put(&header.to_bytes());
        self.batch.bytes += payload.len() as u64;
        self.batch.pieces.push(Piece::Payload(payload));
    }

    /// Takes note that a frame of `channel` counts as so many bytes in flight.
    pub(super) fn count(&mut self, channel: ChannelId, bytes: u32) {
        self.batch.data.push((channel, bytes));
    }

    /// Ends the batch; the segment, when there is no frame in it.
    pub(super) fn finish(self) -> Option<Segment> {
        let Self { output, at, batch } = self;
        if at == 0 {
            return Some(output);
        }
        let output = output.freeze(at);
        let parts = batch.pieces.drain(..).map(|piece| match piece {
            Piece::Output(range) => output.slice(range),
            Piece::Payload(payload) => payload,
        });
        batch.parts.extend(parts);
        batch.output = Some(output);
        None
    }

    fn put(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let (start, end) = (self.at, self.at + bytes.len());
        self.output.as_mut_slice()[start..end].copy_from_slice(bytes);
        self.at = end;
        self.batch.bytes += bytes.len() as u64;
        match self.batch.pieces.last_mut() {
            Some(Piece::Output(range)) => range.end = end,
            _ => self.batch.pieces.push(Piece::Output(start..end)),
        }
    }
}

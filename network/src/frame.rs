//! How records lie in a buffer.
//!
//! ```text
//! buffer   0..4   records that begin in this buffer, u32 LE
//!          4..8   zero
//!          8..    frames, each at an offset that is 8 more than a multiple of 16
//! frame    0..4   u32 LE: payload length (bits 0..28), class (28..30), kind (30..32)
//!          4..8   u32 LE: hash of the key on keyed exchanges, else zero
//!          8..    payload, so always 16-aligned in the segment
//! ```
//!
//! A record that fits into one segment is one `Whole` frame. A longer one is cut
//! into `First`, `Middle`..., `Last` frames on consecutive buffers of its channel.
//! The payload of a `Timed` record ends with eight bytes more, its event time. A
//! `Control` frame is no record: it is what a producer tells all its consumers in
//! order with the records around it.

mod validate;

pub use validate::{FrameCheck, FrameError, exercise};

/// Bytes before the first frame of a buffer.
pub const BUFFER_HEADER: usize = 8;
/// Bytes before a frame's payload.
pub const FRAME_HEADER: usize = 8;
/// Alignment of every payload; rkyv's archives need at most that of `u128`.
pub const PAYLOAD_ALIGN: usize = 16;
/// Largest record (1 GiB - 1). One that is longer than a segment is cut into frames.
pub const RECORD_BYTES_MAX: usize = (1 << 30) - 1;
/// Largest payload of one frame, 28 bits; a segment has 1 MiB at most.
pub const FRAME_BYTES_MAX: usize = LENGTH_MASK as usize;
/// Bytes that a timed record has behind its own.
pub const TIMESTAMP_BYTES: usize = 8;

const LENGTH_MASK: u32 = (1 << 28) - 1;
const CLASS_SHIFT: u32 = 28;
const KIND_SHIFT: u32 = 30;

const _: () = assert!((BUFFER_HEADER + FRAME_HEADER).is_multiple_of(PAYLOAD_ALIGN));

/// Whether a frame holds a record or a piece of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum FrameKind {
    /// A complete record.
    Whole = 0,
    /// The first piece of a record.
    First = 1,
    /// Neither the first nor the last piece.
    Middle = 2,
    /// The last piece of a record.
    Last = 3,
}

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum FrameClass {
    /// A record.
    Plain = 0,
    /// A record and its event time.
    Timed = 1,
    /// No record, but something in order with records.
    Control = 2,
}

/// The eight bytes before a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    word: u32,
    /// Hash of the record's key; zero where the exchange is not keyed.
    pub key_hash: u32,
}

impl FrameHeader {
    /// A header for `length` payload bytes of a plain record.
    ///
    /// # Panics
    /// If `length` is above [`FRAME_BYTES_MAX`].
    #[inline]
    pub fn new(length: usize, kind: FrameKind, key_hash: u32) -> Self {
        assert!(length <= FRAME_BYTES_MAX, "a frame of {length} bytes");
        Self { word: length as u32 | ((kind as u32) << KIND_SHIFT), key_hash }
    }

    /// The same of another class.
    #[inline]
    pub fn of_class(self, class: FrameClass) -> Self {
        Self { word: (self.word & !(3 << CLASS_SHIFT)) | ((class as u32) << CLASS_SHIFT), ..self }
    }

    /// What the frame carries; a class that nobody writes reads as control.
    #[inline]
    pub fn class(self) -> FrameClass {
        match (self.word >> CLASS_SHIFT) & 3 {
            0 => FrameClass::Plain,
            1 => FrameClass::Timed,
            _ => FrameClass::Control,
        }
    }

    /// Whether its class is one that is written.
    #[inline]
    pub fn is_of_known_class(self) -> bool {
        (self.word >> CLASS_SHIFT) & 3 <= FrameClass::Control as u32
    }

    /// True when a record begins in this frame.
    #[inline]
    pub fn begins_record(self) -> bool {
        matches!(self.kind(), FrameKind::Whole | FrameKind::First)
            && self.class() != FrameClass::Control
    }

    /// Payload bytes that follow.
    #[inline]
    pub fn length(self) -> usize {
        (self.word & LENGTH_MASK) as usize
    }

    /// Bytes from the start of this header to the end of its payload.
    #[inline]
    pub fn bytes(self) -> usize {
        FRAME_HEADER + self.length()
    }

    /// Record or piece.
    #[inline]
    pub fn kind(self) -> FrameKind {
        match self.word >> KIND_SHIFT {
            0 => FrameKind::Whole,
            1 => FrameKind::First,
            2 => FrameKind::Middle,
            _ => FrameKind::Last,
        }
    }

    /// True for a complete plain record, in one comparison.
    #[inline]
    pub fn is_plain_whole(self) -> bool {
        self.word <= LENGTH_MASK
    }

    /// The header as it is written.
    #[inline]
    pub fn to_bytes(self) -> [u8; FRAME_HEADER] {
        (u64::from(self.word) | (u64::from(self.key_hash) << 32)).to_le_bytes()
    }

    /// The header as it was read.
    #[inline]
    pub fn from_bytes(bytes: [u8; FRAME_HEADER]) -> Self {
        let word = u64::from_le_bytes(bytes);
        Self { word: word as u32, key_hash: (word >> 32) as u32 }
    }
}

/// Where the frame after one that ends at `end` begins.
#[inline]
pub fn next_frame(end: usize) -> usize {
    ((end + PAYLOAD_ALIGN - 1 - FRAME_HEADER) & !(PAYLOAD_ALIGN - 1)) + FRAME_HEADER
}

/// One frame of a buffer.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Its header.
    pub header: FrameHeader,
    /// Its payload.
    pub payload: &'a [u8],
    /// Where the next frame begins, if there is one.
    pub next: usize,
}

/// The frame at `position`, `None` at the end of the buffer.
///
/// # Panics
/// If the frame is cut off. Buffers reach this function from a builder of this
/// process, or by way of a [`FrameCheck`], so a cut frame is a bug.
#[inline]
pub fn frame_at(buffer: &[u8], position: usize) -> Option<Frame<'_>> {
    let header = header_at(buffer, position)?;
    let start = position + FRAME_HEADER;
    let end = start + header.length();
    Some(Frame { header, payload: &buffer[start..end], next: next_frame(end) })
}

/// The header at `position`, `None` at the end of the buffer.
#[inline]
pub fn header_at(buffer: &[u8], position: usize) -> Option<FrameHeader> {
    let bytes = buffer.get(position..position + FRAME_HEADER)?;
    Some(FrameHeader::from_bytes(bytes.try_into().expect("eight bytes were sliced")))
}

/// Records that begin in `buffer`.
#[inline]
pub fn record_count(buffer: &[u8]) -> u32 {
    let bytes = buffer.first_chunk().expect("a buffer has its header");
    u32::from_le_bytes(*bytes)
}

#[cfg(test)]
mod tests;

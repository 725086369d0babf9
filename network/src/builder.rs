//! A segment that is being filled with frames.
#![expect(
    unsafe_code,
    reason = "the record path writes through a pointer that was computed once per segment"
)]

use brisk_memory::{Buffer, Segment};
use std::ptr::NonNull;

use crate::frame::{BUFFER_HEADER, FRAME_HEADER, FrameHeader, FrameKind, next_frame};

/// How far ahead of the record in hand lines are asked for: at ten nanoseconds for
/// 100 bytes, the time that a line takes from another core.
const PREFETCH_BYTES: usize = 1024;
const LINE: usize = 64;

/// Fills one segment after another with frames; without one it has no room.
///
/// Invariant: `base` points at `segment`'s bytes, `position <= limit <=` its
/// size, and bytes below `position` are written, but for the padding between frames, which
/// keeps what the segment had there before.
#[derive(Debug)]
pub struct BufferBuilder {
    base: NonNull<u8>,
    position: usize,
    limit: usize,
    /// End of the last payload; `position` is this rounded up.
    written: usize,
    records: u32,
    segment: Option<Segment>,
}

impl BufferBuilder {
    /// A builder without a segment.
    pub fn new() -> Self {
        Self {
            base: NonNull::dangling(),
            position: 0,
            limit: 0,
            written: 0,
            records: 0,
            segment: None,
        }
    }

    /// Takes an empty segment to fill, up to so many of its bytes.
    ///
    /// # Panics
    /// If one is being filled already, or it may not even hold a header.
    pub fn open(&mut self, mut segment: Segment, bytes_max: usize) {
        assert!(self.segment.is_none(), "the last segment must be finished first");
        let bytes = segment.as_mut_slice();
        self.limit = bytes.len().min(bytes_max);
        assert!(self.limit > BUFFER_HEADER + FRAME_HEADER, "a buffer of {bytes_max} bytes");
        self.base = NonNull::new(bytes.as_mut_ptr()).expect("a slice is never at null");
        self.position = BUFFER_HEADER;
        self.written = BUFFER_HEADER;
        self.records = 0;
        self.segment = Some(segment);
    }

    /// True when a segment with at least one frame is open.
    pub fn has_data(&self) -> bool {
        self.written > BUFFER_HEADER
    }

    /// True when a segment is open.
    pub fn is_open(&self) -> bool {
        self.segment.is_some()
    }

    /// True when at least an empty frame fits.
    #[inline]
    pub fn has_frame_room(&self) -> bool {
        self.position + FRAME_HEADER <= self.limit
    }

    /// Payload bytes that the next frame may have.
    #[inline]
    pub fn room(&self) -> usize {
        self.limit.saturating_sub(self.position + FRAME_HEADER)
    }

    /// Writes a whole record whose bytes exist already; false when there is no room.
    #[inline(always)]
    pub fn append(&mut self, key_hash: u32, payload: &[u8]) -> bool {
        let end = self.position + FRAME_HEADER + payload.len();
        if end > self.limit {
            return false;
        }
        // SAFETY: `end <= limit`, so the payload lies inside the open segment, which
        // this builder owns alone; `payload` is a borrow of other memory.
        unsafe {
            let at = self.base.add(self.position + FRAME_HEADER);
            at.copy_from_nonoverlapping(NonNull::from(payload).cast(), payload.len());
        }
        self.close_frame(FrameHeader::new(payload.len(), FrameKind::Whole, key_hash));
        true
    }

    /// The bytes in which the next frame's payload may be written;
    /// [`BufferBuilder::commit`] makes a frame of them. `None` when not even an
    /// empty frame fits.
    #[inline(always)]
    pub fn payload_mut(&mut self) -> Option<&mut [u8]> {
        let start = self.position + FRAME_HEADER;
        if start > self.limit {
            return None;
        }
        // SAFETY: `start <= limit`, the segment's size; the builder owns the segment
        // and the slice borrows the builder.
        let bytes = unsafe {
            std::slice::from_raw_parts_mut(self.base.add(start).as_ptr(), self.limit - start)
        };
        Some(bytes)
    }

    /// Makes a frame of the first bytes of [`BufferBuilder::payload_mut`], as many
    /// as `header` says.
    ///
    /// # Panics
    /// If there is no room for them.
    #[inline(always)]
    pub fn commit(&mut self, header: FrameHeader) {
        let end = self.position + FRAME_HEADER + header.length();
        assert!(end <= self.limit, "a frame beyond its segment");
        self.close_frame(header);
    }

    #[inline(always)]
    fn close_frame(&mut self, header: FrameHeader) {
        let bytes = header.to_bytes();
        // SAFETY: the caller checked that header and payload lie inside the segment.
        unsafe {
            let at = self.base.add(self.position);
            at.copy_from_nonoverlapping(NonNull::from(&bytes).cast(), FRAME_HEADER);
        }
        self.written = self.position + FRAME_HEADER + header.length();
        self.position = next_frame(self.written);
        self.records += u32::from(header.begins_record());
        self.prefetch(header.length());
    }

    /// Asks for the lines that will be written in a while: their last reader was
    /// another core, and a store that waits for such a line stops all behind it. Half
    /// of the cost of an exchange was this wait.
    #[inline(always)]
    fn prefetch(&self, length: usize) {
        let ahead = self.position + PREFETCH_BYTES;
        if ahead + LINE >= self.limit {
            return;
        }
        // SAFETY: `ahead` and the line behind it lie inside the open segment.
        unsafe {
            prefetch_for_write(self.base.add(ahead));
            if length > LINE {
                prefetch_for_write(self.base.add(ahead + LINE));
            }
        }
    }

    /// Ends the open segment and hands it out as a buffer; `None` when it holds
    /// no frame (then it stays open).
    pub fn finish(&mut self) -> Option<Buffer> {
        if !self.has_data() {
            return None;
        }
        let mut segment = self.segment.take()?;
        let length = self.written;
        segment.as_mut_slice()[..4].copy_from_slice(&self.records.to_le_bytes());
        segment.as_mut_slice()[4..BUFFER_HEADER].fill(0);
        *self = Self::new();
        Some(segment.freeze(length))
    }

    /// Gives an open segment back without sending it.
    pub fn discard(&mut self) {
        *self = Self::new();
    }
}

/// Begins to load a line in order to write it. Like all prefetches it changes nothing
/// that the program can see and never faults.
#[inline(always)]
fn prefetch_for_write(line: NonNull<u8>) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: as above. The intrinsic becomes a read prefetch unless the program is
    // compiled for newer processors; older ones take this instruction as none.
    unsafe {
        std::arch::asm!(
            "prefetchw byte ptr [{0}]",
            in(reg) line.as_ptr(),
            options(nostack, preserves_flags, readonly),
        );
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = line;
}

impl Default for BufferBuilder {
    fn default() -> Self {
        Self::new()
    }
}

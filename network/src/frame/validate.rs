//! Checks buffers whose bytes came from a peer or a disk, before anybody walks them.
//!
//! [`super::frame_at`] trusts its buffer and panics on a cut frame. What passes here
//! can be walked by it to the end, joins to whole records and says truly how many
//! begin in it. Payloads are not looked into: whoever knows the record type does.

use super::{
    BUFFER_HEADER, FrameClass, FrameHeader, FrameKind, RECORD_BYTES_MAX, TIMESTAMP_BYTES,
    header_at, next_frame, record_count,
};

/// What is wrong with a buffer. Offsets are from its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// Not even the buffer's header is there.
    #[error("a buffer of {length} bytes is shorter than its header of {BUFFER_HEADER}")]
    Short {
        /// Its length.
        length: usize,
    },
    /// The second half of the header, kept for later, is not zero.
    #[error("the buffer's header has {found:#010x} where zero is kept for later versions")]
    Reserved {
        /// What is there.
        found: u32,
    },
    /// No frame follows the header.
    #[error("the buffer holds no frame")]
    Empty,
    /// A frame, or its header, goes beyond the end of the buffer.
    #[error("the frame at byte {offset} ends beyond the buffer of {length} bytes")]
    Cut {
        /// Where it begins.
        offset: usize,
        /// The buffer's length.
        length: usize,
    },
    /// A piece of a record where there can be none: its first piece is missing, its
    /// last is, or something follows it in the same buffer.
    #[error("the frame at byte {offset} is {kind:?}, which cannot be there")]
    OutOfPlace {
        /// Where it begins.
        offset: usize,
        /// What it says it is.
        kind: FrameKind,
    },
    /// A class that nobody writes, or another than the record's first piece has.
    #[error("the frame at byte {offset} has a class that cannot be there")]
    Class {
        /// Where it begins.
        offset: usize,
    },
    /// A record that should end with its event time is shorter than that.
    #[error("the record that ends with the frame at byte {offset} has {length} bytes, no time")]
    Untimed {
        /// Where its last frame begins.
        offset: usize,
        /// Its bytes.
        length: usize,
    },
    /// The pieces of a record come to more than a record may have.
    #[error("the pieces of a record come to {length} bytes; {RECORD_BYTES_MAX} are allowed")]
    TooLong {
        /// Bytes so far.
        length: usize,
    },
    /// The header counts other records than there are.
    #[error("the buffer's header counts {counted} records, but {found} begin in it")]
    Miscounted {
        /// What the header says.
        counted: u32,
        /// What there is.
        found: u32,
    },
}

/// Checks the buffers of one channel, in their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameCheck {
    /// A record whose last piece has not come yet.
    unfinished: Option<Unfinished>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Unfinished {
    class: FrameClass,
    /// Bytes so far.
    length: usize,
}

impl FrameCheck {
    /// At the beginning of a channel.
    pub fn new() -> Self {
        Self::default()
    }

    /// Checks the next buffer of the channel. After an error the channel can't be read
    /// any further.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&mut self, buffer: &[u8]) -> Result<(), FrameError> {
        let length = buffer.len();
        let Some(reserved) = buffer.get(4..BUFFER_HEADER) else {
            return Err(FrameError::Short { length });
        };
        let found = u32::from_le_bytes(reserved.try_into().expect("four bytes were sliced"));
        if found != 0 {
            return Err(FrameError::Reserved { found });
        }
        if length == BUFFER_HEADER {
            return Err(FrameError::Empty);
        }
        let (mut offset, mut begun) = (BUFFER_HEADER, 0);
        loop {
            let header = header_at(buffer, offset).ok_or(FrameError::Cut { offset, length })?;
            let end = offset + header.bytes();
            if end > length {
                return Err(FrameError::Cut { offset, length });
            }
            let at = Place { offset, is_first: offset == BUFFER_HEADER, is_last: end == length };
            self.place(header, at)?;
            begun += u32::from(header.begins_record());
            if at.is_last {
                break;
            }
            offset = next_frame(end);
        }
        let counted = record_count(buffer);
        if counted != begun {
            return Err(FrameError::Miscounted { counted, found: begun });
        }
        Ok(())
    }

    /// Whether the channel may end here: no record is unfinished.
    pub fn may_end(&self) -> bool {
        self.unfinished.is_none()
    }

    fn place(&mut self, header: FrameHeader, at: Place) -> Result<(), FrameError> {
        let (kind, class, offset) = (header.kind(), header.class(), at.offset);
        let out_of_place = Err(FrameError::OutOfPlace { offset, kind });
        let before = self.unfinished.unwrap_or(Unfinished { class, length: 0 });
        if before.class != class || !header.is_of_known_class() {
            return Err(FrameError::Class { offset });
        }
        let length = before.length + header.length();
        let unfinished = Some(Unfinished { class, length });
        self.unfinished = match (kind, self.unfinished) {
            (FrameKind::Whole, None) => None,
            (FrameKind::First, None) if at.is_last => unfinished,
            (FrameKind::Middle, Some(_)) if at.is_first && at.is_last => unfinished,
            (FrameKind::Last, Some(_)) if at.is_first => None,
            _ => return out_of_place,
        };
        if length > RECORD_BYTES_MAX {
            return Err(FrameError::TooLong { length });
        }
        if class == FrameClass::Timed && self.unfinished.is_none() && length < TIMESTAMP_BYTES {
            return Err(FrameError::Untimed { offset, length });
        }
        Ok(())
    }
}

/// Where a frame lies.
#[derive(Clone, Copy)]
struct Place {
    offset: usize,
    is_first: bool,
    is_last: bool,
}

/// For fuzzing: takes `bytes` as buffers of a channel, each after its length in two
/// bytes, checks them, and walks those that pass.
///
/// # Panics
/// If a buffer that passed can't be walked.
#[doc(hidden)]
pub fn exercise(mut bytes: &[u8]) {
    let mut check = FrameCheck::new();
    while let Some((length, rest)) = bytes.split_first_chunk() {
        let length = usize::from(u16::from_le_bytes(*length)).min(rest.len());
        let (buffer, rest) = rest.split_at(length);
        bytes = rest;
        if check.check(buffer).is_err() {
            check = FrameCheck::new();
            continue;
        }
        let (mut position, mut begun) = (BUFFER_HEADER, 0);
        while let Some(frame) = super::frame_at(buffer, position) {
            assert!(frame.next > position, "a walk goes on");
            assert_eq!(frame.payload.len(), frame.header.length(), "payloads are whole");
            begun += u32::from(frame.header.begins_record());
            position = frame.next;
        }
        assert_eq!(begun, record_count(buffer), "all frames were walked");
    }
}

#[cfg(test)]
mod tests;

//! How one entry lies in a data segment; the table is in the module above.

use brisk_memory::HeldIndex;

/// What entries begin at multiples of, so that every archive in them is aligned.
pub(in crate::state::table) const UNIT: usize = 16;
/// Bytes before the key.
pub(in crate::state::table) const HEADER: usize = 16;

/// Bytes of the number of one segment of a long entry.
pub(in crate::state::table) const PART: usize = 4;

const LONG: u32 = 1;

/// An entry to be written.
#[derive(Clone, Copy, Debug)]
pub(in crate::state::table) struct Draft<'a> {
    /// The hash of the key.
    pub(in crate::state::table) hash: u32,
    /// The key's archive.
    pub(in crate::state::table) key: &'a [u8],
    /// The value's archive.
    pub(in crate::state::table) value: &'a [u8],
    /// Bytes that the value should be able to grow by in place.
    pub(in crate::state::table) slack: usize,
}

/// Where key and value lie behind the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::state::table) struct Shape {
    /// Where the key ends; it begins at 0.
    pub(in crate::state::table) key: usize,
    /// Where the value begins.
    pub(in crate::state::table) value: usize,
    /// Where it ends.
    pub(in crate::state::table) end: usize,
}

impl Shape {
    #[inline(always)]
    pub(super) fn new(key_bytes: usize, value_bytes: usize, value_align: usize) -> Self {
        let value = (key_bytes + value_align - 1) & !(value_align - 1);
        Self { key: key_bytes, value, end: value + value_bytes }
    }
}

/// The first 16 bytes of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::state::table) struct Header {
    pub(in crate::state::table) hash: u32,
    pub(in crate::state::table) key_bytes: usize,
    pub(in crate::state::table) value_bytes: usize,
    /// Bytes of the entry, this header included.
    pub(in crate::state::table) room: usize,
    pub(in crate::state::table) is_long: bool,
}

impl Draft<'_> {
    /// The header of an entry in one piece.
    pub(super) fn header(&self, value_align: usize) -> Header {
        let shape = Shape::new(self.key.len(), self.value.len(), value_align);
        let room = (HEADER + shape.end + self.slack).next_multiple_of(UNIT);
        let (key_bytes, value_bytes) = (self.key.len(), self.value.len());
        Header { hash: self.hash, key_bytes, value_bytes, room, is_long: false }
    }
}

impl Header {
    #[inline(always)]
    pub(in crate::state::table) fn read(bytes: &[u8]) -> Self {
        let bytes: &[u8; HEADER] = bytes.first_chunk().expect("a header was written");
        let both = u128::from_le_bytes(*bytes);
        let word = |at: u32| (both >> (32 * at)) as u32;
        Self {
            hash: word(0),
            key_bytes: word(1) as usize,
            value_bytes: word(2) as usize,
            room: (word(3) & !LONG) as usize,
            is_long: word(3) & LONG != 0,
        }
    }

    pub(super) fn write(&self, bytes: &mut [u8]) {
        let length = |bytes: usize| u32::try_from(bytes).expect("archives are below 1 GiB");
        let last = length(self.room) | u32::from(self.is_long);
        let words = [self.hash, length(self.key_bytes), length(self.value_bytes), last];
        for (word, at) in words.into_iter().zip(bytes.chunks_exact_mut(4)) {
            at.copy_from_slice(&word.to_le_bytes());
        }
    }

    #[inline(always)]
    pub(in crate::state::table) fn shape(&self, value_align: usize) -> Shape {
        Shape::new(self.key_bytes, self.value_bytes, value_align)
    }

    /// The segments of a long entry, `count` in number.
    pub(in crate::state::table) fn parts<'a>(
        &self,
        bytes: &'a [u8],
        count: usize,
    ) -> impl Iterator<Item = HeldIndex> + use<'a> {
        assert!(self.is_long && HEADER + PART * count <= self.room, "a long entry names its parts");
        bytes[HEADER..HEADER + PART * count].chunks_exact(PART).map(|number| {
            HeldIndex(u32::from_le_bytes(number.try_into().expect("four bytes were cut off")))
        })
    }
}

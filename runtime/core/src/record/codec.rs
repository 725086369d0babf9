//! Writing a record into a segment and reading it back.
#![expect(unsafe_code, reason = "archives are written in place and viewed without a copy")]

use rkyv::{
    Archive, Deserialize, Place,
    api::high::{HighDeserializer, HighSerializer},
    rancor::{Failure, Strategy},
    ser::{
        Positional, Serializer, Writer, WriterExt,
        allocator::{Arena, ArenaHandle},
        sharing::Share,
    },
};
use std::{mem::MaybeUninit, ptr::NonNull};

use super::{Archived, Record};
use brisk_network::frame::{PAYLOAD_ALIGN, RECORD_BYTES_MAX};

/// The rkyv serializer that records are written with.
pub type Encoder<'a> = HighSerializer<SliceWriter<'a>, ArenaHandle<'a>, Failure>;
/// The rkyv deserializer that records are read with.
pub type Decoder = HighDeserializer<Failure>;

/// Writes into a slice; refuses what does not fit.
#[derive(Debug)]
pub struct SliceWriter<'a> {
    out: &'a mut [u8],
    written: usize,
}

impl SliceWriter<'_> {
    /// `length` writable bytes at the current position, counted as written.
    #[inline]
    fn take(&mut self, length: usize) -> Option<NonNull<u8>> {
        let bytes = self.out.get_mut(self.written..self.written.checked_add(length)?)?;
        self.written += length;
        Some(NonNull::from(bytes).cast())
    }
}

impl Positional for SliceWriter<'_> {
    #[inline]
    fn pos(&self) -> usize {
        self.written
    }
}

impl Writer<Failure> for SliceWriter<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let Some(at) = self.out.get_mut(self.written..self.written + bytes.len()) else {
            return Err(Failure);
        };
        at.copy_from_slice(bytes);
        self.written += bytes.len();
        Ok(())
    }
}

/// Writes records; keeps the scratch memory that nested types need, so that a
/// record costs no allocation.
pub struct RecordEncoder {
    scratch: Arena,
}

impl RecordEncoder {
    /// An encoder with a small scratch area.
    pub fn new() -> Self {
        Self { scratch: Arena::new() }
    }

    /// Writes `record` at the start of `out`, which lies at an address aligned for
    /// every archive (16); the archive's root ends at the returned length. `None`
    /// when `out` is too short (what was written is then to be ignored).
    #[inline]
    pub fn encode<T: Record>(&mut self, record: &T, out: &mut [u8]) -> Option<usize> {
        assert!(out.as_ptr().addr().is_multiple_of(PAYLOAD_ALIGN), "an unaligned payload");
        let writer = SliceWriter { out, written: 0 };
        let mut serializer = Serializer::new(writer, self.scratch.acquire(), Share::new());
        let encoder: &mut Encoder<'_> = Strategy::wrap(&mut serializer);
        let resolver = record.serialize(encoder).ok()?;
        encoder.align_for::<Archived<T>>().ok()?;
        let position = encoder.pos();
        let out = serializer.writer.take(size_of::<Archived<T>>())?;
        // Put together here and then copied, so that the segment's lines, which another
        // core has had, are written once: zeros for the padding first would be twice.
        let mut root = MaybeUninit::<Archived<T>>::zeroed();
        // SAFETY: `root` is aligned, writable and initialized, with zeros.
        let place = unsafe { Place::new_unchecked(position, root.as_mut_ptr()) };
        record.resolve(resolver, place);
        // SAFETY: `take` gave that many writable bytes, apart from the stack's `root`,
        // whose bytes are all initialized, padding included.
        unsafe { out.copy_from_nonoverlapping(NonNull::from(&root).cast(), size_of_val(&root)) };
        Some(serializer.writer.written)
    }

    /// The bytes of a record that does not fit into a segment, to be laid at an
    /// aligned address.
    pub fn encode_large<T: Record>(&mut self, record: &T, at_least: usize) -> Option<AlignedBytes> {
        let mut capacity = at_least.next_power_of_two();
        while capacity <= 2 * RECORD_BYTES_MAX {
            let mut bytes = AlignedBytes::with_capacity(capacity);
            bytes.resize(capacity, 0);
            if let Some(length) = self.encode(record, &mut bytes) {
                bytes.resize(length, 0);
                return Some(bytes);
            }
            capacity *= 4;
        }
        None
    }
}

/// Bytes at an address that is aligned for every archive.
pub(crate) type AlignedBytes = rkyv::util::AlignedVec<16>;

impl Default for RecordEncoder {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for RecordEncoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RecordEncoder")
    }
}

/// Whether values of a type are their own archives: of fixed size, without padding, with nothing out
/// of line.
pub const fn is_plain<T: Record>() -> bool {
    <T as Archive>::COPY_OPTIMIZATION.is_enabled() && size_of::<T>() == size_of::<Archived<T>>()
}

/// The archive of a plain value.
///
/// # Panics
/// If the value is not plain.
#[inline(always)]
pub fn plain_bytes<T: Record>(value: &T) -> &[u8] {
    assert!(is_plain::<T>(), "a value that is not its own archive");
    let from = std::ptr::from_ref(value).cast::<u8>();
    // SAFETY: a plain value has no byte that is not initialized, its bytes are its archive, and they
    // are borrowed for as long as it is.
    unsafe { std::slice::from_raw_parts(from, size_of::<T>()) }
}

/// Writes the archive of a plain value.
///
/// # Panics
/// If the value is not plain or `out` is not as long as it.
#[inline(always)]
pub fn write_plain<T: Record>(value: &T, out: &mut [u8]) {
    out.copy_from_slice(plain_bytes(value));
}

/// The archived record in a payload that this process wrote.
///
/// # Safety
/// `payload` is what [`RecordEncoder::encode`] wrote for a `T`, at an address
/// aligned as it was then.
#[inline(always)]
pub unsafe fn view<T: Record>(payload: &[u8]) -> &Archived<T> {
    debug_assert!(payload.len() >= size_of::<Archived<T>>());
    debug_assert!(payload.as_ptr().addr().is_multiple_of(align_of::<Archived<T>>().min(16)));
    // SAFETY: the root of a valid archive ends where the payload ends.
    unsafe { rkyv::access_unchecked::<Archived<T>>(payload) }
}

/// The record, owned.
#[inline]
pub fn decode<T: Record>(view: &Archived<T>) -> T {
    let mut pool = rkyv::de::Pool::new();
    let decoder: &mut Decoder = Strategy::wrap(&mut pool);
    view.deserialize(decoder).expect("an archive that this process wrote can be read")
}

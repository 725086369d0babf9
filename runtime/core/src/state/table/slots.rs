//! The two kinds of slots.
#![expect(unsafe_code, reason = "keys and values are viewed where the table wrote them")]

use std::marker::PhantomData;

use super::{
    bucket::{Slot, VACANT},
    log::Location,
};
use crate::{
    Key, Record,
    record::{AlignedBytes, Archived, checked_view, decode, is_plain, key_hash, view, write_plain},
};

/// The largest slot that holds key and value themselves: a cache line.
const PAIR_BYTES_MAX: usize = 64;

/// A slot that holds a key and its value, both plain.
pub(super) struct Pair<K, V>(PhantomData<fn() -> (K, V)>);

const fn larger(a: usize, b: usize) -> usize {
    if a > b { a } else { b }
}

impl<K: Key, V: Record> Pair<K, V> {
    const KEY_BYTES: usize = size_of::<Archived<K>>();
    pub(super) const VALUE_AT: usize = Self::KEY_BYTES.next_multiple_of(align_of::<Archived<V>>());
    const VALUE_END: usize = Self::VALUE_AT + size_of::<Archived<V>>();
    const ALIGN: usize = larger(align_of::<Archived<K>>(), align_of::<Archived<V>>());
    const SLOT_BYTES: usize = larger(Self::VALUE_END, 1).next_multiple_of(Self::ALIGN);

    /// Whether keys and values of these types can lie in slots.
    pub(super) const FITS: bool =
        is_plain::<K>() && is_plain::<V>() && Self::SLOT_BYTES <= PAIR_BYTES_MAX;

    /// The key in a slot.
    #[inline(always)]
    pub(super) fn key(slot: &[u8]) -> &Archived<K> {
        // SAFETY: a used slot begins with what `write` wrote for a `K`, and slots are aligned.
        unsafe { view::<K>(&slot[..Self::KEY_BYTES]) }
    }

    /// The value in a slot, as it lies there.
    #[inline(always)]
    pub(super) fn value_view(slot: &[u8]) -> &Archived<V> {
        // SAFETY: a used slot has there what `set_value` wrote for a `V`, and slots are aligned.
        unsafe { view::<V>(&slot[Self::VALUE_AT..Self::VALUE_END]) }
    }

    /// The value in a slot.
    #[inline(always)]
    pub(super) fn value(slot: &[u8]) -> V {
        decode(Self::value_view(slot))
    }

    /// The archives of key and value in a slot.
    pub(super) fn archives(slot: &[u8]) -> (&[u8], &[u8]) {
        (&slot[..Self::KEY_BYTES], &slot[Self::VALUE_AT..Self::VALUE_END])
    }

    /// Changes the value in a slot.
    #[inline(always)]
    pub(super) fn set_value(slot: &mut [u8], value: &V) {
        write_plain(value, &mut slot[Self::VALUE_AT..Self::VALUE_END]);
    }

    /// Fills a slot.
    pub(super) fn write(slot: &mut [u8], key: &K, value: &V) {
        write_plain(key, &mut slot[..Self::KEY_BYTES]);
        Self::set_value(slot, value);
    }
}

impl<K: Key, V: Record> Slot for Pair<K, V> {
    const BYTES: usize = Self::SLOT_BYTES;

    fn key_bytes() -> Option<usize> {
        let mut vacant = AlignedBytes::new();
        vacant.resize(Self::KEY_BYTES, VACANT);
        let is_key = Self::KEY_BYTES > 0 && checked_view::<K>(&vacant).is_ok();
        is_key.then_some(Self::KEY_BYTES)
    }

    fn hash(slot: &[u8]) -> u32 {
        key_hash(&decode::<K>(Self::key(slot)))
    }
}

/// A slot that says where in the log its entry is: hash, then location, u32 LE each.
pub(super) struct Located;

impl Located {
    /// Hash and location in a slot.
    #[inline(always)]
    pub(super) fn read(slot: &[u8]) -> (u32, Location) {
        let both = u64::from_le_bytes(*slot.first_chunk().expect("a slot has eight bytes"));
        (both as u32, Location((both >> 32) as u32))
    }

    /// Fills a slot.
    pub(super) fn write(slot: &mut [u8], hash: u32, location: Location) {
        let both = u64::from(hash) | u64::from(location.0) << 32;
        slot.copy_from_slice(&both.to_le_bytes());
    }
}

impl Slot for Located {
    const BYTES: usize = 8;

    /// A hash that is equal may be that of another key.
    fn key_bytes() -> Option<usize> {
        None
    }

    fn hash(slot: &[u8]) -> u32 {
        Self::read(slot).0
    }
}

/// The archived key or value in bytes of the log.
#[inline(always)]
pub(super) fn logged<T: Record>(archive: &[u8]) -> &Archived<T> {
    // SAFETY: keys and values of a table's log are what its encoder wrote for its types, and lie at
    // addresses that are aligned as that needs.
    unsafe { view::<T>(archive) }
}

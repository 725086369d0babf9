//! The keys that come most often, in front of a combiner's table.
//!
//! In text, and in most of what people key by, few keys make most of the records. They are kept where
//! the second-level cache has them, one key in each place, so that a record of theirs costs neither
//! a look-up nor a place in the batch. A key holds its place by votes: each of its records is one
//! for it, each record of another key one against it (the majority vote of Boyer and Moore, 1981).
//! Where that does not pay, because all keys come as seldom, it is turned off.

use crate::{
    Record,
    record::{Key, is_plain, selector::KeySelector},
};

use super::Aggregate;

/// Bytes of all places, so that they stay in a second-level cache of a megabyte.
const BYTES: usize = 768 << 10;
/// A word count takes 9.2 s of CPU with 2,048, 8.9 with 4,096, 8.5 with 8,192, 8.2 with 16,384, 8.3 with
/// 32,768.
const PLACES_MAX: usize = 1 << 14;
const VOTES_MAX: u32 = 64;
/// Records between two looks at whether it pays.
const PERIOD: u64 = 1 << 16;
/// It pays when one in so many records found its key.
const PAYS: u64 = 4;

/// A key and what was combined of it.
pub(super) struct HotKey<K, V> {
    pub(super) hash: u32,
    votes: u32,
    pub(super) key: K,
    pub(super) value: V,
}

/// See the page of this module.
pub(super) struct HotKeys<K, V> {
    /// As many as a power of two; none when it does not pay.
    places: Box<[Option<HotKey<K, V>>]>,
    seen: u64,
    found: u64,
}

/// What became of a record.
pub(super) enum Offered<T, K, V> {
    /// It was combined, or is the first of a key that took an empty place.
    Taken,
    /// It took the place of this key.
    TookPlaceOf(HotKey<K, V>),
    /// Its key is not among them.
    Refused(T),
}

impl<K: Key, V: Record> HotKeys<K, V> {
    /// For values that can't grow on the heap: what lies there is in no budget.
    pub(super) fn new() -> Self {
        let fitting = BYTES / size_of::<Option<HotKey<K, V>>>();
        let places = match fitting.min(PLACES_MAX) {
            0 => 0,
            _ if !is_plain::<V>() => 0,
            places => 1 << places.ilog2(),
        };
        Self { places: (0..places).map(|_| None).collect(), seen: 0, found: 0 }
    }

    /// Offers a record whose key has this hash.
    #[inline(always)]
    pub(super) fn offer<T, S, A>(
        &mut self,
        (hash, item): (u32, T),
        selector: &S,
        aggregate: &A,
    ) -> Offered<T, K, V>
    where
        T: Record,
        S: KeySelector<T, Key = K>,
        A: Aggregate<T, K, Accumulator = V>,
    {
        let mask = self.places.len().wrapping_sub(1);
        // The low bits: the high ones are alike in all keys of a part of a stream that was keyed.
        let Some(place) = self.places.get_mut(hash as usize & mask) else {
            return Offered::Refused(item);
        };
        self.seen += 1;
        let first = |item| {
            let key = selector.key(&item);
            Some(HotKey { hash, votes: 1, key, value: aggregate.first(item) })
        };
        match place {
            Some(hot) if hot.hash == hash && selector.is(&item, &hot.key) => {
                aggregate.add(&mut hot.value, item);
                hot.votes = (hot.votes + 1).min(VOTES_MAX);
                self.found += 1;
                Offered::Taken
            }
            Some(hot) if hot.votes > 0 => {
                hot.votes -= 1;
                Offered::Refused(item)
            }
            _ => match std::mem::replace(place, first(item)) {
                Some(hot) => Offered::TookPlaceOf(hot),
                None => Offered::Taken,
            },
        }
    }

    /// All keys, when it no longer pays; called now and then.
    pub(super) fn give_up(&mut self) -> impl Iterator<Item = HotKey<K, V>> + use<K, V> {
        let is_over = self.seen >= PERIOD;
        let pays = self.found >= self.seen / PAYS;
        if is_over {
            (self.seen, self.found) = (0, 0);
        }
        let places =
            if is_over && !pays { std::mem::take(&mut self.places) } else { Box::default() };
        places.into_iter().flatten()
    }

    /// All keys, at the end.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = HotKey<K, V>> + use<K, V> {
        std::mem::take(&mut self.places).into_iter().flatten()
    }
}

#[cfg(test)]
mod tests;

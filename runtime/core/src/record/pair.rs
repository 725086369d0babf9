//! Pairs that are keyed by their first half, as combiners send them.

use super::{
    Archived, Key, Record, decode, key_hash,
    selector::{KeySelector, are_archived, is_archived},
};

/// Keys a pair by its first half.
#[derive(Clone, Copy, Debug)]
pub struct FirstOfPair;

/// The archived form of a pair.
pub trait PairView<K: Key, V: Record> {
    /// Its first half.
    fn first(&self) -> &Archived<K>;

    /// Its second half.
    fn second(&self) -> &Archived<V>;
}

impl<K: Key, V: Record> PairView<K, V> for rkyv::tuple::ArchivedTuple2<Archived<K>, Archived<V>> {
    #[inline(always)]
    fn first(&self) -> &Archived<K> {
        &self.0
    }

    #[inline(always)]
    fn second(&self) -> &Archived<V> {
        &self.1
    }
}

impl<K, V> KeySelector<(K, V)> for FirstOfPair
where
    K: Key,
    V: Record,
    (K, V): Record,
    Archived<(K, V)>: PairView<K, V>,
{
    type Key = K;

    fn key(&self, record: &(K, V)) -> K {
        record.0.clone()
    }

    fn hash(&self, record: &(K, V)) -> u32 {
        key_hash(&record.0)
    }

    fn is_stored(&self, record: &(K, V), stored: &Archived<K>) -> bool {
        is_archived(&record.0, stored)
    }

    fn view_key(&self, record: &Archived<(K, V)>) -> K {
        decode(record.first())
    }

    fn view_is_stored(&self, record: &Archived<(K, V)>, stored: &Archived<K>) -> bool {
        are_archived::<K>(record.first(), stored)
    }
}

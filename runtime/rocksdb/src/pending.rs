//! Changes that are not in the database yet, and what was read ahead.

use std::{
    collections::{BTreeMap, btree_map::Range},
    ops::Bound,
};

/// Bytes that an entry takes beside key and value, about.
const OVERHEAD: usize = 96;

/// What is known of a key.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// Its value; `None` if there is none.
    pub(crate) value: Option<Box<[u8]>>,
    /// Whether the database does not have it.
    pub(crate) is_change: bool,
}

/// What is known of the keys of one state.
#[derive(Default, Debug)]
pub(crate) struct Pending {
    keys: BTreeMap<Box<[u8]>, Known>,
    changes: usize,
    bytes: usize,
}

impl Pending {
    /// What is known of a key; `None` to look into the database.
    pub(crate) fn get(&self, key: &[u8]) -> Option<&Known> {
        self.keys.get(key)
    }

    /// Changes a key.
    pub(crate) fn put(&mut self, key: &[u8], value: Option<&[u8]>) {
        let Some(known) = self.keys.get_mut(key) else {
            self.changes += 1;
            self.insert(key, Known { value: value.map(Box::from), is_change: true });
            return;
        };
        self.changes += usize::from(!known.is_change);
        known.is_change = true;
        match (&mut known.value, value) {
            (Some(old), Some(new)) if old.len() == new.len() => old.copy_from_slice(new),
            (old, new) => {
                let length = |value: Option<&[u8]>| value.map_or(0, <[u8]>::len);
                self.bytes = self.bytes + length(new) - length(old.as_deref());
                *old = new.map(Box::from);
            }
        }
    }

    /// Keeps what was read of a key that nothing is known of.
    pub(crate) fn note(&mut self, key: &[u8], value: Option<&[u8]>) {
        self.insert(key, Known { value: value.map(Box::from), is_change: false });
    }

    fn insert(&mut self, key: &[u8], known: Known) {
        let value = known.value.as_ref().map_or(0, |value| value.len());
        self.bytes += key.len() + value + OVERHEAD;
        let before = self.keys.insert(Box::from(key), known);
        assert!(before.is_none(), "nothing was known of the key");
    }

    /// What is known of the keys from `from`, in order.
    pub(crate) fn from(&self, from: &[u8]) -> Range<'_, Box<[u8]>, Known> {
        self.keys.range::<[u8], _>((Bound::Included(from), Bound::Unbounded))
    }

    /// All changes, in order.
    pub(crate) fn changes(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        let changes = self.keys.iter().filter(|(_, known)| known.is_change);
        changes.map(|(key, known)| (&key[..], known.value.as_deref()))
    }

    /// Whether nothing has changed.
    pub(crate) fn is_clean(&self) -> bool {
        self.changes == 0
    }

    /// Bytes that it takes, about.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

//! The entries of all states in a backend other than the one in memory.

use std::time::Duration;

use super::store::Blob;
use crate::{
    checkpoint::handle::StateSchema,
    error::BoxError,
    record::AlignedBytes,
    state::{
        StateError,
        backend::{EntryKey, FrozenStore, KeyedStore, NativeShare, NativeSnapshot, ReadState},
    },
    time::Timestamp,
};

/// A store of another backend, whose errors say whose it is.
pub(super) struct Foreign {
    store: Box<dyn KeyedStore>,
    operator: String,
    /// The value that was read last: records are looked at where they are aligned.
    value: AlignedBytes,
}

impl Foreign {
    pub(super) fn new(store: Box<dyn KeyedStore>, operator: String) -> Self {
        Self { store, operator, value: AlignedBytes::new() }
    }

    fn named<T>(&self, result: Result<T, BoxError>) -> Result<T, StateError> {
        result.map_err(|cause| StateError::Backend { operator: self.operator.clone(), cause })
    }

    pub(super) fn restore(
        &mut self,
        shares: &[NativeShare<'_>],
        read: &mut ReadState<'_>,
    ) -> Result<(), StateError> {
        let restored = self.store.restore(shares, read);
        self.named(restored)
    }

    pub(super) fn register(&mut self, state: u32, schema: &StateSchema) -> Result<(), StateError> {
        let registered = self.store.register(state, schema);
        self.named(registered)
    }

    pub(super) fn expire(&mut self, state: u32, ttl: Duration) {
        self.store.expire(state, ttl);
    }

    pub(super) fn advance_clock(&mut self, now: Timestamp) {
        self.store.advance_clock(now);
    }

    pub(super) fn fetch(
        &mut self,
        entries: &mut dyn Iterator<Item = EntryKey<'_>>,
    ) -> Result<(), StateError> {
        let fetched = self.store.fetch(entries);
        self.named(fetched)
    }

    pub(super) fn read<R>(
        &mut self,
        entry: &EntryKey<'_>,
        look: impl FnOnce(&[u8]) -> R,
    ) -> Result<Option<R>, StateError> {
        let Self { store, value, .. } = self;
        let mut copy = |bytes: &[u8]| {
            value.clear();
            value.extend_from_slice(bytes);
        };
        let found = store.read(entry, &mut copy);
        Ok(self.named(found)?.then(|| look(&self.value)))
    }

    pub(super) fn put(&mut self, entry: &EntryKey<'_>, value: &[u8]) -> Result<(), StateError> {
        let put = self.store.put(entry, value);
        self.named(put)
    }

    pub(super) fn remove(&mut self, entry: &EntryKey<'_>) -> Result<bool, StateError> {
        let found = self.store.read(entry, &mut |_| ());
        let found = self.named(found)?;
        if found {
            let removed = self.store.remove(entry);
            self.named(removed)?;
        }
        Ok(found)
    }

    /// The sub-keys of a key and namespace.
    pub(super) fn sub_keys(&mut self, of: &EntryKey<'_>) -> Result<Vec<Blob>, StateError> {
        let mut keys = Vec::new();
        let scanned = self.store.scan(of, &mut |sub_key, _| keys.push(sub_key.to_vec()));
        self.named(scanned).map(|()| keys)
    }

    pub(super) fn rewrite(
        &mut self,
        state: u32,
        mut change: impl FnMut(&[u8], &[u8]) -> Result<Blob, StateError>,
    ) -> Result<(), StateError> {
        let mut each = |entry: &EntryKey<'_>, value: &[u8]| Ok(change(entry.sub_key, value)?);
        let rewritten = self.store.rewrite(state, &mut each);
        // What the change says has its names already.
        rewritten.map_err(|cause| match cause.downcast::<StateError>() {
            Ok(error) => *error,
            Err(cause) => StateError::Backend { operator: self.operator.clone(), cause },
        })
    }

    pub(super) fn freeze(&mut self) -> Result<Box<dyn FrozenStore>, BoxError> {
        self.store.freeze()
    }

    pub(super) fn snapshot(&mut self) -> Result<Box<dyn NativeSnapshot>, BoxError> {
        self.store.snapshot()
    }
}

//! A map for each key.

use std::marker::PhantomData;

use super::{
    Definition, KeyedState,
    access::Cell,
    definition::{Migration, Types, settings},
};
use crate::{
    Record,
    checkpoint::handle::StateKind,
    record::RecordEncoder,
    state::{StateError, snapshot::StateTypes},
};

/// A map of each key, and each namespace if there are several. An entry is found as fast as a value,
/// however large the map.
#[derive(Clone, Debug)]
pub struct MapState<M, V, N = ()> {
    definition: Definition,
    types: Types<(M, V, N)>,
}

impl<M: Record, V: Record> MapState<M, V> {
    /// The state of this name.
    pub fn new(name: &str) -> Self {
        Self { definition: Definition::new(name, StateKind::Map), types: PhantomData }
    }

    /// The same with a map for each namespace.
    pub fn in_namespace<N: Record>(self) -> MapState<M, V, N> {
        MapState { definition: self.definition, types: PhantomData }
    }
}

impl<M: Record, V: Record, N: Record> MapState<M, V, N> {
    settings!();

    /// Takes over what a checkpoint has of it with values of an older type.
    pub fn migrate_from<Old: Record>(mut self, convert: fn(Old) -> V) -> Self {
        self.definition.migration = Some(Migration::new(convert));
        self
    }
}

impl<M: Record, V: Record, N: Record> KeyedState for MapState<M, V, N> {
    type Namespace = N;
    type Access<'a> = MapAccess<'a, M, V>;

    fn definition(&self) -> &Definition {
        &self.definition
    }

    fn definition_mut(&mut self) -> &mut Definition {
        &mut self.definition
    }

    fn types<K: Record>(&self) -> StateTypes {
        StateTypes::new::<K, V>().in_namespace::<N>().with_sub_key::<M>()
    }

    fn access<'a>(&'a self, cell: Cell<'a>) -> MapAccess<'a, M, V> {
        MapAccess { cell, encoder: RecordEncoder::new(), entry: PhantomData }
    }
}

/// The map of the key in hand.
pub struct MapAccess<'a, M, V> {
    cell: Cell<'a>,
    encoder: RecordEncoder,
    entry: Types<(M, V)>,
}

impl<M: Record, V: Record> MapAccess<'_, M, V> {
    fn archive(&mut self, key: &M) -> Vec<u8> {
        let bytes = self.encoder.encode_large(key, 64);
        bytes.expect("a key of a record's size").to_vec()
    }

    /// The value at `key`, if there is one.
    ///
    /// # Errors
    /// If it is damaged.
    pub fn get(&mut self, key: &M) -> Result<Option<V>, StateError> {
        let key = self.archive(key);
        self.cell.get(&key)
    }

    /// Whether there is a value at `key`.
    ///
    /// # Errors
    /// If it is damaged.
    pub fn contains(&mut self, key: &M) -> Result<bool, StateError> {
        self.get(key).map(|value| value.is_some())
    }

    /// Sets the value at `key`.
    ///
    /// # Errors
    /// If there is no memory for it.
    pub fn put(&mut self, key: &M, value: &V) -> Result<(), StateError> {
        let key = self.archive(key);
        self.cell.put(&key, value)
    }

    /// Removes the value at `key`; whether there was one.
    ///
    /// # Errors
    /// If a snapshot is being taken and there is no memory for a copy.
    pub fn remove(&mut self, key: &M) -> Result<bool, StateError> {
        let key = self.archive(key);
        self.cell.remove(&key)
    }

    /// All entries, in an order that depends on what was put and removed only.
    ///
    /// # Errors
    /// If one is damaged.
    pub fn entries(&mut self) -> Result<Vec<(M, V)>, StateError> {
        let mut entries = Vec::new();
        for key in self.cell.keys()? {
            if let Some(value) = self.cell.get(&key)? {
                entries.push((self.cell.decode_key(&key)?, value));
            }
        }
        Ok(entries)
    }

    /// The entries whose keys are `wanted`, in the same order; values of others are not read.
    ///
    /// # Errors
    /// If one is damaged.
    pub fn entries_where(
        &mut self,
        wanted: impl Fn(&M) -> bool,
    ) -> Result<Vec<(M, V)>, StateError> {
        let mut entries = Vec::new();
        for archived in self.cell.keys() {
            let key = self.cell.decode_key(&archived)?;
            if wanted(&key)
                && let Some(value) = self.cell.get(&archived)?
            {
                entries.push((key, value));
            }
        }
        Ok(entries)
    }

    /// The keys of all entries; see [`MapAccess::entries`].
    ///
    /// # Errors
    /// If an entry is damaged.
    pub fn keys(&mut self) -> Result<Vec<M>, StateError> {
        Ok(self.entries()?.into_iter().map(|(key, _)| key).collect())
    }

    /// The values of all entries; see [`MapAccess::entries`].
    ///
    /// # Errors
    /// If one is damaged.
    pub fn values(&mut self) -> Result<Vec<V>, StateError> {
        Ok(self.entries()?.into_iter().map(|(_, value)| value).collect())
    }

    /// Whether there is no entry.
    ///
    /// # Errors
    /// If one is damaged.
    pub fn is_empty(&mut self) -> Result<bool, StateError> {
        for key in self.cell.keys()? {
            if self.cell.get::<V>(&key)?.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Forgets all entries.
    ///
    /// # Errors
    /// If a snapshot is being taken and there is no memory for a copy.
    pub fn clear(&mut self) -> Result<(), StateError> {
        let keys = self.cell.keys()?;
        // From the last, so that none has to move.
        keys.iter().rev().try_for_each(|key| self.cell.remove(key).map(|_| ()))
    }
}

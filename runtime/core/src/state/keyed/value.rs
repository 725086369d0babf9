//! One value for each key.

use std::marker::PhantomData;

use super::{
    Definition, KeyedState,
    access::Cell,
    definition::{Migration, Types, settings},
};
use crate::{
    Record,
    checkpoint::handle::StateKind,
    state::{StateError, snapshot::StateTypes},
};

/// A value of each key, and each namespace if there are several.
#[derive(Clone, Debug)]
pub struct ValueState<T, N = ()> {
    definition: Definition,
    types: Types<(T, N)>,
}

impl<T: Record> ValueState<T> {
    /// The state of this name.
    pub fn new(name: &str) -> Self {
        Self { definition: Definition::new(name, StateKind::Value), types: PhantomData }
    }

    /// The same with a value for each namespace.
    pub fn in_namespace<N: Record>(self) -> ValueState<T, N> {
        ValueState { definition: self.definition, types: PhantomData }
    }
}

impl<T: Record, N: Record> ValueState<T, N> {
    settings!();

    /// Takes over what a checkpoint has of it with an older type.
    pub fn migrate_from<Old: Record>(mut self, convert: fn(Old) -> T) -> Self {
        self.definition.migration = Some(Migration::new(convert));
        self
    }
}

impl<T: Record, N: Record> KeyedState for ValueState<T, N> {
    type Namespace = N;
    type Access<'a> = ValueAccess<'a, T>;

    fn definition(&self) -> &Definition {
        &self.definition
    }

    fn definition_mut(&mut self) -> &mut Definition {
        &mut self.definition
    }

    fn types<K: Record>(&self) -> StateTypes {
        StateTypes::new::<K, T>().in_namespace::<N>()
    }

    fn access<'a>(&'a self, cell: Cell<'a>) -> ValueAccess<'a, T> {
        ValueAccess { cell, value: PhantomData }
    }
}

/// The value of the key in hand.
pub struct ValueAccess<'a, T> {
    cell: Cell<'a>,
    value: Types<T>,
}

impl<T: Record> ValueAccess<'_, T> {
    /// The value, if there is one.
    ///
    /// # Errors
    /// If it is damaged.
    pub fn value(&mut self) -> Result<Option<T>, StateError> {
        self.cell.get(&[])
    }

    /// Sets it.
    ///
    /// # Errors
    /// If there is no memory for it.
    pub fn update(&mut self, value: &T) -> Result<(), StateError> {
        self.cell.put(&[], value)
    }

    /// Forgets it.
    ///
    /// # Errors
    /// If a snapshot is being taken and there is no memory for a copy.
    pub fn clear(&mut self) -> Result<(), StateError> {
        self.cell.remove(&[]).map(|_| ())
    }
}

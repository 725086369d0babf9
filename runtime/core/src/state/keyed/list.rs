//! A list for each key.

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

/// A list of each key, and each namespace if there are several. Adding to it costs the same however
/// long it is.
#[derive(Clone, Debug)]
pub struct ListState<T, N = ()> {
    definition: Definition,
    types: Types<(T, N)>,
}

impl<T: Record> ListState<T> {
    /// The state of this name.
    pub fn new(name: &str) -> Self {
        Self { definition: Definition::new(name, StateKind::List), types: PhantomData }
    }

    /// The same with a list for each namespace.
    pub fn in_namespace<N: Record>(self) -> ListState<T, N> {
        ListState { definition: self.definition, types: PhantomData }
    }
}

impl<T: Record, N: Record> ListState<T, N> {
    settings!();

    /// Takes over what a checkpoint has of it with elements of an older type.
    pub fn migrate_from<Old: Record>(mut self, convert: fn(Old) -> T) -> Self {
        self.definition.migration = Some(Migration::new(convert));
        self
    }
}

impl<T: Record, N: Record> KeyedState for ListState<T, N> {
    type Namespace = N;
    type Access<'a> = ListAccess<'a, T>;

    fn definition(&self) -> &Definition {
        &self.definition
    }

    fn definition_mut(&mut self) -> &mut Definition {
        &mut self.definition
    }

    fn types<K: Record>(&self) -> StateTypes {
        StateTypes::new::<K, T>().in_namespace::<N>()
    }

    fn access<'a>(&'a self, cell: Cell<'a>) -> ListAccess<'a, T> {
        ListAccess { cell, element: PhantomData }
    }
}

/// The list of the key in hand.
pub struct ListAccess<'a, T> {
    cell: Cell<'a>,
    element: Types<T>,
}

impl<T: Record> ListAccess<'_, T> {
    /// All elements, in order.
    ///
    /// # Errors
    /// If one is damaged.
    pub fn get(&mut self) -> Result<Vec<T>, StateError> {
        self.cell.elements()
    }

    /// Adds an element behind the last.
    ///
    /// # Errors
    /// If there is no memory for it.
    pub fn add(&mut self, element: &T) -> Result<(), StateError> {
        self.cell.append(element)
    }

    /// Replaces all elements.
    ///
    /// # Errors
    /// If there is no memory for them.
    pub fn update<'t>(
        &mut self,
        elements: impl IntoIterator<Item = &'t T>,
    ) -> Result<(), StateError>
    where
        T: 't,
    {
        self.clear()?;
        elements.into_iter().try_for_each(|element| self.add(element))
    }

    /// Forgets all elements.
    ///
    /// # Errors
    /// If a snapshot is being taken and there is no memory for a copy.
    pub fn clear(&mut self) -> Result<(), StateError> {
        self.cell.clear_list()
    }
}

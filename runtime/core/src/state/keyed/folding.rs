//! A value for each key that others are folded into.

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

/// A value of each key that others of its type are folded into.
#[derive(Clone, Debug)]
pub struct ReducingState<T, N = ()> {
    definition: Definition,
    reduce: fn(&mut T, T),
    types: Types<N>,
}

impl<T: Record> ReducingState<T> {
    /// The state of this name: `reduce(so_far, next)`.
    pub fn new(name: &str, reduce: fn(&mut T, T)) -> Self {
        let definition = Definition::new(name, StateKind::Reducing);
        Self { definition, reduce, types: PhantomData }
    }

    /// The same with a value for each namespace.
    pub fn in_namespace<N: Record>(self) -> ReducingState<T, N> {
        let Self { definition, reduce, .. } = self;
        ReducingState { definition, reduce, types: PhantomData }
    }
}

impl<T: Record, N: Record> ReducingState<T, N> {
    settings!();

    /// Takes over what a checkpoint has of it with an older type.
    pub fn migrate_from<Old: Record>(mut self, convert: fn(Old) -> T) -> Self {
        self.definition.migration = Some(Migration::new(convert));
        self
    }
}

impl<T: Record, N: Record> KeyedState for ReducingState<T, N> {
    type Namespace = N;
    type Access<'a>
        = ReducingAccess<'a, T>
    where
        Self: 'a;

    fn definition(&self) -> &Definition {
        &self.definition
    }

    fn definition_mut(&mut self) -> &mut Definition {
        &mut self.definition
    }

    fn types<K: Record>(&self) -> StateTypes {
        StateTypes::new::<K, T>().in_namespace::<N>()
    }

    fn access<'a>(&'a self, cell: Cell<'a>) -> ReducingAccess<'a, T> {
        ReducingAccess { cell, reduce: self.reduce }
    }
}

/// The value of the key in hand.
pub struct ReducingAccess<'a, T> {
    cell: Cell<'a>,
    reduce: fn(&mut T, T),
}

impl<T: Record> ReducingAccess<'_, T> {
    /// What was folded so far, if anything was.
    ///
    /// # Errors
    /// If it is damaged.
    pub fn get(&mut self) -> Result<Option<T>, StateError> {
        self.cell.get(&[])
    }

    /// Folds a value in.
    ///
    /// # Errors
    /// If there is no memory for the result.
    pub fn add(&mut self, value: T) -> Result<(), StateError> {
        let folded = match self.cell.get(&[])? {
            Some(mut so_far) => {
                (self.reduce)(&mut so_far, value);
                so_far
            }
            None => value,
        };
        self.cell.put(&[], &folded)
    }

    /// Forgets all of it.
    ///
    /// # Errors
    /// If a snapshot is being taken and there is no memory for a copy.
    pub fn clear(&mut self) -> Result<(), StateError> {
        self.cell.remove(&[]).map(|_| ())
    }
}

/// How values are folded into an accumulator, and what comes of it.
pub struct Aggregation<In, Acc, Out> {
    /// The accumulator before the first value.
    pub create: fn() -> Acc,
    /// Adds a value.
    pub add: fn(&mut Acc, In),
    /// What comes of it.
    pub result: fn(&Acc) -> Out,
}

impl<In, Acc, Out> Clone for Aggregation<In, Acc, Out> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<In, Acc, Out> Copy for Aggregation<In, Acc, Out> {}

impl<In, Acc, Out> std::fmt::Debug for Aggregation<In, Acc, Out> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Aggregation")
    }
}

/// An accumulator of each key that values of another type are folded into.
#[derive(Clone, Debug)]
pub struct AggregatingState<In, Acc, Out, N = ()> {
    definition: Definition,
    aggregation: Aggregation<In, Acc, Out>,
    types: Types<N>,
}

impl<In, Acc: Record, Out> AggregatingState<In, Acc, Out> {
    /// The state of this name.
    pub fn new(name: &str, aggregation: Aggregation<In, Acc, Out>) -> Self {
        let definition = Definition::new(name, StateKind::Aggregating);
        Self { definition, aggregation, types: PhantomData }
    }

    /// The same with an accumulator for each namespace.
    pub fn in_namespace<N: Record>(self) -> AggregatingState<In, Acc, Out, N> {
        let Self { definition, aggregation, .. } = self;
        AggregatingState { definition, aggregation, types: PhantomData }
    }
}

impl<In, Acc: Record, Out, N: Record> AggregatingState<In, Acc, Out, N> {
    settings!();

    /// Takes over what a checkpoint has of it with an accumulator of an older type.
    pub fn migrate_from<Old: Record>(mut self, convert: fn(Old) -> Acc) -> Self {
        self.definition.migration = Some(Migration::new(convert));
        self
    }
}

impl<In, Acc: Record, Out, N: Record> KeyedState for AggregatingState<In, Acc, Out, N> {
    type Namespace = N;
    type Access<'a>
        = AggregatingAccess<'a, In, Acc, Out>
    where
        Self: 'a;

    fn definition(&self) -> &Definition {
        &self.definition
    }

    fn definition_mut(&mut self) -> &mut Definition {
        &mut self.definition
    }

    fn types<K: Record>(&self) -> StateTypes {
        StateTypes::new::<K, Acc>().in_namespace::<N>()
    }

    fn access<'a>(&'a self, cell: Cell<'a>) -> AggregatingAccess<'a, In, Acc, Out> {
        AggregatingAccess { cell, aggregation: self.aggregation }
    }
}

/// The accumulator of the key in hand.
pub struct AggregatingAccess<'a, In, Acc, Out> {
    cell: Cell<'a>,
    aggregation: Aggregation<In, Acc, Out>,
}

impl<In, Acc: Record, Out> AggregatingAccess<'_, In, Acc, Out> {
    /// What comes of all that was added, if anything was.
    ///
    /// # Errors
    /// If the accumulator is damaged.
    pub fn get(&mut self) -> Result<Option<Out>, StateError> {
        Ok(self.cell.get::<Acc>(&[])?.map(|accumulator| (self.aggregation.result)(&accumulator)))
    }

    /// Adds a value.
    ///
    /// # Errors
    /// If there is no memory for the accumulator.
    pub fn add(&mut self, value: In) -> Result<(), StateError> {
        let mut accumulator = match self.cell.get(&[])? {
            Some(accumulator) => accumulator,
            None => (self.aggregation.create)(),
        };
        (self.aggregation.add)(&mut accumulator, value);
        self.cell.put(&[], &accumulator)
    }

    /// Forgets all of it.
    ///
    /// # Errors
    /// If a snapshot is being taken and there is no memory for a copy.
    pub fn clear(&mut self) -> Result<(), StateError> {
        self.cell.remove(&[]).map(|_| ())
    }
}

//! What a function is given to hand its state over, and to take it back.

use std::fmt;

use crate::{
    Record,
    checkpoint::handle::RedistributionMode,
    error::TaskError,
    state::StateError,
    task::snapshot::{ListSnapshot, OperatorSnapshot, RestoredState},
};

/// What the job starts from.
pub struct FunctionInitializationContext<'a> {
    restored: &'a RestoredState,
}

impl<'a> FunctionInitializationContext<'a> {
    pub(crate) fn new(restored: &'a RestoredState) -> Self {
        Self { restored }
    }

    /// Whether the job starts from a checkpoint or savepoint, though that may have nothing of this
    /// function.
    pub fn is_restored(&self) -> bool {
        self.restored.is_restored()
    }

    /// This subtask's share of the list of this name; none when it was not written.
    ///
    /// # Errors
    /// If the list was of another type, can't be read or is damaged.
    pub fn elements<T: Record>(&self, name: &str) -> Result<Vec<T>, TaskError> {
        Ok(self.restored.records(name)?.unwrap_or_default())
    }
}

impl fmt::Debug for FunctionInitializationContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FunctionInitializationContext").field("from", self.restored).finish()
    }
}

/// Takes what a function has at a barrier.
pub struct FunctionSnapshotContext<'a> {
    out: &'a mut OperatorSnapshot,
    operator: &'a str,
}

impl<'a> FunctionSnapshotContext<'a> {
    pub(crate) fn new(out: &'a mut OperatorSnapshot, operator: &'a str) -> Self {
        Self { out, operator }
    }

    /// A list whose elements are dealt out to the subtasks, each to one.
    ///
    /// # Errors
    /// If there is a list of this name.
    pub fn list<T: Record>(&mut self, name: &str, elements: &[T]) -> Result<(), StateError> {
        self.add(name, RedistributionMode::Split, elements)
    }

    /// A list of which every subtask gets the elements of all.
    ///
    /// # Errors
    /// If there is a list of this name.
    pub fn union_list<T: Record>(&mut self, name: &str, elements: &[T]) -> Result<(), StateError> {
        self.add(name, RedistributionMode::Union, elements)
    }

    /// A list that all subtasks have alike: each gets one of the copies.
    ///
    /// # Errors
    /// If there is a list of this name.
    pub fn broadcast<T: Record>(&mut self, name: &str, elements: &[T]) -> Result<(), StateError> {
        self.add(name, RedistributionMode::Broadcast, elements)
    }

    fn add<T: Record>(
        &mut self,
        name: &str,
        mode: RedistributionMode,
        elements: &[T],
    ) -> Result<(), StateError> {
        if self.out.lists.iter().any(|list| list.schema.name == name) {
            let (operator, state) = (self.operator.to_owned(), name.to_owned());
            return Err(StateError::RegisteredTwice { operator, state });
        }
        self.out.lists.push(ListSnapshot::of_records(name, mode, elements));
        Ok(())
    }
}

impl fmt::Debug for FunctionSnapshotContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FunctionSnapshotContext").field("so_far", self.out).finish()
    }
}

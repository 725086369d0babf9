//! What a store was at a barrier.

use crate::{
    checkpoint::{handle::NamedState, savepoint::Entry, storage::FileTarget},
    error::BoxError,
    graph::KeyGroup,
};

/// The entries of a store as they were at a barrier.
pub trait FrozenStore {
    /// Whether [`FrozenStore::next`] would not wait.
    fn is_ready(&self) -> bool;

    /// Shows further entries, in order, until `each` says that it has enough; false when there are no
    /// more.
    ///
    /// # Errors
    /// If they can't be read.
    fn next(
        &mut self,
        each: &mut dyn FnMut(KeyGroup, &Entry<'_>) -> bool,
    ) -> Result<bool, BoxError>;
}

/// A store as it was at a barrier, on its way into files that checkpoints share.
pub trait NativeSnapshot {
    /// Has the files brought to where they are kept.
    fn begin(&mut self, target: &FileTarget);

    /// Whether all are there, or it has failed.
    fn is_ready(&self) -> bool;

    /// What it consists of. Once, when it is ready; if it is dropped before, files that were written
    /// for it are removed.
    ///
    /// # Errors
    /// If a file could not be written or read.
    fn take(&mut self) -> Result<NativeParts, BoxError>;
}

/// What a snapshot in a backend's own format consists of.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct NativeParts {
    /// What this checkpoint alone has.
    pub own: Vec<u8>,
    /// What it may have together with others.
    pub shared: Vec<NamedState>,
    /// Bytes of those that were written for this one.
    pub written: u64,
}

//! The bytes that a backend keeps for one operator of one subtask.

use brisk_memory::Region;
use std::{task::Waker, time::Duration};

use super::{FrozenStore, NativeSnapshot};
use crate::{
    checkpoint::{
        handle::{NamedState, StateHandle, StateSchema},
        storage::StorageError,
    },
    error::BoxError,
    graph::{JobId, KeyGroup, KeyGroupRange, MaxParallelism, OperatorId, SubtaskIndex},
    time::Timestamp,
};

/// Whose a store is.
#[derive(Clone, Debug)]
pub struct StoreOptions<'a> {
    /// The job.
    pub job: JobId,
    /// The operator.
    pub operator: OperatorId,
    /// How messages call the operator, the task and the job.
    pub owner: String,
    /// Which of the subtasks.
    pub subtask: SubtaskIndex,
    /// The key groups of the subtask.
    pub range: KeyGroupRange,
    /// All key groups.
    pub groups: MaxParallelism,
    /// Memory comes out of this region.
    pub managed: &'a Region,
    /// Has the worker look at what is under way.
    pub waker: Waker,
}

/// Where an entry is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct EntryKey<'a> {
    /// The number of its state.
    pub state: u32,
    /// The group of its key.
    pub group: KeyGroup,
    /// The key.
    pub key: &'a [u8],
    /// The namespace: a window, or nothing.
    pub namespace: &'a [u8],
    /// What tells the entries of one key and namespace apart.
    pub sub_key: &'a [u8],
}

/// State that another instance had, in the backend's own format.
#[derive(Clone, Copy, Debug)]
pub struct NativeShare<'a> {
    /// The groups that are wanted of it.
    pub wanted: KeyGroupRange,
    /// All groups in it.
    pub range: KeyGroupRange,
    /// [`super::NativeParts::own`] of its snapshot.
    pub own: &'a [u8],
    /// [`super::NativeParts::shared`] of its snapshot.
    pub shared: &'a [NamedState],
}

/// Shows the bytes of a piece of state, piece by piece.
pub type ReadState<'a> = dyn FnMut(
        &StateHandle,
        &mut dyn FnMut(&[u8]) -> Result<(), StorageError>,
    ) -> Result<(), StorageError>
    + 'a;

/// The keyed state of one operator of one subtask: bytes by key group, key, namespace and sub-key.
///
/// Errors are those of its disk. They fail the task, except in what a snapshot makes later: then the
/// checkpoint is declined.
pub trait KeyedStore {
    /// Takes over state that instances had when a checkpoint was taken. Called before anything else,
    /// once, and not at all if there is none.
    ///
    /// # Errors
    /// If it can't be read, or is not what was written.
    fn restore(
        &mut self,
        shares: &[NativeShare<'_>],
        read: &mut ReadState<'_>,
    ) -> Result<(), BoxError>;

    /// Makes a state known by its number, with what was restored of the name.
    ///
    /// # Errors
    /// If it can't be kept.
    fn register(&mut self, state: u32, schema: &StateSchema) -> Result<(), BoxError>;

    /// Entries end with the time of their last use in milliseconds, an `i64` in little endian, and may be
    /// forgotten when that is `ttl` ago.
    fn expire(&mut self, state: u32, ttl: Duration);

    /// The clock, by which state expires.
    fn advance_clock(&mut self, now: Timestamp);

    /// Has entries at hand that are read soon.
    ///
    /// # Errors
    /// If they can't be read.
    fn fetch(&mut self, entries: &mut dyn Iterator<Item = EntryKey<'_>>) -> Result<(), BoxError>;

    /// Shows the value of an entry; whether there is one.
    ///
    /// # Errors
    /// If it can't be read.
    fn read(&mut self, entry: &EntryKey<'_>, look: &mut dyn FnMut(&[u8]))
    -> Result<bool, BoxError>;

    /// Writes an entry.
    ///
    /// # Errors
    /// If what has come together can't be written.
    fn put(&mut self, entry: &EntryKey<'_>, value: &[u8]) -> Result<(), BoxError>;

    /// Removes an entry, if there is one.
    ///
    /// # Errors
    /// If what has come together can't be written.
    fn remove(&mut self, entry: &EntryKey<'_>) -> Result<(), BoxError>;

    /// Shows sub-key and value of all entries of a key and namespace, in order. The sub-key of `of` is
    /// not looked at.
    ///
    /// # Errors
    /// If they can't be read.
    fn scan(
        &mut self,
        of: &EntryKey<'_>,
        each: &mut dyn FnMut(&[u8], &[u8]),
    ) -> Result<(), BoxError>;

    /// Replaces the value of each entry of a state.
    ///
    /// # Errors
    /// If they can't be read or written, or `change` says so.
    fn rewrite(
        &mut self,
        state: u32,
        change: &mut dyn FnMut(&EntryKey<'_>, &[u8]) -> Result<Vec<u8>, BoxError>,
    ) -> Result<(), BoxError>;

    /// Shows figures of the backend's own: the state's name, the metric's, its value.
    fn metrics(&self, _each: &mut dyn FnMut(&str, &'static str, u64)) {}

    /// All entries as they are now.
    ///
    /// # Errors
    /// If what has come together can't be written.
    fn freeze(&mut self) -> Result<Box<dyn FrozenStore>, BoxError>;

    /// The same in the backend's own format.
    ///
    /// # Errors
    /// If what has come together can't be written.
    fn snapshot(&mut self) -> Result<Box<dyn NativeSnapshot>, BoxError>;
}

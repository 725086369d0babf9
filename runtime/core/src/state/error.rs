//! What can go wrong with state.

/// Why state could not be kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// Managed memory has ended.
    #[error(
        "managed memory has ended: {owner} holds {held_bytes} bytes and may have {quota_bytes} of \
         {total_bytes}; raise taskmanager.memory.managed.size or taskmanager.memory.managed.fraction"
    )]
    OutOfMemory {
        /// Whose state it is.
        owner: String,
        /// What it holds.
        held_bytes: u64,
        /// What it may hold.
        quota_bytes: u64,
        /// All of the managed memory.
        total_bytes: u64,
    },
    /// State could not go to disk, or come back.
    #[error(transparent)]
    Spill(#[from] brisk_memory::spill::SpillError),
    /// A key with its value is larger than a table can hold.
    #[error(
        "{owner}: a key and its value of {bytes} bytes are more than the {limit} bytes that an entry \
         may have with segments of this size; raise taskmanager.memory.segment-size, or keep less \
         per key"
    )]
    EntryTooLarge {
        /// Whose state it is.
        owner: String,
        /// Bytes of the entry.
        bytes: usize,
        /// Bytes it may have.
        limit: usize,
    },
    /// State in the native format of another backend.
    #[error(
        "the state of operator {operator} is in the format of the RocksDB backend: set \
         state.backend.type to rocksdb, or start from a savepoint in the canonical format"
    )]
    OtherBackend {
        /// Name and id.
        operator: String,
    },
    /// What another backend than the one in memory could not do.
    #[error("the state backend of operator {operator}: {cause}")]
    Backend {
        /// Name and id.
        operator: String,
        /// What is wrong.
        #[source]
        cause: crate::error::BoxError,
    },
    /// State that the operator does not have any more.
    #[error(
        "the checkpoint has state '{state}' of operator {operator}, which keeps no such state now: \
         give the new operator a uid of its own and leave the old state out with \
         --allowNonRestoredState (execution.state-recovery.ignore-unclaimed-state)"
    )]
    UnknownState {
        /// Name and id.
        operator: String,
        /// The state's name.
        state: String,
    },
    /// A state that the operator does not know.
    #[error(
        "state '{state}' of operator {operator} was not registered: register it when the function \
         is opened"
    )]
    NotRegistered {
        /// Name and id.
        operator: String,
        /// The state's name.
        state: String,
    },
    /// Two states of one name.
    #[error(
        "operator {operator} registers two states of the name '{state}': give one another name"
    )]
    RegisteredTwice {
        /// Name and id.
        operator: String,
        /// The name.
        state: String,
    },
    /// A value that is not of its type.
    #[error(
        "state '{state}' of operator {operator} is damaged: {cause}; restore from another checkpoint \
         or savepoint"
    )]
    Damaged {
        /// Name and id.
        operator: String,
        /// The state's name.
        state: String,
        /// What is wrong with it.
        #[source]
        cause: crate::record::InvalidRecord,
    },
    /// A list that is not whole.
    #[error(
        "state '{state}' of operator {operator} is damaged: a list has no element {number}; restore \
         from another checkpoint or savepoint"
    )]
    MissingElement {
        /// Name and id.
        operator: String,
        /// The state's name.
        state: String,
        /// The element.
        number: u64,
    },
    /// State is not of the type that the program has now.
    #[error(transparent)]
    Restore(#[from] crate::checkpoint::restore::RestoreError),
    /// A value could not be converted to the type that the program has now.
    #[error("state '{state}' of operator {operator} could not be migrated: {cause}")]
    Migration {
        /// Name and id.
        operator: String,
        /// The state's name.
        state: String,
        /// What is wrong with it.
        #[source]
        cause: crate::record::InvalidRecord,
    },
}

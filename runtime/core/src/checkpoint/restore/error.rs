//! Why a checkpoint doesn't fit a job.

use crate::graph::{MaxParallelism, Parallelism};

/// A checkpoint and a job that don't go together. Messages name operators by name, uid and id.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// State that nobody would get.
    #[error(
        "Cannot map checkpoint/savepoint state to the new program: it has no operator for the state \
         of {}. Give them their old uids, or leave their state out with --allowNonRestoredState \
         (execution.state-recovery.ignore-unclaimed-state)", .operators.join(", ")
    )]
    NonRestoredState {
        /// Name and uid of each.
        operators: Vec<String>,
    },
    /// Keys would fall into other groups.
    #[error(
        "operator {operator} has state in {stored} key groups, but the program has {now}: set its max \
         parallelism to {stored}"
    )]
    MaxParallelism {
        /// Name and uid.
        operator: String,
        /// Then.
        stored: MaxParallelism,
        /// Now.
        now: MaxParallelism,
    },
    /// More subtasks than key groups.
    #[error("operator {operator} has parallelism {parallelism}, above its max parallelism {max}")]
    Parallelism {
        /// Name and uid.
        operator: String,
        /// Of the program.
        parallelism: Parallelism,
        /// Of the state.
        max: MaxParallelism,
    },
    /// A part of the key groups is missing.
    #[error(
        "operator {operator}: the checkpoint says that key group {group} has state twice, in \
         subtasks {first} and {second}: it is damaged"
    )]
    OverlappingKeyGroups {
        /// Name and uid.
        operator: String,
        /// The first such group.
        group: u32,
        /// A subtask that has it.
        first: u32,
        /// Another.
        second: u32,
    },
    /// Buffers in flight of a channel that there is not.
    #[error(
        "operator {operator}: the checkpoint has records in flight at {side}, which the program does \
         not have: an unaligned checkpoint can be restored by a program with the same streams only; \
         take a savepoint before streams are changed"
    )]
    UnknownChannel {
        /// Name and uid.
        operator: String,
        /// Where.
        side: String,
    },
    /// A type has changed.
    #[error(
        "state '{state}' of operator {operator} was written as {stored}, but the program reads it as \
         {now}: change the type back, declare a migration, or give the state another name"
    )]
    Schema {
        /// Its name.
        state: String,
        /// Name and uid.
        operator: String,
        /// Kind and types, then.
        stored: String,
        /// Kind and types, now.
        now: String,
    },
}

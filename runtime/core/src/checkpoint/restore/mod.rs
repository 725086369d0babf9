//! Which state goes to which subtask when a job begins with a checkpoint or savepoint.
//!
//! ```text
//! keyed state      a new subtask gets its key groups, from each old handle that has some of them
//! split lists      same parallelism: as they were; else element k goes to subtask k mod parallelism
//! union lists      every subtask gets the elements of all
//! broadcast        every subtask gets one old copy whole
//! in flight        see [`in_flight`]
//! ```
//!
//! Invariants: each key group, each element of a split list and each buffer in flight is given to
//! exactly one subtask; nothing of the checkpoint is left out but what the caller allowed; the result
//! depends on nothing but the arguments.
//!
//! Thread: any; pure functions. Deliberately absent: reading the bytes (storage), and claim modes,
//! which are about who removes the checkpoint later (the coordinator).

mod assign;
mod error;
mod in_flight;
mod schema;

pub use assign::{
    ElementShare, KeyedShare, OperatorShare, Restored, RestoredOperator, SubtaskShare,
    TargetOperator, assign,
};
pub use error::RestoreError;
pub use in_flight::{Channels, InFlight, in_flight};
pub use schema::check_schema;

#[cfg(test)]
mod tests;

//! Merging small parts into larger ones before they appear.
//!
//! ```text
//!                        barrier                      a later barrier, when enough wait
//!   closed part --- large, or alone ---> transaction    +----------------------------------+
//!        |                                              | target  -> transaction's parts   |
//!        +---- small ---> waiting -------------------> | sources -> transaction's merged  |
//!                         (hidden, in each checkpoint)  +----------------------------------+
//!                                                        target written, synced: acknowledged
//!                                                        committed: target renamed, sources removed
//! ```
//!
//! Owns: which parts wait, which are merged with which, and the copying. Invariants: a part waits, or is a
//! source of one merge, or appears as it is, and a checkpoint says which; sources are removed after their
//! target has its final name on the disk, and until then a restart finds them. Copying holds its checkpoint
//! up and nothing else: records go on to the next transaction. One merge of a subtask is under way at a
//! time, with three blocks of memory. Deliberately absent: merging across subtasks, and formats whose
//! content cannot be put one behind the other.

mod strategy;

mod waiting;

mod merge;

mod compactor;

pub(super) use compactor::{Compactor, commit};
pub use strategy::CompactionStrategy;
pub use waiting::WaitingPart;

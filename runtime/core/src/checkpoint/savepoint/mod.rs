//! Savepoints: the canonical format of keyed state, and what can be done with a savepoint offline.
//!
//! A savepoint is a folder with a `_metadata` file, in the format of every checkpoint (see
//! [`super::metadata`]), and state files (see [`super::storage`]). It names no file outside of its
//! folder, so it can be moved and copied as a whole. What makes it canonical is its keyed state: the
//! same bytes whatever backend wrote it, in key groups, so that any backend reads it at any
//! parallelism.
//!
//! ```text
//! keyed state     groups with entries, in order; the handle in the metadata says where each begins
//!
//! group           u32 group | u32 0 | entries | end
//! entry           u32 state | u32 key length | u32 namespace length | u32 sub-key length
//!                 | u32 value length | key | namespace | sub-key | value
//! end             u32 0xffffffff | u64 number of entries
//!
//! state           place of its schema among those of the handle
//! key, namespace, value   as their types are archived
//! sub-key         value, reducing, aggregating   nothing
//!                 list      u64 number of the element, big endian
//!                 map       the key in the map, as its type is archived
//!                 timers    i64 time in ms with its sign bit flipped, big endian; no value
//! ```
//!
//! Numbers are little endian where nothing else is said. The entries of a group are sorted by state,
//! key, namespace and sub-key, each as bytes, and no two agree in all four.
//!
//! Operator state is elements with offsets in every format. A savepoint holds no records in flight.
//!
//! Invariants: what is written is sorted, checked while writing; what is read is sorted, checked while
//! reading; reading never panics and holds no more than one entry and one block.
//!
//! Thread: any; pure functions of bytes, and control plane functions on a [`super::storage::Disk`].
//! Deliberately absent: the native format of a backend (its own business), and changing a savepoint.

mod diff;
mod entry;
mod inspect;
mod verify;

pub use diff::{Difference, diff};
#[doc(hidden)]
pub use entry::exercise;
pub use entry::{CanonicalDecoder, CanonicalEncoder, CanonicalError, Decoded, Entry};
pub use inspect::{InspectedOperator, InspectedState, Inspection, inspect};
pub use verify::{SavepointError, Verified, dispose, verify};

#[cfg(test)]
mod tests;

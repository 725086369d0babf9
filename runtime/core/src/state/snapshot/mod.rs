//! Keyed state in checkpoints: written from what was frozen at a barrier, read back when a task starts.
//!
//! Checkpoints into files consist of the table's segments as they lie, see `segments`. What is below is
//! for the rest: small state, checkpoints in acknowledgements, entries that are in no table.
//!
//! Savepoints have the canonical format of every backend (`checkpoint::savepoint`), sorted within a
//! key group. Such checkpoints of the backend in memory ([`BackendKind::HashMap`]) have a shorter one, in
//! the order in which the table finds its entries:
//!
//! ```text
//! keyed state     groups with entries, in order; the handle in the metadata says where each begins
//!
//! group           u32 LE group | entries | end
//! entry           number of its state + 1 | key length | namespace length | sub-key length
//!                 | value length | key | namespace | sub-key | value
//! end             0 | number of entries
//!
//! state           place of its schema among those of the handle
//! key, namespace, sub-key, value   as in the canonical format
//! ```
//!
//! Numbers of entries and ends are variable-length: seven bits in a byte, the lowest first, the high
//! bit set in all bytes but the last. A state's number has at most 5 bytes, as have lengths, which are
//! below 4 GiB; a count has at most 10. No two entries of a group agree in state, key, namespace and
//! sub-key: whoever reads them looks, since they are not sorted.
//!
//! What another backend has goes into checkpoints as its files, beside them a state of
//!
//! ```text
//! u64 LE length of what the backend keeps to itself | that | timers, in the format above
//! ```
//!
//! ```text
//! barrier --> KeyTable::freeze_entries --> EntryStream --> bytes, some 100 KiB at a time
//! start   --> RestoredState::keyed --> read_share --> entries, checked --> KeyTable::insert_new
//! ```
//!
//! Thread: of the state's task. Invariants: reading never panics, and holds no more than one entry and
//! one block; what is written is what the table was at the barrier, whatever happens to it meanwhile.
//!
//! [`BackendKind::HashMap`]: crate::checkpoint::handle::BackendKind::HashMap

mod archive;
mod decoder;
mod encoder;
mod native;
mod read;
mod scan;
mod schema;
mod segments;
mod stream;
mod table;
#[cfg(test)]
pub(in crate::state) mod tests;

#[doc(hidden)]
pub use crate::state::table::exercise_segments;
pub(crate) use archive::ArchiveReader;
pub use decoder::GroupDecoder;
#[doc(hidden)]
pub use decoder::exercise;
pub use encoder::GroupEncoder;
pub(crate) use native::{NativeState, NativeStream};
pub(crate) use read::read_share;
pub(crate) use scan::{FailedStream, ScanStream};
#[doc(hidden)]
pub use schema::StateTypes;
pub(crate) use schema::keyed_schema;
#[doc(hidden)]
pub use segments::exercise as exercise_contents;
pub(crate) use segments::{
    History, SegmentStream, SegmentStreamParts, Survivors, SurvivorsPlace, read_segments,
    verify_segments,
};
pub(crate) use stream::{EntryForm, EntryStream, OwnedEntry, StreamOptions};
pub(crate) use table::{
    TableState, TableStream, check_group, damaged, is_shared, restore_table, snapshot_table,
};

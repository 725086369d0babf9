//! The table of keyed state: keys and values in managed segments, found by hash.
//!
//! ```text
//! hash -> directory -> bucket: a segment of slots      plain keys and values lie in the slots
//!                         |
//!                         v
//!                      log: data segments              others behind each other in a log
//! ```
//!
//! Which of the two is decided by the types, when they are compiled. A look-up of plain types touches
//! two cache lines, one of control bytes and one of slots, of others one more; where they are follows
//! from the hash, so [`KeyTable::prefetch`] asks for them ahead of a buffer's records.
//!
//! Reading order: control bytes, `bucket` (one segment), `index` (extendible hashing over buckets),
//! `log`, `slots`, [`KeyTable`]. What the bytes mean is known by the last two only.
//!
//! A table can be frozen: [`KeyTable::freeze`] shares its segments as they are, in a few nanoseconds
//! each, and whatever changes afterwards is copied first, by the segment. What was frozen can be gone
//! over key group by key group meanwhile ([`KeyTable::freeze_entries`]).
//!
//! Values that keep their length are changed in their places, and what has become of them can be logged
//! (`changes`), so that a checkpoint need not write a segment for each of them.
//!
//! Or it is frozen to be written segment by segment (`KeyTable::freeze_image`): that touches no
//! segment, and only those that are wanted are copied before they change, until they were taken.
//!
//! Where memory ends, cold segments go to disk and come back when somebody looks into them (`segments`):
//! of plain keys and values all, of others those of the log; what finds them there stays in memory. Every
//! operation that finds no memory has changed nothing, so the table makes room and does it again
//! (`key_table/room`).
//!
//! Thread: a table belongs to one task.

mod bucket;
mod changes;
mod control;
mod frozen;
mod image;
mod index;
mod key_table;
mod log;
mod scratch;
mod segment_entries;
mod segments;
mod slots;
#[cfg(test)]
pub(crate) mod tests;
mod version;

pub(in crate::state) use changes::{Chunk, WORTH, replay};
pub use frozen::{EntryRef, FrozenEntries, FrozenEntry, Run};
pub(in crate::state) use image::{Image, PartKind, TablePart};
pub use index::FrozenBucket;
pub(in crate::state) use key_table::Legacy;
pub use key_table::{Change, Frozen, KeyTable, Refused, Scan};
pub use log::FrozenData;
pub(in crate::state) use scratch::Scratch;
pub(in crate::state) use segment_entries::SegmentEntries;
#[doc(hidden)]
pub use segment_entries::exercise as exercise_segments;
pub use version::Version;

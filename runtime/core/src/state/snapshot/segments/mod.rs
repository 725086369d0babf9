//! Keyed state in checkpoints as it lies in memory, by segment.
//!
//! A checkpoint into files writes those segments of a table that changed since the one it is based on
//! into a file in `shared`, as they are (`checkpoint::storage::segments`), and says in a table of
//! contents where all of them are, the older ones in the files of earlier checkpoints:
//!
//! ```text
//! barrier --> History::begin: which segments are to be written --> KeyTable::freeze_image
//!         --> SegmentStream: segments, as the disk takes them --> table of contents, timers
//! start   --> Contents --> read_segments: entries, checked --> KeyTable::insert_new
//! ```
//!
//! ```text
//! keyed state   table of contents | entries that are in no table, in groups
//!
//! contents      "BSEG" | version, 1 byte: 1, or 2 with a log of changes | bytes of a segment | files
//!               | parts of the index | parts of the log | version 2: parts of the log of changes
//!               | part, by number, those of the index first, those of the log of changes last ...
//! part          number - that of the part before of its list - 1 | kind, 1 byte
//!               | bucket: first hash, u32 LE; entries, changes: bytes of them
//!               | version 2: age, in freezes before that of this checkpoint
//!               | file | offset - end of the part before in that file, + 1; or 0 and the offset
//!               | bytes of a segment - bytes stored | checksum, u32 LE
//! kind          0 to 32: a bucket, this is the logarithm of its hashes; 64 entries; 65 part of a long
//!               entry; 66 changes, one behind the other
//! change        u64 LE: number of the segment, 32 bits | where in it, in words of 8 bytes, 17 bits
//!               | words, 15 bits | the words
//! ```
//!
//! **Log of changes.** Where values are changed in their places all over the table, what is written is
//! not each segment but each change (`state::table`, changes). A part with a log is what was written when
//! it was frozen, its age says when, with the changes of all parts of the log of less age made to it, in
//! their order: to buckets, where values lie in them, else to entries. Changes to other segments are of no
//! meaning. The log of a checkpoint that came to nothing is kept and belongs to the next one.
//!
//! Numbers are variable-length as in the format of groups (see the module above). Files are those that
//! the handle shares, by place. Entries behind the contents are in the format of groups; offsets of
//! key groups point to them.
//!
//! **Space.** A file of which less than half is still in use is not used any more: what lives in it is
//! written anew. So a checkpoint's files are at most twice as large as its state, and one that changes
//! nothing writes only the contents, about ten bytes for each segment. When there are more than
//! [`FILES_MAX`] files, those with the least in them are written anew, too. The log is about as long as the
//! state, at most twice: each checkpoint that adds to it writes some parts anew, so that what is oldest of
//! it is not needed any more.
//!
//! **Aborted checkpoints.** What changed is told by the versions of segments, compared with the version
//! at which the base was frozen, so a checkpoint that came to nothing in between does not matter.
//!
//! Thread: of the state's task. Invariants: a part that is not written has not changed since the base
//! was frozen; reading never panics whatever the bytes.

mod ages;
mod contents;
mod history;
mod plan;
mod read;
mod replayed;
mod stream;
mod survivors;
#[cfg(test)]
mod tests;

pub(super) use contents::Contents;
pub(crate) use history::History;
pub(crate) use read::{read_segments, verify_segments};
pub(crate) use stream::{SegmentStream, SegmentStreamParts};
pub(crate) use survivors::{Survivors, SurvivorsPlace};

#[doc(hidden)]
pub use contents::exercise;

/// Files that a checkpoint of one table shares with others, at most; beyond, small ones are merged.
pub(super) const FILES_MAX: usize = 64;

//! The `_metadata` file: a completed checkpoint in bytes.
//!
//! All numbers are little endian. Checksums are CRC-32C.
//!
//! ```text
//! file header                        section header                 sections, in this order
//!  offset size                        offset size                     HEAD  once
//!       0    8  magic "BRISKCKP"           0    4  tag                OPER  once for each operator,
//!       8    2  version, 1                 4    4  0                        by id
//!      10    2  0                          8    8  length of body
//!      12    4  number of sections        16    4  checksum of body
//!      16    4  checksum of 0..16         20    4  checksum of 0..20
//!      20       sections                  24       body
//!
//! in bodies: text, bytes   u32 length, then so many bytes (text is UTF-8)
//!            list of x     u32 count, then so many x
//!            option of x   u8 0, or u8 1 and then x
//!
//! HEAD  id job | u64 number | u8 kind | u64 triggered, ms | u64 completed, ms
//!       kind: 0 checkpoint, 1 unaligned checkpoint, 2 to 4 savepoint in canonical format (the job
//!       went on, was suspended, was drained), 5 to 7 the same in native format
//! OPER  id operator | option of text uid | text name | u32 max parallelism | list of subtask
//!
//! subtask   u8 1 when finished, else 0 | list of keyed | list of operator | list of channel
//! keyed     u8 backend (0 canonical, 1 hashmap, 2 rocksdb) | u32 first group | u32 end group
//!           | list of schema | list of (u32 group, u64 offset) | state
//!           | list of (text name, state)
//! operator  schema | u8 mode (0 split, 1 union, 2 broadcast) | list of u64 offset | state
//! channel   u8 side (0 input, 1 output) | u32 gate or partition | u32 channel or subpartition
//!           | option of i64 watermark, ms | list of u64 offset | state
//! schema    text name | u8 kind (0 value, 1 list, 2 map, 3 reducing, 4 aggregating, 5 event timers,
//!           6 processing timers, 7 elements) | u64 fingerprint | text shape
//! state     u8 0 | bytes
//!           or u8 1 | u8 folder (0 checkpoint, 1 shared, 2 task-owned) | text file | u64 offset
//!              | u64 stored length | u64 length | u32 checksum of the state
//! ```
//!
//! Invariants: what is encoded decodes to the same; decoding never panics and allocates no more than
//! a small multiple of the bytes it is given; every byte is under a checksum, so a file that was
//! changed or cut anywhere is refused; ranges and offsets that can't be are refused here, so that
//! nobody behind has to look again.
//!
//! Thread: any; pure functions of bytes. Deliberately absent: reading and writing files (storage).
//! A later version keeps reading this one.

mod decode;
mod encode;
mod section;

use std::path::{Path, PathBuf};

pub use decode::decode;
pub use encode::encode;
pub(crate) use section::FileKind;

use super::wire::Fault;

/// The largest metadata that is read: state below the inline threshold of very many subtasks.
pub const METADATA_BYTES_MAX: u64 = 1 << 30;

/// Parts that messages between processes have, too.
pub(crate) mod parts {
    pub(crate) use super::{
        decode::{SUBTASK_BYTES_MIN, read_kind, read_subtask},
        encode::{kind_code, write_subtask},
    };
    use crate::graph::{MaxParallelism, constants::MAX_PARALLELISM_LIMIT};

    /// For a reader that doesn't know the operator: as many key groups as there may be.
    pub(crate) const GROUPS_MAX: MaxParallelism = MAX_PARALLELISM_LIMIT;
}

/// The name of the file.
pub const METADATA_FILE: &str = "_metadata";

/// Why bytes are not the metadata of a checkpoint.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "{} is damaged or no metadata of a checkpoint: at byte {offset}: {what}", path.display()
)]
pub struct MetadataError {
    /// The file.
    pub path: PathBuf,
    /// Where in it.
    pub offset: u64,
    /// What is wrong there.
    pub what: String,
}

impl MetadataError {
    pub(crate) fn of(path: &Path, fault: Fault) -> MetadataError {
        MetadataError { path: path.to_owned(), offset: fault.offset, what: fault.what }
    }
}

/// Puts arbitrary bytes through the decoder: the entry for fuzzing. Must return.
#[doc(hidden)]
pub fn exercise(bytes: &[u8]) {
    let path = Path::new("fuzz/_metadata");
    match decode(path, bytes) {
        Ok(checkpoint) => {
            let again = decode(path, &encode(&checkpoint)).expect("what was encoded decodes");
            assert_eq!(again, checkpoint);
        }
        Err(error) => assert!(error.offset <= bytes.len() as u64, "{error}"),
    }
    // Behind the checksums, which chance doesn't find.
    decode::exercise_bodies(bytes);
}

#[cfg(test)]
pub(crate) mod tests;

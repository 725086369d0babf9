//! Files of segments: state of the backend in memory, as it lies there.
//!
//! ```text
//! 0        4096                                          a file in `shared`
//! | header | segment | segment | segment | ...           direct, of whole blocks
//! | header | segment, compressed | segment | ... | 0 |   compressed: one behind the other, padded
//! ```
//!
//! The header is the magic `BRISKSEG`, the version 1 in two bytes, and zeros. What the segments are,
//! and where each is, says the table of contents in the keyed state that names the file
//! (`state::snapshot::segments`), with a checksum (CRC-32C) of each as it is stored. A segment that is
//! shorter than it was is compressed by zstd.
//!
//! Thread: a file is written by the worker that makes it, driven by completions; read when a task
//! starts, or by the check of a folder.

mod reader;
mod writer;

pub(crate) use reader::SegmentReader;
pub(crate) use writer::{SegmentFileOptions, SegmentFileWriter};

use crate::checkpoint::handle::StatePath;

/// Where the first segment is: direct writes are of whole blocks.
const HEADER_BYTES: usize = 4096;
const MAGIC: &[u8; 10] = b"BRISKSEG\x01\0";

/// Where a segment is, and what it is known by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Placed {
    /// The file.
    pub path: StatePath,
    /// Where in it.
    pub at: StoredSegment,
}

/// Where in its file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct StoredSegment {
    /// The first byte.
    pub offset: u64,
    /// How many there are.
    pub len: u32,
    /// Of those.
    pub checksum: u32,
}

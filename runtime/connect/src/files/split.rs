//! Splits: the byte ranges in which files are read.
//!
//! A split `[start, end)` owns the records whose first byte lies in it, so any set of ranges that
//! covers a file reads each record once, wherever the borders fall:
//!
//! ```text
//!            split 0            |             split 1             |  split 2
//!   first line \n second l|ine \n third \n fourth| line which is long | \n
//!   `- owned by 0 ---------------'                `- 2 owns nothing: no line starts in it
//!                                `- owned by 1 ------------------------'
//! ```
//!
//! Compressed files cannot be entered in the middle and are one split each; one that was read in part
//! is decompressed from its start again, and what was read is passed over.

use std::ops::Range;
use std::path::Path;

use super::list::FileSet;
use crate::constants::{MIN_SPLIT, SPLITS_PER_SUBTASK};
use crate::error::ConnectError;

/// A file of a [`FileSet`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileIndex(pub u32);

/// A byte range of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileSplit {
    /// The file.
    pub file: FileIndex,
    /// First byte.
    pub start: u64,
    /// One after the last byte.
    pub end: u64,
    /// Bytes of the content of a compressed file whose records were read before.
    pub content: u64,
}

impl FileSplit {
    /// A part that nothing was read of.
    pub fn new(file: FileIndex, part: Range<u64>) -> FileSplit {
        FileSplit { file, start: part.start, end: part.end, content: 0 }
    }

    /// Length in bytes.
    pub fn bytes(&self) -> u64 {
        self.end - self.start
    }
}

/// How the bytes of a file are to be understood.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, rkyv::Archive, rkyv::Serialize, rkyv::Deserialize,
)]
pub enum Compression {
    /// As they are.
    None,
    /// Gzip, any number of members one after another.
    Gzip,
    /// Zstandard, any number of frames one after another.
    Zstd,
}

impl Compression {
    /// The compression that the extension of `path` stands for, in any case of letters.
    ///
    /// # Errors
    /// For extensions of compressions that are known but not supported: their bytes would be read as
    /// if they were text.
    pub fn of_path(path: &Path) -> Result<Compression, ConnectError> {
        let Some(extension) = path.extension() else { return Ok(Compression::None) };
        let extension = extension.to_string_lossy().to_ascii_lowercase();
        match extension.as_str() {
            "gz" | "gzip" => Ok(Compression::Gzip),
            "zst" | "zstd" => Ok(Compression::Zstd),
            "bz2" | "xz" | "deflate" | "lz4" | "br" => {
                Err(ConnectError::UnknownCompression { path: path.to_path_buf(), extension })
            }
            _ => Ok(Compression::None),
        }
    }
}

/// Where files may be cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SplitRule {
    /// Anywhere: the reader finds the next record.
    Anywhere,
    /// At multiples of a record length.
    Every(u64),
    /// Nowhere: records can only be found from the start of the file.
    Whole,
}

impl SplitRule {
    fn align(self, at: u64) -> u64 {
        match self {
            SplitRule::Anywhere => at,
            SplitRule::Every(length) => at - at % length,
            SplitRule::Whole => 0,
        }
    }
}

/// Cuts the files of a set for `subtasks` readers, in reading order. Empty files give no split
/// unless they are compressed: an empty compressed file is an error for its reader to report.
///
/// # Panics
/// If there are no subtasks or the record length is zero.
pub fn cut(set: &FileSet, rule: SplitRule, subtasks: u32) -> Vec<FileSplit> {
    assert!(subtasks > 0);
    assert_ne!(rule, SplitRule::Every(0));
    let pieces_wanted = u64::from(subtasks) * if subtasks == 1 { 1 } else { SPLITS_PER_SUBTASK };
    let piece_bytes = set.total_bytes().div_ceil(pieces_wanted).max(MIN_SPLIT);
    let mut splits = Vec::with_capacity(set.files().len());
    for (at, file) in set.files().iter().enumerate() {
        let index = FileIndex(u32::try_from(at).expect("a set has at most MAX_FILES files"));
        if file.compression != Compression::None || rule == SplitRule::Whole {
            if file.size > 0 || file.compression != Compression::None {
                splits.push(FileSplit::new(index, 0..file.size));
            }
            continue;
        }
        cut_file(FileSplit::new(index, 0..file.size), rule, piece_bytes, &mut splits);
    }
    splits
}

/// Cuts one file into equal pieces of about `piece_bytes`.
fn cut_file(whole: FileSplit, rule: SplitRule, piece_bytes: u64, splits: &mut Vec<FileSplit>) {
    let pieces = whole.end.div_ceil(piece_bytes).min(whole.end / MIN_SPLIT).max(1);
    let mut start = 0;
    for piece in 1..=pieces {
        let end = if piece == pieces {
            whole.end
        } else {
            rule.align(
                u64::try_from(u128::from(whole.end) * u128::from(piece) / u128::from(pieces))
                    .expect("a part of a u64"),
            )
        };
        if end > start {
            splits.push(FileSplit::new(whole.file, start..end));
            start = end;
        }
    }
    assert_eq!(start, whole.end, "every byte is in a split");
}

#[cfg(test)]
pub(in crate::files) mod tests;

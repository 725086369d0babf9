//! What a checkpoint keeps of a file source: the parts of files that are still to be read.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use brisk_core::Record;
use brisk_core::record::{RecordEncoder, checked_copy};

use crate::constants::MAX_FILES;
use crate::error::ConnectError;
use crate::files::{Compression, FileIndex, FileSet, FileSplit, InputFile};
use crate::read::Work;

/// What is left of a file, or of a part of it: the records that begin in it and were not sent.
///
/// It stands by itself, so that a reader opened with it lists nothing, and any reader may have it.
#[derive(Debug, Clone, PartialEq, Eq, rkyv::Archive, rkyv::Serialize, rkyv::Deserialize)]
pub struct SourceSplit {
    /// The bytes of the file's path; none when only records that wait are left.
    pub path: Vec<u8>,
    /// Its size when it was listed; what is appended later is not read.
    pub size: u64,
    /// How its bytes are to be understood.
    pub compression: Compression,
    /// First byte as stored: behind the last record that was sent, when there is one and the file is
    /// not compressed.
    pub start: u64,
    /// One after the last byte as stored.
    pub end: u64,
    /// Bytes of the content of a compressed file up to behind the last record that was sent.
    pub content: u64,
    /// Records that were made of the file's before those, and had no room; they are sent first.
    pub waiting: Vec<Vec<u8>>,
}

impl SourceSplit {
    fn of(split: FileSplit, file: &InputFile) -> SourceSplit {
        SourceSplit {
            path: file.path.as_os_str().as_bytes().to_vec(),
            size: file.size,
            compression: file.compression,
            start: split.start,
            end: split.end,
            content: split.content,
            waiting: Vec::new(),
        }
    }

    /// Of no file, for records that wait.
    fn without_file() -> SourceSplit {
        SourceSplit {
            path: Vec::new(),
            size: 0,
            compression: Compression::None,
            start: 0,
            end: 0,
            content: 0,
            waiting: Vec::new(),
        }
    }

    fn path(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.path))
    }

    /// Whether a reader can have left this; it comes from a disk.
    fn check(&self) -> Result<(), ConnectError> {
        let is_ordered = self.start <= self.end && self.end <= self.size;
        let is_whole = self.compression == Compression::None || self.start == 0;
        if is_ordered && is_whole {
            return Ok(());
        }
        Err(ConnectError::DamagedSplit { path: self.path().to_path_buf() })
    }
}

/// The splits of `files` that are left, and the records that wait.
pub(super) fn remember<'a, T: Record>(
    files: &FileSet,
    rest: impl Iterator<Item = FileSplit>,
    waiting: impl ExactSizeIterator<Item = &'a T>,
) -> Vec<SourceSplit> {
    let mut splits: Vec<SourceSplit> =
        rest.map(|split| SourceSplit::of(split, files.file(split.file))).collect();
    if waiting.len() > 0 {
        let mut encoder = RecordEncoder::new();
        let encode = |record| {
            let bytes = encoder.encode_large(record, 64).expect("a record that an exchange takes");
            bytes.to_vec()
        };
        if splits.is_empty() {
            splits.push(SourceSplit::without_file());
        }
        splits[0].waiting = waiting.map(encode).collect();
    }
    splits
}

/// What a reader goes on with.
#[derive(Debug)]
pub(super) struct Resumed<T> {
    pub(super) work: Work,
    pub(super) waiting: Vec<T>,
}

/// The opposite of [`remember`], for the splits that one subtask is given.
pub(super) fn resume<T: Record>(splits: &[SourceSplit]) -> Result<Resumed<T>, ConnectError> {
    let mut files: Vec<InputFile> = Vec::new();
    let mut known: HashMap<(&[u8], u64, Compression), FileIndex> = HashMap::new();
    let (mut rest, mut waiting) = (Vec::with_capacity(splits.len()), Vec::new());
    for split in splits {
        split.check()?;
        for bytes in &split.waiting {
            let damaged = |_| ConnectError::DamagedSplit { path: split.path().to_path_buf() };
            waiting.push(checked_copy::<T>(bytes).map_err(damaged)?);
        }
        if split.path.is_empty() {
            continue;
        }
        if files.len() == MAX_FILES {
            return Err(ConnectError::TooManyFiles { limit: MAX_FILES });
        }
        let key = (split.path.as_slice(), split.size, split.compression);
        let file = *known.entry(key).or_insert_with(|| {
            let path: Arc<Path> = PathBuf::from(split.path()).into();
            files.push(InputFile { path, size: split.size, compression: split.compression });
            FileIndex(files.len() as u32 - 1)
        });
        let (start, end, content) = (split.start, split.end, split.content);
        rest.push(FileSplit { file, start, end, content });
    }
    let work = Work { files: Arc::new(FileSet::of(files)), splits: rest };
    Ok(Resumed { work, waiting })
}

#[cfg(test)]
mod tests;

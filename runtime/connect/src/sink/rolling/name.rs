//! What parts are called, and what a checkpoint has of one.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use crate::error::ConnectError;
use crate::sink::folder::number;

/// A part: enough to find it under both of its names, below whatever folder the sink writes to.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, rkyv::Archive, rkyv::Serialize, rkyv::Deserialize,
)]
pub struct PartFile {
    /// Its bucket.
    pub bucket: String,
    /// The subtask that wrote it.
    pub subtask: u32,
    /// Which one it is of that subtask and bucket.
    pub number: u32,
    /// The run that wrote it.
    pub run: String,
    /// Its length, once it is closed.
    pub bytes: u64,
}

impl PartFile {
    /// Where it is until it is committed.
    pub(super) fn hidden(&self, folder: &Path) -> Result<PathBuf, ConnectError> {
        let PartFile { subtask, number, run, .. } = self;
        let name = format!(".part-{subtask}-{number}.inprogress.{run}");
        Ok(bucket_folder(folder, &self.bucket)?.join(name))
    }

    /// Where it is from then on.
    pub(super) fn finished(&self, folder: &Path) -> Result<PathBuf, ConnectError> {
        let name = format!("part-{}-{}", self.subtask, self.number);
        Ok(bucket_folder(folder, &self.bucket)?.join(name))
    }
}

/// The folder of a bucket. A bucket comes from a user's function or a checkpoint's file, and must not
/// lead out of the sink's folder.
pub(super) fn bucket_folder(folder: &Path, bucket: &str) -> Result<PathBuf, ConnectError> {
    let is_inside = Path::new(bucket).components().all(|part| matches!(part, Component::Normal(_)));
    if !is_inside || bucket.contains('\0') {
        return Err(ConnectError::BadBucket { bucket: bucket.to_string() });
    }
    Ok(if bucket.is_empty() { folder.to_path_buf() } else { folder.join(bucket) })
}

/// What a name in a bucket's folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RollingName<'a> {
    /// `part-<subtask>-<number>`
    Finished { subtask: u32, number: u32 },
    /// `.part-<subtask>-<number>.inprogress.<run>`
    InProgress { subtask: u32, number: u32, run: &'a [u8] },
}

impl RollingName<'_> {
    pub(super) fn parse(name: &OsStr) -> Option<RollingName<'_>> {
        let name = name.as_bytes();
        if let Some(digits) = name.strip_prefix(b"part-") {
            let (subtask, number) = two_numbers(digits)?;
            return Some(RollingName::Finished { subtask, number });
        }
        let rest = name.strip_prefix(b".part-")?;
        let dot = rest.iter().position(|b| *b == b'.')?;
        let (subtask, number) = two_numbers(&rest[..dot])?;
        let run = rest[dot..].strip_prefix(b".inprogress.")?;
        (!run.is_empty()).then_some(RollingName::InProgress { subtask, number, run })
    }

    /// Subtask and number.
    pub(super) fn part(&self) -> (u32, u32) {
        match *self {
            RollingName::Finished { subtask, number }
            | RollingName::InProgress { subtask, number, .. } => (subtask, number),
        }
    }
}

/// `<number>-<number>`
fn two_numbers(bytes: &[u8]) -> Option<(u32, u32)> {
    let dash = bytes.iter().position(|b| *b == b'-')?;
    Some((number(&bytes[..dash])?, number(&bytes[dash + 1..])?))
}

/// Whether a file sink gives this name to what is not committed.
pub(in crate::sink) fn is_in_progress(name: &OsStr) -> bool {
    matches!(RollingName::parse(name), Some(RollingName::InProgress { .. }))
}

#[cfg(test)]
mod tests;

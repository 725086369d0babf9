//! The check of a job's folder: what is damaged, what is missing, what nobody needs.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use brisk_memory::driver::EntryKind;

use super::discovery::{Found, checkpoint_folders, load};
use super::disk::Disk;
use super::error::StorageError;
use super::filesystem::{FileSystemStorage, gone_or};
use super::reader::StateReader;
use crate::checkpoint::CheckpointId;
use crate::checkpoint::handle::{Place, StateHandle};
use crate::checkpoint::metadata::METADATA_FILE;
use crate::state::verify_segments;

/// What a check does.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct CheckMode {
    /// Whether it reads every byte of state.
    pub read_state: bool,
    /// Whether it removes what nobody needs.
    pub remove: bool,
    /// Checkpoints under way, of a job that runs: their files are left alone, and since they may name
    /// any shared file, so are those.
    pub under_way: BTreeSet<CheckpointId>,
}

/// What was found.
#[derive(Default, Debug)]
pub struct CheckReport {
    /// The checkpoints that are whole, oldest first.
    pub complete: Vec<CheckpointId>,
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// What nobody needs.
    pub orphans: Vec<Orphan>,
}

/// A checkpoint that can't be restored.
#[derive(Debug)]
pub struct Problem {
    /// Which.
    pub id: CheckpointId,
    /// Why.
    pub error: StorageError,
}

/// A file that no checkpoint names.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Orphan {
    /// The file.
    pub path: PathBuf,
    /// Its bytes.
    pub bytes: u64,
    /// Whether it was removed.
    pub removed: bool,
}

/// Checks a job's folder. Files that tasks own are left alone.
///
/// While a metadata file can't be read, nobody knows which shared files it names: they stay.
///
/// # Errors
/// When the disk fails. What is wrong with checkpoints is in the report.
pub fn check(
    disk: &mut Disk,
    job_dir: &Path,
    mode: &CheckMode,
) -> Result<CheckReport, StorageError> {
    let mut report = CheckReport::default();
    let mut shared = BTreeSet::new();
    let mut all_known = mode.under_way.is_empty();
    for (id, folder) in checkpoint_folders(disk, job_dir)? {
        if mode.under_way.contains(&id) {
            continue;
        }
        let mut named = BTreeSet::new();
        match load(disk, &folder) {
            // It was never completed: all that is in it is left over.
            Err(StorageError::NoCheckpoint { .. }) => {}
            Err(error) => {
                all_known = false;
                report.problems.push(Problem { id, error });
                continue;
            }
            Ok(found) => {
                named.insert(folder.join(METADATA_FILE));
                for slice in found.checkpoint.handles().filter_map(StateHandle::file) {
                    let path = FileSystemStorage::resolve(&folder, &slice.path);
                    let of = if slice.path.place() == Place::Checkpoint {
                        &mut named
                    } else {
                        &mut shared
                    };
                    of.insert(path);
                }
                match verify(disk, &found, mode.read_state) {
                    Ok(()) => report.complete.push(id),
                    Err(error) => report.problems.push(Problem { id, error }),
                }
            }
        }
        report.orphans.extend(orphans(disk, &folder, &named, mode)?);
        if named.is_empty() && mode.remove {
            gone_or(disk.files().remove_dir(&folder))?;
        }
    }
    if all_known {
        let left = orphans(disk, &job_dir.join("shared"), &shared, mode)?;
        report.orphans.extend(left);
    }
    report.orphans.sort();
    Ok(report)
}

/// Reads what a checkpoint names, if asked to.
pub(crate) fn verify(disk: &mut Disk, found: &Found, read: bool) -> Result<(), StorageError> {
    if !read {
        return Ok(());
    }
    for subtask in found.checkpoint.operators.iter().flat_map(|operator| &operator.subtasks) {
        for slice in subtask.in_blocks().filter_map(StateHandle::file) {
            let path = FileSystemStorage::resolve(&found.folder, &slice.path);
            let mut reader = StateReader::open(disk, &path, slice)?;
            while reader.next_block(disk)?.is_some() {}
        }
        for keyed in &subtask.keyed {
            verify_segments(disk, &found.folder, keyed)?;
        }
    }
    Ok(())
}

/// The files of a folder that are not among those named.
fn orphans(
    disk: &Disk,
    folder: &Path,
    named: &BTreeSet<PathBuf>,
    mode: &CheckMode,
) -> Result<Vec<Orphan>, StorageError> {
    let mut found = Vec::new();
    let entries = match disk.files().list(folder) {
        Err(error) if error.kind() == Some(io::ErrorKind::NotFound) => return Ok(found),
        entries => entries?,
    };
    for path in entries.into_iter().filter(|path| !named.contains(path)) {
        let metadata = disk.files().entry_metadata(&path)?;
        // A folder or a link isn't ours.
        if metadata.kind != EntryKind::File {
            continue;
        }
        if mode.remove {
            gone_or(disk.files().unlink(&path))?;
        }
        found.push(Orphan { path, bytes: metadata.len, removed: mode.remove });
    }
    Ok(found)
}

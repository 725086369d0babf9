//! Copies of the last complete checkpoint's files in a folder at hand.
//!
//! ```text
//!   <folder>/brisk-local-<process>-<n>/chk-N/<file>     as in the job's folder, byte for byte
//!                                      shared/<file>
//! ```
//!
//! What is in the job's folder is the truth: a copy is made of a file that is durable already, is read only
//! if it is whole, and a task that finds none, or a damaged one, reads the durable file. Copies are made
//! piece by piece between what else the control plane does, and neither hold up a checkpoint nor fail one.
//! They go when a newer checkpoint does without them, and with the job; what a dead process left is removed
//! by the next job with local copies.

use std::{
    collections::{BTreeSet, VecDeque},
    io::ErrorKind,
    path::{Path, PathBuf},
};

use brisk_memory::driver::{DriverError, EntryKind, File, Files, OpenOptions, PathLock};

use crate::{
    checkpoint::{
        CheckpointId, CompletedCheckpoint,
        handle::{Place, StateHandle},
        storage::{Disk, FileSystemStorage, StorageError},
    },
    job::settings::LocalSettings,
    task::OpenDisk,
};

/// What folders of jobs are called, before process and number.
const PREFIX: &str = "brisk-local-";

/// Folders of one process that are tried in one place.
const FOLDERS_MAX: u32 = 1000;

/// Bytes that are copied at a time: a few milliseconds.
const PIECE_BYTES: usize = 4 << 20;

/// The local copies of one job.
#[derive(Debug)]
pub(super) struct LocalCopies {
    settings: LocalSettings,
    folder: Option<LocalFolder>,
    /// Copies that are whole.
    whole: BTreeSet<PathBuf>,
    waiting: VecDeque<FileCopy>,
    under_way: Option<UnderWay>,
    latest: Option<CheckpointId>,
}

/// A folder of this job alone; gone with it.
#[derive(Debug)]
struct LocalFolder {
    files: Files,
    path: PathBuf,
    #[expect(dead_code, reason = "held as long as the folder is in use")]
    lock: Option<PathLock>,
}

/// A file, and where its copy is to be.
#[derive(Clone, PartialEq, Eq, Debug)]
struct FileCopy {
    from: PathBuf,
    to: PathBuf,
}

#[derive(Debug)]
struct UnderWay {
    copy: FileCopy,
    from: File,
    to: File,
    at: u64,
}

impl LocalCopies {
    pub(super) fn new(settings: LocalSettings) -> Self {
        Self {
            settings,
            folder: None,
            whole: BTreeSet::new(),
            waiting: VecDeque::new(),
            under_way: None,
            latest: None,
        }
    }

    /// The folder that stands for that of a checkpoint, if tasks are to look there.
    pub(super) fn folder_of(&self, id: CheckpointId) -> Option<PathBuf> {
        let folder = self.folder.as_ref()?;
        let is_there = self.settings.are_read && self.latest == Some(id);
        is_there.then(|| folder.path.join(format!("chk-{id}")))
    }

    /// A checkpoint is complete: its files are to be copied, others are not needed any more. The
    /// folder is made with the first.
    pub(super) fn completed(
        &mut self,
        checkpoint: &CompletedCheckpoint,
        location: &Path,
        open_disk: &OpenDisk,
    ) {
        if self.folder.is_none() {
            match open_disk().and_then(|disk| LocalFolder::open(disk.files(), &self.settings)) {
                Ok(folder) => self.folder = Some(folder),
                Err(error) => return tracing::warn!("no local copies of state: {error}"),
            }
        }
        let Some(folder) = &self.folder else { return };
        let local = folder.path.join(format!("chk-{}", checkpoint.id));
        let slices = checkpoint.handles().filter_map(StateHandle::file);
        let slices = slices.filter(|slice| slice.path.place() != Place::TaskOwned);
        let mut wanted: Vec<FileCopy> = slices
            .map(|slice| FileCopy {
                from: FileSystemStorage::resolve(location, &slice.path),
                to: FileSystemStorage::resolve(&local, &slice.path),
            })
            .collect();
        wanted.sort_by(|one, other| one.to.cmp(&other.to));
        wanted.dedup();
        self.under_way = None;
        let is_wanted = |path: &PathBuf| wanted.iter().any(|copy| copy.to == *path);
        let old: Vec<PathBuf> =
            self.whole.iter().filter(|path| !is_wanted(path)).cloned().collect();
        for path in old {
            remove(&folder.files, &path);
            self.whole.remove(&path);
        }
        wanted.retain(|copy| !self.whole.contains(&copy.to));
        self.waiting = wanted.into();
        self.latest = Some(checkpoint.id);
    }

    /// Whether something is to be copied.
    pub(super) fn has_work(&self) -> bool {
        self.under_way.is_some() || !self.waiting.is_empty()
    }

    /// Copies a piece. What can't be copied is not: the durable file is there.
    pub(super) fn work(&mut self, open_disk: &OpenDisk) {
        let copied =
            open_disk().map_err(StorageError::from).and_then(|mut disk| self.copy(&mut disk));
        if let Err(error) = copied {
            tracing::warn!("no local copy of state: {error}");
            self.under_way = None;
        }
    }

    fn copy(&mut self, disk: &mut Disk) -> Result<(), StorageError> {
        let mut under_way = match self.under_way.take() {
            Some(under_way) => under_way,
            None => match self.waiting.pop_front() {
                Some(copy) => begin(disk.files(), copy)?,
                None => return Ok(()),
            },
        };
        let bytes = disk.read_at(&under_way.from, under_way.at, PIECE_BYTES)?;
        disk.write_at(&under_way.to, under_way.at, &bytes)?;
        under_way.at += bytes.len() as u64;
        if bytes.len() == PIECE_BYTES {
            self.under_way = Some(under_way);
            return Ok(());
        }
        // It is read by whoever finds it whole, so it needs no sync.
        let to = under_way.copy.to;
        disk.files().rename(under_way.to.path(), &to)?;
        self.whole.insert(to);
        Ok(())
    }
}

fn begin(files: &Files, copy: FileCopy) -> Result<UnderWay, StorageError> {
    let folder = copy.to.parent().unwrap_or(Path::new("."));
    let name = copy.to.file_name().unwrap_or_default().to_string_lossy();
    let in_progress = folder.join(format!(".{name}.inprogress"));
    // Its folder may go with it.
    remove(files, &in_progress);
    files.create_dir_all(folder)?;
    let from = files.open(&copy.from, OpenOptions::READ)?;
    let to = files.open(&in_progress, OpenOptions::CREATE_NEW)?;
    Ok(UnderWay { copy, from, to, at: 0 })
}

/// Removes a file, if it is there, and its folder when it was the last in it.
fn remove(files: &Files, path: &Path) {
    match files.unlink(path) {
        Err(error) if error.kind() != Some(ErrorKind::NotFound) => {
            tracing::warn!("a local copy of state stays until its job ends: {error}");
        }
        _ => {}
    }
    if let Some(folder) = path.parent()
        && files.list(folder).is_ok_and(|left| left.is_empty())
    {
        // Made again when it is needed.
        let _ = files.remove_dir(folder);
    }
}

impl LocalFolder {
    /// Makes one in the first of the folders that allows it, after removing what dead processes left.
    fn open(files: &Files, settings: &LocalSettings) -> Result<Self, DriverError> {
        let mut failed = None;
        for folder in &settings.folders {
            sweep(files, folder);
            match LocalFolder::make(files, folder) {
                Ok(made) => return Ok(made),
                Err(error) => failed = Some(error),
            }
        }
        Err(failed.expect("a list of folders is never empty"))
    }

    fn make(files: &Files, folder: &Path) -> Result<Self, DriverError> {
        files.create_dir_all(folder)?;
        let process = std::process::id();
        for number in 0..FOLDERS_MAX {
            let path = folder.join(format!("{PREFIX}{process}-{number}"));
            match files.create_dir(&path) {
                Ok(()) => {}
                Err(error) if error.kind() == Some(ErrorKind::AlreadyExists) => continue,
                Err(error) => return Err(error),
            }
            let files = files.clone();
            match files.try_lock(&path) {
                Ok(Some(lock)) => return Ok(Self { files, path, lock: Some(lock) }),
                // Swept by another process between the two calls.
                Ok(None) => {}
                // A filesystem without locks: nobody sweeps there.
                Err(_) => return Ok(Self { files, path, lock: None }),
            }
        }
        let path = folder.join(PREFIX);
        files.create_dir(&path).map(|()| Self { files: files.clone(), path, lock: None })
    }
}

impl Drop for LocalFolder {
    fn drop(&mut self) {
        if let Err(error) = remove_all(&self.files, &self.path) {
            tracing::warn!("local copies of state stay until the next start: {error}");
        }
    }
}

/// Removes the folders of dead processes. What can't be removed is left to the next.
fn sweep(files: &Files, folder: &Path) {
    for path in files.list(folder).unwrap_or_default() {
        let name = path.file_name().and_then(|name| name.to_str());
        if name.is_some_and(|name| name.starts_with(PREFIX))
            && let Ok(Some(_lock)) = files.try_lock(&path)
            && let Err(error) = remove_all(files, &path)
        {
            tracing::warn!("what a dead process left in {} stays: {error}", path.display());
        }
    }
}

/// Removes a folder and all in it.
fn remove_all(files: &Files, folder: &Path) -> Result<(), DriverError> {
    for path in files.list(folder)? {
        match files.entry_metadata(&path)?.kind {
            EntryKind::Directory => remove_all(files, &path)?,
            _ => files.unlink(&path)?,
        }
    }
    files.remove_dir(folder)
}

#[cfg(test)]
mod tests;

//! Local folders: one of this process in each configured folder, one in that for each store.
//!
//! A process holds a lock on its folder, so whatever is not locked was left by one that has ended and
//! is swept by the next that starts.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use brisk_memory::driver::{DriverError, EntryKind, Files, PathLock};

use crate::RocksDbError;

/// What folders of processes are called, before process and number.
const PREFIX: &str = "brisk-rocksdb-";

/// Folders of one process that are tried before giving up.
const FOLDERS_MAX: u32 = 1000;

/// The folders of a job.
#[derive(Debug)]
pub(crate) struct Directories {
    files: Files,
    folders: Vec<Folder>,
    /// Stores that were given a folder.
    turn: Mutex<usize>,
}

#[derive(Debug)]
struct Folder {
    path: PathBuf,
    #[expect(dead_code, reason = "held as long as the folder is in use")]
    lock: Option<PathLock>,
}

impl Directories {
    /// Makes a folder in each of these, after removing what ended processes left there.
    pub(crate) fn open(directories: &[PathBuf]) -> Result<Arc<Self>, RocksDbError> {
        let files = Files::system();
        let mut folders = Vec::new();
        let mut cause = "none is configured".to_owned();
        for directory in directories {
            sweep(&files, directory);
            match own(&files, directory) {
                Ok(folder) => folders.push(folder),
                Err(error) => {
                    tracing::warn!("no state in {}: {error}", directory.display());
                    cause = error.to_string();
                }
            }
        }
        if folders.is_empty() {
            return Err(RocksDbError::NoFolder { cause });
        }
        Ok(Arc::new(Self { files, folders, turn: Mutex::default() }))
    }

    /// A folder for a store, in the next of the directories.
    pub(crate) fn store(self: &Arc<Self>) -> Result<StoreFolder, RocksDbError> {
        let mut turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = &self.folders[*turn % self.folders.len()];
        let path = folder.path.join(format!("store-{turn}"));
        self.files.create_dir(&path)?;
        *turn += 1;
        Ok(StoreFolder { path, directories: Arc::clone(self) })
    }
}

impl Drop for Directories {
    fn drop(&mut self) {
        for folder in &self.folders {
            if let Err(error) = remove_all(&self.files, &folder.path) {
                tracing::warn!("a folder of RocksDB stays until the next start: {error}");
            }
        }
    }
}

/// The folder of a store; gone with it.
#[derive(Debug)]
pub(crate) struct StoreFolder {
    path: PathBuf,
    directories: Arc<Directories>,
}

impl StoreFolder {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn files(&self) -> &Files {
        &self.directories.files
    }
}

impl Drop for StoreFolder {
    fn drop(&mut self) {
        if let Err(error) = remove_all(&self.directories.files, &self.path) {
            tracing::warn!("state stays until its process ends: {error}");
        }
    }
}

fn own(files: &Files, directory: &Path) -> Result<Folder, DriverError> {
    files.create_dir_all(directory)?;
    let process = std::process::id();
    for number in 0..FOLDERS_MAX {
        let path = directory.join(format!("{PREFIX}{process}-{number}"));
        match files.create_dir(&path) {
            Ok(()) => {}
            // Another job of this process, or a process of the same number in another container.
            Err(error) if error.kind() == Some(ErrorKind::AlreadyExists) => continue,
            Err(error) => return Err(error),
        }
        match files.try_lock(&path) {
            Ok(Some(lock)) => return Ok(Folder { path, lock: Some(lock) }),
            // Swept by another process between the two calls.
            Ok(None) => {}
            Err(error) if error.kind() == Some(ErrorKind::NotFound) => {}
            // A filesystem without locks: nobody sweeps there.
            Err(_) => return Ok(Folder { path, lock: None }),
        }
    }
    let path = directory.join(PREFIX);
    files.create_dir(&path).map(|()| Folder { path, lock: None })
}

/// Removes the folders of ended processes. What can't be removed is left to the next.
fn sweep(files: &Files, directory: &Path) {
    let Ok(entries) = files.list(directory) else { return };
    for path in entries {
        let name = path.file_name().and_then(|name| name.to_str());
        if !name.is_some_and(|name| name.starts_with(PREFIX)) {
            continue;
        }
        if let Ok(Some(lock)) = files.try_lock(&path) {
            if let Err(error) = remove_all(files, &path) {
                tracing::warn!("what an ended process left in {} stays: {error}", path.display());
            }
            drop(lock);
        }
    }
}

/// Removes a folder and all in it.
pub(crate) fn remove_all(files: &Files, folder: &Path) -> Result<(), DriverError> {
    for path in files.list(folder)? {
        match files.entry_metadata(&path)?.kind {
            EntryKind::Directory => remove_all(files, &path)?,
            _ => files.unlink(&path)?,
        }
    }
    files.remove_dir(folder)
}

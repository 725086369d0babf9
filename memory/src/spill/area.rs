//! The area: the directories that spill files go to, and what may lie in them.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use super::error::SpillError;
use super::file::SpillFile;
use super::writer::{SpillWriter, WriterLimits};
use crate::config::options::core;
use crate::config::{ConfigError, Configuration, MemorySize, PathList};
use crate::driver::{DriverError, EntryKind, Files, OpenOptions, PathLock};

/// What the folders of areas are called, before process and number.
const FOLDER_PREFIX: &str = "brisk-spill-";

/// What spill files are called, after their number.
const FILE_SUFFIX: &str = ".spill";

/// Folders of one process in one directory that are tried before giving up.
const FOLDERS_MAX: u32 = 1000;

/// How to open an area.
#[derive(Clone, Debug)]
pub struct SpillOptions {
    /// `io.tmp.dirs`: used in turn, one for each file. Made where they don't exist.
    pub directories: Vec<PathBuf>,
    /// Bytes that this area may hold in each directory; none for no limit.
    pub quota: Option<u64>,
    /// Writes that a writer keeps in flight, at least 1.
    pub writes_in_flight: usize,
    /// Bytes that a writer gathers for one write; it holds that much memory besides what is in
    /// flight.
    pub write_bytes: usize,
}

impl SpillOptions {
    /// Without a quota, with two writes of 256 KiB in flight: one is written while the next is
    /// filled.
    pub fn new(directories: Vec<PathBuf>) -> SpillOptions {
        SpillOptions { directories, quota: None, writes_in_flight: 2, write_bytes: 256 << 10 }
    }

    /// As [`SpillOptions::new`], with the directories and the quota that are configured.
    ///
    /// # Errors
    /// When one of the keys holds a text that it does not accept.
    pub fn from_configuration(config: &Configuration) -> Result<SpillOptions, ConfigError> {
        let PathList(directories) = config.get(&core::TMP_DIRS)?;
        let quota = config.get(&core::TMP_QUOTA)?.map(MemorySize::bytes);
        Ok(SpillOptions { quota, ..SpillOptions::new(directories) })
    }
}

/// Where a process spills. A clone is the same area.
#[derive(Clone, Debug)]
pub struct SpillArea {
    shared: Arc<AreaShared>,
}

#[derive(Debug)]
pub(super) struct AreaShared {
    files: Files,
    directories: Vec<Directory>,
    turn: Mutex<Turn>,
    limits: WriterLimits,
}

#[derive(Debug)]
struct Directory {
    /// As configured.
    path: PathBuf,
    /// Ours in it.
    folder: PathBuf,
    quota: Option<u64>,
    used: Mutex<u64>,
    /// None where the filesystem has no locks.
    #[expect(dead_code, reason = "held as long as the folder is in use")]
    lock: Option<PathLock>,
}

#[derive(Debug, Default)]
struct Turn {
    directory: usize,
    file: u64,
}

/// Which directory of an area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DirectoryIndex(usize);

impl SpillArea {
    /// Opens an area on those of the directories that can be used, after removing what ended
    /// processes left there.
    ///
    /// # Errors
    /// When none of the directories can be used.
    ///
    /// # Panics
    /// When no write may be in flight.
    pub fn open(files: &Files, options: SpillOptions) -> Result<SpillArea, SpillError> {
        assert!(options.writes_in_flight >= 1, "without a write in flight none would end");
        let mut directories = Vec::new();
        let mut last_error = SpillError::NoneConfigured;
        for path in options.directories {
            sweep(files, &path);
            match own_folder(files, &path) {
                Ok((folder, lock)) => directories.push(Directory {
                    path,
                    folder,
                    quota: options.quota,
                    used: Mutex::new(0),
                    lock,
                }),
                Err(source) => {
                    tracing::warn!("not spilling to {}: {source}", path.display());
                    last_error = SpillError::NoDirectory { directory: path, source };
                }
            }
        }
        if directories.is_empty() {
            return Err(last_error);
        }
        let shared = AreaShared {
            files: files.clone(),
            directories,
            turn: Mutex::default(),
            limits: WriterLimits {
                writes_in_flight: options.writes_in_flight,
                write_bytes: options.write_bytes,
            },
        };
        Ok(SpillArea { shared: Arc::new(shared) })
    }

    /// A new file in the next directory that has room. `owner` is named in errors: job and task.
    ///
    /// # Errors
    /// When every directory is at its quota, or the system gives no file.
    pub fn create(&self, owner: &str) -> Result<SpillWriter, SpillError> {
        Ok(SpillWriter::new(self.create_file(owner)?, self.shared.limits))
    }

    pub(super) fn create_file(&self, owner: &str) -> Result<SpillFile, SpillError> {
        let (directory, number) = self.shared.next_place(owner)?;
        let path = self.shared.at(directory).folder.join(format!("{number}{FILE_SUFFIX}"));
        let options = OpenOptions::CREATE_NEW.direct();
        let file = self
            .shared
            .files
            .open(&path, options)
            .map_err(|source| SpillError::Create { owner: owner.to_owned(), source })?;
        Ok(SpillFile::new(self.shared.clone(), directory, file, owner.to_owned()))
    }

    /// How many directories can be used.
    pub(super) fn directories(&self) -> usize {
        self.shared.directories.len()
    }

    /// Bytes that the files of this area take now, in all directories.
    pub fn used(&self) -> u64 {
        self.shared.directories.iter().map(|directory| *directory.used()).sum()
    }
}

impl AreaShared {
    fn at(&self, index: DirectoryIndex) -> &Directory {
        &self.directories[index.0]
    }

    pub(super) fn files(&self) -> &Files {
        &self.files
    }

    pub(super) fn directory_path(&self, index: DirectoryIndex) -> &Path {
        &self.at(index).path
    }

    /// The next directory with room for a block at all, and the number of a new file.
    fn next_place(&self, owner: &str) -> Result<(DirectoryIndex, u64), SpillError> {
        let mut turn = self.turn.lock().expect("nothing panics under this lock");
        let first = turn.directory;
        let count = self.directories.len();
        for step in 0..count {
            let index = (first + step) % count;
            if self.directories[index].has_room() {
                turn.directory = (index + 1) % count;
                turn.file += 1;
                return Ok((DirectoryIndex(index), turn.file));
            }
        }
        let wanted = super::BLOCK_ALIGNMENT as u64;
        Err(self.directories[first].over_quota(owner, wanted))
    }

    /// Counts bytes that a file is about to take.
    pub(super) fn reserve(
        &self,
        directory: DirectoryIndex,
        owner: &str,
        bytes: u64,
    ) -> Result<(), SpillError> {
        let directory = self.at(directory);
        let mut used = directory.used();
        let fits = directory.quota.is_none_or(|quota| *used + bytes <= quota);
        if !fits {
            drop(used);
            return Err(directory.over_quota(owner, bytes));
        }
        *used += bytes;
        Ok(())
    }

    pub(super) fn release(&self, directory: DirectoryIndex, bytes: u64) {
        let mut used = self.at(directory).used();
        *used = used.checked_sub(bytes).expect("a file releases what it reserved");
    }
}

impl Directory {
    fn used(&self) -> MutexGuard<'_, u64> {
        self.used.lock().expect("nothing panics under this lock")
    }

    fn has_room(&self) -> bool {
        self.quota.is_none_or(|quota| *self.used() + super::BLOCK_ALIGNMENT as u64 <= quota)
    }

    fn over_quota(&self, owner: &str, wanted: u64) -> SpillError {
        SpillError::Quota {
            owner: owner.to_owned(),
            directory: self.path.clone(),
            quota: self.quota.expect("only a directory with a quota is over it"),
            used: *self.used(),
            wanted,
        }
    }
}

/// The last file is gone with the last handle, so the folders are empty.
impl Drop for AreaShared {
    fn drop(&mut self) {
        for directory in &self.directories {
            if let Err(error) = self.files.remove_dir(&directory.folder) {
                tracing::warn!("a spill folder stays until the next start: {error}");
            }
        }
    }
}

/// Makes and locks a folder of our own in `directory`.
fn own_folder(files: &Files, directory: &Path) -> Result<(PathBuf, Option<PathLock>), DriverError> {
    files.create_dir_all(directory)?;
    let process = std::process::id();
    for number in 0..FOLDERS_MAX {
        let folder = directory.join(format!("{FOLDER_PREFIX}{process}-{number}"));
        match files.create_dir(&folder) {
            Ok(()) => {}
            // Another area of this process, or of one that has our number in another container.
            Err(error) if error.kind() == Some(ErrorKind::AlreadyExists) => continue,
            Err(error) => return Err(error),
        }
        match files.try_lock(&folder) {
            Ok(Some(lock)) => return Ok((folder, Some(lock))),
            // Swept by another process between the two calls.
            Ok(None) => {}
            Err(error) if error.kind() == Some(ErrorKind::NotFound) => {}
            Err(error) => {
                // Nobody else can lock it either, so nobody sweeps it.
                tracing::warn!("spilling without a lock, so nothing is swept later: {error}");
                return Ok((folder, None));
            }
        }
    }
    Err(DriverError::File {
        action: format!("make a folder {FOLDER_PREFIX}{process}-N in"),
        path: directory.to_owned(),
        source: ErrorKind::AlreadyExists.into(),
    })
}

/// Removes the folders in `directory` whose owners have ended. What can't be removed stays for the
/// next one, with a note.
fn sweep(files: &Files, directory: &Path) {
    let Ok(entries) = files.list(directory) else { return };
    for folder in entries {
        let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if !name.starts_with(FOLDER_PREFIX) || !is_own_folder(files, &folder) {
            continue;
        }
        match sweep_folder(files, &folder) {
            Ok(0) => {}
            Ok(removed) => tracing::info!(
                "removed {removed} spill files that an ended process left in {}",
                folder.display()
            ),
            Err(error) => tracing::warn!("a spill folder could not be swept: {error}"),
        }
    }
}

/// Whether this is a folder and no link: in a directory that all may write to, a link to somewhere
/// else may be anybody's trap.
fn is_own_folder(files: &Files, folder: &Path) -> bool {
    files.entry_metadata(folder).is_ok_and(|entry| entry.kind == EntryKind::Directory)
}

/// How many files were removed; none when the owner lives. What no area puts there is not touched.
fn sweep_folder(files: &Files, folder: &Path) -> Result<usize, DriverError> {
    let Some(_lock) = files.try_lock(folder)? else { return Ok(0) };
    let mut left = files.list(folder)?;
    left.retain(|path| path.to_string_lossy().ends_with(FILE_SUFFIX));
    for path in &left {
        files.unlink(path)?;
    }
    files.remove_dir(folder)?;
    Ok(left.len())
}

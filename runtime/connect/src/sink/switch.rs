//! Replacing the finished parts of a folder by others, as nearly at once as a filesystem allows.
//!
//! ```text
//!   old parts --> .parts-moving/      one after another            [died here: moved back]
//!   .parts-moving --> .parts-replaced all old ones are hidden
//!   new parts get their names         one after another            [died here: removed, old moved back]
//!   .parts-replaced --> .parts-obsolete  all new ones are there
//!   .parts-obsolete is removed                                     [died here: removed]
//! ```
//!
//! Each step is on the disk before the next one begins, so whoever finds one of the hidden folders, and
//! holds the lock, knows how far it came.

use std::path::{Path, PathBuf};

use brisk_memory::driver::{EntryKind, Files};

use super::folder::PartName;
use crate::error::{ConnectError, is_absent};

const MOVING: &str = ".parts-moving";
const REPLACED: &str = ".parts-replaced";
const OBSOLETE: &str = ".parts-obsolete";

/// Whether a name is that of a folder with parts that are not to be seen.
pub(super) fn is_hidden_folder(name: &std::ffi::OsStr) -> bool {
    [MOVING, REPLACED, OBSOLETE].iter().any(|hidden| name == *hidden)
}

/// The finished parts of a folder.
pub(super) fn finished_parts(files: &Files, folder: &Path) -> Result<Vec<PathBuf>, ConnectError> {
    let mut paths = files.list(folder)?;
    paths.retain(|path| {
        let name = path.file_name().expect("an entry has a name");
        matches!(PartName::parse(name), Some(PartName::Finished(_)))
    });
    Ok(paths)
}

/// Hides the finished parts; they come back by [`recover`], or go by [`complete`].
pub(super) fn begin(files: &Files, folder: &Path) -> Result<(), ConnectError> {
    let moving = folder.join(MOVING);
    files.create_dir(&moving)?;
    files.sync_dir(folder)?;
    move_all(files, &finished_parts(files, folder)?, &moving)?;
    files.sync_dir(&moving)?;
    files.sync_dir(folder)?;
    rename_folder(files, folder, (MOVING, REPLACED))
}

/// The parts that are finished now replace what was hidden.
pub(super) fn complete(files: &Files, folder: &Path) -> Result<(), ConnectError> {
    files.sync_dir(folder)?;
    let renamed = rename_folder(files, folder, (REPLACED, OBSOLETE));
    if renamed.is_err() && is_there(files, &folder.join(OBSOLETE))? {
        // Not known to be on the disk: a failure all the same, so that recovery goes back.
        files.rename(&folder.join(OBSOLETE), &folder.join(REPLACED))?;
    }
    renamed
}

/// Takes up a switch where it was left: by a run that died, or one that failed.
pub(super) fn recover(files: &Files, folder: &Path) -> Result<(), ConnectError> {
    if is_there(files, &folder.join(REPLACED))? {
        // What is finished are some of the new parts.
        for part in finished_parts(files, folder)? {
            files.unlink(&part)?;
        }
        files.sync_dir(folder)?;
        rename_folder(files, folder, (REPLACED, MOVING))?;
    }
    let moving = folder.join(MOVING);
    if is_there(files, &moving)? {
        move_all(files, &finished_parts(files, &moving)?, folder)?;
        files.sync_dir(folder)?;
        files.remove_dir(&moving)?;
    }
    sweep(files, folder)
}

/// Removes what was replaced.
pub(super) fn sweep(files: &Files, folder: &Path) -> Result<(), ConnectError> {
    let obsolete = folder.join(OBSOLETE);
    if is_there(files, &obsolete)? {
        for part in files.list(&obsolete)? {
            files.unlink(&part)?;
        }
        files.remove_dir(&obsolete)?;
    }
    Ok(())
}

fn is_there(files: &Files, folder: &Path) -> Result<bool, ConnectError> {
    match files.entry_metadata(folder) {
        Ok(found) => Ok(found.kind == EntryKind::Directory),
        Err(error) if is_absent(&error) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn move_all(files: &Files, parts: &[PathBuf], to: &Path) -> Result<(), ConnectError> {
    for part in parts {
        files.rename(part, &to.join(part.file_name().expect("a part has a name")))?;
    }
    Ok(())
}

fn rename_folder(
    files: &Files,
    folder: &Path,
    (from, to): (&str, &str),
) -> Result<(), ConnectError> {
    files.rename(&folder.join(from), &folder.join(to))?;
    Ok(files.sync_dir(folder)?)
}

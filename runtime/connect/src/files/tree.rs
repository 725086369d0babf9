//! The filesystem as a listing sees it: one that it may be called away from.

use std::path::{Path, PathBuf};

use brisk_memory::driver::{DriverError, FileMetadata, Files};

use crate::error::ConnectError;

/// A filesystem, and who says whether the listing is still wanted. An input may have a hundred
/// thousand files on a slow disk; a listing asks before each of them.
pub(super) struct Tree<'a> {
    disk: &'a Files,
    is_wanted: &'a dyn Fn() -> bool,
}

impl<'a> Tree<'a> {
    pub(super) fn new(disk: &'a Files, is_wanted: &'a dyn Fn() -> bool) -> Tree<'a> {
        Tree { disk, is_wanted }
    }

    /// Asks whether to go on; between any two calls below that are made in a loop.
    pub(super) fn go_on(&self) -> Result<(), ConnectError> {
        if (self.is_wanted)() { Ok(()) } else { Err(ConnectError::ListingCanceled) }
    }

    pub(super) fn metadata(&self, path: &Path) -> Result<FileMetadata, DriverError> {
        self.disk.metadata(path)
    }

    pub(super) fn entry_metadata(&self, path: &Path) -> Result<FileMetadata, DriverError> {
        self.disk.entry_metadata(path)
    }

    pub(super) fn list(&self, path: &Path) -> Result<Vec<PathBuf>, DriverError> {
        self.disk.list(path)
    }
}

impl std::fmt::Debug for Tree<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tree").field("disk", &self.disk).finish_non_exhaustive()
    }
}

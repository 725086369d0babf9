//! What a store stands on: its folder, its memory, its settings, and when its entries are over.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use brisk_core::{graph::KeyGroupRange, time::Timestamp};
use brisk_memory::driver::Files;

use crate::{
    RocksDbError,
    database::{Database, Opening},
    directory::StoreFolder,
    expiry::Expiry,
    memory::SlotMemory,
    settings::Settings,
};

/// See the module's page.
pub(crate) struct Ground {
    pub(crate) settings: Arc<Settings>,
    pub(crate) memory: Arc<SlotMemory>,
    /// The key groups of the subtask.
    pub(crate) range: KeyGroupRange,
    /// Whose it is.
    pub(crate) owner: String,
    expiry: Expiries,
    folder: StoreFolder,
}

/// By the names of states: their files are opened before they are registered.
#[derive(Default)]
struct Expiries(RefCell<BTreeMap<String, Expiry>>);

impl Ground {
    pub(crate) fn new(
        (settings, memory): (Arc<Settings>, Arc<SlotMemory>),
        range: KeyGroupRange,
        owner: String,
        folder: StoreFolder,
    ) -> Self {
        Self { settings, memory, range, owner, expiry: Expiries::default(), folder }
    }

    /// The folder of the database.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("db")
    }

    /// The folder of everything.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn files(&self) -> &Files {
        self.folder.files()
    }

    /// When the entries of a state are over.
    pub(crate) fn expiry(&self, state: &str) -> Expiry {
        self.expiry.0.borrow_mut().entry(state.to_owned()).or_default().clone()
    }

    pub(crate) fn advance_clock(&self, now: Timestamp) {
        self.expiry.0.borrow().values().for_each(|expiry| expiry.advance(now));
    }

    /// Opens the store's database, which is made if it is not there.
    pub(crate) fn open(&self) -> Result<Database, RocksDbError> {
        self.open_at(&self.path(), false)
    }

    /// Opens a database of this store.
    pub(crate) fn open_at(&self, path: &Path, read_only: bool) -> Result<Database, RocksDbError> {
        Database::open(path, self.opening(read_only))
    }

    pub(crate) fn opening(&self, read_only: bool) -> Opening<'_> {
        let Self { settings, memory, owner, .. } = self;
        Opening { settings, memory, expiry: self, owner, read_only }
    }
}

impl crate::database::Expires for Ground {
    fn expiry(&self, state: &str) -> Expiry {
        Ground::expiry(self, state)
    }
}

impl std::fmt::Debug for Ground {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ground").field("owner", &self.owner).finish_non_exhaustive()
    }
}

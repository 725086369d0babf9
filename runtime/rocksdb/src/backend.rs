//! The backend of a job, and how it is found by its name.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use brisk_core::{
    BoxError,
    state::backend::{
        BackendSettings, KeyedStore, LinkedBackend, STATE_BACKENDS, StateBackend, StoreOptions,
    },
};
use brisk_memory::Region;

use crate::{
    RocksDbError, Settings,
    directory::Directories,
    ground::Ground,
    memory::SlotMemory,
    snapshot::{Saver, SaverOptions},
    store::RocksDbStore,
};

/// Its name in the configuration.
const NAME: &str = "rocksdb";

#[linkme::distributed_slice(STATE_BACKENDS)]
static LINKED: LinkedBackend = LinkedBackend { name: NAME, make };

fn make(settings: BackendSettings<'_>) -> Result<Arc<dyn StateBackend>, BoxError> {
    let BackendSettings { config, slots } = settings;
    Ok(Arc::new(RocksDbBackend::new(Settings::read(config)?, slots.0)?))
}

/// Keeps the keyed state of a job's operators in RocksDB.
#[derive(Debug)]
pub struct RocksDbBackend {
    settings: Arc<Settings>,
    slots: u32,
    directories: Arc<Directories>,
    /// Of the slots that have stores, by number.
    memory: Mutex<BTreeMap<u32, Weak<SlotMemory>>>,
}

impl RocksDbBackend {
    /// For a job that takes so many slots.
    ///
    /// # Errors
    /// If there is no folder for its files.
    pub fn new(settings: Settings, slots: u32) -> Result<Self, RocksDbError> {
        let directories = Directories::open(&settings.directories)?;
        let (settings, memory) = (Arc::new(settings), Mutex::default());
        Ok(Self { settings, slots, directories, memory })
    }

    /// The memory of a slot, which all its stores share.
    pub fn slot(&self, slot: u32, managed: &Region) -> Result<Arc<SlotMemory>, RocksDbError> {
        let mut slots = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(memory) = slots.get(&slot).and_then(Weak::upgrade) {
            return Ok(memory);
        }
        let memory = Arc::new(SlotMemory::open(&self.settings, managed, self.slots)?);
        slots.insert(slot, Arc::downgrade(&memory));
        Ok(memory)
    }

    fn store(&self, options: StoreOptions<'_>) -> Result<RocksDbStore, RocksDbError> {
        let StoreOptions { operator, owner, subtask, range, managed, waker, .. } = options;
        let memory = self.slot(subtask.0, managed)?;
        let folder = self.directories.store()?;
        let saver = Saver::start(SaverOptions {
            settings: Arc::clone(&self.settings),
            memory: Arc::clone(&memory),
            owner: owner.clone(),
            folder: folder.path().to_owned(),
            files: folder.files().clone(),
            prefix: format!("{operator}-{subtask}"),
            waker,
        })?;
        let ground = Ground::new((Arc::clone(&self.settings), memory), range, owner, folder);
        Ok(RocksDbStore::new(ground, saver))
    }
}

impl StateBackend for RocksDbBackend {
    fn open(&self, options: StoreOptions<'_>) -> Result<Box<dyn KeyedStore>, BoxError> {
        Ok(Box::new(self.store(options)?))
    }
}

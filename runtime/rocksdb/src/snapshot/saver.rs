//! The thread that brings a store's files to where checkpoints keep them.
//!
//! ```text
//!  store    cut ----> link ----------------> (records go on in Pending until this is done)
//!  worker       begin(target) ----> save --> parts, which the worker takes
//!           drop ----> release: the links go, and copies that nobody took
//! ```
//!
//! Everything that waits for a disk is here. Orders are carried out one after another, so a cut is
//! linked before it is saved.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc},
    task::Waker,
    thread::{self, JoinHandle},
};

use brisk_core::{
    BoxError,
    checkpoint::{
        CheckpointId,
        handle::{NamedState, StateHandle},
        storage::{Disk, FileTarget},
    },
    state::backend::{NativeParts, NativeSnapshot},
};
use brisk_memory::driver::Files;

use super::files::{OwnPart, list, name_of};
use crate::{
    RocksDbError,
    database::{Database, Never, Opening},
    directory::remove_all,
    memory::SlotMemory,
    settings::Settings,
};

/// Checkpoints whose files are remembered, should none of them become a base.
const REMEMBERED: usize = 16;

/// The store as it was at one barrier. Shared by the store, the worker's snapshot and the thread.
pub(crate) struct Cut {
    owner: String,
    /// Where the links are.
    folder: PathBuf,
    progress: Mutex<Progress>,
    changed: Condvar,
}

#[derive(Default)]
struct Progress {
    is_linked: bool,
    is_abandoned: bool,
    /// What failed; it is said once, and then that it was said.
    failed: Option<Option<RocksDbError>>,
    database: Option<Database>,
    saved: Option<Saved>,
}

/// Files that were brought to where they are kept.
struct Saved {
    parts: NativeParts,
    /// Those of them that were made for this checkpoint.
    new: Vec<StateHandle>,
    target: FileTarget,
}

impl Cut {
    fn new(owner: String, folder: PathBuf) -> Arc<Self> {
        let (progress, changed) = (Mutex::default(), Condvar::new());
        Arc::new(Self { owner, folder, progress, changed })
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn owner(&self) -> &str {
        &self.owner
    }

    /// Whether the database may be written to.
    pub(crate) fn is_linked(&self) -> bool {
        let progress = self.lock();
        progress.is_linked || progress.failed.is_some()
    }

    /// Waits until it may.
    pub(crate) fn wait_for_links(&self) {
        let waits = |progress: &mut Progress| !progress.is_linked && progress.failed.is_none();
        drop(self.changed.wait_while(self.lock(), waits).unwrap_or_else(PoisonError::into_inner));
    }

    /// Whether the linked files can be read, or never will.
    pub(crate) fn is_opened(&self) -> bool {
        let progress = self.lock();
        progress.database.is_some() || progress.failed.is_some()
    }

    pub(crate) fn take_database(&self) -> Result<Database, RocksDbError> {
        let mut progress = self.lock();
        let failed = progress.failed.as_mut().map(|failed| failed.take());
        match (progress.database.take(), failed) {
            (Some(database), _) => Ok(database),
            (None, Some(Some(error))) => Err(error),
            (None, _) => Err(RocksDbError::SaverGone { owner: self.owner.clone() }),
        }
    }

    /// Nobody wants it any more.
    pub(crate) fn abandon(&self) {
        self.lock().is_abandoned = true;
    }

    fn change(&self, change: impl FnOnce(&mut Progress)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }
}

/// What a cut is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Purpose {
    /// Its files are copied.
    Files,
    /// Its entries are read.
    Entries,
}

enum Order {
    Link(Arc<Cut>, Arc<Database>, Purpose),
    Save(Arc<Cut>, FileTarget),
    Release(Arc<Cut>),
    /// What was ordered before is still done.
    Stop,
}

/// What the thread needs to know of its store.
pub(crate) struct SaverOptions {
    pub(crate) settings: Arc<Settings>,
    pub(crate) memory: Arc<SlotMemory>,
    pub(crate) owner: String,
    /// The folder of the store.
    pub(crate) folder: PathBuf,
    pub(crate) files: Files,
    /// Begins the names of copies: operator and subtask.
    pub(crate) prefix: String,
    pub(crate) waker: Waker,
}

/// The store's side of the thread.
pub(crate) struct Saver {
    orders: mpsc::Sender<Order>,
    thread: Option<JoinHandle<()>>,
    owner: String,
    folder: PathBuf,
    cuts: u64,
}

impl Saver {
    pub(crate) fn start(options: SaverOptions) -> Result<Self, RocksDbError> {
        let (orders, receiver) = mpsc::channel();
        let (owner, folder) = (options.owner.clone(), options.folder.clone());
        let thread = thread::Builder::new()
            .name("brisk-rocksdb".to_owned())
            .spawn(move || {
                let mut work = Work { options, disk: None, remembered: BTreeMap::new() };
                let mut orders = receiver.into_iter();
                while orders.next().is_some_and(|order| work.carry_out(order)) {}
            })
            .map_err(|error| RocksDbError::Saving(format!("no thread for {owner}: {error}")))?;
        Ok(Self { orders, thread: Some(thread), owner, folder, cuts: 0 })
    }

    /// Has the files of a database linked, which is not written to meanwhile.
    pub(crate) fn cut(&mut self, database: &Arc<Database>, purpose: Purpose) -> Released {
        let folder = self.folder.join(format!("cut-{}", self.cuts));
        self.cuts += 1;
        let cut = Cut::new(self.owner.clone(), folder);
        let orders = self.orders.clone();
        let order = Order::Link(Arc::clone(&cut), Arc::clone(database), purpose);
        if orders.send(order).is_err() {
            let owner = self.owner.clone();
            cut.change(|progress| progress.failed = Some(Some(RocksDbError::SaverGone { owner })));
        }
        Released { cut, orders }
    }
}

impl Drop for Saver {
    fn drop(&mut self) {
        // Snapshots that outlive their store have orders of their own to give, so it is told to stop.
        let _ = self.orders.send(Order::Stop);
        let thread = self.thread.take().expect("it is joined once");
        if thread.join().is_err() {
            tracing::error!("the thread that saves the RocksDB files of {} panicked", self.owner);
        }
    }
}

/// A cut that is released when this is dropped.
pub(crate) struct Released {
    pub(crate) cut: Arc<Cut>,
    orders: mpsc::Sender<Order>,
}

impl Drop for Released {
    fn drop(&mut self) {
        self.cut.abandon();
        // Without the thread the folder goes with the store's.
        let _ = self.orders.send(Order::Release(Arc::clone(&self.cut)));
    }
}

impl NativeSnapshot for Released {
    fn begin(&mut self, target: &FileTarget) {
        let order = Order::Save(Arc::clone(&self.cut), target.clone());
        if self.orders.send(order).is_err() {
            let owner = self.cut.owner.clone();
            let gone = RocksDbError::SaverGone { owner };
            self.cut.change(|progress| progress.failed = Some(Some(gone)));
        }
    }

    fn is_ready(&self) -> bool {
        let progress = self.cut.lock();
        progress.saved.is_some() || progress.failed.is_some()
    }

    fn take(&mut self) -> Result<NativeParts, BoxError> {
        let mut progress = self.cut.lock();
        if let Some(saved) = progress.saved.take() {
            return Ok(saved.parts);
        }
        let failed = progress.failed.as_mut().and_then(Option::take);
        let gone = || RocksDbError::SaverGone { owner: self.cut.owner.clone() };
        Err(failed.unwrap_or_else(gone).into())
    }
}

/// The thread's side.
struct Work {
    options: SaverOptions,
    disk: Option<Disk>,
    /// Where the files of each checkpoint are, by the names that the database has for them.
    remembered: BTreeMap<CheckpointId, BTreeMap<String, StateHandle>>,
}

impl Work {
    /// Carries an order out; whether it goes on.
    fn carry_out(&mut self, order: Order) -> bool {
        match order {
            Order::Link(cut, database, purpose) => {
                let linked = self.link(&cut, &database, purpose);
                // The store may want to have it alone.
                drop(database);
                cut.change(|progress| match linked {
                    Ok(opened) => (progress.is_linked, progress.database) = (true, opened),
                    Err(error) => progress.failed = Some(Some(error)),
                });
            }
            Order::Save(cut, target) => {
                let is_void = cut.lock().is_abandoned || cut.lock().failed.is_some();
                if is_void {
                    return true;
                }
                let saved = self.save(&cut, target);
                cut.change(|progress| match saved {
                    Ok(saved) => progress.saved = Some(saved),
                    Err(error) => progress.failed = Some(Some(error)),
                });
            }
            Order::Release(cut) => {
                self.release(&cut);
                return true;
            }
            Order::Stop => return false,
        }
        self.options.waker.wake_by_ref();
        true
    }

    fn link(
        &self,
        cut: &Cut,
        database: &Database,
        purpose: Purpose,
    ) -> Result<Option<Database>, RocksDbError> {
        if cut.lock().is_abandoned {
            return Ok(None);
        }
        database.link(&cut.folder)?;
        if purpose == Purpose::Files {
            return Ok(None);
        }
        let SaverOptions { settings, memory, owner, .. } = &self.options;
        let opening = Opening { settings, memory, expiry: &Never, owner, read_only: true };
        Database::open(&cut.folder, opening).map(Some)
    }

    fn save(&mut self, cut: &Cut, target: FileTarget) -> Result<Saved, RocksDbError> {
        let mut disk = match self.disk.take() {
            Some(disk) => disk,
            None => Disk::open()?,
        };
        let mut saved =
            Saved { parts: NativeParts::default(), new: Vec::new(), target: target.clone() };
        let result = self.copy(cut, &mut disk, &mut saved);
        if result.is_err() || cut.lock().is_abandoned {
            saved.new.iter().for_each(|handle| target.discard(&disk, handle));
        }
        self.disk = Some(disk);
        result?;
        let names = saved.parts.shared.iter();
        let known = names.map(|named| (named.name.clone(), named.state.clone())).collect();
        if let Some(base) = target.base {
            self.remembered.retain(|id, _| *id >= base);
        }
        self.remembered.insert(target.checkpoint, known);
        while self.remembered.len() > REMEMBERED {
            self.remembered.pop_first();
        }
        Ok(saved)
    }

    /// Copies the tables that the base does not have, and reads the other files.
    fn copy(&self, cut: &Cut, disk: &mut Disk, saved: &mut Saved) -> Result<(), RocksDbError> {
        let SaverOptions { files, prefix, .. } = &self.options;
        let (tables, others) = list(files, &cut.folder)?;
        let base = saved.target.base.and_then(|base| self.remembered.get(&base));
        for table in &tables {
            let name = name_of(table);
            if let Some(state) = base.and_then(|base| base.get(name)) {
                saved.parts.shared.push(NamedState { name: name.to_owned(), state: state.clone() });
                continue;
            }
            if cut.lock().is_abandoned {
                return Ok(());
            }
            let copy = format!("{prefix}-{}-{name}", saved.target.checkpoint);
            let state = saved.target.keep(disk, table, &copy)?;
            saved.parts.written += state.len();
            saved.new.push(state.clone());
            saved.parts.shared.push(NamedState { name: name.to_owned(), state });
        }
        let mut own = OwnPart::new(others.len());
        for file in &others {
            own.add(name_of(file), &disk.read_file(file, OwnPart::limit())?);
        }
        saved.parts.own = own.into_bytes();
        remove(files, &cut.folder);
        Ok(())
    }

    fn release(&mut self, cut: &Cut) {
        let mut progress = cut.lock();
        // Before its folder.
        progress.database = None;
        if let (Some(saved), Some(disk)) = (progress.saved.take(), &self.disk) {
            saved.new.iter().for_each(|handle| saved.target.discard(disk, handle));
            self.remembered.remove(&saved.target.checkpoint);
        }
        remove(&self.options.files, &cut.folder);
    }
}

/// Removes a folder of links, if it is there.
fn remove(files: &Files, folder: &Path) {
    if files.metadata(folder).is_ok()
        && let Err(error) = remove_all(files, folder)
    {
        tracing::warn!("links to files of state stay until their store goes: {error}");
    }
}

//! A database: its column families by the names of states, and how it is read and written.

use std::path::{Path, PathBuf};

use brisk_memory::driver::Files;
use rocksdb::{
    ColumnFamily, ColumnFamilyDescriptor, DBRawIteratorWithThreadMode, DBWithThreadMode,
    ReadOptions, SingleThreaded, WriteBatch, WriteOptions, checkpoint::Checkpoint,
};

use crate::{RocksDbError, expiry::Expiry, memory::SlotMemory, settings::Settings};

type Rocks = DBWithThreadMode<SingleThreaded>;
pub(crate) type RawIterator<'a> = DBRawIteratorWithThreadMode<'a, Rocks>;

/// The column family that every database has.
const DEFAULT: &str = "default";

/// How a database is opened.
#[derive(Clone, Copy)]
pub(crate) struct Opening<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) memory: &'a SlotMemory,
    /// When entries are over, by state.
    pub(crate) expiry: &'a dyn Expires,
    /// Whose it is.
    pub(crate) owner: &'a str,
    pub(crate) read_only: bool,
}

/// Knows when entries are over.
pub(crate) trait Expires {
    /// Of the state of this name.
    fn expiry(&self, state: &str) -> Expiry;
}

/// Entries that are only read are never over.
pub(crate) struct Never;

impl Expires for Never {
    fn expiry(&self, _state: &str) -> Expiry {
        Expiry::default()
    }
}

/// See the module's page.
pub(crate) struct Database {
    rocks: Rocks,
    path: PathBuf,
    owner: String,
    writing: WriteOptions,
}

impl Database {
    /// Opens what is in a folder, or makes it.
    pub(crate) fn open(path: &Path, opening: Opening<'_>) -> Result<Self, RocksDbError> {
        let Opening { settings, memory, expiry, owner, read_only } = opening;
        let options = settings.database(memory);
        let is_new = Files::system().metadata(&path.join("CURRENT")).is_err();
        let failed = |what| failure(what, owner, path);
        let names = match is_new {
            true => vec![DEFAULT.to_owned()],
            false => Rocks::list_cf(&options, path).map_err(failed("reading the states"))?,
        };
        let families = names.iter().map(|name| {
            ColumnFamilyDescriptor::new(name, settings.state(memory, &expiry.expiry(name)))
        });
        let rocks = match read_only {
            true => Rocks::open_cf_descriptors_read_only(&options, path, families, false),
            false => Rocks::open_cf_descriptors(&options, path, families),
        };
        Ok(Self {
            rocks: rocks.map_err(failed("opening the database"))?,
            path: path.to_owned(),
            owner: owner.to_owned(),
            writing: Settings::writing(),
        })
    }

    fn failed(&self, what: &'static str) -> impl Fn(rocksdb::Error) -> RocksDbError + use<> {
        failure(what, &self.owner, &self.path)
    }

    /// Whether there is a state of this name.
    pub(crate) fn has(&self, state: &str) -> bool {
        self.rocks.cf_handle(state).is_some()
    }

    /// The names of all states, the column family that is always there included.
    pub(crate) fn states(&self, opening: Opening<'_>) -> Result<Vec<String>, RocksDbError> {
        let options = opening.settings.database(opening.memory);
        Rocks::list_cf(&options, &self.path).map_err(self.failed("reading the states"))
    }

    /// Makes a state.
    pub(crate) fn create(&mut self, state: &str, opening: Opening<'_>) -> Result<(), RocksDbError> {
        let options = opening.settings.state(opening.memory, &opening.expiry.expiry(state));
        let failed = self.failed("making a state");
        self.rocks.create_cf(state, &options).map_err(failed)
    }

    fn family(&self, state: &str) -> &ColumnFamily {
        self.rocks.cf_handle(state).expect("states are made when they are registered")
    }

    /// Shows a value; whether there is one.
    pub(crate) fn read(
        &self,
        state: &str,
        key: &[u8],
        look: &mut dyn FnMut(&[u8]),
    ) -> Result<bool, RocksDbError> {
        let found = self.rocks.get_pinned_cf(self.family(state), key);
        match found.map_err(self.failed("reading"))? {
            Some(value) => {
                look(&value);
                Ok(true)
            }
            None => Ok(false),
        }
    }

    /// Shows the values of several keys, sorted.
    pub(crate) fn read_all<'k>(
        &self,
        state: &str,
        keys: &[&'k [u8]],
        each: &mut dyn FnMut(&'k [u8], Option<&[u8]>),
    ) -> Result<(), RocksDbError> {
        let family = self.family(state);
        let found = self.rocks.batched_multi_get_cf(family, keys.iter().copied(), true);
        for (key, value) in keys.iter().zip(found) {
            each(key, value.map_err(self.failed("reading"))?.as_deref());
        }
        Ok(())
    }

    /// Writes changes; the states' keys in order.
    pub(crate) fn write<'c>(
        &self,
        changes: impl Iterator<Item = (&'c str, &'c [u8], Option<&'c [u8]>)>,
    ) -> Result<(), RocksDbError> {
        let mut batch = WriteBatch::default();
        let mut last: Option<(&str, &ColumnFamily)> = None;
        for (state, key, value) in changes {
            let family = match last {
                Some((name, family)) if name == state => family,
                _ => self.family(state),
            };
            last = Some((state, family));
            match value {
                Some(value) => batch.put_cf(family, key, value),
                None => batch.delete_cf(family, key),
            }
        }
        self.rocks.write_opt(batch, &self.writing).map_err(self.failed("writing"))
    }

    /// An iterator over the keys of a state below `bound`, nowhere yet.
    pub(crate) fn iterator(&self, state: &str, bound: Option<Vec<u8>>) -> RawIterator<'_> {
        let mut options = ReadOptions::default();
        if let Some(bound) = bound {
            options.set_iterate_upper_bound(bound);
        }
        self.rocks.raw_iterator_cf_opt(self.family(state), options)
    }

    /// Why an iterator ended.
    pub(crate) fn check(&self, iterator: &RawIterator<'_>) -> Result<(), RocksDbError> {
        iterator.status().map_err(self.failed("reading"))
    }

    /// Links the files of all that was written into a new folder.
    pub(crate) fn link(&self, folder: &Path) -> Result<(), RocksDbError> {
        let links = Checkpoint::new(&self.rocks).map_err(self.failed("linking files"))?;
        links.create_checkpoint(folder).map_err(self.failed("linking files"))
    }

    /// A property of a state as a number; `None` if RocksDB does not know it.
    pub(crate) fn property(&self, state: &str, name: &str) -> Option<u64> {
        self.rocks.property_int_value_cf(self.family(state), name).ok().flatten()
    }
}

fn failure(
    what: &'static str,
    owner: &str,
    path: &Path,
) -> impl Fn(rocksdb::Error) -> RocksDbError + use<> {
    let (owner, path) = (owner.to_owned(), path.to_owned());
    move |cause| RocksDbError::Database { what, owner: owner.clone(), path: path.clone(), cause }
}

//! State backends other than the one in memory: what they have to do for a keyed operator.
//!
//! ```text
//! state.backend.type --> STATE_BACKENDS --> StateBackend, one for a job
//!                                               |  open, for each keyed operator of each subtask
//!                                               v
//! functions, aggregations --> KeyedStateBackend --> KeyedStore: bytes by key group and key
//!                                               |
//!                                 at a barrier  +--> FrozenStore: entries, for canonical savepoints
//!                                               +--> NativeSnapshot: its own files, for checkpoints
//! ```
//!
//! A crate that has a backend adds it to [`STATE_BACKENDS`]; whatever is linked into the program can be
//! chosen by its name. The backend in memory is none of these: it needs no call through a table.
//!
//! Invariants: a store shows what was written to it last; what was frozen stays as it was, whatever is
//! written meanwhile; entries come in the order of their key groups, states, keys, namespaces and
//! sub-keys, each compared byte by byte.
//!
//! Thread: a store is its task's. It may have threads of its own, which ring the worker's bell.

mod snapshot;
mod store;
#[cfg(test)]
pub(in crate::state) mod tests;

pub use snapshot::{FrozenStore, NativeParts, NativeSnapshot};
pub use store::{EntryKey, KeyedStore, NativeShare, ReadState, StoreOptions};

use brisk_memory::config::{
    Configuration,
    options::state::{self, StateBackendType},
};
use std::{fmt, sync::Arc};

use crate::{
    error::{BoxError, Error},
    graph::Parallelism,
};

/// Keeps the state of a job's keyed operators.
pub trait StateBackend: Send + Sync + fmt::Debug {
    /// A store without entries, for one operator of one subtask.
    ///
    /// # Errors
    /// If there is no memory or no place for it.
    fn open(&self, options: StoreOptions<'_>) -> Result<Box<dyn KeyedStore>, BoxError>;
}

/// What a backend is made of.
#[derive(Clone, Copy, Debug)]
pub struct BackendSettings<'a> {
    /// The job's configuration.
    pub config: &'a Configuration,
    /// The slots that the job takes.
    pub slots: Parallelism,
}

/// A backend that is linked into the program.
#[derive(Clone, Copy, Debug)]
pub struct LinkedBackend {
    /// Its name in the configuration.
    pub name: &'static str,
    /// Makes it for a job.
    pub make: fn(BackendSettings<'_>) -> Result<Arc<dyn StateBackend>, BoxError>,
}

/// All backends that are linked into the program.
#[linkme::distributed_slice]
pub static STATE_BACKENDS: [LinkedBackend];

/// The backend that a job's configuration asks for; `None` for the one in memory.
///
/// # Errors
/// If the program does not have it, or its settings are wrong.
pub(crate) fn configured(
    settings: BackendSettings<'_>,
) -> Result<Option<Arc<dyn StateBackend>>, Error> {
    let name = match settings.config.get(&state::BACKEND)? {
        StateBackendType::HashMap | StateBackendType::JobManager | StateBackendType::FileSystem => {
            return Ok(None);
        }
        StateBackendType::RocksDb => "rocksdb",
    };
    let Some(linked) = STATE_BACKENDS.iter().find(|linked| linked.name == name) else {
        return Err(Error::NoStateBackend { name: name.to_owned() });
    };
    match (linked.make)(settings) {
        Ok(backend) => Ok(Some(backend)),
        Err(cause) => Err(Error::StateBackend { name: name.to_owned(), cause }),
    }
}

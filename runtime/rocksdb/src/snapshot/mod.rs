//! A store on its way into checkpoints and back.
//!
//! At a barrier the files of the database are linked; then they are copied ([`saver`]) or their entries
//! are read ([`frozen`]). When a task starts, files are put into place ([`restoring`]). Which files
//! there are, and which of them checkpoints share, is in [`files`].
//!
//! Thread: linking and copying have one of their own, which each store starts and joins.

mod files;
mod frozen;
mod restoring;
mod saver;

pub(crate) use frozen::FrozenRocksDb;
pub(crate) use restoring::restore;
pub(crate) use saver::{Cut, Purpose, Released, Saver, SaverOptions};

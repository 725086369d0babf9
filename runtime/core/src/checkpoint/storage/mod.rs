//! Where checkpoints are kept.
//!
//! - `jobmanager`: state travels in the acknowledgements and stays in memory, see [`JobManagerStorage`];
//! - `filesystem`: state goes to files below a folder, see [`FileSystemStorage`]. The README beside
//!   this page says in which order files are written, synced and renamed, and why a crash at any
//!   moment leaves either the whole checkpoint or none.
//!
//! ```text
//! <dir>/<job id>/chk-N/_metadata         what the checkpoint consists of, written last
//!                chk-N/<worker>.state    one file for each worker that has enough state for one
//!                shared/<name>           state of several checkpoints, see [`segments`]
//!                taskowned/<name>        what tasks remove themselves
//! ```
//!
//! Invariants: a `_metadata` under its name is whole, and so is every file that it names; a file that
//! no checkpoint names can be removed and is found by [`check`]; no name out of a file leads out of
//! these folders.
//!
//! Thread: writing state is driven by completions and never blocks a worker ([`StateFileWriter`]);
//! everything else blocks on a driver of its own ([`Disk`]) and belongs to the control plane, or to
//! the moment at which a task starts.
//!
//! Deliberately absent: object stores (they come with their connector), and merging small files of
//! several checkpoints into one.

mod block;
mod check;
mod discovery;
mod disk;
mod error;
mod files;
mod filesystem;
mod job_manager;
mod reader;
pub(crate) mod segments;
mod writer;

#[doc(hidden)]
pub use block::exercise;
pub use block::{BLOCK_BYTES_MAX, Compression};
pub use check::{CheckMode, CheckReport, Orphan, Problem, check};
pub use discovery::{Found, latest_complete, load};
pub use disk::Disk;
pub use error::StorageError;
pub use files::{FilePlace, FileTarget};
pub(crate) use filesystem::local_path;
pub use filesystem::{FileSystemStorage, Written};
pub use job_manager::{JobManagerStorage, NOT_ADDRESSABLE, STATE_BYTES_MAX};
pub use reader::StateReader;
pub use segments::{Placed, StoredSegment};
pub use writer::{StateFileFinish, StateFileWriter, StateOutcome, WriterOptions};

#[cfg(test)]
pub(crate) mod tests;

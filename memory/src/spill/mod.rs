//! Spill files: segments that go to disk and come back, because memory is full or a stage waits.
//!
//! ```text
//!   SpillArea        io.tmp.dirs in turn: <dir>/brisk-spill-<pid>-<n>/<number>.spill
//!      | create
//!      v
//!   SpillWriter  --- write(block) --->  driver  --- completion --->  completed() gives it back
//!      | finish, when all are written
//!      v
//!   SpilledFile  --- reader --->  SpillReader: supply(buffers) asks ahead, completed() checks,
//!                                 next_block() hands blocks out
//! ```
//!
//! Blocks of one size that are written, read and given up one by one, as cold segments of state, are in
//! [`SpillSlots`] of the same area.
//!
//! Nothing here blocks or waits. A writer keeps a few writes in flight and answers `Full` when it
//! has enough; a reader keeps as many reads in flight as it was given buffers. Both make progress
//! by the completions that the worker's loop hands in.
//!
//! # Format
//!
//! A file is read by the process that wrote it, so lengths and checksums stay in memory, and
//! segments are written as they are, without a header, around the page cache.
//!
//! | where | what |
//! |---|---|
//! | start of a block | a multiple of [`BLOCK_ALIGNMENT`] |
//! | block | the bytes given, then zeros up to the alignment |
//! | in memory, for each block | offset (u64), length (u32), CRC-32C of the bytes given (u32) |
//!
//! # Invariants
//! - A place of [`SpillSlots`] is not written while anybody has the [`SpillSlot`] of what is there.
//! - A [`SpilledFile`] exists only when every write of it has succeeded in full. So what is half
//!   written is never read.
//! - Bytes read are checked before they are handed out; a damaged block is an error that names file
//!   and offset.
//! - A directory never holds more than its quota of this area's blocks.
//! - Files are removed with their last handle, the area's folder with its last file. What a process
//!   leaves that ends otherwise is removed by the next area opened on that directory: a folder is
//!   locked by its owner, and the system undoes the lock with the process, whatever its end.
//!
//! Thread: an area and a spilled file are shared; a writer or reader belongs to one worker.
//!
//! Deliberately absent: syncing (what is spilled need not outlive its process), and reading by
//! another process.

mod area;
mod block;
mod error;
mod file;
mod reader;
mod slots;
mod writer;

#[cfg(test)]
mod tests;

pub use area::{SpillArea, SpillOptions};
pub use block::{BLOCK_ALIGNMENT, BlockIndex, SpillBlock};
pub use error::SpillError;
pub use file::SpilledFile;
pub use reader::{SpillRead, SpillReader};
pub use slots::{SpillSlot, SpillSlots};
pub use writer::{SpillFinish, SpillWrite, SpillWriter};

//! From the paths a user gives to the byte ranges each subtask reads.
//!
//! Owns: listing files, folders and patterns; cutting files into splits; giving splits to subtasks.
//! Invariants: the same tree gives the same files in the same order, and the same splits for the
//! same parallelism; every byte of every file belongs to exactly one split. Control plane: runs once
//! for a job, may allocate, makes metadata calls only. Deliberately absent: reading file contents,
//! watching folders for new files, remote filesystems.

mod tree;

mod walk;

mod pattern;

mod list;

mod split;

mod assign;

pub use assign::assign;
pub use list::{FileSet, InputFile, ListOptions, list, list_while};
pub use split::{Compression, FileIndex, FileSplit, SplitRule, cut};
pub use walk::{HiddenNames, SkipReason, Skipped};

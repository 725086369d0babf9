//! Output files that are never half visible.
//!
//! ```text
//!   lines -> Blocks -> write, write, ... -> sync          (each subtask)
//!               into .part-3.inprogress.<id>                   |
//!                                                              v
//!                            Publication: the last subtask renames all, then syncs the folder
//! ```
//!
//! Owns: names of output files, their blocks, the moment at which they appear, and the removal of
//! what never will. Invariants: a file named `part-<subtask>` is complete and was synced before it
//! got that name; all parts of one run appear together after the last one is complete, or none; a
//! file in progress is removed by its owner, or, when that process is dead, by the next one that
//! writes to the folder. Filling blocks is data plane (no allocation for a line); the rest happens
//! once per file. Deliberately absent: rolling files, buckets, commits at checkpoints.

mod blocks;

mod in_progress;

mod publication;

mod folder;

mod writer;

mod text;

pub(crate) use folder::is_in_progress;
pub use publication::WriteMode;
pub use text::{Displayed, FormattedBy, LineFormat, TextSink, TextWriter};

//! Output files that are never half visible.
//!
//! ```text
//!   lines -> Blocks -> write, write, ... -> sync          (each subtask)
//!               into .part-3.inprogress.<id>                   |
//!                                                              v
//!                            Publication: the last subtask renames all, then syncs the folder
//! ```
//!
//! That is [`TextSink`], for jobs that end; [`FileSink`] is for those that take checkpoints (`rolling`).
//!
//! Owns: names of output files, their blocks, the moment at which they appear, and the removal of
//! what never will. Invariants: a file named `part-<subtask>` is complete and was synced before it
//! got that name; all parts of one run appear together after the last one is complete, or none; a
//! file in progress is removed by its owner, or, when that process is dead, by the next one that
//! writes to the folder. Filling blocks is data plane (no allocation for a line); the rest happens
//! once per file.

mod blocks;

mod in_progress;

mod publication;

mod folder;

mod switch;

mod output;

mod writer;

mod text;

mod rolling;

pub(crate) use folder::is_in_progress;
pub use publication::WriteMode;
pub use rolling::{
    BucketAssigner, BucketBy, BucketContext, CompactionStrategy, DateTimeBuckets, Delimited,
    Encoder, FileSink, Lines, OneBucket, PartFile, PartFiles, PartOutput, Raw, RollingCommitter,
    RollingPolicy, WaitingPart,
};
pub use text::{Displayed, FormattedBy, LineFormat, TextSink, TextWriter};

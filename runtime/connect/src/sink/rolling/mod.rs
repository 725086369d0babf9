//! Files that roll and appear when a checkpoint is complete.
//!
//! ```text
//!   <folder>/<bucket>/.part-<subtask>-<number>.inprogress.<run>   in progress, then pending
//!   <folder>/<bucket>/part-<subtask>-<number>                     finished: never changes again
//!
//!   record -> bucket -> open part --- size, age, idle, barrier ---> closing -> durable (pending)
//!                                                                                | checkpoint complete
//!                                                                                v renamed, folder synced
//!                                                                             finished
//! ```
//!
//! Pending parts that are small may wait in front of that, until enough of them are merged into one
//! (`compaction`).
//!
//! Owns: buckets, rolling, the names of parts, and what transactions do to them
//! ([`brisk_core::sink::TwoPhaseCommitSink`] says when). Invariants: a finished part is whole and its
//! records are in no other one; all parts are closed at each barrier, so a checkpoint has names only, and
//! a part of a failed attempt is never taken up again; a checkpoint is not acknowledged before its parts
//! and their names are on the disk. Records go through without an allocation as long as they go to open
//! parts. Deliberately absent: parts that outlive a checkpoint, merging across subtasks, writers of one
//! folder in several processes.

mod bucket;

mod encoder;

mod policy;

mod name;

mod parts;

mod run;

mod compaction;

mod committer;

mod sink;

pub use bucket::{BucketAssigner, BucketBy, BucketContext, DateTimeBuckets, OneBucket};
pub use committer::{PartFiles, RollingCommitter};
pub use compaction::{CompactionStrategy, WaitingPart};
pub use encoder::{Delimited, Encoder, Lines, PartOutput, Raw};
pub use name::PartFile;
pub(super) use name::is_in_progress;
pub use policy::RollingPolicy;
pub use sink::FileSink;

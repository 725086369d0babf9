//! Filesystems and connectors of Brisk.
//!
//! Owns: reading files into a dataflow and writing its results to files. Invariants: every record of
//! an input is read once whatever the parallelism, or the job fails; output is never half visible.
//! Thread: readers and writers run on the worker of their task and do all I/O through its driver;
//! listing files and renaming output call the system directly, where a task begins or ends.
//! Deliberately absent: sources and sinks that need no filesystem (those are in `brisk-core`), remote
//! filesystems, message queues.

pub mod constants;

pub mod error;

pub mod files;

pub mod format;

pub mod inflate;

pub mod read;

pub mod source;

pub mod sink;

mod adapter;

mod task_io;

pub use error::ConnectError;
pub use sink::{FileSink, TextSink, WriteMode};
pub use source::{BinarySource, TextSource};

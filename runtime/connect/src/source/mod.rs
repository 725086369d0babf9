//! Files as sources of a dataflow.
//!
//! Owns: the sources a program names, the plan of which subtask reads what, reading through the
//! driver of the worker, progress. Invariants: all subtasks work from one listing of the input, made
//! once; every record is read by exactly one of them; a record handler is given records where they lie
//! in the read buffer, so the path from file to handler allocates nothing per record. Listing is
//! control plane, reading data plane on the worker's thread. A checkpoint has what each reader has
//! left ([`SourceSplit`]), from which any number of readers go on. Deliberately absent: unbounded
//! folders.

mod input;

mod progress;

mod handler;

mod file_reader;

mod running;

mod split;

mod text;

mod binary;

pub use binary::{BinaryFormat, BinarySource};
pub use handler::{EachRecord, Handler, ManyRecords, Output, Owned, Records};
pub use input::FileInput;
pub use progress::{Progress, ProgressReport};
pub use running::FileSourceReader;
pub use split::SourceSplit;
pub use text::{INVALID_UTF8, TextOptions, TextSource};

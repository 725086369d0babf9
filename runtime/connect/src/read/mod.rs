//! Reading a list of splits: which bytes to ask for, and what to do with them when they arrive.
//!
//! ```text
//!            asks: Read { ticket, file, offset, length }
//!   SplitFeed ------------------------------------------> driver (or BlockingReader in tests)
//!       ^                                                       |
//!       | complete(ticket, bytes got)                           |
//!       +-------------------------------------------------------+
//!       | parse(chunk of the oldest ticket)
//!       v
//!   SplitReader: decompress -> find records -> hand them out
//! ```
//!
//! Owns: the order of reads and of parsing. Invariants: chunks are parsed in the order of the file
//! however reads complete; at most [`READS_IN_FLIGHT`](crate::constants::READS_IN_FLIGHT) reads are
//! under way or waiting, and one more when the last line of a split is longer than expected; a file
//! is read up to the size it had when it was listed, and an error if it has become shorter. Data
//! plane, on the worker's thread. Deliberately absent: I/O, buffers (their owner maps tickets to
//! them), any notion of a task.

mod plan;

mod split_reader;

mod feed;

mod blocking;

pub use blocking::{BlockingReader, ReadStats};
pub use feed::{FeedAsk, FeedNext, SplitFeed, TICKETS, Ticket, Work};
pub use plan::{ReadPlan, ReadRequest, ReadSizes};
pub use split_reader::SplitReader;

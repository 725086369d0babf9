//! From bytes to records: pure state machines that are fed chunks and hand out records in place.
//!
//! Owns: finding record borders in chunks of any size, the rule of which records a split owns, UTF-8.
//! Invariants: the records do not depend on how the bytes were cut into chunks or the file into
//! splits; a record within one chunk is handed out without a copy; memory is bounded by the longest
//! record allowed. Data plane, on the worker's thread: no allocation for a record (the carry buffer
//! of records that span chunks is kept), no I/O. Deliberately absent: parsing of fields,
//! a byte order mark (it is part of the first line), delimiters other than the newline.

mod framing;

mod scan;

mod lines;

mod utf8;

mod text;

mod fixed;

mod delimited;

pub use delimited::DelimitedRecords;
pub use fixed::FixedRecords;
pub use framing::{Fed, FedState, Framing};
pub use lines::{CarriageReturn, LineOptions, Lines};
pub use text::TextLines;
pub use utf8::{InvalidUtf8, Utf8Report};

#[cfg(test)]
pub(crate) mod tests;

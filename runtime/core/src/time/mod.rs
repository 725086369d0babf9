//! Event time: the times of records, and how far a stream has come.
//!
//! Pure data and decisions; the chains that carry them are in [`crate::chain`].

mod timestamp;
mod valve;

pub use timestamp::{StreamStatus, Timestamp, Watermark};
pub use valve::WatermarkValve;

#[cfg(test)]
mod tests;

//! Joins of two streams: over windows, and over intervals of event time.
//!
//! ```text
//!   a.join(b).where_(key).equal_to(key).window(..)       each pair of a key and window
//!   a.co_group(b).where_(key).equal_to(key).window(..)   all records of a key and window
//!   a.key_by(key).interval_join(b.key_by(key))           each pair whose timestamps are close
//! ```
//!
//! Owns how they are described; what they do is [`crate::chain::joins`].

mod interval;
#[cfg(test)]
mod tests;
mod windowed;

pub use interval::{IntervalJoined, IntervalJoinedStream};
pub use windowed::{
    CoGroupedStream, Groups, JoinedKeys, JoinedStream, JoinedStreams, JoinedWhere, JoinedWindows,
    Pairs,
};

//! Two keyed streams: connected, joined over windows, joined over intervals of event time.
//!
//! ```text
//!   a.key_by(key).connect(b.key_by(key))                 one function with state and timers
//!   a.join(b).where_(key).equal_to(key).window(..)       each pair of a key and window
//!   a.co_group(b).where_(key).equal_to(key).window(..)   all records of a key and window
//!   a.key_by(key).interval_join(b.key_by(key))           each pair whose timestamps are close
//! ```
//!
//! Owns how they are described; what they do is [`crate::chain::joins`].

mod connected;
mod interval;
#[cfg(test)]
mod tests;
mod windowed;

pub use connected::{BroadcastTimedStream, CoTimedStream, ConnectedKeyedStreams};
pub use interval::{IntervalJoined, IntervalJoinedStream};
pub use windowed::{
    CoGroupedStream, Groups, JoinedKeys, JoinedStream, JoinedStreams, JoinedWhere, JoinedWindows,
    Pairs,
};

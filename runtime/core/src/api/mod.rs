//! The dataflow API: what a program describes its job with.
//!
//! ```
//! use brisk_core::api::StreamExecutionEnvironment;
//!
//! # fn main() -> Result<(), brisk_core::Error> {
//! let env = StreamExecutionEnvironment::new()?;
//! let collected = env
//!     .from_sequence(1..=10)
//!     .map(|n| n * n)
//!     .filter(|n| n % 2 == 1)
//!     .collect();
//! env.execute("odd squares")?;
//! let mut squares = collected.take();
//! squares.sort_unstable();
//! assert_eq!(squares, [1, 9, 25, 49, 81]);
//! # Ok(())
//! # }
//! ```
//!
//! Owns the environment, streams and what they offer. A stream's second type
//! parameter is the chain that was described so far; after an exchange it begins
//! anew, so `DataStream<T>` alone names any stream that came through one.
//!
//! Thread: a program describes its job on one thread.

mod aggregates;
mod arguments;
mod environment;
mod joins;
mod keyed;
mod operators;
mod partitioning;
mod program;
mod sinks;
mod sources;
mod stream;
mod timestamps;
mod windowed;

pub use crate::record::pair::{FirstOfPair, PairView};
pub use aggregates::{Count, Extreme, Reduce, Sum};
pub use arguments::Arguments;
pub use environment::StreamExecutionEnvironment;
pub use joins::{
    BroadcastTimedStream, CoGroupedStream, CoTimedStream, ConnectedKeyedStreams, Groups,
    IntervalJoined, IntervalJoinedStream, JoinedKeys, JoinedStream, JoinedStreams, JoinedWhere,
    JoinedWindows, Pairs,
};
pub use keyed::{Aggregated, KeyedStream};
pub use partitioning::{BroadcastProcessed, CoMap, CoMapped, ConnectedStreams};
pub use sinks::Collected;
pub use stream::DataStream;
pub use windowed::{
    AggregateStream, AggregateWithStream, ApplyStream, ProcessStream, ReduceStream, TimedStream,
    WindowChain, WindowOf, WindowStream, WindowedStream,
};

#[cfg(test)]
mod tests;

//! Joins of two keyed streams, made of operators that are there.
//!
//! ```text
//!   join, co_group     both streams, tagged -> windows -> what is of the one, what is of the other
//!   interval_join      both streams, tagged -> maps by timestamp in keyed state, timers that clean them
//! ```
//!
//! Owns what is done with records that meet. State, timers, late records and order are those of
//! [`window`](super::window) and of [`KeyedCoProcessFunction`](super::KeyedCoProcessFunction).
//!
//! Thread: of the task. Deliberately absent: outer joins, which `co_group` can do.

mod grouped;
mod interval;

pub use grouped::{EachPair, Grouped};
pub use interval::{ForPairs, Interval, IntervalJoin, JoinContext, ProcessJoinFunction};

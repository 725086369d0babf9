//! [`SlicedWindows`]: tumbling and sliding windows with incremental aggregation.
//!
//! ```text
//!   record --> slice (kept from the last one) --> key's slices --> accumulator of the newest
//!
//!   key:  due next | older: slice -> accumulator, ... | newest: slice -> accumulator
//!
//!   watermark --> times due --> keys due --> window = merge of its slices --> fired
//! ```
//!
//! - A record updates exactly one accumulator, however many windows it is in.
//! - A key has one entry among what is due, for its earliest window or clean-up; after that, for
//!   the next. So a record registers nothing but the first of its key and slice.
//! - A window of up to [`DIRECT_SLICES_MAX`] slices is merged from them. Longer ones use two
//!   stacks: merges of all suffixes of a run of slices, made once, and one running merge of those
//!   behind it, so that a firing costs two merges on average (Tangwongsan, Hirzel, Schneider,
//!   "Low-Latency Sliding-Window Aggregation in Worst-Case Constant Time", DEBS 2017, section 2).
//!
//! What is fired, what is late and when windows are forgotten is as with Flink's `WindowOperator`
//! and `EventTimeTrigger`: a record that is late for a window which is still kept fires it again at
//! once, and one whose windows are all gone is handed back. Processing time is the same with the
//! clock for timestamps and watermark, and no lateness.
//!
//! Results are taken one by one with [`SlicedWindows::next_fired`]; the core takes no record and no
//! watermark before the last.

mod core;
mod key;
mod stacks;

pub use self::core::SlicedWindows;
pub use key::KeySlices;

/// Windows of more slices than this keep stacks.
const DIRECT_SLICES_MAX: i64 = 8;

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(super) mod twin;

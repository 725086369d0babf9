//! [`PanedWindows`]: tumbling and sliding windows of accumulators, in managed memory.
//!
//! ```text
//!   record --> slice (kept from the last one) --> its table --> accumulator of the key
//!
//!   slices    | 1 | 2 | 3 | 4 | 5 | 6 |          each a table of accumulators by key
//!   window 2      |-------------------|
//!
//!   watermark --> window due --> its slices, one range of hashes at a time:
//!
//!             slice 2     slice 3     slice 4            merged by key
//!   hashes  | bucket  | | bucket  | | bucket  |   --->   results, taken one by one
//!   0..1/4  |         | | bucket  | | bucket  |
//!           +---------+ +---------+ +---------+
//!   1/4..   | ...     | | ...     | | ...     |
//! ```
//!
//! - A record updates exactly one accumulator, however many windows it is in, in place.
//! - Nothing is noted for a key: which windows are due follows from the slices there are. A window
//!   fires by going over its slices' tables in the order of hashes. A bucket of a table is a range of
//!   hashes and so is a key group, so a part of each table is merged at a time, and results that wait
//!   are never more than those of one such part.
//! - A slice that no window needs any more gives all its segments back at once.
//! - How far windows have fired is said by two numbers: the time up to which all have, and how far in
//!   the order of hashes the window that is firing has come. A snapshot says so for each key group
//!   ([`Kept::reached`](super::Kept)), and a core that took key groups over from others goes by what
//!   each had reached until its own time has come as far: windows don't fire twice, and what was late
//!   is late.
//!
//! Slices of few keys lie on the heap ([`FEW_MAX`]): there may be thousands of them, with timestamps
//! far apart or lateness of hours, and a table has a segment at least.
//!
//! What is fired, what is late and when windows are forgotten is as with
//! [`SlicedWindows`](super::SlicedWindows), which has windows of more than [`SLICES_MAX`] slices: those
//! are worth merging stepwise.
//!
//! Results are taken one by one with [`PanedWindows::next_fired`]; the core takes no record and no
//! watermark before the last.

mod core;
mod firing;
mod merge;
mod reached;
mod slice;
mod state;

pub use self::core::PanedWindows;

/// Windows of more slices than this are none of these.
pub(crate) const SLICES_MAX: i64 = 8;

/// Keys beyond which a slice moves into managed memory. In tests few, so that it does.
const FEW_MAX: usize = if cfg!(test) { 3 } else { 256 };

#[cfg(test)]
mod tests;

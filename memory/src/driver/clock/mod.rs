//! Time as a driver sees it: a point in it, its timers, and the deadlines of connection attempts.

mod deadlines;
pub(crate) mod instant;
mod timers;

pub(crate) use deadlines::Deadlines;
pub use instant::Instant64;
pub(crate) use timers::Timers;

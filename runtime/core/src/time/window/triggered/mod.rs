//! [`TriggeredWindows`]: any assigner, trigger and evictor.
//!
//! Windows one by one: each key has a list of the windows that it is in, each with its content and
//! what the trigger remembers, and timers name key and window. That is what Flink's
//! `WindowOperator`, `EvictingWindowOperator` and `MergingWindowSet` do, and here it is for all that
//! the cheaper cores can't: purging, counting, firing early, evicting, windows of one's own.
//!
//! The order within one record is Flink's: windows that touch are merged, late windows are passed
//! over, the trigger is asked, the record is added, the result is carried out, and the timer that
//! forgets the window is set.

mod core;
mod image;
mod keep;

pub use self::core::{TriggeredWindows, WindowRules};
pub use image::TriggeredImage;
pub use keep::{Buffered, Folded, Keep};

#[cfg(test)]
mod tests;

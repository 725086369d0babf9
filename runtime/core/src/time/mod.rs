//! Event time and processing time.
//!
//! Owns: points in time, watermarks and what makes them, their way through a gate with several
//! channels, and their alignment across sources.
//!
//! Invariants: all of it is pure. Nothing here reads a clock (the present moment is an argument),
//! emits a record or knows of tasks; a step takes a state and an event and gives what is to be
//! done. The words and the rules are those of Flink, whose operators users compare with.
//!
//! Thread: whichever owns the value, a worker as a rule. Data plane, but for alignment.
//!
//! Deliberately absent: the stages of a chain that carry signals, and the bytes of a checkpoint;
//! here are the values that go into it.

pub mod timestamp;

pub mod watermark;

pub mod valve;

pub mod alignment;

pub mod timers;

pub mod window;

pub use timestamp::Timestamp;
pub use valve::WatermarkValve;
pub use watermark::{StreamStatus, Watermark, WatermarkStrategy};

#[cfg(test)]
mod tests;

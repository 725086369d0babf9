//! State: what operators keep per key, in managed memory.
//!
//! A [`table`] holds the bytes; what is typed about it is a thin layer on top. Segments come from the
//! managed region through a [`Supply`] that knows whose state it is, so that memory that ends is an
//! error that names the operator and the key to raise. What is kept goes into checkpoints and comes
//! back by [`snapshot`].
//!
//! Thread: state belongs to one task and never leaves its worker.
//!
//! Deliberately absent so far: states by name, time to live, spilling of cold segments.

mod error;
mod range;
pub mod snapshot;
mod supply;
pub mod table;

pub use error::StateError;
pub use range::HashRange;
pub use supply::{Supply, SupplyOptions};

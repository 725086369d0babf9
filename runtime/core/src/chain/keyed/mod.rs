//! Keyed aggregation: one accumulator per key.
//!
//! In streaming mode each record emits its key's new result ([`Keyed`]). In batch
//! mode producers combine what they have ([`Combine`]) and consumers emit each
//! key's result once, at the end ([`KeyedBatch`]).

mod batch;
mod combine;
mod updates;

pub use batch::KeyedBatch;
pub use combine::Combine;
pub use updates::{Aggregate, Keyed};

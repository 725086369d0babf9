//! Keyed aggregation: one accumulator per key.
//!
//! In streaming mode each record emits its key's new result ([`Keyed`]). In batch
//! mode producers combine what they have ([`Combine`]) and consumers emit each
//! key's result once, at the end ([`KeyedBatch`]).
//!
//! Operators with timers have a head of their own ([`KeyedHead`](operator)): functions with timers
//! ([`KeyedProcessFunction`]) and windows ([`window`]). Joins of two streams ([`joins`]) are made of these.

mod batch;
mod broadcast;
mod co_process;
mod combine;
mod hot;
pub mod joins;
mod operator;
mod process;
mod stored;
mod updates;
pub mod window;
mod window_state;

pub use batch::KeyedBatch;
pub use broadcast::{FirstKey, KeyedBroadcast, KeyedBroadcastProcessFunction};
pub use co_process::{EitherKey, KeyedCoProcessFunction, OneOf, OverBoth};
pub use combine::Combine;
pub use operator::{KeyedOperator, KeyedTemplate, OperatorTemplate, OperatorTurn, Taken};
pub use process::{
    KeyedContext, KeyedOpenContext, KeyedProcess, KeyedProcessFunction, TimerService,
};
pub use updates::{Aggregate, Keyed};

#[cfg(test)]
mod tests;

//! State: what operators keep per key, in managed memory.
//!
//! A [`table`] holds the bytes; what is typed about it is a thin layer on top. Segments come from the
//! managed region through a [`Supply`] that knows whose state it is, so that memory that ends is an
//! error that names the operator and the key to raise. What is kept goes into checkpoints and comes
//! back by [`snapshot`]. Other backends take the table's place ([`backend`]). Functions keep states by name ([`keyed`]), and lists beside them
//! ([`operator`]).
//!
//! Where that has no room, cold segments go to disk ([`spill`]).
//!
//! Thread: state belongs to one task and never leaves its worker.

pub mod backend;
mod error;
pub mod keyed;
pub mod operator;
mod range;
pub mod snapshot;
pub mod spill;
mod supply;
pub mod table;

pub use error::StateError;
pub use keyed::{
    AggregatingState, Aggregation, KeyedState, KeyedStateBackend, ListState, MapState,
    ReducingState, StateTtlConfig, TtlUpdate, TtlVisibility, ValueState,
};
pub use operator::{
    BroadcastState, Broadcasting, FunctionInitializationContext, FunctionSnapshotContext,
};
pub use range::HashRange;
pub(crate) use snapshot::{Survivors, SurvivorsPlace, verify_segments};
pub use supply::{Supply, SupplyOptions};

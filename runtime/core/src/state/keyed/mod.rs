//! Keyed state by name: what functions with a life of their own keep for each key.
//!
//! A state is declared as a field of the function ([`ValueState`], [`ListState`], [`MapState`],
//! [`ReducingState`], [`AggregatingState`]), registered when the function is opened, and reached
//! through the context, for the key in hand. All states of an operator lie in one table, the
//! [`KeyedStateBackend`], as bytes:
//!
//! ```text
//! key of the table     0..4 state | 4..8 role | 8..12 key length | 12..16 namespace length
//!                      | key | namespace | sub-key                         (lengths are u32 LE)
//! value of the table   archive | time of the last write, i64 LE, where there is a time to live
//!                      | place in the map's order, u32 LE, in maps
//!
//! role 0, data         what the state's user put there; a list's elements are numbered (u64 BE)
//! role 1, count        elements of a list, entries of a map: u64 LE
//! role 2, order        key of a map's entry, by its place in the order (u32 LE): for going over it
//! ```
//!
//! An entry is found by the hash of its key, moved within the key group by what else names it, so that
//! a map of any size is found as fast as a value. Only data is written to checkpoints; counts and
//! order are made anew.
//!
//! Timers are entries of states of their own (`timers`).
//!
//! Another backend ([`crate::state::backend`]) keeps the same entries in order, so it needs no role 2; a
//! list's count has no sub-key and so lies before the elements.
//!
//! Keys, namespaces and keys of maps are told apart by their archives: values that are equal and
//! archived differently are two.
//!
//! Bytes of values are checked when they are read. So what a checkpoint holds is restored as bytes,
//! before its types are known; when a state is registered, its schema is compared, and what was
//! written with an older type is converted by a declared migration. A state that the function has no
//! more is kept, and written again.
//!
//! Thread: of the task. Data plane: reading and writing allocates only for what the user's types need.

mod access;
mod address;
mod backend;
mod checkpoint;
mod definition;
mod folding;
mod foreign;
mod list;
mod map;
mod store;
#[cfg(test)]
mod tests;
mod timers;
mod ttl;
mod value;

#[doc(hidden)]
pub use access::Cell;
pub use backend::KeyedStateBackend;
pub(crate) use backend::{BackendOptions, Keeping};
pub use definition::{Definition, KeyedState};
pub use folding::{
    AggregatingAccess, AggregatingState, Aggregation, ReducingAccess, ReducingState,
};
pub use list::{ListAccess, ListState};
pub use map::{MapAccess, MapState};
pub(crate) use timers::DueTimer;
pub use ttl::{StateTtlConfig, TtlUpdate, TtlVisibility};
pub use value::{ValueAccess, ValueState};

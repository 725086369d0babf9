//! The inputs of a task: how far each was read, and how they agree on checkpoints.
//!
//! ```text
//!  gate: barrier, end, ...  --> Alignment (step) --> block, unblock, capture   at once, at the gates
//!                                               \--> trigger, captured, abort  due, after the drive
//! ```
//!
//! What is due is carried out between two drives, when all that was read so far has passed through
//! the chain. So a head ends its drive as soon as something is due ([`crate::task::Cx::has_news`]).
//!
//! Invariant: channels are numbered over all gates of the task, in the order of its plan.
//!
//! Thread: of the task's worker.

mod barriers;
mod input;

pub(crate) use barriers::{Barriers, Due, Now};
pub(crate) use input::{
    Current, Input, InputState, Pieces, Recovered, TimeOfInput, name_of_input_time,
};

//! Windows as operators: the cores of [`crate::time::window`] behind one trait, chosen by what the
//! program said, and the functions over what fires.
//!
//! ```text
//!   PeriodicWindows, default trigger   -> SlicedCore     any accumulator; in managed memory, but for
//!                                                        lists and windows of many slices
//!   sessions, default trigger          -> SessionCore    any accumulator
//!   anything with a trigger            -> TriggeredCore  any accumulator
//!   anything with an evictor           -> TriggeredCore  lists of records
//! ```

mod core;
mod function;
mod operator;
mod plan;
mod sliced;

pub use self::core::{
    CoreContext, CoreTemplate, FeedError, FiredOf, ImageOf, KeptOf, PieceOf, SessionCore,
    TriggeredCore, Untimed, WindowCore,
};
pub use function::{Apply, FoldOf, ProcessWindowFunction, ResultOf};
pub use operator::{RunningWindows, Windowed};
pub use plan::{
    ByDefault, FoldPlan, PlanWindows, SessionPlan, SlicedPlan, TriggeredPlan, WithEvictor,
    WithTrigger,
};
pub use sliced::SlicedCore;

#[cfg(test)]
mod tests;

//! Windows: records of one key, put into buckets that fire.
//!
//! Owns: windows and their arithmetic, what assigns records to them, triggers and evictors, and
//! the cores that hold what windows contain. A core is given records and watermarks and gives
//! results; it knows nothing of tasks.
//!
//! Four cores, by what the windows need:
//! - [`PanedWindows`]: tumbling and sliding windows of accumulators under their usual trigger, sharing
//!   slices, in managed memory;
//! - [`SlicedWindows`]: the same for lists of records, and for windows of many slices;
//! - [`SessionWindows`]: sessions under their usual trigger;
//! - [`TriggeredWindows`]: any assigner, trigger and evictor, at the cost of one entry per window.
//!
//! Invariants: results of one core come in the order of their times; what one core does depends
//! only on what it was given, so that a run can be repeated.
//!
//! Thread: its worker. Data plane.

mod bounds;
mod fired;
mod fold;
mod image;
mod keyed;

pub mod assigner;
pub mod evictor;
pub mod grid;
pub mod table;
pub mod trigger;

mod panes;
mod session;
mod sliced;
mod triggered;

pub use assigner::{TimeDomain, WindowAssigner};
pub use bounds::{AllowedLateness, GlobalWindow, TimeWindow, Window};
pub use fired::{Fed, Fired, FiredTime, Fires};
pub use fold::{Collected, Fold};
pub use grid::{SliceGrid, SliceNumber, WindowNumber};
pub use image::{Image, Kept, KeptTime, NotTaken, Piece, TimeImage, Unfit};
pub use panes::PanedWindows;
pub(crate) use panes::SLICES_MAX;
pub use session::{KeySessions, SessionWindows};
pub use sliced::{KeySlices, SlicedWindows};
pub use table::{AskedKey, Content, HeapTable, KeyTable, Place};
pub use trigger::{Trigger, TriggerResult};
pub use triggered::{Buffered, Folded, Keep, TriggeredImage, TriggeredWindows, WindowRules};
